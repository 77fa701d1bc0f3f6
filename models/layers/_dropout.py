"""`DropoutJax`: leaving out units or single steps at random, in training."""

from typing import Any

import jax
import jax.numpy as jnp

from .._checks import not_numbers, require, same_sizes
from .._noise import noise_key
from ..module import JaxModule, Tree
from ..parameters import SimulationParameter, State, is_array


class DropoutJax(JaxModule):
    """Sets part of its input to zero at random, as long as `training` is on.

    | mode | what is left out, each with probability `p` | what remains |
    | --- | --- | --- |
    | `"time"` | single values of a sample, step and channel | as it was |
    | `"unit"` | channels of a sample, for the whole call | times `1 / (1 - p)` |

    Spikes thus stay whole numbers in the mode `"time"`, and sums stay what they are on average in
    the mode `"unit"`. Each call draws anew: with the new state the next call leaves out others.

    To switch a whole network over:
    `net.set_attributes(jax.tree.map(lambda _: False, net.attributes_named("training")))`.

    It has no record. Deployment passes over it.

    Attributes:
        rng_key: State, the raw JAX key.
        p, mode, training: SimulationParameter.

    Args:
        shape: `N` or `(N, N)`.
        p: probability of being left out; below 1 in the mode `"unit"`.
        mode: `"time"` or `"unit"`.
        training: whether to leave out anything.
        rng_key: JAX random key, typed or raw; from NumPy's global generator when not given.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.

    Raises:
        ValueError: unequal sizes, an unknown mode, or no probability.
        TypeError: the key is no random key.

    Source: module facts, section 9.

    >>> DropoutJax(2, p=1.0)([[1, 1], [1, 1]])[0]
    Array([[[0., 0.],
            [0., 0.]]], dtype=float32)
    """

    def __init__(
        self,
        shape: Any,
        p: Any = 0.5,
        mode: str = "time",
        training: Any = True,
        rng_key: Any = None,
        spiking_input: bool = False,
        spiking_output: bool = False,
    ) -> None:
        super().__init__(same_sizes(shape, "DropoutJax"), spiking_input, spiking_output)
        self.rng_key: Any = State(noise_key(rng_key))
        self.p: Any = SimulationParameter(p)
        self.mode: Any = SimulationParameter(mode)
        self.training: Any = SimulationParameter(training)
        require(self._label(), self._problems())

    def _problems(self) -> list[str]:
        """What is wrong with the values; `p` may be traced, and is not looked at then."""
        wrong = not_numbers(p=self.p)
        if self.mode not in ("time", "unit"):
            wrong.append(f"`mode` must be 'time' or 'unit', got {self.mode!r}")
        if not isinstance(self.training, bool):
            wrong.append(f"`training` must be True or False, got {self.training!r}")
        if not wrong and not is_array(self.p):
            if self.mode == "unit" and not 0 <= self.p < 1:
                wrong.append(f"`p` must be at least 0 and below 1, got {self.p!r}")
            if self.mode == "time" and not 0 <= self.p <= 1:
                wrong.append(f"`p` must be from 0 to 1, got {self.p!r}")
        return wrong

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, N)` or `(batch, time, N)`.

        Returns:
            What is left, `(batch, time, N)`; new state; empty record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, _ = self._auto_batch(input_data)
        # Only a static zero counts: whether the key moves on must not depend on `jit`.
        if not self.training or (not is_array(self.p) and self.p == 0):
            return data, {"rng_key": self.rng_key}, {}
        next_key, key = jax.random.split(self.rng_key)
        n_batch, _, n = data.shape
        if self.mode == "unit":
            kept = jax.random.bernoulli(key, 1.0 - self.p, (n_batch, 1, n))
            return jnp.where(kept, data / (1.0 - self.p), 0.0), {"rng_key": next_key}, {}
        kept = jax.random.bernoulli(key, 1.0 - self.p, data.shape)
        return jnp.where(kept, data, 0.0), {"rng_key": next_key}, {}
