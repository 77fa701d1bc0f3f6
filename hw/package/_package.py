"""`DeploymentPackage`: a configuration, recordings, and what the chip must make of them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from .._config import XyloConfig
from .._config_file import config_hash
from .._sim import XyloSim
from ..engines import checked_raster
from ._difference import ArrayComparison, compared, first_in_time, with_output


@dataclass(frozen=True, eq=False, kw_only=True)
class DeploymentPackage:
    """All that another person needs to check a deployment on another board.

    Make one with `create`, write it with `save`, read it with `load`, check with `verify`.

    Attributes:
        config: what the chip is to compute.
        raster: golden input, spike counts from 0 to 15.
        golden: what the chip must make of it, starting from rest: arrays by the names of a record
            of `XyloSim`, computed by the `reference` engine.
        note: whatever its maker wants to say.
        made_with: version of Xylograph that computed `golden`.

    >>> config = XyloConfig("xylo-imu", weights_in=[[127]], weights_out=[[127]], threshold=90)
    >>> package = DeploymentPackage.create(config, [[1], [1], [0], [1]], note="first try")
    >>> print(package.verify())
    passed: `native` gives all 32 values of the package
    """

    config: XyloConfig
    raster: UInt8[np.ndarray, "sample time input"]
    golden: Mapping[str, np.ndarray]
    note: str
    made_with: str

    @staticmethod
    def create(config: XyloConfig, raster: npt.ArrayLike, *, note: str = "") -> "DeploymentPackage":
        """Compute what a configuration makes of recordings, with the `reference` engine.

        Args:
            config: what the chip is to compute; it must keep the design rules of its chip.
            raster: spike counts, `(time, channel)` or `(sample, time, channel)`; some hundred
                steps that let all neurons spike are enough.
            note: goes into the package as it is.

        Raises:
            DesignRuleError: no board would take the configuration; all violations at once.
            TypeError: the raster holds no numbers.
            ValueError: it does not fit, or holds no step.
        """
        config.validate()
        data = checked_raster(raster, config).copy()
        if 0 in data.shape:
            raise ValueError(f"a raster of shape {data.shape} shows nothing to check")
        golden = XyloSim(config, engine="reference")(data, record=True)[2]
        return DeploymentPackage(
            config=config, raster=data, golden=golden, note=note, made_with=version("xylograph")
        )

    @property
    def config_hash(self) -> str:
        """SHA-256 of the configuration's file, in hexadecimal digits."""
        return config_hash(self.config)

    def silent_neurons(self) -> int:
        """How many hidden and output neurons spike in no recording, so that little is checked."""
        return sum(
            int(np.count_nonzero(self.golden[name].max(axis=(0, 1)) == 0))
            for name in ("Spikes", "Spikes_out")
        )

    def verify(self, target: "str | Callable[..., Any]" = "native") -> "Verification":
        """Let something compute the golden input, and compare every value.

        Args:
            target: the name of an engine of `XyloSim`; or anything with the module protocol, such
                as a board. What has a method `load` gets the configuration first.

        Returns:
            Whether all is equal, and where not. What the target does not record is named.

        Raises:
            ValueError: no engine has that name, or what the target gives has another shape.
            BoardError: a board could not do it.
        """
        if isinstance(target, str):
            return self._verify(XyloSim(self.config, engine=target), f"`{target}`")
        load = getattr(target, "load", None)
        if callable(load):
            load(self.config)
        reset = getattr(target, "reset_state", None)
        run: Any = reset() if callable(reset) else target
        return self._verify(run, repr(target))

    def _verify(self, run: Callable[..., Any], name: str) -> "Verification":
        output, _, record = run(self.raster, record=True)
        output_mode = getattr(run, "output_mode", "Spike")
        found = with_output(record, output, output_mode, self.golden)
        return Verification(
            target=name,
            config_hash=self.config_hash,
            arrays=tuple(compared(self.golden, found)),
            not_shown=tuple(array for array in self.golden if array not in found),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the package as one file, atomically; the same content gives the same bytes.

        Raises:
            OSError: the folder does not exist or cannot be written to.
        """
        from ._package_file import save_package

        return save_package(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "DeploymentPackage":
        """Read a package. Nothing in it is executed.

        Raises:
            FormatError: damaged, of a newer version, or not a package.
            OSError: it cannot be read.
        """
        from ._package_file import load_package

        return load_package(path)

    def __repr__(self) -> str:
        """What is in it."""
        samples, steps, _ = self.raster.shape
        return (
            f"<DeploymentPackage {self.config!r}, {samples} recordings of {steps} steps, "
            f"sha256 {self.config_hash[:12]}>"
        )


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came out of the check of a package.

    Attributes:
        target: what computed.
        config_hash: SHA-256 of the configuration's file.
        arrays: how each array compares.
        not_shown: arrays of the package that the target does not record.
    """

    target: str
    config_hash: str
    arrays: tuple[ArrayComparison, ...]
    not_shown: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every value that could be compared is equal, the output at least."""
        return bool(self.arrays) and all(not entry.n_different for entry in self.arrays)

    @property
    def first(self) -> ArrayComparison | None:
        """The array that differs first in time; `None` where all are equal."""
        return first_in_time(self.arrays)

    def __str__(self) -> str:
        """A line when it passed, else one for each array that differs."""
        n_values = sum(entry.n_values for entry in self.arrays)
        missing = f"; it does not show {', '.join(self.not_shown)}" if self.not_shown else ""
        if self.passed:
            return f"passed: {self.target} gives all {n_values:,} values of the package{missing}"
        wrong = [f"- {entry}" for entry in self.arrays if entry.n_different]
        return "\n".join([f"FAILED: {self.target} differs from the package{missing}", *wrong])
