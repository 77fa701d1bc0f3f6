"""`FrontEndJax`: a front end as the first module of a network."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ...models import JaxModule
from ...models.module import Tree
from ...models.parameters import SimulationParameter, State


class FrontEndJax(JaxModule):
    """A front end of a chip as a `JaxModule`, so that it stands in `Sequential` before a network.

    `Sequential(front_end, ...)` makes one. The integers are those of the front end: it runs on the
    processor, in compiled code too (by a callback of JAX). The signal passes through float32,
    which holds 24 bits; no gradient passes. Its state, 64-bit numbers, is kept as 32-bit words.
    Compiled, a signal of some length always gives as many rows: cut streams where a row ends.

    It costs a front end in every epoch: to train, send the data set through it once
    (`xylograph.tools.datasets.apply_frontend`). To deploy, map the rest of the network and put the
    front end into the configuration with its `configure`.

    Attributes:
        dt: SimulationParameter, time between two rows of the raster [s].

    Args:
        front_end: of `xylograph.hw`; it starts anew.

    Raises:
        TypeError: when it is no front end.

    >>> from xylograph.hw import IMUIFSim
    >>> from xylograph.models import LinearJax, Sequential
    >>> network = Sequential(IMUIFSim(), LinearJax((15, 4)))
    >>> network
    JaxSequential  with shape (3, 4) {
        FrontEndJax '0_IMUIFSim' with shape (3, 15)
        LinearJax '1_LinearJax' with shape (15, 4)
    }
    >>> network(np.full((20, 3), 1000))[0].shape
    (1, 20, 4)
    """

    def __init__(self, front_end: Any) -> None:
        if not all(hasattr(front_end, name) for name in ("dt", "shape", "reset_state", "state")):
            raise TypeError(
                f"`FrontEndJax` takes a front end of `xylograph.hw`, not a {type(front_end).__name__}"
            )
        super().__init__(front_end.shape, spiking_input=False, spiking_output=True)
        self.front_end = front_end.reset_state()
        self.dt: Any = SimulationParameter(front_end.dt)
        for name, array in _flat(self.front_end.state()).items():
            setattr(self, name, State(_words(array)[0]))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, channel)` or `(batch, time, channel)`.

        Returns:
            Counts of events, new state, an empty record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or number of channels, or what the front end refuses.
        """
        names = [*_flat(self.front_end.state())]
        data, words = self._auto_batch(input_data, [getattr(self, name) for name in names])
        data = jax.lax.stop_gradient(data)
        if any(isinstance(array, Tracer) for array in (data, *words)):
            # How long the raster is, a run over silence tells.
            raster, _, _ = self.front_end(self._signal(np.zeros(data.shape, np.float32)))
            shapes = (jax.ShapeDtypeStruct(raster.shape, jnp.float32), *_shapes(words))
            run = partial(self._run, raster.shape[1])
            raster, *new = jax.pure_callback(run, shapes, data, *words)
        else:
            raster, *new = (jnp.asarray(array) for array in self._run(None, data, *words))
        return raster, self._new_state(dict(zip(names, new, strict=True))), {}

    def _run(self, n_rows: int | None, data: Any, *words: Any) -> tuple[np.ndarray, ...]:
        batch = len(data)
        fresh = self.front_end.state()
        given = iter(words)
        state = {
            key: {name: _array(np.asarray(next(given)), own, batch) for name, own in _sorted(part)}
            if isinstance(part, dict)
            else _array(np.asarray(next(given)), part, batch)
            for key, part in _sorted(fresh)
        }
        raster, new, _ = self.front_end.set_attributes(state)(self._signal(np.asarray(data)))
        if n_rows not in (None, raster.shape[1]):
            raise ValueError(
                f"`{type(self.front_end).__name__}`: compiled code has {n_rows} rows for a signal of "
                f"{data.shape[1]} samples; after what the state holds these fill {raster.shape[1]}: "
                "cut streams where a row ends, or call without `jit`"
            )
        return raster.astype(np.float32), *(_words(array) for array in _flat(new).values())

    def _signal(self, data: np.ndarray) -> np.ndarray:
        if not getattr(self.front_end, "takes_integers", False):
            return data
        if (data != np.trunc(data)).any():
            raise ValueError(
                f"`{type(self.front_end).__name__}` takes integers; these are real numbers: "
                "quantize first, with `quantize_samples`"
            )
        return data.astype(np.int64)


def _sorted(state: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(state.items())


def _flat(state: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of a front end's state by `stage_name`, in a fixed order."""
    found: dict[str, np.ndarray] = {}
    for key, part in _sorted(state):
        if isinstance(part, dict):
            found |= {f"{key}_{name}": array for name, array in _sorted(part)}
        else:
            found[key] = part
    return found


def _words(array: np.ndarray) -> np.ndarray:
    """The same bits as (batch, word), int32."""
    rows = np.ascontiguousarray(array).reshape(len(array), -1)
    return rows.view(np.int32) if array.itemsize >= 4 else rows.astype(np.int32)


def _array(words: np.ndarray, like: np.ndarray, batch: int) -> np.ndarray:
    """What `_words` took apart."""
    words = np.ascontiguousarray(words)
    rows = words.view(like.dtype) if like.itemsize >= 4 else words.astype(like.dtype)
    return rows.reshape(batch, *like.shape[1:])


def _shapes(words: Any) -> list[jax.ShapeDtypeStruct]:
    return [jax.ShapeDtypeStruct(array.shape, jnp.int32) for array in words]
