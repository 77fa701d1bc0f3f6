"""What a network consists of, flat: inputs, weights, neurons.

In: a `JaxModule`. Out: a `Graph`, which the passes rewrite and place. Read in this order:

- `_nodes.py`: the kinds of nodes, each a whole population with its numbers
- `_graph.py`: nodes that name their sources, and questions about who feeds whom
- `_trace.py`: from a tree of modules to a graph, open to classes of one's own
- `_tracers.py`: what the modules of `xylograph.models` become

Everything public is exported by `xylograph.mapping`.
"""

from . import _tracers as _tracers
