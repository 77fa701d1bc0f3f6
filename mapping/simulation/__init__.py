"""How graphs and specifications behave, in real numbers: what passes are checked by.

In: a `Graph`, a placed one or a `Specification`, and spike counts. Out: the spikes of every
population. `_cells.py` is what all of them are brought to, populations and what arrives at them;
`_of_graph.py` and `_of_specification.py` bring them there; `_evolve.py` computes.

Arithmetic is that of the networks, with exponential decays, in float64. Time is either the
network's, where a signal passes all layers within one step, or the chip's, where spikes of hidden
neurons arrive one step later. What integers add (rounding at every decay, saturation) is computed
by `XyloSim`.

Nothing here is public: `observe` and `compare` are the way to use it.
"""
