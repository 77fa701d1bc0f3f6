"""Steps in real time as the arrays of an answer, and back."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..._config_file import config_hash
from .._board import Board
from .._live import LiveStep
from ._session_file import Answer, request_digest

_INPUT, _SPIKES, _VMEM, _DT = "input_spikes", "output_spikes", "output_vmem", "dt"
# Samples of a channel, of all steps after one another, and how many came in each step.
_POWER, _N_POWER = "power/", "n_power/"


def live_request(
    board: Board, n_steps: int, front_end: Mapping[str, Any] | None, power: bool
) -> str:
    """Digest of a request to follow the sensor."""
    settings = json.dumps(front_end or {}, sort_keys=True, default=_as_list)
    return request_digest("live", config_hash(board.config), n_steps, settings, power)


def _as_list(value: object) -> object:
    return np.asarray(value).tolist()


def packed_steps(steps: Sequence[LiveStep]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and facts of an answer."""
    if not steps:
        return {}, {}
    names = [_SPIKES, _VMEM, *([_INPUT] if steps[0].input_spikes is not None else [])]
    arrays = {name: np.stack([getattr(step, name) for step in steps]) for name in names}
    for channel in steps[0].power:
        samples = [step.power[channel] for step in steps]
        arrays[_POWER + channel] = np.concatenate(samples)
        arrays[_N_POWER + channel] = np.array([len(values) for values in samples])
    return arrays, {_DT: steps[0].dt}


def unpacked_steps(answer: Answer) -> Iterator[LiveStep]:
    """The steps of an answer."""
    arrays = answer.arrays
    power = {
        channel: np.split(arrays[_POWER + channel], np.cumsum(arrays[_N_POWER + channel])[:-1])
        for channel in power_channels(answer)
    }
    for index in range(len(arrays.get(_SPIKES, ()))):
        yield LiveStep(
            output_spikes=arrays[_SPIKES][index],
            output_vmem=arrays[_VMEM][index],
            dt=float(answer.facts[_DT]),
            input_spikes=arrays[_INPUT][index] if _INPUT in arrays else None,
            power={channel: samples[index] for channel, samples in power.items()},
        )


def power_channels(answer: Answer) -> tuple[str, ...]:
    """Names of the channels whose power was measured meanwhile."""
    return tuple(name.removeprefix(_POWER) for name in answer.arrays if name.startswith(_POWER))
