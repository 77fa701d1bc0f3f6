"""The samples `fit` and `evaluate` go through: what they must be, and where they are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


@dataclass(frozen=True)
class Samples:
    """Inputs with their targets.

    Attributes:
        inputs: `(sample, ...)`.
        targets: `(sample, ...)`.
    """

    inputs: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, inputs: Any, targets: Any) -> Samples:
        """Samples of anything that makes arrays; arrays that are some already are not copied."""
        return cls(np.asarray(inputs), np.asarray(targets))

    def __len__(self) -> int:
        return len(self.inputs) if self.inputs.ndim else 0

    def __getitem__(self, index: Any) -> Samples:
        return Samples(self.inputs[index], self.targets[index])

    def problems(self, names: tuple[str, str]) -> list[str]:
        """What keeps these from being used, in sentences that call them by these names."""
        problems = []
        inputs, targets = self.inputs, self.targets
        if not inputs.ndim or not targets.ndim or not len(inputs) or len(inputs) != len(targets):
            problems.append(
                f"`{names[0]}` and `{names[1]}` must hold equal numbers of samples and at least "
                f"one; their shapes are {inputs.shape} and {targets.shape}"
            )
        for name, array in zip(names, (inputs, targets), strict=True):
            if array.dtype.kind not in "biuf":
                problems.append(f"`{name}` must be numbers, got {array.dtype}")
            elif not np.all(np.isfinite(array)):
                problems.append(f"`{name}` must be finite; there are NaN or infinite values")
        return problems


@dataclass(frozen=True)
class Placement:
    """Where arrays lie: on the default device, or on several that share each batch.

    Attributes:
        devices: JAX devices that share; `None` for the default one.
    """

    devices: tuple[Any, ...] | None = None

    @classmethod
    def on(cls, devices: Sequence[Any] | None) -> Placement:
        """On these devices."""
        return cls(None if devices is None else tuple(devices))

    def problems(self, batch_size: int) -> list[str]:
        """What keeps these devices from sharing such batches."""
        if self.devices is None:
            return []
        n_devices = len(self.devices)
        if not n_devices or len(set(self.devices)) < n_devices:
            return [f"`devices` must be different devices, at least one, got {self.devices}"]
        if batch_size % n_devices:
            problem = (
                f"{n_devices} devices cannot share a batch of {batch_size} equally; use a "
                f"`batch_size` that is a multiple of {n_devices}, or fewer devices"
            )
            return [problem]
        return []

    def whole(self, tree: Any) -> Any:
        """Arrays of which every device has all."""
        return self._placed(tree, PartitionSpec())

    def shared(self, samples: Samples) -> tuple[Any, Any]:
        """A batch of which every device has an equal part; all of it where it cannot be shared."""
        batch = (samples.inputs, samples.targets)
        divides = self.devices is None or len(samples) % len(self.devices) == 0
        return self._placed(batch, PartitionSpec("batch") if divides else PartitionSpec())

    def _placed(self, tree: Any, spec: PartitionSpec) -> Any:
        if self.devices is None:
            return tree
        mesh = Mesh(np.array(self.devices), ("batch",))
        return jax.device_put(tree, NamedSharding(mesh, spec))
