"""Facts that `to_nir` adds to a graph, which means the same without them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ._nir_dialects import DIALECTS, Leaky, Values

METADATA = "xylograph"
_VERSION = 1
# Between two shifts, how far a rounded logarithm may be from the one of 32 bits.
_HALF = 0.501

Dashes = dict[str, list[int | None]]


@dataclass(frozen=True)
class Facts:
    """What is known beyond the equations.

    Attributes:
        dialect: how the numbers are meant.
        dt: length of a step [s].
        max_spikes: most spikes of a neuron of each population in a step.
        dash_mem, dash_syn: by node, the decay shifts nearest to its time constants; `None` where
            nothing decays.
        hardware: of a configuration, the chip and how its integers came to be.
    """

    dialect: str
    dt: float
    max_spikes: Mapping[str, float]
    dash_mem: Dashes
    dash_syn: Dashes
    hardware: Mapping[str, Any] = field(default_factory=dict)

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps({"version": _VERSION, **asdict(self)})

    def fit(self, found: Mapping[str, Leaky | None]) -> bool:
        """Whether they are of these nodes: by name, number of channels and decay.

        Args:
            found: nodes by name; `None` for those without a time constant.
        """
        dialect = DIALECTS[self.dialect]
        names = {*self.max_spikes, *self.dash_mem, *self.dash_syn}
        if not names <= set(found):
            return False
        for name, one in found.items():
            if one is None:
                continue
            alone = self.dash_mem if name in self.dash_mem else self.dash_syn
            pairs = [(one.tau, alone.get(name))]
            pairs += [] if one.tau_syn is None else [(one.tau_syn, self.dash_syn.get(name))]
            for tau, told in pairs:
                try:
                    decays = dialect.tau(tau, self.dt)
                except ValueError:
                    return False
                if told is not None and not _are_nearest(told, decays, self.dt):
                    return False
        return True


def dashes(tau: Values, dt: float) -> list[int | None]:
    """The decay shifts nearest to time constants; `None` where nothing decays."""
    return [round(one) if np.isfinite(one) else None for one in _exact_dashes(tau, dt).tolist()]


def _exact_dashes(tau: Values, dt: float) -> Values:
    return np.log2(np.maximum(tau / dt, 2))


def _are_nearest(told: list[int | None], tau: Values, dt: float) -> bool:
    exact = _exact_dashes(tau, dt)
    given = np.array([np.inf if one is None else one for one in told])
    if exact.size not in (1, given.size):
        return False
    same = np.isinf(exact) & np.isinf(given)
    with np.errstate(invalid="ignore"):
        return bool(np.all(same | (np.abs(exact - given) <= _HALF)))


def facts_of(metadata: Mapping[str, str]) -> Facts | None:
    """What stands in the metadata of a graph, if it is whole."""
    try:
        told = json.loads(metadata.get(METADATA, "{}"))
        facts = Facts(
            dialect=str(told["dialect"]),
            dt=float(told["dt"]),
            max_spikes={str(name): float(most) for name, most in told["max_spikes"].items()},
            dash_mem=_dashes_of(told["dash_mem"]),
            dash_syn=_dashes_of(told["dash_syn"]),
            hardware=dict(told.get("hardware", {})),
        )
        usable = told["version"] == _VERSION and facts.dialect in DIALECTS and 0 < facts.dt < 1e6
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None
    usable = usable and all(0 < most < 1e9 for most in facts.max_spikes.values())
    return facts if usable else None


def _dashes_of(told: Mapping[str, Any]) -> Dashes:
    return {
        str(name): [None if one is None else _dash_of(one) for one in values]
        for name, values in told.items()
    }


def _dash_of(told: Any) -> int:
    if not 0 <= told < 1000:
        raise ValueError(f"{told!r} is no decay shift")
    return int(told)
