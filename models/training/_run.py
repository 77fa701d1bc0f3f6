"""What moves on while `fit` trains, and how it goes to a checkpoint and comes back."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..module import JaxModule
from ..parameters import is_array
from ..storage._static_json import decode, encode
from ._checkpoint import CheckpointMismatchError, load_checkpoint, save_checkpoint
from ._early_stopping import Best, EarlyStopping
from ._evaluate import as_numbers
from ._samples import Samples
from ._step import TrainState


@dataclass
class Run:
    """Everything of a training that changes.

    Attributes:
        network: all of the network but its trained parameters; it does not change, but a resumed
            run takes its arrays from the checkpoint: random keys may have been drawn anew.
        state: parameters and optimizer.
        best: the best epoch so far.
        generator: draws the shuffles, and what the augmentation draws.
        shuffled_from: the state of the generator before it shuffled for the epoch under way.
        n_batches: how many batches of that epoch were used.
        figures: of these batches.
        history: figures of the epochs before.
        is_stopped: whether a callback asked to stop.
    """

    network: JaxModule
    state: TrainState
    best: Best
    generator: np.random.Generator
    shuffled_from: dict[str, Any] = field(default_factory=dict)
    n_batches: int = 0
    figures: list[Any] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    is_stopped: bool = False

    def order(self, n: int) -> np.ndarray:
        """In which order the epoch under way goes through `n` samples."""
        if not self.shuffled_from:
            self.shuffled_from = dict(self.generator.bit_generator.state)
            return self.generator.permutation(n)
        again = np.random.default_rng()
        again.bit_generator.state = self.shuffled_from
        return again.permutation(n)

    def known_figures(self) -> list[dict[str, float]]:
        """The figures of the epoch under way as numbers; waits for the device."""
        known = as_numbers(self.figures)
        self.figures = list(known)
        return known

    def end_epoch(self, figures: dict[str, float]) -> None:
        """Add an epoch to the history and be ready for the next one."""
        self.history.append(figures)
        self.shuffled_from, self.n_batches, self.figures = {}, 0, []

    def _arrays(self) -> Any:
        return {"network": self.network, "state": self.state, "best": self.best.parameters}

    def save(self, path: str | os.PathLike[str], settings: dict[str, Any]) -> None:
        """Write a checkpoint.

        Args:
            path: the file.
            settings: what must be the same where this is loaded.
        """
        document = {
            "settings": settings,
            "best": {"value": encode(self.best.value, "best"), "epoch": self.best.epoch},
            "generator": self.generator.bit_generator.state,
            "shuffled_from": self.shuffled_from,
            "figures": encode(self.known_figures(), "figures"),
            "history": encode(self.history, "history"),
            "is_stopped": self.is_stopped,
        }
        save_checkpoint(path, self._arrays(), document)

    def loaded(self, path: str | os.PathLike[str], settings: dict[str, Any]) -> Run:
        """The run that a checkpoint holds; this one says what it must look like.

        Raises:
            FormatError: the file is damaged or no checkpoint.
            CheckpointMismatchError: it is one of another run; says in what they differ.
        """
        arrays, document = load_checkpoint(path, self._arrays())
        document = {} if not isinstance(document, dict) else document
        if document.keys() != _KEYS:
            raise CheckpointMismatchError(f"{path}: a checkpoint, but not one of `fit`")
        _require_same(path, document["settings"], settings)
        best, figures = document["best"], decode(document["figures"], "figures")
        generator = np.random.default_rng()
        generator.bit_generator.state = document["generator"]
        return Run(
            network=arrays["network"],
            state=arrays["state"],
            best=Best(arrays["best"], decode(best["value"], "best"), best["epoch"]),
            generator=generator,
            shuffled_from=document["shuffled_from"],
            n_batches=len(figures),
            figures=figures,
            history=decode(document["history"], "history"),
            is_stopped=document["is_stopped"],
        )


_KEYS = {
    "settings",
    "best",
    "generator",
    "shuffled_from",
    "figures",
    "history",
    "is_stopped",
}


def settings_of(
    network: JaxModule,
    training: Samples,
    validation: Samples | None,
    batch_size: int,
    seed: int,
    stopping: EarlyStopping | None,
) -> dict[str, Any]:
    """What decides about a run besides what a checkpoint holds, as far as a file can tell.

    Functions (loss, optimizer, augmentation) are not in it: they have no name that would tell
    whether they are the same.
    """
    return {
        "network": repr(network),
        "numbers of the network": _fixed(network.simulation_parameters()),
        "samples": _digest(training),
        "validation samples": None if validation is None else _digest(validation),
        "batch_size": batch_size,
        "seed": seed,
        "early stopping": None if stopping is None else [stopping.figure, stopping.mode],
    }


def _fixed(tree: dict[str, Any], path: str = "") -> dict[str, Any]:
    """What training does not change, arrays by their digest."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            found |= _fixed(value, f"{path}{name}.")
        elif is_array(value):
            found[path + name] = hashlib.sha256(np.asarray(value).tobytes()).hexdigest()
        elif isinstance(value, (bool, int, float, str)):
            found[path + name] = encode(value, name)
    return found


def _digest(samples: Samples) -> str:
    digest = hashlib.sha256()
    for array in (samples.inputs, samples.targets):
        digest.update(f"{array.dtype} {array.shape}\n".encode())
        for part in array:  # one by one: they may lie on disk and not fit in memory
            digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _require_same(path: Any, there: dict[str, Any], here: dict[str, Any]) -> None:
    differing = []
    for name, value in here.items():
        other = there.get(name)
        if other == value:
            continue
        if isinstance(value, dict) and isinstance(other, dict):
            # There are many of them: those that are alike would hide the others.
            names = {key for key in value | other if value.get(key) != other.get(key)}
            value = {key: value.get(key) for key in sorted(names)}
            other = {key: other.get(key) for key in sorted(names)}
        differing.append(f"{name}: {_shortened(other)} there, {_shortened(value)} here")
    if differing:
        raise CheckpointMismatchError(
            f"{path}: a checkpoint of another run, which differs in\n"
            + "\n".join(differing)
            + "\nName another file, or remove this one to begin anew"
        )


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
