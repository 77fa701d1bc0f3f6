"""`ScanJax`: any function of one time step as a module."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._checks import not_callable, require
from .._over_time import over_time
from .._static import Static
from ..module import JaxModule, Tree
from ..parameters import Parameter, ParameterBase, SimulationParameter, State, is_array


class ScanJax(JaxModule):
    """Any pure function of one time step as a module.

    The function sees one sample at one time, without batch and time axes:

    | given | called as |
    | --- | --- |
    | no `parameters` | `step(state, input) -> (new state, output)` |
    | `parameters` | `step(parameters, state, input) -> (new state, output)` |

    `state` and `parameters` are dicts of arrays with the names they were given at construction,
    `input` is `(n_in,)`, `output` is `(n_out,)`. Each entry becomes an attribute of the module, so
    that `parameters()`, `set_attributes` and saving work as for any other.

    The record holds each state after each step, `(batch, time, ...)`.

    For random numbers carry a raw key in a state `key`. All samples start from the same; with
    `batch_state` each can be given its own.

    Attributes:
        step: SimulationParameter.

    Args:
        shape: `N` or `(n_in, ..., n_out)`.
        step: the function; pure, as it is compiled.
        state: first values by name; none when not given. A `State` is taken as it is.
        parameters: initial values by name. Wrap a value in `Parameter` to give it a family, in
            `Constant` or `SimulationParameter` to keep it from being trained.
        spiking_input: whether the input is counts of events.
        spiking_output: whether the output is counts of events.

    Raises:
        ValueError: no shape, no function, a name that is taken, or an initial value that does not
            fit its declaration.
        TypeError: an initial value is no array.

    A leaky integrator:

    >>> def integrate(parameters, state, arriving):
    ...     total = parameters["leak"] * state["total"] + arriving
    ...     return {"total": total}, total
    >>> module = ScanJax(
    ...     1, integrate, state={"total": jnp.zeros(1)}, parameters={"leak": 0.5}
    ... )
    >>> output, new_state, _ = module([[1], [1], [1]])
    >>> output.ravel(), new_state
    (Array([1.  , 1.5 , 1.75], dtype=float32), {'total': Array([1.75], dtype=float32)})
    """

    def __init__(
        self,
        shape: Any,
        step: Any,
        state: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        spiking_input: bool = False,
        spiking_output: bool = False,
    ) -> None:
        super().__init__(shape, spiking_input, spiking_output)
        if None in self.shape:
            raise ValueError(f"`ScanJax` takes the shape `N` or `(n_in, n_out)`, got {shape!r}")
        self.step: Any = SimulationParameter(step)
        require(self._label(), not_callable(step=self.step))
        self._parameters = None if parameters is None else self._declared(parameters, Parameter)
        self._states = self._declared(state or {}, State)

    def _declared(
        self, values: Mapping[str, Any], kind: type[Parameter] | type[State]
    ) -> tuple[str, ...]:
        """Make values attributes; gives their names."""
        kinds = (State,) if kind is State else (Parameter, SimulationParameter)
        for name, value in values.items():
            initial = value if isinstance(value, ParameterBase) else kind(value, name=name)
            if name == "rng_key":
                # A state of this name has no batch axis anywhere.
                raise ValueError(
                    f"{self._label()}: `rng_key` is the key of a whole batch; name the key of a "
                    "sample differently"
                )
            if not isinstance(initial, kinds):
                raise TypeError(
                    f"{self._label()}: `{name}` cannot be a `{type(initial).__name__}` here"
                )
            if not (is_array(initial.data) or isinstance(initial.data, (bool, int, float))):
                raise TypeError(
                    f"{self._label()}: `{name}` must be an array or a number, got {initial.data!r}"
                )
            setattr(self, name, initial)
        return tuple(values)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, n_in)` or `(batch, time, n_in)`.

        Returns:
            The outputs of the function, `(batch, time, n_out)`; new state; record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels of the input; or the function gives
                another output than `(n_out,)`, or a state unlike the one it gets.
        """
        data, states = self._auto_batch(input_data, tuple(self._values(self._states).values()))
        output, last, traces = _evolve_function(
            data,
            dict(zip(self._states, states, strict=True)),
            None if self._parameters is None else self._values(self._parameters),
            record=record,
            function=Static(self.step),
            n_out=self.size_out,
            where=self._label(),
        )
        return output, self._new_state(last), traces

    def _values(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}


# One compiled function for all modules of a shape, so that eager calls compile only once.
@partial(jax.jit, static_argnames=("record", "function", "n_out", "where"))
def _evolve_function(
    data: Float[Array, "batch time n_in"],
    state: dict[str, Any],
    parameters: dict[str, Any] | None,
    *,
    record: bool,
    function: Static,
    n_out: int,
    where: str,
) -> tuple[Array, dict[str, Array], dict[str, Array]]:
    of_sample = function.value if parameters is None else partial(function.value, parameters)
    of_batch = jax.vmap(of_sample)

    def step(before: dict[str, Any], arriving: Any) -> tuple[dict[str, Any], tuple[Any, ...]]:
        result = of_batch(before, arriving)
        require(where, _problems(result, before, (len(arriving), n_out)))
        after, output = result
        # Only the precision of floats may differ, see there.
        after = {name: after[name].astype(before[name].dtype) for name in before}
        return after, (output, after) if record else (output,)

    last, (output, *seen) = over_time(step, state, data)
    return output, last, seen[0] if record else {}


def _problems(result: Any, before: dict[str, Any], wanted: tuple[int, int]) -> list[str]:
    """What is wrong with what a user's function gives for a batch."""
    if not (isinstance(result, tuple) and len(result) == 2):
        return [f"`step` must give `(new state, output)`, got {type(result).__name__}"]
    after, output = result
    wrong = []
    if np.shape(output) != wanted:
        wrong.append(f"`step` must give an output of shape {wanted[1:]}, got {_of_sample(output)}")
    if not isinstance(after, dict) or after.keys() != before.keys():
        found = sorted(after) if isinstance(after, dict) else type(after).__name__
        return [*wrong, f"`step` must give the states {sorted(before)}, got {found}"]
    for name, value in before.items():
        new = after[name]
        if new.shape != value.shape:
            wrong.append(
                f"`step` gives `{name}` of shape {_of_sample(new)}, it was {_of_sample(value)}"
            )
        floating = [jnp.issubdtype(one.dtype, jnp.floating) for one in (new, value)]
        if new.dtype != value.dtype and not all(floating):
            wrong.append(f"`step` gives `{name}` as {new.dtype}, it was {value.dtype}")
    return wrong


def _of_sample(batched: Any) -> tuple[int, ...] | str:
    return np.shape(batched)[1:] if hasattr(batched, "shape") else type(batched).__name__
