"""`UpDownJax`: analog signals as events up and down."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import negative, not_numbers, not_positive, not_whole, require
from .._initializers import Fill
from .._over_time import over_time
from ..module import JaxModule, Tree
from ..neurons._surrogate import step_pwl
from ..parameters import Parameter, SimulationParameter, State


class UpDownJax(JaxModule):
    """A delta encoder: each channel sends an event for each threshold its signal moves by.

    The reference level of a channel starts at the first sample. One time step, with the distance
    `d = input - level`:

    1. `up = max(0, floor(d / thr_up))`, `down = max(0, floor(-d / thr_down))`
    2. `level += up * thr_up - down * thr_down`

    With `n_ref_steps` above 0 a channel sends one event at most, and the next one that many steps
    later at the earliest; from the event until then the level follows the input.

    The output holds `up` and `down` of each channel in turn, times `repeat_output`. Gradients pass
    through both counts as through a straight line wherever the distance is half a threshold or
    more, and through the level.

    The record holds `analog_value` `(batch, time, N)`, the level before each step.

    Attributes:
        thr_up, thr_down: Parameter, family `thresholds`, `(N,)` or `()`.
        analog_value: State, `(N,)`, the level; counts once `started` is on.
        refractory: State, `(N,)`, steps left without events.
        started: State, Boolean, `()`, whether there was a first sample.
        n_ref_steps, repeat_output, dt: SimulationParameter.

    Args:
        shape: `N`, `(N,)` or `(N, 2 * N)`.
        thr_up: how far the signal rises for one event.
        thr_down: how far the signal falls for one event.
        n_ref_steps: steps from one event to the next possible one; 0 for no limit.
        repeat_output: how many events are sent for one.
        dt: length of a step [s]; for information only.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.

    Raises:
        ValueError: a shape that is none of these, or an initial value that does not fit or makes no
            sense.
        TypeError: an initial value is no array.

    Source: module facts, section 9; golden values in `tests/models/golden/torch_updown_*.npz`.

    >>> UpDownJax(1, thr_up=0.5, thr_down=0.5)([[0.0], [0.7], [2.0], [0.2]])[0].astype(int)
    Array([[[0, 0],
            [1, 0],
            [3, 0],
            [0, 3]]], dtype=int32)
    """

    def __init__(
        self,
        shape: Any,
        thr_up: Any = 1e-3,
        thr_down: Any = 1e-3,
        n_ref_steps: Any = 0,
        repeat_output: Any = 1,
        dt: Any = 1e-3,
        spiking_input: bool = False,
        spiking_output: bool = True,
    ) -> None:
        n = _channels(shape)
        super().__init__((n, 2 * n), spiking_input, spiking_output)
        self.thr_up: Any = Parameter(thr_up, "thresholds", Fill(1e-3), [n, ()], name="thr_up")
        self.thr_down: Any = Parameter(thr_down, "thresholds", Fill(1e-3), [n, ()], name="thr_down")
        self.analog_value: Any = State(shape=n, init_func=Fill())
        self.refractory: Any = State(shape=n, init_func=Fill())
        self.started: Any = State(False)
        self.n_ref_steps: Any = SimulationParameter(n_ref_steps)
        self.repeat_output: Any = SimulationParameter(repeat_output)
        self.dt: Any = SimulationParameter(dt)
        require(
            self._label(),
            [
                *not_whole(n_ref_steps=self.n_ref_steps),
                *not_numbers(repeat_output=self.repeat_output, dt=self.dt),
                *not_positive(thr_up=self.thr_up, thr_down=self.thr_down, dt=self.dt),
                *negative(n_ref_steps=self.n_ref_steps, repeat_output=self.repeat_output),
            ],
        )

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, N)` or `(batch, time, N)`; see the class for the step.

        Returns:
            Event counts `(batch, time, 2 * N)`, new state, record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        states = (self.analog_value, self.refractory, self.started)
        data, states = self._auto_batch(input_data, states)
        events, state, levels = _evolve_up_down(
            data,
            _State(*states),
            self.thr_up,
            self.thr_down,
            n_ref_steps=int(self.n_ref_steps),
            record=record,
        )
        recorded = {} if levels is None else {"analog_value": levels}
        return events * self.repeat_output, self._new_state(state._asdict()), recorded


class _State(NamedTuple):
    analog_value: Any
    refractory: Any
    started: Any


# One compiled function for all modules of a shape, so that eager calls compile only once.
@partial(jax.jit, static_argnames=("n_ref_steps", "record"))
def _evolve_up_down(
    data: Float[Array, "batch time n"],
    state: _State,
    thr_up: Any,
    thr_down: Any,
    *,
    n_ref_steps: int,
    record: bool,
) -> tuple[Float[Array, "batch time 2*n"], _State, Float[Array, "batch time n"] | None]:
    def step(state: _State, arriving: Any) -> tuple[_State, tuple[Any, ...]]:
        level = jnp.where(state.started[:, None], state.analog_value, arriving)
        up = _count(arriving - level, thr_up)
        down = _count(level - arriving, thr_down)
        if n_ref_steps == 0:
            after, refractory = level + up * thr_up - down * thr_down, state.refractory
        else:
            ready = state.refractory <= 0
            up, down = (jnp.where(ready, jnp.minimum(count, 1.0), 0.0) for count in (up, down))
            refractory = jnp.where(up + down > 0, float(n_ref_steps), state.refractory)
            after = jnp.where(refractory > 0, arriving, level)
            refractory = jnp.maximum(refractory - 1, 0.0)
        events = jnp.stack([up, down], axis=-1).reshape((arriving.shape[0], -1))
        seen = (events, level) if record else (events,)
        return _State(after, refractory, jnp.ones_like(state.started)), seen

    floats = tuple(one.astype(data.dtype) for one in (state.analog_value, state.refractory))
    first = _State(*floats, started=state.started)
    last, (events, *levels) = over_time(step, first, data)
    return events, last, levels[0] if record else None


def _count(distance: Any, threshold: Any) -> Any:
    """How many thresholds lie within a distance; the surrogate begins at half of one."""
    return step_pwl(distance, threshold, threshold / 2, jnp.inf)


def _channels(shape: Any) -> int:
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if not all(hasattr(size, "__index__") for size in sizes) or len(sizes) not in (1, 2):
        raise ValueError(f"`UpDownJax` takes the shape `N` or `(N, 2 * N)`, got {shape!r}")
    n = sizes[0].__index__()
    if n < 1 or (len(sizes) == 2 and sizes[1].__index__() != 2 * n):
        raise ValueError(
            f"`UpDownJax` of shape {shape!r}: there are two outputs for each input, of which there "
            "must be at least one"
        )
    return n
