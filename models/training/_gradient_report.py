"""`gradient_report`: how strongly each layer is felt in the loss, and where that is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..module import JaxModule, Tree
from ._step import TrainStep


@dataclass(frozen=True)
class ParameterGradient:
    """The gradient of one parameter.

    Attributes:
        layer: the module's path; empty for the network itself.
        name: the parameter's.
        size: root mean square of the values.
        gradient: root mean square of the gradient.
        sensitivity: by how much the loss changes when the values change in proportion, each in its
            worst direction: root of the sum of `(value * gradient)²`. In units of the loss, so
            that weights and time constants can be compared.
        share_zero: share of elements without any gradient.
        n_broken: number of elements whose gradient is NaN or infinite.
    """

    layer: str
    name: str
    size: float
    gradient: float
    sensitivity: float
    share_zero: float
    n_broken: int


@dataclass(frozen=True)
class GradientReport:
    """Gradients by parameter, in the order of the modules; `print` shows the table.

    Attributes:
        rows: one for each parameter.
        loss: the loss they are of.
        input_by_time: root mean square of the gradient of the input at each step; how far back in
            time the loss reaches.
        factor: by how much the sensitivity of a layer must differ from that of a later one to
            count as vanishing or exploding.
    """

    rows: tuple[ParameterGradient, ...]
    loss: float
    input_by_time: np.ndarray
    factor: float

    @property
    def findings(self) -> dict[str, str]:
        """What is wrong, by layer; layers that are not named are well.

        Seen from the output: a layer whose sensitivity is `factor` times smaller than the largest
        of the layers behind it `vanishes`, one that is `factor` times larger `explodes`; the one
        nearest to the output is where it happens. One without any gradient has `no gradient`, one
        with NaN or infinity is `not finite`.
        """
        found: dict[str, str] = {}
        largest = 0.0
        for layer, rows in reversed(self._by_layer().items()):
            sensitivity = float(np.sqrt(sum(row.sensitivity**2 for row in rows)))
            if any(row.n_broken for row in rows):
                found[layer] = "not finite"
                continue
            if all(row.share_zero == 1 for row in rows):
                found[layer] = "no gradient"
                continue
            if not sensitivity:  # all values are zero: there is no change in proportion
                continue
            if largest and sensitivity < largest / self.factor:
                found[layer] = "vanishes"
            elif largest and sensitivity > largest * self.factor:
                found[layer] = "explodes"
            largest = max(largest, sensitivity)
        return dict(reversed(found.items()))

    def _by_layer(self) -> dict[str, list[ParameterGradient]]:
        layers: dict[str, list[ParameterGradient]] = {}
        for row in self.rows:
            layers.setdefault(row.layer, []).append(row)
        return layers

    def __str__(self) -> str:
        findings = self.findings
        head = ("layer", "parameter", "size", "gradient", "sensitivity", "zero", "")
        body = [
            (
                row.layer or "network",
                row.name,
                f"{row.size:.2e}",
                f"{row.gradient:.2e}",
                f"{row.sensitivity:.2e}",
                f"{row.share_zero:.0%}",
                f"{row.n_broken} not finite" if row.n_broken else findings.get(row.layer, ""),
            )
            for row in self.rows
        ]
        widths = [max(len(line[n]) for line in (head, *body)) for n in range(len(head))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in (head, *body)
        ]
        return "\n".join([*lines, f"loss {self.loss:.4g}; gradient of the input: {self._times()}"])

    def _times(self) -> str:
        n_time = len(self.input_by_time)
        steps = sorted({round(part * (n_time - 1) / 4) for part in range(5)}) if n_time else []
        return ", ".join(f"{self.input_by_time[step]:.1e} at step {step}" for step in steps)


def gradient_report(
    network: JaxModule,
    inputs: Any,
    targets: Any,
    *,
    loss: Callable[..., Any],
    factor: float = 1e3,
) -> GradientReport:
    """Where the gradients of a loss vanish, explode, or are no numbers, layer by layer.

    Args:
        network: from its reset state.
        inputs: a batch, `(batch, time, channel)`.
        targets: what the loss compares with.
        loss: as for `fit`.
        factor: by how much the sensitivity of a layer must differ from that of a later one to
            count as vanishing or exploding.

    Returns:
        The report. Layers come in the order in which they were added, which should be that of the
        signal.

    Raises:
        ValueError: no parameters, or the inputs are no batch of rasters.

    >>> from xylograph.models import LinearJax, Sequential
    >>> from xylograph.models.training import mse
    >>> network = Sequential(LinearJax((1, 1), weight=[[2.0]]), LinearJax((1, 1), weight=[[3.0]]))
    >>> ones = jnp.ones((1, 2, 1))
    >>> print(gradient_report(network, ones, ones, loss=lambda net, x, y: mse(net(x)[0], y)))
    layer        parameter  size      gradient  sensitivity  zero
    0_LinearJax  weight     2.00e+00  3.00e+01  6.00e+01     0%
    1_LinearJax  weight     3.00e+00  2.00e+01  6.00e+01     0%
    loss 25; gradient of the input: 3.0e+01 at step 0, 3.0e+01 at step 1
    """
    network, data = network.reset_state(), jnp.asarray(inputs, dtype=float)
    parameters = network.parameters()
    if not jax.tree.leaves(parameters):
        raise ValueError("the network has no parameters; values marked `Constant` are none")
    if data.ndim != 3:
        raise ValueError(f"`inputs` must be `(batch, time, channel)`, got {data.shape}")
    value, gradients, by_input = loss_gradients(network, data, targets, loss)
    rows = [
        _row(names, np.asarray(parameter, dtype=float), np.asarray(gradient, dtype=float))
        for (names, parameter), (_, gradient) in zip(
            _leaves(parameters, ()), _leaves(gradients, ()), strict=True
        )
    ]
    by_time = np.sqrt(np.mean(np.asarray(by_input, dtype=float) ** 2, axis=(0, 2)))
    return GradientReport(tuple(rows), float(value), by_time, factor)


def loss_gradients(
    network: JaxModule, data: jax.Array, targets: Any, loss: Callable[..., Any]
) -> tuple[jax.Array, Tree, jax.Array]:
    """A loss, and its gradients by the parameters and by the input."""
    step = TrainStep(loss, optax.identity())

    def objective(parameters: Tree, data: jax.Array) -> jax.Array:
        return step.figures(parameters, network, data, targets)["loss"]

    value, (gradients, by_input) = jax.value_and_grad(objective, argnums=(0, 1))(
        network.parameters(), data
    )
    return value, gradients, by_input


def _row(names: tuple[str, ...], values: np.ndarray, gradient: np.ndarray) -> ParameterGradient:
    finite = np.isfinite(gradient)
    known = np.where(finite, gradient, 0.0)
    return ParameterGradient(
        layer=".".join(names[:-1]),
        name=names[-1],
        size=_rms(values),
        gradient=_rms(known),
        sensitivity=float(np.sqrt(np.sum((values * known) ** 2))),
        share_zero=float(np.mean(gradient == 0)) if gradient.size else 1.0,
        n_broken=int(np.sum(~finite)),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0


def _leaves(tree: Tree, outer: tuple[str, ...]) -> Any:
    """Leaves with their names, in the order of the modules, which `jax.tree` does not keep."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*outer, name))
        else:
            yield (*outer, name), value
