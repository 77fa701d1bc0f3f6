"""What a configuration costs on its chip: cycles, clock, time and a range of energy.

In: a `XyloConfig`, and the spikes that the bit-accurate simulator counts. Out: a `CostEstimate`.
To read in this order: `_cycles.py`, the cycles of one step; `_activity.py`, how active a recording
keeps the core; `_power.py`, the published measurements; `_estimate.py`, which puts them together.
"""
