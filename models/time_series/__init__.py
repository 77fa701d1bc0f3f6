"""Events and signals in time, and the rasters that modules take: conversions both ways.

Modules compute on rasters `(time, channel)`, where each row is one step of `dt` seconds. Recordings
come as events with times, or as samples. All conversions here share one rule: a time that only
rounding separates from the border between two steps is on the border. Everything is NumPy; rasters
go into modules as they are.

Read `_grid.py` for the rule, `_events.py` for events, `_signals.py` for samples.
"""

from ._events import Events as Events
from ._grid import steps_in as steps_in, time_base as time_base
from ._signals import sample as sample, sample_clocked as sample_clocked

__all__ = ["Events", "sample", "sample_clocked", "steps_in", "time_base"]
