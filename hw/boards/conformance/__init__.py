"""Does a board compute what the simulator says: cases for every feature of its chip, and a report.

`_cases.py` makes the cases, `_run.py` goes through them, `_report.py` is what comes out.
"""
