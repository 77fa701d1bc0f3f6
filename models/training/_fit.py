"""`fit`: minimise a loss over batches with optax."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optax

from ..module import JaxModule
from ..storage._files import remove_leftovers
from ._early_stopping import Best, EarlyStopping
from ._log import MetricsLog
from ._loop import Augment, Callback, Checkpointing, Loop
from ._run import Run, settings_of
from ._samples import Placement, Samples
from ._step import TrainStep


@dataclass(frozen=True)
class Fitted:
    """What `fit` gives.

    Attributes:
        network: the trained network, in its reset state.
        history: one dict of figures an epoch: `loss` and what the loss function reports, means
            over the batches; the same of the validation samples as `val_loss` and so on.
        best_epoch: with early stopping, the epoch whose parameters the network has, counted from
            1; 0 where none was better than the start.
    """

    network: Any
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int | None = None


def fit(
    network: JaxModule,
    inputs: Any,
    targets: Any,
    *,
    loss: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int = 32,
    seed: int = 0,
    augment: Augment | None = None,
    transform: Callable[..., Any] | None = None,
    validation: float | tuple[Any, ...] | None = None,
    early_stopping: EarlyStopping | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every_s: float = 60.0,
    resume: bool = False,
    log: str | os.PathLike[str] | None = None,
    callbacks: Sequence[Callback] = (),
    devices: Sequence[Any] | None = None,
    progress: bool = False,
) -> Fitted:
    """Train the parameters of a network.

    Each batch starts from the reset state, with noise of its own: every `rng_key` is folded with
    the number of the step. Batches are drawn without replacement; samples that do not fill a last
    batch wait for the next epoch's shuffle, so that nothing is compiled twice.

    Args:
        network: what to train; stays as it is.
        inputs: `(sample, time, channel)`.
        targets: `(sample, ...)`.
        loss: `loss(network, inputs, targets)` gives a scalar, or a scalar and a dict of scalars to
            report. One that has a parameter `key` gets a random key, too.
        optimizer: an optax transformation.
        epochs: passes over the samples; either this or `steps`.
        steps: batches to train on; the last epoch may be cut short.
        batch_size: samples a batch, at most all of them.
        seed: of the shuffles, the augmentation and the keys; the same seed gives the same network.
        augment: changes a batch of inputs before it is used, given a random generator.
        transform: `transform(parameters, key)` gives the parameters that the loss sees, such as
            quantized or noisy ones; see `by_family`. Without a key, for the validation, it should
            add no noise. The network returned has the parameters from before the transform.
        validation: samples on which nothing is trained, as `(inputs, targets)`, or which share
            of the samples to put aside, drawn at random. After each epoch their figures are
            computed, in batches of the same size, without augmentation.
        early_stopping: when to stop; the network returned is then that of the best epoch.
        checkpoint: a file to write everything to that is needed to go on after a kill, during
            training and at its end.
        checkpoint_every_s: how much work a kill may cost [s].
        resume: whether to go on from the checkpoint, if the file exists. The result is the same,
            bit for bit, as if training had not been interrupted, on the same machine and with the
            same functions.
        log: a `.csv` or `.jsonl` file for the figures of each epoch. In JSON, `null` stands for
            what is no finite number.
        callbacks: functions called with an `EpochReport` after each epoch; training stops when one
            gives `True`. After a resume they may see an epoch again.
        devices: JAX devices that share each batch equally; their sums differ from those of one
            device by rounding.
        progress: whether to show a progress bar with the figures.

    Returns:
        The trained network and the history.

    Raises:
        ValueError: no samples, unequal numbers of inputs and targets, an empty batch, fewer epochs
            than none; all that is wrong at once.
        TypeError: a function that cannot be hashed.
        FileExistsError: the checkpoint exists, and `resume` was not asked for.
        FileNotFoundError, IsADirectoryError: there is no folder for the checkpoint, or it is one.
        FormatError: the checkpoint is damaged; `CheckpointMismatchError`: it is of another run.
        TrainingDivergedError: the loss became NaN or infinite; names epoch and batch.
    """
    placement, rows = Placement.on(devices), MetricsLog(log)
    training, held_out, problems = _split(Samples.of(inputs, targets), validation, seed)
    batch_size = min(batch_size, max(len(training), 1))
    problems += _count_problems(epochs, steps, batch_size)
    problems += rows.problems() + placement.problems(batch_size)
    if problems:
        raise ValueError("\n".join(problems))
    n_steps = (epochs or 0) * (len(training) // batch_size) if steps is None else steps

    step, network = TrainStep(loss, optimizer, transform), network.reset_state()
    settings = {}
    if checkpoint is not None:
        settings = settings_of(network, training, held_out, batch_size, seed, early_stopping)
    run = Run(
        network, step.init(network, seed), Best(network.parameters()), np.random.default_rng(seed)
    )
    loop = Loop(
        run=_resumed(run, checkpoint, resume, settings),
        step=step,
        training=training,
        validation=held_out,
        batch_size=batch_size,
        n_steps=n_steps,
        augment=augment,
        stopping=early_stopping,
        callbacks=tuple(callbacks),
        log=rows,
        placement=placement,
        checkpointing=Checkpointing(checkpoint, checkpoint_every_s, settings),
    )
    parameters = loop.to_the_end(progress)
    best_epoch = None if early_stopping is None else loop.run.best.epoch
    # The network as it was given: of a resumed one only random keys may differ.
    return Fitted(network.set_attributes(parameters), loop.run.history, best_epoch)


def _split(
    samples: Samples, validation: float | tuple[Any, ...] | None, seed: int
) -> tuple[Samples, Samples | None, list[str]]:
    """Samples to train on, samples to validate on, and what is wrong with either."""
    problems = samples.problems(("inputs", "targets"))
    if validation is None:
        return samples, None, problems
    if isinstance(validation, tuple):
        if len(validation) != 2:
            return samples, None, [*problems, "`validation` must be `(inputs, targets)`"]
        held_out = Samples.of(*validation)
        problems += held_out.problems(("validation inputs", "validation targets"))
        return samples, held_out, problems
    if problems:
        return samples, None, problems
    n_held_out = round(validation * len(samples))
    if not 0 < n_held_out < len(samples):
        problems.append(
            f"`validation` is {validation}, which leaves {len(samples) - n_held_out} of "
            f"{len(samples)} samples to train on and {n_held_out} to validate on"
        )
        return samples, None, problems
    # Not from the generator of the shuffles, which are those of the same seed without validation.
    order = np.random.default_rng([seed, 1]).permutation(len(samples))
    return samples[order[n_held_out:]], samples[order[:n_held_out]], problems


def _count_problems(epochs: int | None, steps: int | None, batch_size: int) -> list[str]:
    problems = []
    if (epochs is None) == (steps is None):
        problems.append(f"give either `epochs` or `steps`, got {epochs} and {steps}")
    for name, count in (("epochs", epochs), ("steps", steps)):
        if count is not None and count < 0:
            problems.append(f"`{name}` must not be negative, got {count}")
    if batch_size < 1:
        problems.append(f"`batch_size` must be at least 1, got {batch_size}")
    return problems


def _resumed(
    run: Run, checkpoint: str | os.PathLike[str] | None, resume: bool, settings: dict[str, Any]
) -> Run:
    """The run, or where a checkpoint says that it has been already."""
    if checkpoint is None:
        if resume:
            raise ValueError("`resume` needs a `checkpoint` to go on from")
        return run
    folder = Path(checkpoint).absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the folder of the checkpoint {str(checkpoint)!r} does not exist: make {str(folder)!r}"
        )
    if Path(checkpoint).is_dir():
        raise IsADirectoryError(
            f"the checkpoint {str(checkpoint)!r} is a folder: name a file in it"
        )
    exists = Path(checkpoint).exists()
    if exists and not resume:
        raise FileExistsError(
            f"the checkpoint {str(checkpoint)!r} exists; `resume=True` goes on from it, or remove "
            "it to begin anew"
        )
    remove_leftovers(checkpoint)
    return run.loaded(checkpoint, settings) if exists else run
