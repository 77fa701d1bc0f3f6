"""A small training with everything that a resume must bring back; also run as a program.

`python training_cases.py CHECKPOINT LOG [DIE_AT]` trains and writes a checkpoint after every step. With
`DIE_AT` it kills itself in the middle of writing that checkpoint.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from xylograph.models import JaxModule, Parameter, State
from xylograph.models.training import EarlyStopping, Fitted, fit, gaussian_noise, mse

N_EPOCHS = 12
N_BATCHES = 5


class NoisyLine(JaxModule):
    """`y = slope * x + offset`, and noise."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(3)
        self.slope: Any = Parameter(np.ones(3), "weights")
        self.offset: Any = Parameter(0.0, "bias")
        self.rng_key: Any = State(jax.random.key_data(jax.random.key(seed)))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        noise = 0.1 * jax.random.normal(self.rng_key, input_data.shape)
        return input_data * self.slope + self.offset + noise, {}, {}


def loss(network: Any, inputs: Any, targets: Any, key: Any) -> Any:
    value = mse(network(inputs)[0], targets) + 0.01 * jax.random.normal(key)
    return value, {"slope": network.slope[0]}


def dropped(generator: np.random.Generator, batch: np.ndarray) -> np.ndarray:
    return batch * (generator.random(batch.shape) > 0.1)


def noisy(parameters: Any, key: Any) -> Any:
    return {**parameters, "slope": gaussian_noise(parameters["slope"], 0.05, key=key)}


OPTIMIZER = optax.chain(
    optax.add_noise(0.01, 0.5, key=jax.random.key(3)),
    optax.scale_by_adam(),
    optax.scale_by_schedule(optax.cosine_decay_schedule(-0.3, N_EPOCHS * N_BATCHES)),
)


def train(checkpoint: Path | None = None, log: Path | None = None, **options: Any) -> Fitted:
    """Train; the same bits each time."""
    draw = np.random.default_rng(5)
    inputs = draw.normal(size=(26, 4, 3)).astype(np.float32)
    chosen: dict[str, Any] = {
        "epochs": N_EPOCHS,
        "batch_size": 4,
        "seed": 7,
        "augment": dropped,
        "transform": noisy,
        "validation": 0.2,
        "early_stopping": EarlyStopping(patience=4),
        "checkpoint_every_s": 0.0,
    }
    return fit(
        NoisyLine(),
        inputs,
        3 * inputs,
        loss=loss,
        optimizer=OPTIMIZER,
        checkpoint=checkpoint,
        log=log,
        **chosen | options,
    )


def die_while_writing(number: int) -> None:
    """Kill this process in the middle of writing its n-th checkpoint, before it has its name."""
    replace, calls = os.replace, []

    def dying(*paths: Any) -> None:
        calls.append(paths)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*paths)

    os.replace = dying


if __name__ == "__main__":
    if len(sys.argv) > 3:
        die_while_writing(int(sys.argv[3]))
    train(Path(sys.argv[1]), Path(sys.argv[2]), resume=True)
