"""`xylograph doctor`: what is installed, what is attached, what is wrong, and how to mend it.

To read in this order: `_finding.py`, one line of the report; `_installation.py`, packages and
engines; `_usb.py`, boards and permissions as the system sees them; `_vendor.py`, boards as the
vendor's package sees them, with `_list_boards.py`; `_examine.py`, all of it.
"""

from ._examine import examine as examine
from ._finding import Finding as Finding, State as State

__all__ = ["Finding", "State", "examine"]
