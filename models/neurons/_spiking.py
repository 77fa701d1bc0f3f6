"""What the modules of all kinds of spiking neurons have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax

from .._checks import negative, not_below_one, not_callable, not_numbers, not_positive, require
from .._initializers import Fill, random_key
from .._noise import draw_noise
from .._static import Static
from ..module import JaxModule, Tree
from ..parameters import Parameter, SimulationParameter, State
from ._evolve import Dynamics, evolve_neurons
from ._leak import LEAKS, PLACES, derived_leak, leak_problems, leak_values


class SpikingJax(JaxModule):
    """Neurons that count how often their voltage exceeds a threshold.

    A kind of neurons says in `_dynamics` what happens in a step; its constructor declares what
    it has besides what is declared here.
    """

    _dynamics: ClassVar[Dynamics]
    _states: ClassVar[tuple[str, ...]] = ("spikes", "isyn", "vmem")
    # The parts that leak, and parameters that only this kind has.
    _leaking: ClassVar[tuple[str, ...]] = ("mem", "syn")
    _own: ClassVar[tuple[str, ...]] = ()

    # Kept by a module only where they are others, so that networks saved before there were modes
    # are like those built today.
    leak_mode: str = "taus"
    whole_dashes: bool = False
    n_synapses: int = 1
    w_rec: Any = None

    def __init__(
        self,
        shape: Any,
        *,
        leak: tuple[str, bool, Mapping[str, Any]],
        bias: Any,
        threshold: Any,
        recurrence: tuple[Any, bool, Callable[..., Any]] | None,
        noise_std: Any,
        max_spikes_per_dt: Any,
        dt: Any,
        rng_key: Any,
        spiking_input: bool,
        spiking_output: bool,
        spike_generation_fn: Any,
        learning_window: Any,
    ) -> None:
        has_synapses = "isyn" in self._states
        n_in, n = _sizes(shape, type(self).__name__, has_synapses)
        super().__init__((n_in, n) if has_synapses else (n,), spiking_input, spiking_output)
        self._require_matching(leak, recurrence)
        self.n_synapses = n_in // n
        weight_key, noise_key = jax.random.split(random_key(rng_key))
        self._declare_leak(*leak)
        self.bias: Any = Parameter(bias, "bias", Fill(0.0), [n, ()], name="bias")
        self.threshold: Any = Parameter(
            threshold, "threshold", Fill(1.0), [n, ()], name="threshold"
        )
        if recurrence is not None:
            self._declare_recurrence(*recurrence, None if rng_key is None else weight_key)
        if has_synapses:
            self.spikes: Any = State(shape=n, init_func=Fill())
            self.isyn: Any = State(shape=(n, self.n_synapses), init_func=Fill())
        self.vmem: Any = State(shape=n, init_func=Fill())
        self.rng_key: Any = State(noise_key)

        self.dt: Any = SimulationParameter(dt)
        self.noise_std: Any = SimulationParameter(noise_std)
        self.max_spikes_per_dt: Any = SimulationParameter(max_spikes_per_dt)
        self.spike_generation_fn: Any = SimulationParameter(spike_generation_fn)
        self.learning_window: Any = SimulationParameter(learning_window)
        self._require_sensible()

    def _require_matching(
        self,
        leak: tuple[str, bool, Mapping[str, Any]],
        recurrence: tuple[Any, bool, Callable[..., Any]] | None,
    ) -> None:
        problems = leak_problems(*leak)
        if recurrence is not None and recurrence[0] is not None and not recurrence[1]:
            problems.append("`w_rec` was given without `has_rec=True`")
        require(self._label(), problems)

    def _declare_leak(self, mode: str, whole_dashes: bool, given: Mapping[str, Any]) -> None:
        n, k = self.size_out, self.n_synapses
        shapes = {"mem": [n, ()], "syn": [(n, k), (1, k), ()]}
        for name, value in (("leak_mode", mode), ("whole_dashes", whole_dashes)):
            if value != getattr(type(self), name):
                setattr(self, name, value)
        kind = LEAKS[mode]
        for part in self._leaking:
            name = kind.names[part]
            value = Parameter(given[name], mode, Fill(kind.default), shapes[part], name=name)
            setattr(self, name, value)

    def _declare_recurrence(
        self, w_rec: Any, has_rec: bool, weight_init_func: Callable[..., Any], key: Any
    ) -> None:
        shape = (self.size_out, self.size_in)
        self.w_rec = (
            Parameter(
                w_rec,
                "weights",
                weight_init_func,
                shape,
                permit_reshape=False,
                key=key,
                name="w_rec",
            )
            if has_rec
            else None
        )

    def _require_sensible(self) -> None:
        leaks = self._named(*(LEAKS[self.leak_mode].names[part] for part in self._leaking))
        scalars = self._named("dt", "noise_std", "max_spikes_per_dt", "learning_window")
        least = leaks | self._named("threshold") | scalars
        del least["noise_std"]
        problems = not_numbers(**scalars) + not_positive(**least)
        if self.leak_mode == "decays":
            problems += not_below_one(**leaks)
        problems += negative(noise_std=self.noise_std)
        problems += not_callable(spike_generation_fn=self.spike_generation_fn)
        require(self._label(), problems)

    def _named(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}

    @property
    def has_rec(self) -> bool:
        """Whether the neurons feed themselves."""
        return self.w_rec is not None

    # Asked only for names that are not there: those of the modes that were not chosen.
    def __getattr__(self, name: str) -> Any:
        if name in PLACES and PLACES[name][1] in self._leaking and "dt" in vars(self):
            return derived_leak({**leak_values(self, self._leaking), "dt": self.dt}, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in PLACES and name not in LEAKS[self.leak_mode].names.values():
            chosen = LEAKS[self.leak_mode].names[PLACES[name][1]]
            raise ValueError(
                f"{self._label()}: `{name}` follows from `{chosen}`, as the leak_mode is "
                f"{self.leak_mode!r}; set `{chosen}`"
            )
        super().__setattr__(name, value)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, n_in)` or `(batch, time, n_in)`; see the class for the step.

        Returns:
            Spike counts `(batch, time, N)`, new state, record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        states = tuple(getattr(self, name) for name in self._states)
        data, states = self._auto_batch(input_data, states)
        shape = (*data.shape[:2], self.size_out)
        next_key, noise = draw_noise(self.rng_key, self.noise_std, self.dt, shape)
        names = "bias", "threshold", "dt", "max_spikes_per_dt", "learning_window", *self._own
        values = self._named(*names) | leak_values(self, self._leaking)
        if self.w_rec is not None:
            values["w_rec"] = self.w_rec
        output, state, traces = evolve_neurons(
            data,
            dict(zip(self._states, states, strict=True)),
            noise,
            values,
            dynamics=self._dynamics,
            count_spikes=Static(self.spike_generation_fn),
            record=record,
        )
        return output, {**self._new_state(state), "rng_key": next_key}, traces


def _sizes(shape: Any, name: str, has_synapses: bool) -> tuple[int, int]:
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    most = 2 if has_synapses else 1
    if not all(hasattr(size, "__index__") for size in sizes) or len(sizes) not in range(
        1, most + 1
    ):
        permitted = "`N` or `(n_in, N)`" if has_synapses else "`N`"
        raise ValueError(f"`{name}` takes the shape {permitted}, got {shape!r}")
    n_in, n = sizes[0].__index__(), sizes[-1].__index__()
    if n < 1 or n_in < n or n_in % n:
        raise ValueError(
            f"`{name}` of shape {shape!r}: the {n_in} inputs must be a multiple of the {n} neurons, "
            "one for each synapse"
        )
    return n_in, n
