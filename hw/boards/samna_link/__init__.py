"""The vendor's software, `samna`: finding it without importing it, and boards behind it.

`_find.py` loads it, if it is not the installer that the registry has under its name;
`_objects.py` makes its configuration and event objects; `_link.py` is a link over it, with what
differs between boards in one small class each; `_lock.py` keeps a board to one process;
`_board.py` is the public class.
"""
