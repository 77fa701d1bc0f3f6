"""`XyloNetJax`: one chip core as a JAX module that can be trained."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ...models import Constant, Fill, JaxModule, Parameter, SimulationParameter, State
from ...models._initializers import random_key
from ...models._types import Numbers
from .._config import Aliases, XyloConfig
from .._fields import FIELD_NAMES
from .._sim import OUTPUT_ARRAYS
from ..chips import CHIPS, Chip, ChipLike, Range, get_chip
from ._backward import Smoothing
from ._core import Core, Wiring, arranged, integers, wiring_of
from ._evolve import STATES, evolve
from ._initialize import initial_fields
from ._input import say_what_is_cut
from ._masters import MASKS, MASTERS, family_of, read_masks, read_masters, trained_fields
from ._overflow import overflow_excess
from ._surrogates import SURROGATES
from ._units import units

if TYPE_CHECKING:
    Names: TypeAlias = str | Iterable[str]
else:
    Names = object


class XyloNetJax(JaxModule):
    """A chip core to train: float masters, of which the forward pass computes with the integers.

    Each call rounds the masters (half to even), clips them to the ranges of the chip, and does with
    these integers what the chip does: the same spikes, currents and voltages as from
    `XyloSim(net.to_config())` with any engine, also where sums saturate. So a trained network is
    on the chip what it was in training.

    Masters have the names, the shapes and the units of the fields of a `XyloConfig`; weights range
    over ±127. An optimizer such as Adam, which moves all parameters by about its learning rate,
    is told these units by `relative_to(optimizer, net.scales())`.

    The backward pass takes rounding for exact and decay for a factor `1 - 2^-dash`; the slope
    `surrogate` (`exponential`, `fast_sigmoid`, `arctan` or `piecewise_linear`, as given in
    `hw/xylo_net/_surrogates.py`) stands for the staircase of spike counts. Where a master, a
    current or a voltage is clipped, the share `outside` of the gradient passes.

    Attributes:
        weights_in, weights_rec, weights_out: family `weights`; `weights_rec` is `None` without
            recurrence. These and the following are a Parameter where `trainable` names them, else
            a SimulationParameter.
        threshold, threshold_out: family `threshold`.
        bias, bias_out: family `bias`.
        dash_mem, dash_syn, dash_syn_2, dash_mem_out, dash_syn_out: family `dashes`.
        mask_in, mask_rec, mask_out: SimulationParameter, bool: which synapses there are; the
            others stay absent.
        spikes, vmem, isyn, isyn2, vmem_out, isyn_out, quiet: State, as `XyloSim` has it.
        dt, surrogate, window, outside: SimulationParameter.

    The record has the names of that of a `XyloSim`.

    Args:
        chip: the chip or its name, whose arithmetic and ranges hold.
        weights_in: from inputs to the first hidden neurons, `(Nin, Nien, Nsyn)`; the last axis can
            be left out where there is one synapse.
        weights_rec: between hidden neurons, `(Nhid, Nhid, Nsyn)`.
        weights_out: from the last hidden neurons to outputs, `(Noen, Nout)`.
        dash_mem, dash_syn, dash_syn_2, dash_mem_out, dash_syn_out: decay shifts [bits].
        threshold, threshold_out: firing thresholds.
        bias, bias_out: constants added to the membranes in every step. They are held within the
            8 bits that design rules allow, or 16 where the first ones are outside of them.
        weight_shift_in, weight_shift_rec, weight_shift_out: left shifts of the weights [bits].
        aliases: for each hidden neuron the ids of those that repeat its spikes.
        dt: length of a step [s].
        mask_in, mask_rec, mask_out: which synapses there are, in the shapes of the weights; all
            where not given.
        trainable: fields or families that are trained.
        surrogate: which slope stands for spike counts.
        window: its width [thresholds].
        outside: share of the gradient that passes where something is clipped, 0 to 1.
        output_mode: what the output is: `Spike`, `Vmem` or `Isyn` of the output neurons.

    Raises:
        ValueError: values that make no configuration, that are NaN or infinite, or names and
            numbers that make no sense; lists everything of one kind.
        TypeError: values that are no numbers.

    Source: chip facts, section 2; the surrogates name theirs.

    >>> net = XyloNetJax("xylo-imu", weights_in=[[90.4]], weights_out=[[9]], threshold=60)
    >>> output, new_state, record = net([[1], [0], [2]], record=True)
    >>> record["Vmem"].ravel().tolist(), record["Spikes"].ravel().tolist()
    ([45.0, 46.0, 5.0], [0.0, 0.0, 2.0])
    >>> int(net.to_config().weights_in[0, 0, 0])
    90
    """

    if TYPE_CHECKING:
        # Set by name in a loop, which checkers do not follow.
        weights_in: Any
        weights_out: Any
        threshold: Any
        threshold_out: Any
        mask_in: Any
        mask_rec: Any
        mask_out: Any

    def __init__(
        self,
        chip: ChipLike,
        *,
        weights_in: Numbers,
        weights_rec: Numbers | None = None,
        weights_out: Numbers,
        dash_mem: Numbers = 1,
        dash_syn: Numbers = 1,
        dash_syn_2: Numbers = 1,
        dash_mem_out: Numbers = 1,
        dash_syn_out: Numbers = 1,
        threshold: Numbers = 0,
        threshold_out: Numbers = 0,
        bias: Numbers = 0,
        bias_out: Numbers = 0,
        weight_shift_in: Numbers = 0,
        weight_shift_rec: Numbers = 0,
        weight_shift_out: Numbers = 0,
        aliases: Aliases | None = None,
        dt: Numbers = 1e-3,
        mask_in: Numbers | None = None,
        mask_rec: Numbers | None = None,
        mask_out: Numbers | None = None,
        trainable: Names = ("weights",),
        surrogate: str = "exponential",
        window: float = 0.5,
        outside: float = 0.1,
        output_mode: str = "Spike",
    ) -> None:
        # The arguments, before anything else is a local name.
        given = {name: value for name, value in locals().items() if name in FIELD_NAMES}
        read = read_masters(get_chip(chip), given)
        config, trained = read.config, trained_fields(trainable)
        masks = read_masks(config, {"mask_in": mask_in, "mask_rec": mask_rec, "mask_out": mask_out})
        super().__init__((config.n_inputs, config.n_outputs), True, output_mode == "Spike")
        self._require_sensible(surrogate, window, outside, output_mode)
        # By its name where that says all, so that files can hold it.
        known = CHIPS.get(config.chip.name) == config.chip
        self._chip = config.chip.name if known else config.chip
        self._bias_range = (read.bias_range.low, read.bias_range.high)
        self._output_mode = output_mode
        self.aliases = config.aliases
        self.weight_shifts = tuple(
            int(getattr(config, f"weight_shift_{end}")) for end in ("in", "rec", "out")
        )
        for name, master in read.masters.items():
            if name in MASKS:
                master = master * masks[MASKS[name]]
            value = master if name in trained else Constant(master)
            setattr(self, name, Parameter(value, family_of(name), name=name))
        if "weights_rec" not in read.masters:
            self.weights_rec: Any = None
        for name, mask in masks.items():
            setattr(self, name, SimulationParameter(mask))
        for name in STATES[:-1]:
            n = config.n_outputs if name.endswith("_out") else config.n_hidden
            setattr(self, name, State(shape=n, init_func=Fill()))
        self.quiet: Any = State(np.zeros((), bool))
        self.dt: Any = SimulationParameter(config.dt)
        self.surrogate: Any = SimulationParameter(surrogate)
        self.window: Any = SimulationParameter(float(window))
        self.outside: Any = SimulationParameter(float(outside))

    def _require_sensible(
        self, surrogate: str, window: float, outside: float, output_mode: str
    ) -> None:
        wrong = []
        if surrogate not in SURROGATES:
            wrong.append(f"no surrogate is called {surrogate!r}: known are {', '.join(SURROGATES)}")
        if output_mode not in OUTPUT_ARRAYS:
            wrong.append(
                f"no output mode is called {output_mode!r}: known are {', '.join(OUTPUT_ARRAYS)}"
            )
        if not window > 0:
            wrong.append(f"`window` must be positive, got {window!r}")
        if not 0 <= outside <= 1:
            wrong.append(f"`outside` is a share, 0 to 1, got {outside!r}")
        if wrong:
            raise ValueError("\n".join(wrong))

    @classmethod
    def from_config(cls, config: XyloConfig, **options: Any) -> XyloNetJax:
        """A network that computes what a configuration does.

        Args:
            config: any well-formed one.
            **options: `trainable`, `surrogate`, `window`, `outside` and `output_mode` as for the
                class. `mask_in`, `mask_rec` and `mask_out` say which synapses there are; where they
                are not given, those whose weights are not zero.

        Warns:
            UserWarning: the configuration holds registers of a front end. They are no part of the
                core, and `to_config` gives a configuration without them.

        >>> config = XyloConfig("xylo-imu", weights_in=[[64, 0]], weights_out=[[10], [20]])
        >>> XyloNetJax.from_config(config, trainable="weights_out").to_config() == config
        True
        """
        if config.input_interface is not None:
            warnings.warn(
                "registers of the front end do not go along; put them into the trained "
                "configuration with `IMUIFSim.from_registers(...).configure(net.to_config())`",
                stacklevel=2,
            )
        fields = {name: getattr(config, name) for name in FIELD_NAMES}
        masks = {mask: fields[name] != 0 for name, mask in MASKS.items()}
        masks |= {mask: options.pop(mask) for mask in MASKS.values() if mask in options}
        is_needed = np.any(masks["mask_rec"]) or config.n_hidden > config.n_input_expansion
        if not is_needed:
            fields["weights_rec"], masks["mask_rec"] = None, None
        return cls(config.chip, **fields, **masks, **options)

    @classmethod
    def initialize(
        cls,
        chip: ChipLike,
        n_in: int,
        n_hidden: int,
        n_out: int,
        *,
        inputs: Numbers = 0.1,
        hidden_rate: float = 0.05,
        output_rate: float = 0.1,
        recurrent: bool = False,
        n_synapses: int = 1,
        dash_mem: Numbers = 4,
        dash_syn: Numbers = 3,
        dash_syn_2: Numbers = 5,
        dash_mem_out: Numbers = 4,
        dash_syn_out: Numbers = 3,
        rng_key: Any = None,
        **options: Any,
    ) -> XyloNetJax:
        """A network to begin with, which spikes at sensible rates from the first step on.

        Weights are drawn at random. Thresholds, one of all hidden neurons and one of all outputs,
        are then set by simulating the input: the lowest ones with which neurons spike no more
        than wanted in the mean. Recurrent neurons feed as many others as the chip has room for.
        Where not all hidden neurons can have inputs, they are recurrent in any case.

        Args:
            chip: the chip or its name.
            n_in: input channels.
            n_hidden: hidden neurons.
            n_out: outputs.
            inputs: spike counts `(time, n_in)` or `(batch, time, n_in)`, such as part of the
                training data; or the mean counts of a step, one or `(n_in,)`, of which rasters
                are made up.
            hidden_rate: wanted spikes of a hidden neuron in a step.
            output_rate: the same of an output.
            recurrent: whether hidden neurons feed each other.
            n_synapses: synaptic currents of a hidden neuron.
            dash_mem: decay shifts of the membranes of hidden neurons [bits].
            dash_syn: those of their currents.
            dash_syn_2: those of their second currents.
            dash_mem_out: those of the membranes of outputs.
            dash_syn_out: those of their currents.
            rng_key: JAX random key, typed or raw; from NumPy's global generator when not given.
            **options: as for the class.

        Raises:
            ValueError: more than the chip has, or an input too sparse for the rates.

        >>> key = jax.random.key(0)
        >>> net = XyloNetJax.initialize("xylo-imu", 4, 30, 3, recurrent=True, rng_key=key)
        >>> _, _, record = net(np.random.default_rng(0).poisson(0.1, (8, 200, 4)), record=True)
        >>> bool(0.03 < record["Spikes"].mean() < 0.07)
        True
        """
        dashes = {"dash_mem": dash_mem, "dash_syn": dash_syn, "dash_syn_2": dash_syn_2}
        dashes |= {"dash_mem_out": dash_mem_out, "dash_syn_out": dash_syn_out}
        known = get_chip(chip)
        seed = np.asarray(random_key(rng_key)).ravel().tolist()
        fields = initial_fields(
            known,
            (n_in, n_hidden, n_out),
            np.random.default_rng(seed),
            inputs=inputs,
            rates=(hidden_rate, output_rate),
            recurrent=recurrent,
            n_synapses=n_synapses,
            dashes=dashes,
        )
        return cls(known, **fields, **options)

    def to_config(self) -> XyloConfig:
        """The configuration with the integers that the forward pass computes with.

        Raises:
            ValueError: masters that are NaN or infinite.
        """
        masters = self._masters()
        exact = {name: np.asarray(array) for name, array in masters.items()}
        broken = [f"`{name}`" for name, array in exact.items() if not np.isfinite(array).all()]
        if broken:
            raise ValueError(
                f"NaN or infinite values in {', '.join(broken)}: has the training diverged?"
            )
        rounded = integers(self._core(), masters, self._masks(), jnp.zeros(()))
        shifts = dict(zip(("in", "rec", "out"), self.weight_shifts, strict=True))
        return XyloConfig(
            self.chip,
            **{"weights_rec": np.zeros((self.n_hidden, self.n_hidden, self.n_synapses))}
            | {name: np.asarray(array) for name, array in rounded.items()},
            **{f"weight_shift_{end}": shift for end, shift in shifts.items()},
            aliases=self.aliases,
            dt=float(self.dt),
        )

    @property
    def chip(self) -> Chip:
        """The chip whose arithmetic it is."""
        return get_chip(self._chip)

    @property
    def n_hidden(self) -> int:
        """Hidden neurons."""
        return len(self.threshold)

    @property
    def n_synapses(self) -> int:
        """Synaptic currents of a hidden neuron, 1 or 2."""
        return self.weights_in.shape[2]

    @property
    def output_mode(self) -> str:
        """What the output is: `Spike`, `Vmem` or `Isyn`."""
        return self._output_mode

    def scales(self) -> dict[str, Any]:
        """The size of a change that matters, for each trained master, for `relative_to`.

        For weights it is the weight at which a steady input of one spike a step lifts the membrane
        to about the threshold, `threshold * 2^-(dash_mem + dash_syn) / 2^weight_shift`, from 1 to
        64; for biases the same of a membrane alone. For thresholds it is their value, for dashes 1.

        Returns:
            A tree like `parameters()`, each leaf broadcasting against the parameter's.

        >>> net = XyloNetJax("xylo-imu", weights_in=[[90]], weights_out=[[9]], threshold=80)
        >>> net.scales()["weights_in"].ravel().tolist()
        [20.0]
        """
        core, wanted = self._core(), self.parameters()
        rounded = integers(core, self._masters(), self._masks(), jnp.zeros(()))
        return {
            name: scale
            for name, scale in units(core, self._wiring(), rounded).items()
            if name in wanted
        }

    def overflow_excess(self, room: float = 0.1) -> jax.Array:
        """Penalty on sums that the worst input could drive out of 16 bits.

        Each neuron has largest sums: of its currents, of its membrane, up and down. The cost is
        the mean over neurons of `max(0, ln(sum / limit))²`, added up over its sums, with the limit
        at `1 - room` of 16 bits. Thresholds cost the square of what they are below 1. Added to a
        loss, with a factor, it makes networks in which nothing saturates: where it is zero,
        `saturation_bounds(net.to_config()).overflow_impossible` holds.

        Args:
            room: share of 16 bits that is kept free, 0 or more and below 1. As the cost rises
                slowly from the limit on, networks end a bit above it, and some room lets that be
                within 16 bits.

        Raises:
            ValueError: a share out of range.

        Source: reasoning in `hw/xylo_net/_overflow.py`; held against `saturation_bounds` by
        `tests/hw/test_xylo_net_overflow.py`.

        >>> net = XyloNetJax(
        ...     "xylo-imu", weights_in=[[100]], weights_out=[[9]], threshold=500, threshold_out=50
        ... )
        >>> float(net.overflow_excess())
        0.0
        >>> bool(net.set_attributes({"dash_syn": np.array([6.0])}).overflow_excess() > 0)
        True
        """
        if not 0 <= room < 1:
            raise ValueError(f"`room` is a share, 0 or more and below 1, got {room!r}")
        core, wiring = self._core(), self._wiring()
        rounded = integers(core, self._masters(), self._masks(), jnp.asarray(self.outside))
        return overflow_excess(core, wiring, arranged(core, wiring, rounded), room)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Any, Any]:
        """Run over `(time, n_in)` or `(batch, time, n_in)` spike counts.

        Counts are cut to whole numbers and clipped to what the counters of the chip hold, 0 to 15.
        Compiled code does so without a word.

        Returns:
            Output `(batch, time, n_out)`; new state; record: `Spikes`, `Vmem`, `Isyn`, `Isyn2`
            `(batch, time, Nhid)`, `Vmem_out`, `Isyn_out`, `Spikes_out` `(batch, time, Nout)`,
            floats, and on chips that have it `hibernation` `(batch, time)`, bool.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank, wrong number of channels, or, outside of compiled code, values
                that are NaN or infinite.

        Warns:
            InputClippedWarning: values were cut or clipped; outside of compiled code only.
        """
        data, states = self._auto_batch(input_data, tuple(getattr(self, name) for name in STATES))
        say_what_is_cut(data, self.chip.max_input_spikes)
        state = dict(zip(STATES, states, strict=True))
        output, end, traces = evolve(
            self._core(),
            self._wiring(),
            self._masters(),
            self._masks(),
            Smoothing(jnp.asarray(self.window), jnp.asarray(self.outside)),
            state,
            data,
            output=OUTPUT_ARRAYS[self.output_mode],
            record=record,
        )
        last = {name: end[name].astype(getattr(self, name).dtype) for name in STATES}
        return output, self._new_state(last), traces

    def _masters(self) -> dict[str, jax.Array]:
        return {name: getattr(self, name) for name in MASTERS if getattr(self, name) is not None}

    def _masks(self) -> dict[str, jax.Array]:
        return {name: getattr(self, mask) for name, mask in MASKS.items()}

    def _wiring(self) -> Wiring:
        return wiring_of(self.weight_shifts, self.aliases, self.size_out)

    def _core(self) -> Core:
        return Core(
            chip=self.chip,
            n_inputs=self.size_in,
            n_hidden=self.n_hidden,
            n_outputs=self.size_out,
            n_synapses=self.n_synapses,
            n_input_expansion=self.weights_in.shape[1],
            n_output_expansion=self.weights_out.shape[0],
            is_recurrent=self.weights_rec is not None,
            bias_range=Range(*self._bias_range),
            surrogate=self.surrogate,
        )
