"""Sessions with a board as files: what was asked, and what the board answered.

`_recorder.py` writes one, with any board; `_recorded_board.py` answers from one, without a board;
`_session_file.py` is the file that both know.
"""
