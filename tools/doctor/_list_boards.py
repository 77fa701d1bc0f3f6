"""A program of its own: opens each board that the vendor's package sees, and prints what it says.

`_vendor.py` runs it in another process, since what drives a board may wait for it for ever.
"""

import json
import sys

from ...hw import BoardBusyError, BoardError, SamnaBoard, find_boards


def listed() -> list[dict[str, str]]:
    """One entry for each board: `board`, and `firmware`, `busy` or `problem` in words.

    Raises:
        BoardError: the vendor's package fails.
    """
    entries = []
    for attached in find_boards():
        entry = {"board": f"{attached.chip} {attached.serial}"}
        try:
            with SamnaBoard(attached.chip, serial=attached.serial) as board:
                parts = board.identify().firmware.items()
                entry["firmware"] = ", ".join(f"{part} {number}" for part, number in parts)
        except BoardBusyError as error:
            entry["busy"] = str(error)
        except BoardError as error:
            entry["problem"] = str(error)
        entries.append(entry)
    return entries


def main() -> None:
    """Print the list as JSON, in the last line."""
    try:
        print(json.dumps(listed()))
    except BoardError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
