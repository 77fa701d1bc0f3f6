"""Synapses and other exponential filters, without neurons; each file holds one with its equation.

In and out: rasters `(batch, time, n)`, channel by channel. What they share stands in `_filter.py`.

Everything public is exported by `xylograph.models`.
"""
