"""Between the arrays of a core's state and those that the `jax` engine computes with."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Shaped

from ._jax_network import AnyArray, Sizes
from ._jax_step import State


def packed(
    sizes: Sizes,
    n_synapses: int,
    arrays: Mapping[str, Shaped[AnyArray, "batch ..."]],
    xp: ModuleType,
) -> State:
    """The arrays of a state in those that the engine computes with.

    Args:
        sizes: of the configuration.
        n_synapses: currents of a hidden neuron.
        arrays: by the names of `CoreState`.
        xp: `numpy`, which compiles nothing for each new shape, or `jax.numpy`, which can be traced.
    """

    def joined(hidden: AnyArray, outputs: AnyArray) -> Any:
        more = (sizes.hidden_places - sizes.n_hidden, sizes.output_places - sizes.n_outputs)
        parts = (hidden, outputs)
        padded = [xp.pad(a, ((0, 0), (0, n))) for a, n in zip(parts, more, strict=True)]
        return xp.concatenate(padded, axis=1)

    no_output = xp.zeros_like(arrays["isyn_out"])
    isyn = [
        joined(arrays["isyn"], arrays["isyn_out"]),
        joined(arrays["isyn2"], no_output),
    ]
    return State(
        spikes=joined(arrays["spikes"], no_output.astype(np.uint8)).astype(np.float32),
        vmem=joined(arrays["vmem"], arrays["vmem_out"]).astype(np.int32),
        isyn=xp.stack(isyn[:n_synapses], axis=1).astype(np.int32),
    )


def unpacked(
    sizes: Sizes, state: State, is_quiet: Shaped[AnyArray, " batch"], xp: ModuleType
) -> dict[str, Shaped[AnyArray, "batch ..."]]:
    """The arrays of a state by the names of `CoreState`.

    Args:
        sizes: of the configuration.
        state: what the engine computed.
        is_quiet: whether nothing arrived and nothing moved in the last step.
        xp: `numpy` or `jax.numpy`.
    """
    spikes, vmem, isyn = (xp.asarray(array) for array in state)
    hidden = slice(sizes.n_hidden)
    outputs = slice(sizes.hidden_places, sizes.hidden_places + sizes.n_outputs)
    second = isyn[:, -1, hidden] if isyn.shape[1] > 1 else xp.zeros_like(vmem[:, hidden])
    return {
        "spikes": spikes[:, hidden].astype(np.uint8),
        "vmem": vmem[:, hidden].astype(np.int16),
        "isyn": isyn[:, 0, hidden].astype(np.int16),
        "isyn2": second.astype(np.int16),
        "vmem_out": vmem[:, outputs].astype(np.int16),
        "isyn_out": isyn[:, 0, outputs].astype(np.int16),
        "quiet": xp.array(is_quiet),
    }
