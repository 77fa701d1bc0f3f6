"""What the Xylo chips are: every limit of every chip, in one table.

`CHIPS` is the only place in Xylograph where a number of a chip stands. Rules read it, mapping
passes read it, error messages quote it. A new chip is a new row here and nothing anywhere else.

Words used for the fields:

- *hidden* neuron: one of the chip's recurrent population (also called reservoir).
- *input expansion neuron* (IEN): a hidden neuron that can have weights from the input channels.
  Where a chip has fewer of them than hidden neurons, they are the **first** hidden ids.
- *output expansion neuron* (OEN): a hidden neuron that can have weights to the output layer.
  Where a chip has fewer of them than hidden neurons, they are the **last** hidden ids.
- *recurrent entry*: one (source, target) slot of the recurrent weight memory. It holds a weight
  for each synapse of the target.

Source: chip facts, section 1 (comparison table). Each row and each field below says how sure
its number is, in these words: *documented* (vendor's or Rockpool's documentation, drivers or
mapper defaults), *simulator* (constants of the vendor's bit-exact simulator), *inferred*
(deduced, no source says it), *uncertain* (sources are silent or differ).
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias


@dataclass(frozen=True)
class Range:
    """Integers from `low` to `high`, both included.

    >>> 15 in Range(0, 15), 16 in Range(0, 15)
    (True, False)
    >>> str(Range(-128, 127))
    '-128..127'
    """

    low: int
    high: int

    def __contains__(self, value: int) -> bool:
        """Whether `value` lies in the range."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        """The range as messages show it: `low..high`."""
        return f"{self.low}..{self.high}"


_INT8 = Range(-(2**7), 2**7 - 1)
_INT16 = Range(-(2**15), 2**15 - 1)


@dataclass(frozen=True, kw_only=True)
class IMULimits:
    """Registers and widths of the IMU front end, each documented (IMU front-end facts).

    Attributes:
        rate_hz: samples a second of the sensor, and steps a second of the network.
        max_filters: band-pass filters, an equal share for each of the three axes.
        max_events: of one channel in one step.
        sample_range: sign and magnitude in 16 bits; there is no -32768.
        averaging_shift_range: of the covariance, 5 bits.
        sampling_period_range: steps for which a rotation is kept, 11 bits.
        filter_shift_range: B_b, B_wf and B_af of a filter, 4 bits.
        coefficient_range: a1 and a2 of a filter, 17 bits.
        filtered_range: outputs of filters, 25 bits.
        scale_range: shift of the scale encoder, 5 bits.
        iaf_threshold_range: of the IAF encoder, 31 bits.
        covariance_range: elements of the averaged covariance, 31 bits.

    >>> IMULimits().sample_range
    Range(low=-32767, high=32767)
    """

    rate_hz: float = 200.0
    max_filters: int = 15
    max_events: int = 15
    sample_range: Range = Range(-(2**15) + 1, 2**15 - 1)
    averaging_shift_range: Range = Range(0, 31)
    sampling_period_range: Range = Range(1, 2047)
    filter_shift_range: Range = Range(0, 15)
    coefficient_range: Range = Range(-(2**16), 2**16 - 1)
    filtered_range: Range = Range(-(2**24) + 1, 2**24 - 1)
    scale_range: Range = Range(0, 31)
    iaf_threshold_range: Range = Range(1, 2**31 - 1)
    covariance_range: Range = Range(-(2**30) + 1, 2**30 - 1)

    def __str__(self) -> str:
        """The numbers that tell most, for tables."""
        return f"{self.max_filters} filters, {self.rate_hz:g} Hz"


@dataclass(frozen=True, kw_only=True)
class Audio2Limits:
    """Registers and widths of the Audio 2 front end (Audio 2 front-end facts, sections 2, 4, 5).

    Attributes:
        max_filters: analog band-pass filters.
        max_events: of one channel in one row of the raster (simulator).
        count_range: full charges for an event, 10 bits (documented).
        max_frame_events: counter of the normalization, 10 bits (simulator).
        max_average: mean of the normalization, 16 bits (simulator).

    >>> Audio2Limits().count_range
    Range(low=1, high=1023)
    """

    max_filters: int = 16
    max_events: int = 15
    count_range: Range = Range(1, 2**10 - 1)
    max_frame_events: int = 2**10 - 1
    max_average: int = 2**16 - 1

    def __str__(self) -> str:
        """The numbers that tell most, for tables."""
        return f"{self.max_filters} filters"


@dataclass(frozen=True, kw_only=True)
class Audio3Limits:
    """Registers and widths of the Audio 3 front end (Audio 3 front-end facts, sections 2 to 7).

    Attributes:
        rate_hz: samples a second that the filters get, from a digital microphone or from outside.
        pdm_rate_hz: bits a second of a digital microphone.
        agc_rate_hz: samples a second of the converter of an analog microphone.
        max_filters: band-pass filters.
        max_events: of one channel in one row of the raster.
        sample_range: what the filters get, 14 bits.
        code_range: what the converter gives, 10 bits.
        max_gains: of the amplifier.
        envelope_range: of the codes, and levels that it is compared with, 9 bits.
        gain_step_range: by which the gain index may change at once.
        filter_shift_range: B_b, B_wf and B_af of a filter, 4 bits.
        coefficient_range: a1 and a2 of a filter, 16 bits.
        max_filter_bits: width of state and output of the widest filter.
        eps_range: least mean magnitude, 16 bits.
        fixed_threshold_range: 42 bits.

    >>> Audio3Limits().sample_range
    Range(low=-8192, high=8191)
    """

    rate_hz: float = 50e6 / 1024
    pdm_rate_hz: float = 50e6 / 32
    agc_rate_hz: float = 50e3
    max_filters: int = 16
    max_events: int = 15
    sample_range: Range = Range(-(2**13), 2**13 - 1)
    code_range: Range = Range(-(2**9), 2**9 - 1)
    max_gains: int = 16
    envelope_range: Range = Range(0, 2**9 - 1)
    gain_step_range: Range = Range(-3, 3)
    filter_shift_range: Range = Range(0, 15)
    coefficient_range: Range = Range(-(2**15), 2**15 - 1)
    max_filter_bits: int = 29
    eps_range: Range = Range(0, 2**16 - 1)
    fixed_threshold_range: Range = Range(0, 2**42 - 1)

    def __str__(self) -> str:
        """The numbers that tell most, for tables."""
        return f"{self.max_filters} filters, {self.rate_hz:.0f} Hz"


@dataclass(frozen=True, repr=False, kw_only=True)
class Chip:
    """One chip: its names, its limits, what it can do.

    The fields with a default are the same for all known chips.

    Attributes:
        name: the vendor's number, "SYNS63300".
        plain_name: the name people use, "xylo-imu".
        description: one line for tables and messages.
        core_version: arithmetic of the core, 1 or 2. Core 1 has no bias and decays the membrane
            before it adds the currents, which differs from core 2 in saturation only (simulator).
        max_inputs: input channels (documented).
        max_hidden: hidden neurons (documented).
        max_outputs: output neurons (documented).
        max_input_expansion: hidden neurons that can have input weights, IEN (documented).
        max_output_expansion: hidden neurons that can have output weights, OEN (documented).
        max_synapses: synaptic currents of a hidden neuron (documented). Output neurons have one.
        max_fan_out: hidden neurons that one hidden neuron can drive (documented). The two
            synapses of a target share one slot, so a target counts once.
        max_recurrent_entries: slots of the recurrent weight memory, all neurons together.
        has_bias: whether neurons can have a constant bias current (documented).
        has_hibernation: whether the core can sleep through steps without activity (documented).
        has_boards: whether the vendor's software still drives boards with it (documented).
        weight_range: signed 8 bit (documented; simulator).
        threshold_range: signed 16 bit (documented). That thresholds below zero are accepted is
            uncertain.
        bias_range: what the design rules allow. The vendor's memory export writes biases as two
            hexadecimal digits, so 8 bit is what is sure; that the chip has more is uncertain.
        stored_bias_range: what configurations and engines hold; the vendor's simulator carries
            16 bit (simulator).
        dash_range: decay shifts of membranes and synapses, 4 bit (documented).
        weight_shift_range: left shifts of the input, recurrent and output weights; fields of
            3 bit (documented; inferred for SYNS63300).
        stored_weight_shift_range: what configurations and engines hold. Wider than what the
            registers have, because the simulator computes with larger shifts too.
        state_range: synaptic currents and membrane potentials, which saturate (simulator).
        max_input_spikes: spikes of one input channel in one step (simulator).
        max_hidden_spikes: spikes of one hidden neuron in one step (simulator).
        max_output_spikes: spikes of one output neuron in one step (simulator).
        max_alias_targets: neurons that repeat the spikes of one hidden neuron (documented).
        imu: limits of the IMU front end, on the chip that has one.
        audio2: limits of the Audio 2 front end, on the chip that has one.
        audio3: limits of the Audio 3 front end, on the chip that has one.
        main_clock: of the core unless set otherwise, in hertz (documented; inferred for SYNS61300,
            which has no boards).

    >>> CHIPS["SYNS63300"]
    <Chip SYNS63300 (xylo-imu)>
    >>> CHIPS["SYNS63300"].max_hidden
    496
    """

    name: str
    plain_name: str
    description: str
    core_version: int
    max_inputs: int
    max_hidden: int
    max_outputs: int
    max_input_expansion: int
    max_output_expansion: int
    max_synapses: int
    max_fan_out: int
    max_recurrent_entries: int
    has_bias: bool
    has_hibernation: bool
    has_boards: bool
    weight_range: Range = _INT8
    threshold_range: Range = _INT16
    bias_range: Range = _INT8
    stored_bias_range: Range = _INT16
    dash_range: Range = Range(0, 15)
    weight_shift_range: Range = Range(0, 7)
    stored_weight_shift_range: Range = Range(0, 15)
    state_range: Range = _INT16
    max_input_spikes: int = 15
    max_hidden_spikes: int = 31
    max_output_spikes: int = 1
    max_alias_targets: int = 1
    imu: IMULimits | None = None
    audio2: Audio2Limits | None = None
    audio3: Audio3Limits | None = None
    main_clock: float = 50e6

    @property
    def max_weights(self) -> int:
        """Weights that the three memories hold together, each synapse counted.

        Input memory (inputs x IEN x synapses), recurrent memory (entries x synapses) and output
        memory (OEN x outputs).

        Source: chip facts, section 1, weight memories (documented; inferred for SYNS63300).

        >>> CHIPS["SYNS63300"].max_weights == 16 * 128 + 31744 + 128 * 16
        True
        """
        per_synapse = self.max_inputs * self.max_input_expansion + self.max_recurrent_entries
        return per_synapse * self.max_synapses + self.max_output_expansion * self.max_outputs

    def __repr__(self) -> str:
        """The names only; the limits are in the table."""
        return f"<Chip {self.name} ({self.plain_name})>"


_ROWS = (
    # Simulated only: the vendor's software dropped its boards. Sizes: documented. Recurrent
    # entries: 32 a neuron on average, documented with the memory map of the old driver.
    Chip(
        name="SYNS61300",
        plain_name="xylo-1",
        description="Xylo core 1, spike input, no sensor",
        core_version=1,
        max_inputs=16,
        max_hidden=1000,
        max_outputs=8,
        max_input_expansion=1000,
        max_output_expansion=1000,
        max_synapses=2,
        max_fan_out=64,
        max_recurrent_entries=32_000,
        has_bias=False,
        has_hibernation=False,
        has_boards=False,
    ),
    # Sizes: documented. Recurrent entries: 32 a neuron on average, documented. A fan-in limit of
    # 63 appears in a third-party list only and is left out as uncertain.
    Chip(
        name="SYNS61201",
        plain_name="xylo-audio-2",
        description="Xylo Audio 2, analog microphone front end",
        core_version=2,
        max_inputs=16,
        max_hidden=1000,
        max_outputs=8,
        max_input_expansion=1000,
        max_output_expansion=1000,
        max_synapses=2,
        max_fan_out=64,
        max_recurrent_entries=32_000,
        has_bias=True,
        has_hibernation=True,
        has_boards=True,
        audio2=Audio2Limits(),
    ),
    # Sizes: documented. Recurrent entries: 64 x 496, from the documented average fan-out. The
    # sensor drives 15 of the 16 inputs; the core has all 16.
    Chip(
        name="SYNS63300",
        plain_name="xylo-imu",
        description="Xylo IMU, accelerometer front end",
        core_version=2,
        max_inputs=16,
        max_hidden=496,
        max_outputs=16,
        max_input_expansion=128,
        max_output_expansion=128,
        max_synapses=1,
        max_fan_out=512,
        max_recurrent_entries=64 * 496,
        has_bias=True,
        has_hibernation=True,
        has_boards=True,
        imu=IMULimits(),
    ),
    # Sizes: documented. Outputs: the driver's constant is 32; an old page says 8 and Rockpool's
    # rule 16, both copied from other chips. Fan-out: the whole 10-bit id space (documented as
    # "all"). Recurrent entries: 32 x 992, from the memory map.
    Chip(
        name="SYNS65302",
        plain_name="xylo-audio-3",
        description="Xylo Audio 3, digital or analog microphone front end",
        core_version=2,
        max_inputs=16,
        max_hidden=992,
        max_outputs=32,
        max_input_expansion=128,
        max_output_expansion=128,
        max_synapses=2,
        max_fan_out=1024,
        max_recurrent_entries=32 * 992,
        has_bias=True,
        has_hibernation=True,
        has_boards=True,
        audio3=Audio3Limits(),
    ),
)

CHIPS: Mapping[str, Chip] = MappingProxyType({chip.name: chip for chip in _ROWS})
"""All known chips by `Chip.name`."""


# For static checkers; at run time `get_chip` takes anything and says itself what is wrong.
if TYPE_CHECKING:
    ChipLike: TypeAlias = Chip | str
else:
    ChipLike = object


def get_chip(name_or_chip: ChipLike) -> Chip:
    """The chip of that name.

    Args:
        name_or_chip: a name ("SYNS63300") or a plain name ("xylo-imu"), in any case; a `Chip` is
            given back as it is.

    Returns:
        The row of `CHIPS`.

    Raises:
        ValueError: when no chip has that name; the text lists all names and the likely one.
        TypeError: when it is neither a name nor a chip.

    >>> get_chip("Xylo-IMU")
    <Chip SYNS63300 (xylo-imu)>
    """
    if isinstance(name_or_chip, Chip):
        return name_or_chip
    if not isinstance(name_or_chip, str):
        raise TypeError(
            f"a chip is a name or a `Chip`, not {type(name_or_chip).__name__}: {_known_names()}"
        )
    wanted = name_or_chip.lower()
    for chip in CHIPS.values():
        if wanted in (chip.name.lower(), chip.plain_name):
            return chip
    raise ValueError(f"no chip is called {name_or_chip!r}{_guess(wanted)}: {_known_names()}")


def _guess(wanted: str) -> str:
    names = {chip.name.lower(): chip.name for chip in CHIPS.values()}
    names |= {chip.plain_name: chip.plain_name for chip in CHIPS.values()}
    close = difflib.get_close_matches(wanted, names, n=1)
    return f", did you mean {names[close[0]]!r}?" if close else ""


def _known_names() -> str:
    listed = ", ".join(f"{chip.name} ({chip.plain_name})" for chip in CHIPS.values())
    return f"known are {listed}"


def chips_allowing(limit: str, needed: int) -> tuple[Chip, ...]:
    """The chips one can get whose limit takes a value; what a message can offer as a way out.

    Args:
        limit: a field of `Chip` that begins with `max_`, or one that begins with `has_`.
        needed: the value that must be allowed; for `has_` fields `True`.

    Returns:
        Chips with boards, in the order of the table; none when no chip allows that much.

    Raises:
        ValueError: when `limit` is not the name of such a field.

    >>> chips_allowing("max_fan_out", 600)
    (<Chip SYNS65302 (xylo-audio-3)>,)
    """
    if limit not in _LIMITS:
        raise ValueError(f"{limit!r} is no limit of a chip: limits are {', '.join(_LIMITS)}")
    return tuple(
        chip for chip in CHIPS.values() if chip.has_boards and getattr(chip, limit) >= needed
    )


def named_with_limit(chips: Iterable[Chip], limit: str) -> str:
    """Chips as a hint names them, each with what it allows.

    Args:
        chips: usually from `chips_allowing`.
        limit: the field of `Chip` to quote; of `has_` fields there is nothing to quote.

    Returns:
        The end of a sentence; empty without chips.

    >>> named_with_limit(chips_allowing("max_fan_out", 71), "max_fan_out")
    'SYNS63300, which allows 512, or SYNS65302, which allows 1024'
    >>> named_with_limit(chips_allowing("has_bias", True), "has_bias")
    'SYNS61201, SYNS63300 or SYNS65302'
    """
    if limit.startswith("has_"):
        *others, last = [chip.name for chip in chips] or [""]
        return " or ".join(part for part in (", ".join(others), last) if part)
    return ", or ".join(f"{chip.name}, which allows {getattr(chip, limit)}" for chip in chips)


_LIMITS = (
    *(field.name for field in fields(Chip) if field.name.startswith(("max_", "has_"))),
    "max_weights",
)
