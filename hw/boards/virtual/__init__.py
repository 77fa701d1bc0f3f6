"""The virtual board: a device that computes bit-accurately, and a wire to it that can fail.

`_device.py` is the device, on the level of the vendor's events; `_registers.py` and `_memory.py`
are what can be read of it; `_faults.py` is what can happen on the wire; `_link.py` joins them;
`_board.py` is the public class.
"""
