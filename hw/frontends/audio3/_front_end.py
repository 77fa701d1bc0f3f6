"""What the three inputs of Xylo Audio 3 lead to: filters, normalization, raster, in one piece."""

from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat, TypeVar

import numpy as np
import numpy.typing as npt
from jaxtyping import Complex128, Float, Shaped

from .._front_end import FrontEnd, NestedState
from .._stage import Record, Samples, Stage, check_part
from .._threads import over_samples
from ._filters import AUDIO_FILTERS, AudioFilter, AudioFilterBank
from ._limits import LIMITS, SAMPLE_RATE
from ._normalization import DivisiveNormalization
from ._raster import Rasterizer
from ._specification import specified_parts

M = TypeVar("M", bound="AudioFrontEnd")
# The stages behind those of the input.
_SHARED = ("filters", "normalization", "raster")


class AudioFrontEnd(FrontEnd):
    """What the front ends of Xylo Audio 3 have in common; make one of its subclasses.

    Follows the protocol of a `JaxModule`: `output, new_state, record = front_end(signal)`;
    nothing is changed in place, and a signal cut anywhere gives the same raster as in one piece
    when each part starts with `front_end.set_attributes(new_state)`.

    Args:
        inputs: stages that make 14-bit samples, by name.
        select_filters: which of `filters`, in which order.
        filters: to select from.
        normalization: `None` for that of the chip's defaults.
        raster_period: samples in a row of the raster.
        mirror: see `AudioFilterBank`.
        arithmetic: see `AudioFilterBank`.
        reference_quirks: whether state is forgotten after each call, and the last row given
            although its window is not full, as in the reference simulator.

    Raises:
        ValueError: when the parts do not fit together, or a number is out of range.

    >>> from xylograph.hw import AFESimExternal
    >>> issubclass(AFESimExternal, AudioFrontEnd)
    True
    """

    fs: float = SAMPLE_RATE
    """Samples a second that the filters get."""

    _window_s, _dt_s = 84e-3, 1.024e-3

    def __init__(
        self,
        inputs: Mapping[str, Stage],
        *,
        select_filters: Sequence[int],
        filters: Sequence[AudioFilter],
        normalization: DivisiveNormalization | None,
        raster_period: int,
        mirror: bool,
        arithmetic: str,
        reference_quirks: bool,
    ) -> None:
        name = type(self).__name__
        self.select_filters = _selected(select_filters, len(filters), name)
        n = len(self.select_filters)
        bank = AudioFilterBank(
            [filters[i] for i in self.select_filters], mirror=mirror, arithmetic=arithmetic
        )
        check_part("normalization", normalization, (DivisiveNormalization, type(None)), name)
        if normalization is None:
            normalization = DivisiveNormalization(n, mirror=mirror, arithmetic=arithmetic)
        if normalization.shape[0] != n:
            raise ValueError(
                f"`{name}`: the normalization has {normalization.shape[0]} channels, there are {n} "
                "filters"
            )
        if (normalization.mirror, normalization.arithmetic) != (mirror, arithmetic):
            raise ValueError(
                f"`{name}`: `mirror` and `arithmetic` of the normalization are "
                f"{normalization.mirror} and {normalization.arithmetic!r}, those of the front end "
                f"{mirror} and {arithmetic!r}: give both the same"
            )
        rasterizer = Rasterizer(raster_period, n, reference_quirks=reference_quirks)
        shared: list[Stage] = [bank, normalization, rasterizer]
        self._stages = {**inputs, **dict(zip(_SHARED, shared, strict=True))}
        self.mirror, self.arithmetic = mirror, arithmetic
        self.reference_quirks = reference_quirks

    @classmethod
    def from_specification(
        cls: type[M],
        *,
        spike_gen_mode: str = "divisive_norm",
        fixed_threshold_vec: int | Sequence[int] | None = None,
        rate_scale_factor: int = 63,
        low_pass_averaging_window: SupportsFloat | None = None,
        dn_EPS: int | Sequence[int] = 1,
        dt: SupportsFloat | None = None,
        **settings: Any,
    ) -> M:
        """The front end of physical values.

        Args:
            spike_gen_mode: `"divisive_norm"`, or `"threshold"` for fixed thresholds.
            fixed_threshold_vec: of the mode `"threshold"`, one or one for each channel; by
                default 2^27.
            rate_scale_factor: see `DivisiveNormalization.from_specification`.
            low_pass_averaging_window: as there, in seconds; by default 84 ms, 82 ms of
                `AFESimAGC`.
            dn_EPS: `eps` of `DivisiveNormalization`.
            dt: time step of the network, in seconds; by default 1.024 ms, 1 ms of `AFESimAGC`.
            settings: as for the class; not `normalization` and `raster_period`.

        Raises:
            ValueError: when the chip has no such value; names what it has.
            TypeError: when a setting is none.

        >>> from xylograph.hw import AFESimExternal
        >>> AFESimExternal.from_specification(dt=2.048e-3, rate_scale_factor=31).dt
        0.002048
        """
        window = low_pass_averaging_window
        parts = specified_parts(
            spike_gen_mode=spike_gen_mode,
            fixed_threshold_vec=fixed_threshold_vec,
            rate_scale_factor=rate_scale_factor,
            low_pass_averaging_window=cls._window_s if window is None else window,
            eps=dn_EPS,
            dt=cls._dt_s if dt is None else dt,
            fs=cls.fs,
            settings=settings,
        )
        return cls(**settings, **parts)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of channels, in and out."""
        return 1, self._bank.shape[1]

    @property
    def dt(self) -> float:
        """Seconds from row to row of the raster."""
        return self._rasterizer.period / self.fs

    @property
    def channel_names(self) -> tuple[str, ...]:
        """What each output channel sees: the number of the filter and its center frequency."""
        named = zip(self.select_filters, self._bank.filters, strict=True)
        return tuple(f"filter {i}, {f.center_hz(self.fs):.0f} Hz" for i, f in named)

    @property
    def normalization(self) -> DivisiveNormalization:
        """The normalization of this front end."""
        return self._stage("normalization", DivisiveNormalization)

    @property
    def _inputs(self) -> dict[str, Stage]:
        return {name: stage for name, stage in self._stages.items() if name not in _SHARED}

    @property
    def _bank(self) -> AudioFilterBank:
        return self._stage("filters", AudioFilterBank)

    @property
    def _rasterizer(self) -> Rasterizer:
        return self._stage("raster", Rasterizer)

    def responses(
        self, frequencies_hz: Float[np.ndarray, " frequency"]
    ) -> Complex128[np.ndarray, "filter frequency"]:
        """Gain and phase of each filter, without the rounding; of the filters alone."""
        return self._bank.responses(frequencies_hz, self.fs)

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch row out"], NestedState, Record]:
        """Compute the raster of a signal.

        Args:
            data: one channel, (time,), (time, 1) or (batch, time, 1), as the class says.
            record: whether to record the `input` and what the stages give: those before the
                filters by name, then `filtered`, `thresholds`, `events` and `raster`.

        Returns:
            Raster (batch, row, channel), uint8, up to 15; the state of each stage; the record.

        Raises:
            TypeError: when the data are of the wrong type.
            ValueError: when their shape does not fit, or the state is of another batch.
            FrontEndRangeError: when a value is too large; names stage and channel.
        """
        if self.reference_quirks and any(s._state is not None for s in self._stages.values()):
            return self.reset_state().evolve(data, record)
        signal = next(iter(self._stages.values()))._checked(data)
        state = self._start(len(signal))
        recorded: Record = {"input": signal} if record else {}
        for name, stage in self._inputs.items():
            if record:
                signal, more = stage._run_recorded(signal, state[name])
                recorded |= {name: signal} | more
            else:
                signal = stage._run(signal, state[name])
        if record or self.arithmetic != "integer":
            return self._by_stages(signal, state, recorded, record), state, recorded
        return self._in_one_piece(signal, state), state, recorded

    __call__ = evolve

    def _by_stages(
        self, signal: Samples, state: NestedState, recorded: Record, record: bool
    ) -> Shaped[np.ndarray, "batch row out"]:
        filtered = self._bank._run(signal, state["filters"])
        if record:
            events, more = self.normalization._run_recorded(filtered, state["normalization"])
            recorded |= {"filtered": filtered} | more | {"events": events}
        else:
            events = self.normalization._run(filtered, state["normalization"])
        raster = self._rasterizer._run(events, state["raster"])
        if record:
            recorded["raster"] = raster
        return raster

    def _in_one_piece(
        self, signal: Samples, state: NestedState
    ) -> Shaped[np.ndarray, "batch row out"]:
        from ._kernel import compute_raster

        raster = self._rasterizer._room(signal.shape[1], state["raster"])
        if self.mirror:
            state["filters"] |= self._bank._fresh(len(signal))
            state["normalization"] |= self.normalization._fresh(len(signal))
        w, levels, counters = state["filters"], state["normalization"], state["raster"]
        arrays = (
            *(signal, self._bank._rows(), w["w1"], w["w2"], w["w3"]),
            *(self.normalization._rules(), self.normalization.joint),
            *(levels["level"], levels["rest"], self.mirror),
            *(self._rasterizer.period, LIMITS.max_events),
            *(counters["step"], counters["counts"], raster),
        )
        n_values = signal.size * self.shape[1]
        self._bank._check(over_samples(compute_raster, len(signal), n_values, *arrays), signal)
        return self._rasterizer._finished(raster, counters)

    def export_parameters(self) -> dict[str, Any]:
        """The fields of the chip's filter bank, by the names that the vendor gives them.

        Raises:
            ValueError: when the chip cannot be set so: it has 16 filters, and all channels are
                adaptive or none is.

        Source: vendor contract, section 4.2; Audio 3 front-end facts, section 9.

        >>> from xylograph.hw import AFESimExternal
        >>> AFESimExternal().export_parameters()["dn_k1_values"][:3]
        [6, 6, 6]
        """
        rules, filters = self.normalization, self._bank.filters
        if self.select_filters != tuple(range(len(AUDIO_FILTERS))):
            raise ValueError("the chip has 16 filters in order: select them all to export")
        if len(set(rules.adaptive)) > 1:
            raise ValueError("the chip normalizes all channels or none: give one `adaptive`")
        return {
            "bpf_bb_values": [f.b_b for f in filters],
            "bpf_bwf_values": [f.b_wf for f in filters],
            "bpf_baf_values": [f.b_af for f in filters],
            "bpf_a1_values": [f.a1 for f in filters],
            "bpf_a2_values": [f.a2 for f in filters],
            "use_global_iaf_threshold": rules.joint,
            "iaf_thresholds": list(rules.fixed_threshold),
            "dn_enable": bool(rules.adaptive[0]),
            "dn_eps_values": list(rules.eps),
            "dn_b_values": list(rules.low_pass_shift),
            "dn_k1_values": list(rules.b1),
            "dn_k2_values": list(rules.b2),
        }


def _selected(given: Sequence[int], n: int, name: str) -> tuple[int, ...]:
    selected = tuple(int(i) for i in given)
    if not selected or len(set(selected)) < len(selected) or not set(selected) <= set(range(n)):
        raise ValueError(
            f"`select_filters` of `{name}` are different numbers, 0 to {n - 1}; not {list(given)}"
        )
    return selected
