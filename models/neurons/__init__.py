"""Populations of neurons, spiking and rate; each file holds one kind with its equation.

In: currents `(batch, time, n_synapses * n)`. Out: spike counts or rates `(batch, time, n)`. What
the kinds share stands beside them: `_surrogate.py`, how a count of spikes is differentiated, and
`_leak.py`, how time constants, decays and bit shifts convert.

Everything public is exported by `xylograph.models`.
"""
