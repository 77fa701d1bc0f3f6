"""`FitConnections`: no more connections between hidden neurons than the chip has room for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from ...hw import Chip
from ...hw._wording import counted
from .._report import PassReport
from .._specification import Specification

# Of one network so many neurons are named.
_SHOWN = 8


@dataclass(frozen=True)
class FitConnections:
    """Count the connections between hidden neurons; drop the weakest of too many, if asked to.

    How strong a connection is, is the largest of its weights in thresholds of the neuron it drives.
    First neurons with too large a fan-out lose their weakest ones, then, while the memory does not
    hold all, the weakest of all go.

    Changes: recurrent weights, which become zero, with `prune` only. Keeps: everything else.
    Reports: how many connections there are; how many were dropped, of which neurons, and how strong
    they were. Without `prune` too many are left, and `EmitConfiguration` refuses them.

    Args:
        chip: whose limits of fan-out and of recurrent entries hold.
        prune: whether to drop connections.
    """

    chip: Chip
    prune: bool = False

    def __call__(self, spec: Specification) -> tuple[Specification, PassReport]:
        """Give a specification that fits, or the same."""
        strength = _strength(spec)
        n_connections = int(np.count_nonzero(strength))
        fan_out = int(np.count_nonzero(strength, axis=1).max(initial=0))
        summary = (
            f"{counted(n_connections, 'connection')} between hidden neurons, at most {fan_out} from "
            "one"
        )
        kept = _strongest(strength, self.chip) if self.prune else strength > 0
        n_gone = n_connections - int(kept.sum())
        if n_gone == 0:
            return spec, PassReport("FitConnections", summary)
        pruned = replace(spec, weights_rec=spec.weights_rec * kept[:, :, None])
        losses = tuple(_losses(spec, strength, kept))
        return pruned, PassReport("FitConnections", f"{summary}; {n_gone} dropped", losses)


def _strength(spec: Specification) -> Float[np.ndarray, "Nhid Nhid"]:
    threshold = np.where(spec.threshold == 0, 1.0, np.abs(spec.threshold))
    return np.abs(spec.weights_rec).max(axis=2, initial=0.0) / threshold


def _strongest(
    strength: Float[np.ndarray, "Nhid Nhid"], chip: Chip
) -> Bool[np.ndarray, "Nhid Nhid"]:
    """Which connections stay; of equally strong ones those to and from the lower ids."""
    order = np.argsort(-strength, axis=1, kind="stable")
    kept = np.zeros(strength.shape, dtype=bool)
    np.put_along_axis(kept, order[:, : chip.max_fan_out], True, axis=1)
    kept &= strength > 0
    if kept.sum() > chip.max_recurrent_entries:
        left = np.where(kept, strength, 0).ravel()
        best = np.argsort(-left, kind="stable")[: chip.max_recurrent_entries]
        kept = np.zeros(left.size, dtype=bool)
        kept[best] = True
        kept = kept.reshape(strength.shape)
    return kept


def _losses(
    spec: Specification,
    strength: Float[np.ndarray, "Nhid Nhid"],
    kept: Bool[np.ndarray, "Nhid Nhid"],
) -> Iterator[str]:
    gone = (strength > 0) & ~kept
    share = strength[gone].sum() / strength.sum()
    yield (
        f"{counted(int(gone.sum()), 'connection')} of {int(np.count_nonzero(strength))} dropped, the "
        f"strongest of {strength[gone].max():.3g} thresholds; together {share:.2%} of all strength"
    )
    n_gone, n_all = gone.sum(axis=1), np.count_nonzero(strength, axis=1)
    losing = np.argsort(-n_gone, kind="stable")[: np.count_nonzero(n_gone)].tolist()
    for neuron in losing[:_SHOWN]:
        yield f"{_described(spec, neuron)} loses {n_gone[neuron]} of {n_all[neuron]}"
    if len(losing) > _SHOWN:
        yield f"{counted(len(losing) - _SHOWN, 'more neuron')} lose connections"


def _described(spec: Specification, neuron: int) -> str:
    if spec.placement is None:
        return f"hidden neuron {neuron}"
    return spec.placement.describe_hidden(neuron)
