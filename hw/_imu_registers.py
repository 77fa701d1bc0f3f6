"""What a configuration holds of the IMU front end: the registers of its input interface."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from .chips import CHIPS, IMULimits, Range

_LIMITS: IMULimits = next(chip.imu for chip in CHIPS.values() if chip.imu is not None)
_RANGES: Mapping[str, Range] = {
    "estimator_k_setting": _LIMITS.averaging_shift_range,
    "update_matrix_threshold": _LIMITS.sampling_period_range,
    **dict.fromkeys(
        ("bpf_bb_values", "bpf_bwf_values", "bpf_baf_values"), _LIMITS.filter_shift_range
    ),
    **dict.fromkeys(("bpf_a1_values", "bpf_a2_values"), _LIMITS.coefficient_range),
    "scale_values": _LIMITS.scale_range,
    "iaf_threshold_values": _LIMITS.iaf_threshold_range,
}


@dataclass(frozen=True, kw_only=True)
class IMURegisters:
    """The registers of the IMU front end, by the vendor's names; `IMUIFSim.registers` makes them.

    Coefficients are signed and the period is the period, as in the configuration that the vendor's
    simulator exports. Older helpers mask coefficients to 17 bits, which is the same bits, and
    write the period less one, which is another period.

    Attributes:
        bypass_jsvd: whether axes are left as they are.
        select_iaf_output: whether the IAF encoder gives the output; else the scale encoder.
        estimator_k_setting: averaging of the covariance, a power of two.
        update_matrix_threshold: steps for which a rotation is kept.
        bpf_bb_values: B_b of each filter.
        bpf_bwf_values: B_wf of each filter.
        bpf_baf_values: B_af of each filter.
        bpf_a1_values: a1 of each filter.
        bpf_a2_values: a2 of each filter.
        scale_values: of the scale encoder.
        iaf_threshold_values: of the IAF encoder.

    Raises:
        ValueError: when a value does not fit its register, or there are not 15 of a kind; lists
            everything that is wrong.

    Source: IMU front-end facts, section 9; board contract, section 3.1.

    >>> from xylograph.hw import IMUIFSim
    >>> IMUIFSim().registers().bpf_a1_values[:2]
    (-64458, -63288)
    """

    bypass_jsvd: bool
    select_iaf_output: bool
    estimator_k_setting: int
    update_matrix_threshold: int
    bpf_bb_values: tuple[int, ...]
    bpf_bwf_values: tuple[int, ...]
    bpf_baf_values: tuple[int, ...]
    bpf_a1_values: tuple[int, ...]
    bpf_a2_values: tuple[int, ...]
    scale_values: tuple[int, ...]
    iaf_threshold_values: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what the registers cannot hold."""
        problems = [p for name, value in vars(self).items() for p in _problems(name, value)]
        if problems:
            raise ValueError("these are no registers: " + "; ".join(problems))

    def as_dict(self) -> dict[str, Any]:
        """The fields with lists for tuples, as JSON and the vendor's software take them."""
        return {n: [*v] if isinstance(v, tuple) else v for n, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, given: object) -> "IMURegisters":
        """The registers that `as_dict` gave.

        Raises:
            ValueError: when something is missing, unknown or out of range.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(given, Mapping) or set(given) != names:
            raise ValueError(f"registers are an object of {', '.join(sorted(names))}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
        }
        return cls(**values)


def _problems(name: str, value: Any) -> list[str]:
    if name not in _RANGES:
        return [] if isinstance(value, bool) else [f"`{name}` is true or false, not {value!r}"]
    allowed = _RANGES[name]
    is_list = name.endswith("_values")
    if is_list and (not isinstance(value, tuple) or len(value) != _LIMITS.max_filters):
        n = len(value) if isinstance(value, tuple) else repr(value)
        return [f"`{name}` has {_LIMITS.max_filters} values, not {n}"]
    entries = value if is_list else (value,)
    return [
        f"`{name}`{f'[{i}]' if is_list else ''} is {entry!r}, the range is {allowed}"
        for i, entry in enumerate(entries)
        if type(entry) is not int or entry not in allowed
    ]
