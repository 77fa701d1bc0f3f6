"""Units in which a change of a master matters, so that one learning rate fits all."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ._core import Core, Masters, Wiring

# A weight that moves by less than 1 does not move; the largest are 127.
_LEAST, _MOST = 1.0, 64.0


def units(core: Core, wiring: Wiring, values: Masters) -> dict[str, Float[Array, "..."]]:
    """The unit of each master, of shapes that broadcast against them.

    Args:
        core: what is compiled for.
        wiring: what is fixed.
        values: the integers.
    """
    found = {name: jnp.ones(()) for name in values}
    for end in ("", "_out"):
        threshold = jnp.maximum(jnp.abs(values[f"threshold{end}"]), 1)
        at_membrane = threshold * jnp.exp2(-values[f"dash_mem{end}"])
        found[f"threshold{end}"] = threshold
        found[f"bias{end}"] = jnp.maximum(at_membrane, 1)
        decays = [values[f"dash_syn{end}"]]
        if core.n_synapses > 1 and not end:
            decays.append(values["dash_syn_2"])
        weight = jnp.stack([at_membrane * jnp.exp2(-decay) for decay in decays], axis=-1)
        for name in ("weights_out",) if end else ("weights_in", "weights_rec"):
            if name in values:
                n_targets = values[name].shape[1]
                shifted = weight[None, :n_targets] * 2.0 ** -float(wiring.shift_of(name))
                unit = jnp.clip(shifted, _LEAST, _MOST)
                found[name] = unit[..., 0] if end else unit
    return found
