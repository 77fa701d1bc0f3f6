"""What the analog parts of Xylo Audio 2 are made of, in volts, seconds and farads."""

from dataclasses import dataclass, fields

from ._limits import N_CHANNELS


@dataclass(frozen=True)
class NoiseDensity:
    """White noise, and below a knee noise whose amplitude grows as 1/f.

    Attributes:
        density: of the white part, in V/sqrt(Hz); 0 for none.
        knee_hz: where the other part begins; 0 for white noise only.

    Raises:
        ValueError: when a number is negative or not finite.

    >>> NoiseDensity(70e-9, knee_hz=70e3)
    NoiseDensity(density=7e-08, knee_hz=70000.0)
    """

    density: float
    knee_hz: float = 0.0

    def __post_init__(self) -> None:
        for name in ("density", "knee_hz"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(
                    f"`{name}` of `NoiseDensity` is 0 or more, and finite; not {value!r}"
                )


_CENTERS_HZ = (
    *(40.0, 54.0, 77.0, 137.0, 203.0, 290.0, 428.0, 674.0, 1177.0, 1700.0, 2226.0, 3418.0, 5154.0),
    *(7884.0, 11630.0, 16940.0),
)
_MAY_BE_ZERO = {"mic_distortion", "lna_distortion", "leak_s"}


@dataclass(frozen=True, kw_only=True)
class AFEModel:
    """The constants of the model, which was fitted to measurements; change them with `replace`.

    Attributes:
        supply_v: of the analog parts; signals swing half of it to both sides.
        mic_distortion: share of the third harmonic in the microphone's signal.
        mic_corner_v: amplitude at which it has that share.
        lna_distortion: as `mic_distortion`, of the low-noise amplifier.
        lna_corner_v: as `mic_corner_v`.
        coupling_hz: edge of the high-pass of first order in front of the rectifiers.
        centers_hz: of the 16 band-pass filters.
        q: center frequency over bandwidth, of all filters.
        capacitance_f: that each rectified signal charges.
        v_to_i: current for each volt, in A/V.
        leak_s: conductance through which the charge leaks.
        input_offset_v: largest offset of the input, positive or negative; so are those below.
        lna_offset_v: of the amplifier.
        bpf_offset_v: of each filter.
        q_error: of each q, relative.
        center_error: of each center frequency, relative.
        common_shift: of all center frequencies together, relative.
        lna_noise: of the amplifier.
        bpf_noise: of each filter.
        rectifier_noise: of each rectifier.
        noise_floor_hz: below it, noise is as strong as there. A stream has no lowest frequency.

    Raises:
        ValueError: when a number is out of range; lists all.

    Source: Audio 2 front-end facts, section 2.1.

    >>> from dataclasses import replace
    >>> replace(AFEModel(), q=5.0).q
    5.0
    """

    supply_v: float = 1.1
    mic_distortion: float = 0.01
    mic_corner_v: float = 0.2
    lna_distortion: float = 0.01
    lna_corner_v: float = 0.44
    coupling_hz: float = 20.0
    centers_hz: tuple[float, ...] = _CENTERS_HZ
    q: float = 4.0
    capacitance_f: float = 5e-12
    v_to_i: float = 0.333e-6
    leak_s: float = 1e-9
    input_offset_v: float = 0.0
    lna_offset_v: float = 5e-3
    bpf_offset_v: float = 5e-3
    q_error: float = 0.1
    center_error: float = 0.05
    common_shift: float = 0.05
    lna_noise: NoiseDensity = NoiseDensity(70e-9, 70e3)
    bpf_noise: NoiseDensity = NoiseDensity(1e-9, 100e3)
    rectifier_noise: NoiseDensity = NoiseDensity(700e-9, 158.0)
    noise_floor_hz: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "centers_hz", tuple(float(hz) for hz in self.centers_hz))
        wrong = []
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, float | int):
                continue
            if field.name.endswith(("_offset_v", "_error", "_shift")) and not 0 <= value < 1:
                wrong.append(f"`{field.name}` is 0 or more and below 1, not {value}")
            elif not 0 <= value < float("inf") or (value == 0 and not _is_optional(field.name)):
                wrong.append(f"`{field.name}` is a positive number, not {value}")
        if len(self.centers_hz) != N_CHANNELS:
            wrong.append(f"`centers_hz` are {N_CHANNELS} numbers, not {len(self.centers_hz)}")
        if not all(0 < hz < float("inf") for hz in self.centers_hz):
            wrong.append(f"`centers_hz` are positive numbers, not {self.centers_hz}")
        if wrong:
            raise ValueError("no model of this front end: " + "; ".join(wrong))

    @property
    def clip_v(self) -> float:
        """The largest amplitude: half the supply."""
        return self.supply_v / 2


def _is_optional(name: str) -> bool:
    return name in _MAY_BE_ZERO or name.endswith(("_offset_v", "_error", "_shift"))
