"""The loop of `fit`: epochs of steps, and what happens between them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from .._errors import XylographError
from ..module import JaxModule, Tree
from ._early_stopping import EarlyStopping
from ._evaluate import figures_of, mean_figures
from ._log import MetricsLog
from ._progress import Progress
from ._run import Run
from ._samples import Placement, Samples
from ._step import TrainStep

Augment = Callable[[np.random.Generator, np.ndarray], np.ndarray]

# How many steps may wait for the device: their batches are in its memory already.
_MOST_WAITING = 8


@dataclass(frozen=True)
class EpochReport:
    """What a callback of `fit` gets after each epoch.

    Attributes:
        epoch: how many epochs have ended.
        n_steps: how many steps were taken.
        figures: of this epoch, as in `Fitted.history`.
        parameters: after this epoch.
    """

    epoch: int
    n_steps: int
    figures: dict[str, float]
    parameters: Tree
    _network: JaxModule = field(repr=False)

    @property
    def network(self) -> Any:
        """The network with these parameters, in its reset state."""
        return self._network.set_attributes(self.parameters)


Callback = Callable[[EpochReport], bool | None]


class TrainingDivergedError(XylographError, FloatingPointError):
    """The loss is no longer a finite number."""


@dataclass(frozen=True)
class Checkpointing:
    """Where checkpoints go.

    Attributes:
        path: the file; `None` for no checkpoints.
        every_s: how long after one the next is written, at the earliest [s].
        settings: what must be the same where one is loaded.
    """

    path: str | os.PathLike[str] | None
    every_s: float
    settings: dict[str, Any]


@dataclass
class Loop:
    """A training under way; `fit` has checked everything it is made of.

    Attributes:
        run: what moves on.
        step: the compiled step.
        training: what is trained on.
        validation: what is not.
        batch_size: samples a batch.
        n_steps: batches until the end.
        augment: changes inputs.
        stopping: when to stop early.
        callbacks: called after each epoch.
        log: gets the figures of each epoch.
        placement: on which devices.
        checkpointing: where to write checkpoints.
    """

    run: Run
    step: TrainStep
    training: Samples
    validation: Samples | None
    batch_size: int
    n_steps: int
    augment: Augment | None
    stopping: EarlyStopping | None
    callbacks: tuple[Callback, ...]
    log: MetricsLog
    placement: Placement
    checkpointing: Checkpointing

    def __post_init__(self) -> None:
        self.run.state = self.placement.whole(self.run.state)
        self._network = self.placement.whole(self.run.network)
        self._n_done = int(self.run.state.n_steps)
        self._saved_at = time.monotonic()
        self._batches_an_epoch = len(self.training) // self.batch_size

    def to_the_end(self, progress: bool) -> Tree:
        """Train; gives the parameters, with early stopping the best ones.

        Raises:
            TrainingDivergedError: the loss or a parameter is no finite number.
        """
        run = self.run
        self.log.start(run.history)
        n_epochs = -(-self.n_steps // self._batches_an_epoch)
        with Progress(n_epochs, done=len(run.history), enabled=progress) as shown:
            while not self._is_over():
                self._epoch(shown)
        _require_finite(run.state.parameters)
        self._save()
        return run.state.parameters if self.stopping is None else run.best.parameters

    def _is_over(self) -> bool:
        run = self.run
        if run.is_stopped:
            return True
        if self.stopping is not None and run.best.is_final(self.stopping, len(run.history)):
            return True
        # A checkpoint may lie between the last step and the end of its epoch.
        return self._n_done >= self.n_steps and not run.n_batches

    def _epoch(self, shown: Progress) -> None:
        run = self.run
        order = run.order(len(self.training))
        end = min(self._batches_an_epoch, run.n_batches + self.n_steps - self._n_done)
        while run.n_batches < end:
            start = run.n_batches * self.batch_size
            self._take_step(self.training[order[start : start + self.batch_size]])
            shown.within_epoch(run.n_batches / self._batches_an_epoch)
            if time.monotonic() - self._saved_at >= self.checkpointing.every_s:
                self._save()
        self._end_epoch(shown)

    def _take_step(self, batch: Samples) -> None:
        run = self.run
        if self.augment is not None:
            batch = Samples.of(self.augment(run.generator, batch.inputs), batch.targets)
        run.state, figures = self.step(run.state, self._network, *self.placement.shared(batch))
        run.figures.append(figures)
        run.n_batches += 1
        self._n_done += 1
        if len(run.figures) > _MOST_WAITING:
            jax.block_until_ready(run.figures[-_MOST_WAITING])

    def _end_epoch(self, shown: Progress) -> None:
        run, parameters = self.run, self.run.state.parameters
        epoch = len(run.history) + 1
        figures = mean_figures(self._finite_figures())
        if self.validation is not None:
            found = figures_of(
                self.step,
                parameters,
                self._network,
                self.validation,
                self.batch_size,
                self.placement,
            )
            figures |= {f"val_{name}": value for name, value in found.items()}
        run.end_epoch(figures)
        if self.stopping is not None:
            run.best = run.best.updated(self.stopping, figures, epoch, parameters)
        self.log.append(epoch, figures)
        report = EpochReport(epoch, self._n_done, figures, parameters, run.network)
        for callback in self.callbacks:  # all of them, also after one that asks to stop
            answer: Any = callback(report)
            # Comparisons of figures give booleans of NumPy or JAX.
            is_flag = getattr(answer, "dtype", None) == np.bool_ and answer.ndim == 0
            run.is_stopped |= bool(answer) if is_flag else answer is True
        shown.advance(figures)

    def _finite_figures(self) -> list[dict[str, float]]:
        """The figures of the epoch under way as numbers."""
        known = self.run.known_figures()
        for number, batch in enumerate(known, start=1):
            if not np.isfinite(batch["loss"]):
                epoch = len(self.run.history) + 1
                # Before the first update the learning rate cannot be to blame.
                way_out = (
                    "nothing was changed yet: look for labels that are no classes of the output, "
                    "and for data or parameters that are not finite, with `find_broken`"
                    if (epoch, number) == (1, 1)
                    else "lower the learning rate, clip the gradients "
                    "(`optax.clip_by_global_norm`), or look for thresholds near zero"
                )
                raise TrainingDivergedError(
                    f"the loss is {batch['loss']} at epoch {epoch}, batch {number}; {way_out}"
                )
        return known

    def _save(self) -> None:
        if self.checkpointing.path is not None:
            self._finite_figures()  # a broken state would take the place of a good one
            self.run.save(self.checkpointing.path, self.checkpointing.settings)
        self._saved_at = time.monotonic()


def _require_finite(parameters: Any) -> None:
    """The loss of the last batch was that of the parameters before it."""
    broken = [
        jax.tree_util.keystr(path)
        for path, value in jax.tree_util.tree_flatten_with_path(parameters)[0]
        if not np.all(np.isfinite(value))
    ]
    if broken:
        raise TrainingDivergedError(
            f"training left NaN or infinite values in {', '.join(broken)}; look for an operation "
            "in the loss whose gradient is not finite, such as a square root of 0"
        )
