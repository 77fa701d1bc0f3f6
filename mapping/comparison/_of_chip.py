"""Observing what computes as a chip does: configurations, simulators, boards."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from ...hw import XyloConfig, XyloNetJax, XyloSim
from .._placement import Placement
from ._observation import SENT, ChipStates, Observation
from ._observe import aligned, lengthened, observed

# Record keys of hidden and of output neurons, by the name of the state.
_HIDDEN = {"isyn": "Isyn", "isyn2": "Isyn2", "vmem": "Vmem"}
_OUTPUT = {"isyn": "Isyn_out", "vmem": "Vmem_out"}


@dataclass(frozen=True, eq=False)
class OnChip:
    """Something that computes as a chip does, and where on it the populations of a network are.

    Attributes:
        core: a `XyloConfig`, a `XyloSim` of any engine, or what follows its protocol.
        placement: such as that of a `Deployment`.

    >>> from xylograph.mapping import compare, deploy
    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
    >>> deployment = deploy(net, "xylo-imu")
    >>> reference = XyloSim(deployment.config, engine="reference")
    >>> compare(deployment, OnChip(reference, deployment.placement), np.eye(2, dtype=int)).is_equal
    True
    """

    core: Any
    placement: Placement


@observed.register
def _of_config(config: XyloConfig, data: np.ndarray, states: bool) -> Observation:
    return observed_core(XyloSim(config), data, states)


@observed.register
def _of_placed(subject: OnChip, data: np.ndarray, states: bool) -> Observation:
    placement, n_steps = subject.placement, data.shape[1]
    # A population answers the last step only after its delay.
    raw = observed(subject.core, lengthened(data, max(placement.delay.values())), states)
    _require_neurons(raw, placement)

    def part(array: Any, name: str) -> Any:
        chosen = array if name == placement.output else array[:, :, placement.hidden[name]]
        return aligned(chosen, placement.delay[name], n_steps)

    found: dict[str, dict[str, Any]] = {"spikes": {}, "membranes": {}, "states": {}}
    # What follows the protocol may record nothing of its hidden neurons.
    hidden = placement.hidden if "hidden" in raw.spikes else ()
    for name in (*hidden, placement.output):
        kind = "output" if name == placement.output else "hidden"
        found["spikes"][name] = part(raw.spikes[kind], name)
        if kind in raw.membranes:
            found["membranes"][name] = part(raw.membranes[kind], name)
        if kind in raw.states:
            seen = raw.states[kind]
            ids = placement.hidden[name] if kind == "hidden" else slice(None)
            values = {key: part(array, name) for key, array in seen.values.items()}
            found["states"][name] = ChipStates(seen.threshold[ids], values)
    return Observation(**found)


def observed_core(core: Any, data: np.ndarray, states: bool) -> Observation:
    """What a simulator does, or what follows its protocol; in the chip's time."""
    output, _, record = core.reset_state()(data, record=True)
    if isinstance(core, XyloNetJax):
        # Its integers are floats, for the sake of gradients.
        record = {name: np.asarray(array).astype(np.int32) for name, array in record.items()}
    spikes = {"output": np.asarray(record.get("Spikes_out", output)).astype(np.int32)}
    if "Spikes" in record:
        spikes = {"hidden": np.asarray(record["Spikes"]).astype(np.int32), **spikes}
    config, sent = _config_of(core), {}
    if config is not None and "hidden" in spikes and any(config.aliases):
        # The rest is what a network knows of; what is sent is still compared between chips.
        sent = {"hidden": {SENT: spikes["hidden"]}}
        spikes["hidden"] = without_copies(spikes["hidden"], config.aliases)
    if not states or config is None:
        return Observation(spikes)
    kinds = {
        "hidden": (config.threshold, _HIDDEN),
        "output": (config.threshold_out, _OUTPUT),
    }
    # What follows the protocol may record part of what a simulator does.
    return Observation(
        spikes,
        membranes={
            kind: record[keys["vmem"]] / np.where(threshold == 0, 1, threshold) + spikes[kind]
            for kind, (threshold, keys) in kinds.items()
            if kind in spikes and keys["vmem"] in record
        },
        states={
            kind: ChipStates(
                threshold,
                {name: record[key] for name, key in keys.items() if key in record}
                | sent.get(kind, {}),
            )
            for kind, (threshold, keys) in kinds.items()
            if kind in spikes
        },
    )


def without_copies(
    spikes: Int[np.ndarray, "batch time n"], aliases: tuple[tuple[int, ...], ...]
) -> Int[np.ndarray, "batch time n"]:
    """Spikes of neurons without those that they repeat for others.

    A neuron that sends as many as it may, copies included, is taken to have spiked for the rest.
    """
    copies = np.zeros_like(spikes)
    for source, targets in enumerate(aliases):
        for target in targets:
            copies[:, :, target] += spikes[:, :, source]
    return np.maximum(spikes - copies, 0)


def _config_of(core: object) -> XyloConfig | None:
    if isinstance(core, XyloNetJax):
        return core.to_config()
    config = core if isinstance(core, XyloConfig) else getattr(core, "config", None)
    return config if isinstance(config, XyloConfig) else None


def _require_neurons(seen: Observation, placement: Placement) -> None:
    hidden = seen.spikes.get("hidden")
    if hidden is not None and hidden.shape[2] != placement.n_hidden:
        raise ValueError(
            f"the placement has {placement.n_hidden} hidden neurons, what runs has "
            f"{hidden.shape[2]}: take the placement of the deployment that the configuration is of"
        )
