"""What a network consists of, flat: inputs, weights, neurons.

In: a `JaxModule`. Out: a `Graph`, which the passes rewrite and place. Read in this order:

- `_nodes.py`: the kinds of nodes, each a whole population with its numbers
- `_graph.py`: nodes that name their sources, and questions about who feeds whom
- `_trace.py`: from a tree of modules to a graph, open to classes of one's own
- `_tracers.py`, `_tracers_of_networks.py`: what the modules of `xylograph.models` become
- `_refused.py`: those that no chip computes

Everything public is exported by `xylograph.mapping`.
"""

from . import (
    _refused as _refused,
    _tracers as _tracers,
    _tracers_of_networks as _tracers_of_networks,
)
