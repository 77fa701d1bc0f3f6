"""Boards: a chip that is driven from outside, real or virtual.

In: a configuration and rasters. Out: what a simulator gives for them, or a `BoardError`.

Two layers. A *link* (`_link.py`) is what the vendor's software offers of one board: apply a
configuration, write events, read events. A *driver* (`drivers/`, one file for each kind of chip)
knows how a raster becomes events there, and events a recording. `DeviceBoard` (`_device_board.py`)
joins the two and is where completeness is checked, so that the same code runs on every link:

- `virtual/`: a device that computes with the `reference` engine, and a wire that can fail;
- `_samna_link.py`: the vendor's software.

To read in this order: `_board.py`, what a board is; `_events.py`, the vendor's vocabulary;
`_models.py`, what differs between the vendor's boards; `_configuration.py`, configurations in the
vendor's fields; `_link.py`; `drivers/_driver.py`; `_device_board.py`.

Public names are those of `xylograph.hw`.
"""
