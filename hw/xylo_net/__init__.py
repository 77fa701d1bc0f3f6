"""A chip core to train: the forward pass is the chip's arithmetic, the backward pass is smooth.

In: float masters in the shapes of a configuration's fields, and rasters. Out: what `XyloSim` gives,
with gradients; and, from `to_config`, the configuration that was trained.

To read in this order: `_net.py`, the module; `_masters.py`, what its constructor reads; `_core.py`,
from masters to integers; `_evolve.py`, a whole call; `_forward.py`, the steps; `_backward.py`, the
way back; `_surrogates.py`, what stands for spikes in it; `_units.py`, units for optimizers.

Exported by `xylograph.hw`.
"""
