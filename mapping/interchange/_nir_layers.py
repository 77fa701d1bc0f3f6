"""Nodes of NIR as layers: in the numbers of a step, ready to become modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ._nir_dialects import CLOSE, Dialect, Leaky, Values
from ._nir_tree import NirTree, refuse

# A `LIFJax` has a synapse. One that leaves so little of a current is none, in 32 bits, and the
# factor that makes up for it costs no bit.
NO_SYNAPSE = 2.0**-24
# Which parameters each kind has; those after `|` may be missing.
_FIELDS = {
    "LIF": "tau r v_leak v_threshold | v_reset",
    "CubaLIF": "tau_mem tau_syn r v_leak v_threshold | v_reset w_in",
    "LI": "tau r v_leak",
    "CubaLI": "tau_mem tau_syn r v_leak | w_in",
    "IF": "r v_threshold | v_reset",
    "I": "r",
    "Threshold": "threshold",
}
LINEAR = ("Linear", "Affine", "Scale")
KNOWN = ("Input", "Output", "Flatten", "NIRGraph", *LINEAR, *_FIELDS)


@dataclass(eq=False)
class Linear:
    """Weights (source, target) and a bias."""

    weight: Float[np.ndarray, "n_in n_out"]
    bias: Values | None = None


@dataclass(eq=False)
class Cells:
    """Neurons, or filters where there is no threshold.

    Attributes:
        kind: of the node.
        gain: by what the input is multiplied before it comes to the module.
        effective: what a spike of weight 1 adds to the membrane in the step it comes.
        tau_mem, tau_syn: of the module [s].
        threshold: of neurons.
        bias: added to the membrane in every step.
        w_rec: weights from the neurons to themselves.
        drive: constant input, in the unit of the module.
        resets: whether the file says another reset than to 0.
    """

    kind: str
    gain: Values
    effective: Values
    tau_mem: Values | None
    tau_syn: Values | None
    threshold: Values | None
    bias: Values
    w_rec: Float[np.ndarray, "n n"] | None = None
    drive: Values | None = None
    resets: bool = False


def linear_layer(name: str, node: NirTree, n: int) -> Linear:
    """The weights of a `Linear`, `Affine` or `Scale` node."""
    if node.kind == "Scale":
        return Linear(np.diag(_values(name, node, "scale", n)))
    weight = _numbers(name, node, "weight")
    bias = _values(name, node, "bias", weight.shape[0]) if node.kind == "Affine" else None
    return Linear(weight.T, bias)


def leaky(name: str, node: NirTree, n: int) -> Leaky | None:
    """What tells the dialect of a node, if it has a time constant."""
    if node.kind not in _FIELDS or node.kind in ("IF", "I", "Threshold"):
        return None
    cuba = node.kind.startswith("Cuba")
    tau = _positive(name, node, "tau_mem" if cuba else "tau", n)
    if not cuba:
        return Leaky(tau, _values(name, node, "r", n))
    w_in = _values(name, node, "w_in", n) if "w_in" in node.values else np.ones(n)
    return Leaky(tau, _values(name, node, "r", n), _positive(name, node, "tau_syn", n), w_in)


def cells(name: str, node: NirTree, n: int, dialect: Dialect, dt: float) -> Cells:
    """The neurons of a node.

    Raises:
        FormatError: parameters are missing, of other shapes, or make no sense; names them.
    """
    needed, _, optional = _FIELDS[node.kind].partition("|")
    missing = [f"`{one}`" for one in needed.split() if one not in node.values]
    unknown = sorted(set(node.values) - {*needed.split(), *optional.split()})
    if missing or unknown:
        refuse(
            f"`{name}` is a {node.kind}; it lacks {', '.join(missing) or 'nothing'}, and of it "
            f"is not known {', '.join(map(repr, unknown)) or 'nothing'}"
        )
    v = {one: _values(name, node, one, n) for one in node.values}
    threshold = v.get("v_threshold", v.get("threshold"))
    if threshold is not None and not np.all(threshold > 0):
        refuse(f"`{name}` has a threshold that is not positive")
    try:
        # What divides by a decay that leaves nothing is refused below, as it is not finite.
        with np.errstate(divide="ignore", invalid="ignore"):
            made = _in_steps(name, node, v, dialect, dt)
    except ValueError as error:
        refuse(f"`{name}`: {error}; the dialect is {dialect.name}, dt is {dt:g} s")
    made.threshold = threshold
    made.resets = bool(np.any(v.get("v_reset", np.zeros(1)) != 0))
    if not all(np.isfinite(one).all() for one in (made.gain, made.bias)):
        refuse(f"`{name}` multiplies its input by what is not finite")
    return made


def _in_steps(name: str, node: NirTree, v: dict[str, Values], dialect: Dialect, dt: float) -> Cells:
    kind, n = node.kind, next(iter(v.values())).size
    silent = no_synapse(dt) * np.ones(n)
    if kind == "Threshold":
        # What is left of a voltage has gone in the next step.
        whole = np.full(n, 1 / NO_SYNAPSE)
        return Cells(kind, whole, np.ones(n), silent, silent, None, np.zeros(n))
    if kind in ("IF", "I"):
        x, tau_mem = np.full(n, dialect.x(np.ones(1), dt)[0]), np.full(n, np.inf)
        v["v_leak"] = np.zeros(n)
    else:
        key = "tau_mem" if "tau_mem" in v else "tau"
        tau = _positive(name, node, key, n)
        x, tau_mem = dialect.x(tau, dt), dialect.tau(tau, dt)
    gain_mem = dialect.gain_mem(v["r"], x)
    bias = v["v_leak"] * x
    if not kind.startswith("Cuba"):
        if kind in ("LIF", "IF"):
            return Cells(kind, gain_mem / NO_SYNAPSE, gain_mem, tau_mem, silent, None, bias)
        decay = np.exp(-dt / tau_mem)
        if kind == "LI" and np.allclose(gain_mem, decay, rtol=CLOSE, atol=0):
            # What comes has decayed once when it comes out: an exponential synapse.
            return Cells(kind, np.ones(n), gain_mem, None, tau_mem, None, bias / decay)
        return Cells(kind, gain_mem, gain_mem, tau_mem, None, None, bias)
    tau = _positive(name, node, "tau_syn", n)
    tau_syn = dialect.tau(tau, dt)
    decay = np.exp(-dt / tau_syn)
    gain_syn = dialect.gain_syn(v.get("w_in", np.ones(n)), dialect.x(tau, dt), decay)
    effective = gain_mem * gain_syn
    return Cells(kind, effective / decay, effective, tau_mem, tau_syn, None, bias)


def no_synapse(dt: float) -> float:
    """The time constant that leaves nothing of a current [s]."""
    return float(-dt / np.log(NO_SYNAPSE))


def exactly(gain: Values) -> Values:
    """Gains that are 1, or powers of two, but for the last bits of 32."""
    with np.errstate(divide="ignore", invalid="ignore"):
        nearest = np.sign(gain) * 2.0 ** np.round(np.log2(np.abs(gain)))
    return np.where(np.abs(gain - nearest) <= CLOSE * np.abs(nearest), nearest, gain)


def _positive(name: str, node: NirTree, key: str, n: int) -> Values:
    values = _values(name, node, key, n)
    if not np.all(values > 0):
        refuse(f"`{name}.{key}` must be positive, the least is {values.min():g}")
    return values


def _values(name: str, node: NirTree, key: str, n: int) -> Values:
    """A parameter for each channel."""
    array = _numbers(name, node, key)
    if array.size not in (1, n):
        refuse(f"`{name}.{key}` has {array.size} values for {n} channels")
    return np.broadcast_to(array.reshape(-1), n).copy()


def _numbers(name: str, node: NirTree, key: str) -> Any:
    if key not in node.values:
        refuse(f"`{name}` is a {node.kind} and lacks `{key}`")
    array = np.asarray(node.values[key])
    if array.dtype.kind not in "iuf":
        refuse(f"`{name}.{key}` holds no numbers")
    made = array.astype(np.float64)
    # Modules compute in 32 bits: what is too large for these would be infinite there.
    if not np.all(np.abs(made) <= np.finfo(np.float32).max):
        refuse(f"`{name}.{key}` holds numbers that are not finite")
    return made
