"""Where two levels of the road differ, and how much.

In: two of networks, graphs, specifications, deployments, configurations, simulators, and data. Out:
a `Comparison`. `_observation.py` is what is seen of each; `_observe.py` runs any of them, with a
function for each kind in `_of_network.py`, `_of_float.py` (graphs, specifications) and
`_of_chip.py` (what computes as a chip does); `_compare.py` sets two observations side by side.

Everything public is exported by `xylograph.mapping`.
"""

from . import _of_chip as _of_chip, _of_float as _of_float, _of_network as _of_network
