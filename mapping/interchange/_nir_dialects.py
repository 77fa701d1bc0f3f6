"""What writers of NIR mean by the numbers in it: dialects.

NIR says nothing of time steps, so each tool has its own way between its discrete neurons and the
equations of NIR, and the same file means different networks in different tools.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, " n"]
# Numbers of files are written in 32 bits; these are equal.
CLOSE = 1e-6


@dataclass(frozen=True)
class Dialect:
    """How numbers of a file become those of a step.

    A step is `isyn = b isyn + g_syn input`, `vmem = a vmem + g_mem isyn + g_leak v_leak`. With `x`
    the step in units of a time constant:

    Attributes:
        name: as it is given to `from_nir`.
        step: length of a step in the unit of the time constants; `None`: they are times.
        unit: of time constants that are times [s].
        euler: whether `a = 1 - x`, else `a = exp(-x)`.
        r: what `g_mem` is: `rate`, `r x`; `factor`, `r`; `ignored`, 1.
        w_in: what `g_syn` is: the same, or `decay`, `b`.
        says: what is assumed, for the report.
    """

    name: str
    says: str
    step: float | None = None
    unit: float = 1.0
    euler: bool = False
    r: str = "rate"
    w_in: str = "rate"

    def x(self, tau: Values, dt: float) -> Values:
        """A step in units of time constants."""
        with np.errstate(divide="ignore"):
            return (dt / self.unit if self.step is None else self.step) / tau

    def tau(self, tau: Values, dt: float) -> Values:
        """Time constants [s] of exponential decay.

        Raises:
            ValueError: with Euler's method a step leaves nothing.
        """
        if not self.euler:
            # As they are, where they are in seconds: divisions would cost the last bits.
            return tau * self.unit if self.step is None else tau / self.step * dt
        x = self.x(tau, dt)
        if not np.all(x < 1):
            raise ValueError("a time constant is not longer than a step, so that nothing is left")
        with np.errstate(divide="ignore"):
            return -dt / np.log1p(-x)

    def gain_mem(self, r: Values, x: Values) -> Values:
        """What a membrane receives of a current."""
        return {"rate": r * x, "factor": r, "ignored": np.ones_like(r)}[self.r]

    def gain_syn(self, w_in: Values, x: Values, decay: Values) -> Values:
        """What a current receives of an input."""
        known = {"rate": w_in * x, "factor": w_in, "ignored": np.ones_like(x), "decay": decay}
        return known[self.w_in]


DIALECTS = MappingProxyType(
    {
        dialect.name: dialect
        for dialect in (
            Dialect(
                "physical",
                "times are seconds, states decay exponentially, gains are r dt/tau and w_in "
                "dt/tau_syn; what `to_nir` writes",
            ),
            Dialect(
                "euler",
                "times are seconds, a step is one of Euler's method",
                euler=True,
            ),
            Dialect(
                "snntorch",
                "time constants are in steps of 0.1 ms, a step is one of Euler's method",
                step=1e-4,
                euler=True,
            ),
            Dialect(
                "rockpool",
                "times are seconds, states decay exponentially, r only holds dt, w_in nothing",
                r="ignored",
                w_in="decay",
            ),
            Dialect(
                "norse",
                "times are seconds, a step is one of Euler's method, a spike adds w_in to the "
                "current",
                euler=True,
                w_in="factor",
            ),
            Dialect(
                "norse-1.1",
                "as Norse 1.1 writes: times are seconds times its step of 1 ms, a step is one of "
                "Euler's method, a spike adds w_in to the current",
                unit=1e3,
                euler=True,
                w_in="factor",
            ),
            Dialect(
                "spyx",
                "time constants are in steps, a step is one of Euler's method, r and w_in mean "
                "nothing",
                step=1.0,
                euler=True,
                r="ignored",
                w_in="ignored",
            ),
            Dialect(
                "sinabs",
                "time constants are in steps, states decay exponentially, r and w_in are factors",
                step=1.0,
                r="factor",
                w_in="factor",
            ),
            Dialect(
                "hxtorch",
                "times are milliseconds, a step is one of Euler's method",
                unit=1e-3,
                euler=True,
            ),
        )
    }
)


@dataclass(frozen=True, eq=False)
class Leaky:
    """What tells dialects apart: one population of a file.

    Attributes:
        tau: of the membrane, as it is in the file.
        r: as it is in the file.
        tau_syn, w_in: the same of the synapse, if there is one.
    """

    tau: Values
    r: Values
    tau_syn: Values | None = None
    w_in: Values | None = None

    def follows(self, r: Values, w_in: Values | None = None) -> bool:
        """Whether `r`, and `w_in` where both are there, are these."""
        same_w_in = self.w_in is None or w_in is None or close(self.w_in, w_in)
        return close(self.r, r) and same_w_in


def close(a: Values, b: Values | float) -> bool:
    """Whether numbers are the same up to what 32 bits hold."""
    return bool(np.allclose(a, b, rtol=30 * CLOSE, atol=0))


def recognize(found: Iterable[Leaky], dt: float | None) -> tuple[Dialect, str]:
    """The dialect that all populations fit, and why.

    Raises:
        ValueError: none can be told without more being said.
    """
    leaky = list(found)
    if not leaky:
        return DIALECTS["physical"], "nothing in it depends on time"
    if all(one.follows(one.tau / 1e-4, _over(one.tau_syn, 1e-4)) for one in leaky):
        return DIALECTS["snntorch"], "r is tau / 0.1 ms"
    if dt is not None:
        if all(one.follows(one.tau * np.exp(-dt / one.tau) / dt, _ones(one)) for one in leaky):
            return DIALECTS["rockpool"], "r is tau exp(-dt/tau) / dt"
        if all(one.follows(one.tau / dt) for one in leaky):
            return DIALECTS["physical"], "r is tau / dt"
    if all(np.all(one.tau >= 1) for one in leaky):
        if all(one.follows(1 - 1 / one.tau) for one in leaky):
            return DIALECTS["spyx"], "time constants are 1 or more, r is 1 - 1/tau"
        if all(one.follows(np.ones_like(one.r), _ones(one)) for one in leaky):
            return DIALECTS["sinabs"], "time constants are 1 or more, r is 1"
        raise ValueError(
            "its time constants are 1 or more: seconds, milliseconds or steps? Say so by `dialect`"
        )
    ones = all(one.follows(np.ones_like(one.r), _ones(one)) for one in leaky)
    if ones and dt is not None and all(np.all(one.tau <= dt) for one in leaky):
        return DIALECTS["norse-1.1"], "r is 1 and time constants are shorter than a step"
    if ones and any(one.w_in is not None for one in leaky):
        return DIALECTS["norse"], "r and w_in are 1"
    return DIALECTS["physical"], "nothing tells of another dialect"


def step_of_rockpool(leaky: Iterable[Leaky]) -> float | None:
    """The step that Rockpool's `r = tau exp(-dt/tau) / dt` holds, if it is the same everywhere."""
    from scipy.special import lambertw

    steps = [one.tau * np.real(lambertw(1 / one.r)) for one in leaky]
    known = np.concatenate(steps) if steps else np.zeros(0)
    # Written in 32 bits, seldom a round number: with a digit less it is.
    return float(f"{known.mean():.5g}") if known.size and close(known, known.mean()) else None


def _over(values: Values | None, step: float) -> Values | None:
    return None if values is None else values / step


def _ones(one: Leaky) -> Values | None:
    return None if one.w_in is None else np.ones_like(one.w_in)
