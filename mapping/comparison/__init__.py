"""Where two levels of the road differ, and how much.

In: two of networks, deployments, configurations, simulators, and data. Out: a `Comparison`.
`_observe.py` runs each, in the network's own time; `_compare.py` sets two observations side by
side.

Everything public is exported by `xylograph.mapping`.
"""
