"""`AFESim`: from the voltage of a microphone to the input raster of Xylo Audio 2."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, SupportsFloat

import numpy as np
import numpy.typing as npt
from jaxtyping import Complex128, Float, Shaped

from .._front_end import FrontEnd, NestedState
from .._stage import Record, Stage, check_part
from .._threads import over_samples
from ._amplifier import Amplifier
from ._counter import EventCounter
from ._device import AFEDevice, checked_seed
from ._encoder import EventEncoder
from ._filters import AnalogFilterBank
from ._limits import LIMITS, N_CHANNELS
from ._model import AFEModel
from ._normalization import Audio2Normalization
from ._random import key_number
from ._reference import is_silent, reference_rectified

# How the reference's own limit comes about: the third harmonic of the highest band must not alias.
_LEAST_OVERSAMPLING = 6
# Registers of the amplifier for each gain in dB.
_LNA_REGISTERS = {0.0: (0x0, 0x5), 6.0: (0x7, 0xF), 12.0: (0x0, 0xF)}


class AFESim(FrontEnd):
    """The front end of Xylo Audio 2: amplifier, 16 analog filters, events, raster.

    The analog parts are a model in volts, fitted to measurements; normalization and counters are
    integers. Follows the protocol of a `JaxModule`: `output, new_state, record =
    front_end(signal)`; nothing is changed in place, and a signal cut anywhere gives the same
    raster as in one piece when each part starts with `front_end.set_attributes(new_state)`.

    Args:
        fs: samples a second, at least six times the highest center frequency, 101,640.
        lna_gain_db: see `Amplifier`.
        threshold: see `EventEncoder`.
        count: see `EventEncoder`.
        normalization: with as many channels as filters; `None` leaves it out, as the chip does
            unless asked.
        dt: seconds in a row of the raster.
        max_events: in a row; 15 on the chip.
        model: the constants of the analog parts.
        device: how the chip at hand differs from the model; see `AFEDevice.draw`. By default it
            does not.
        noise_key: of the noise, a whole number or a key of `jax.random`; `None` for no noise.
            Sample b of a batch has the b-th noise of the key.
        mirror: whether to let the analog parts settle on the signal reversed in time, as the
            reference simulator does. They then start anew in each call; not for streams.
        reference_quirks: what the reference simulator does and users do not want, in all stages
            but `normalization`, which has its own; see `Amplifier`, `EventEncoder` and
            `EventCounter`. The coupling runs forward and backward; all filters have the offset of
            the first one; noise is drawn from NumPy's old generator; the noise of the rectifiers
            cannot be left out, except by a `model` without it.

    Raises:
        TypeError: when a part is of another class.
        ValueError: when the parts do not fit together, or a number is out of range.

    Source: Audio 2 front-end facts, sections 2 and 4.

    >>> front_end = AFESim(110e3)
    >>> volts = 0.1 * np.sin(2 * np.pi * 1177 * np.arange(22_000) / 110e3)
    >>> raster, state, record = front_end(volts)
    >>> raster.shape, raster.dtype, front_end.channel_names[8], int(raster.sum(axis=(0, 1)).argmax())
    ((1, 20, 16), dtype('uint8'), 'filter 8, 1177 Hz', 8)
    """

    def __init__(
        self,
        fs: SupportsFloat,
        *,
        lna_gain_db: SupportsFloat = 0.0,
        threshold: SupportsFloat = 0.5,
        count: int | Sequence[int] = 4,
        normalization: Audio2Normalization | None = None,
        dt: SupportsFloat = 10e-3,
        max_events: int = LIMITS.max_events,
        model: AFEModel | None = None,
        device: AFEDevice | None = None,
        noise_key: Any = None,
        mirror: bool = False,
        reference_quirks: bool = False,
    ) -> None:
        for part, value, kind in (
            ("model", model, AFEModel),
            ("device", device, AFEDevice),
            ("normalization", normalization, Audio2Normalization),
        ):
            check_part(part, value, (kind, type(None)), "AFESim")
        model = AFEModel() if model is None else model
        fs = float(fs)
        quirks: dict[str, Any] = {"reference_quirks": reference_quirks}
        highest = max(model.centers_hz)
        if not _LEAST_OVERSAMPLING * highest <= fs < np.inf:
            raise ValueError(
                f"`fs` of `AFESim` is at least {_LEAST_OVERSAMPLING * highest:g}, six times the "
                f"highest center frequency, so that distortion does not alias; not {fs:g}: "
                "resample, for instance with `scipy.signal.resample_poly`"
            )
        if reference_quirks:
            noise_key = self._reference_seed(model, noise_key)
        streamed_key = None if reference_quirks else noise_key
        shared: dict[str, Any] = {"model": model, "device": device, "noise_key": streamed_key}
        amplifier = Amplifier(fs, lna_gain_db, **shared, **quirks)
        bank = AnalogFilterBank(fs, rest_v=amplifier.rest_v(), **shared)
        encoder = EventEncoder(fs, threshold=threshold, count=count, model=model, **quirks)
        self._stages: dict[str, Stage] = {
            "amplifier": amplifier,
            "filters": bank,
            "encoder": encoder,
        }
        n = bank.shape[1]
        rows_fs: SupportsFloat = fs
        if normalization is not None:
            if normalization.shape[0] != n:
                raise ValueError(
                    f"`AFESim`: the normalization has {normalization.shape[0]} channels, there are "
                    f"{n} filters"
                )
            clocks = EventCounter(
                fs, normalization.dt, n_channels=n, max_events=LIMITS.max_frame_events, **quirks
            )
            self._stages |= {"clocks": clocks, "normalization": normalization}
            rows_fs = 1 / Fraction(repr(normalization.dt))
        self._stages["raster"] = EventCounter(
            rows_fs, dt, n_channels=n, max_events=max_events, **quirks
        )
        self.model, self.device, self.fs, self.dt = model, bank.device, fs, float(dt)
        self.input_rate = fs
        self.noise_key = None if noise_key is None else key_number(noise_key)
        self.mirror, self.reference_quirks = mirror, reference_quirks

    @staticmethod
    def _reference_seed(model: AFEModel, noise_key: Any) -> int | None:
        if noise_key is None and not is_silent(model):
            raise ValueError(
                "with `reference_quirks` the rectifiers of `AFESim` always have noise: give a "
                "`noise_key`, or `model=replace(AFEModel(), rectifier_noise=NoiseDensity(0.0))`"
            )
        return None if noise_key is None else checked_seed(noise_key)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of channels, in and out."""
        return 1, N_CHANNELS

    @property
    def channel_names(self) -> tuple[str, ...]:
        """What each output channel sees: the filter and its center frequency, by design."""
        return tuple(f"filter {i}, {hz:.0f} Hz" for i, hz in enumerate(self.model.centers_hz))

    def responses(
        self, frequencies_hz: Float[np.ndarray, " frequency"]
    ) -> Complex128[np.ndarray, "filter frequency"]:
        """Gain and phase of each filter, with its coupling."""
        return self._bank.responses(frequencies_hz)

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch row out"], NestedState, Record]:
        """Compute the raster of a signal.

        Args:
            data: volts, magnitude up to 0.55, best below 0.112 RMS; (time,), (time, 1) or (batch,
                time, 1).
            record: whether to record the `input` and what the stages give: `amplified` and
                `filtered` in volts, `events` of each sample, with a normalization `clocks` and
                `normalized`, and `raster`.

        Returns:
            Raster (batch, row, 16), uint8 up to 255 `max_events`; the state of each stage; the
            record.

        Raises:
            TypeError: when the data are no real numbers.
            ValueError: when they are not finite, their shape does not fit, or the state is of
                another batch.
            FrontEndRangeError: when a value is too large; names stage and channel.
        """
        signal = self._stages["amplifier"]._checked(data)
        state = self._start(len(signal))
        if self.mirror:
            self._settle(signal, state)
        if not record and not self.reference_quirks:
            counts = self._in_one_piece(signal, state)
            return self._from_counts(counts, state)[-1], state, {}
        parts = {"input": signal} | self._analog(signal, state)
        parts["events"] = self._stages["encoder"]._run(parts["filtered"], state["encoder"])
        counts = self._counter._run(parts["events"], state[self._counter_name])
        found = self._from_counts(counts, state)
        parts |= dict(zip(("clocks", "normalized", "raster")[-len(found) :], found, strict=True))
        return found[-1], state, parts if record else {}

    __call__ = evolve

    def _settle(self, signal: np.ndarray, state: NestedState) -> None:
        """Bring the analog parts into the state that the reversed signal leaves."""
        for name in ("amplifier", "filters"):
            state[name] = self._stages[name].reset_state()._start(len(signal))
        if not self.reference_quirks:
            self._analog(np.ascontiguousarray(signal[:, ::-1]), state)

    def _analog(self, signal: np.ndarray, state: NestedState) -> Record:
        """What the amplifier and the filters give."""
        if self.reference_quirks:
            return self._analog_of_reference(signal)
        amplified = self._stages["amplifier"]._run(signal, state["amplifier"])
        return {"amplified": amplified, "filtered": self._bank._run(amplified, state["filters"])}

    def _analog_of_reference(self, signal: np.ndarray) -> Record:
        amplifier = self._stage("amplifier", Amplifier)
        found = []
        for sample in signal[:, :, 0]:
            # Anew for each sample: none depends on how many were before it.
            seed = self.noise_key
            generator = None if seed is None else np.random.RandomState(seed)
            found.append(
                reference_rectified(sample, amplifier, self._bank, generator, mirror=self.mirror)
            )
        shapes = {
            "amplified": (0, signal.shape[1], 1),
            "filtered": (0, *signal.shape[1:2], self.shape[1]),
        }
        return {
            name: np.stack([parts[name] for parts in found]) if found else np.empty(shape)
            for name, shape in shapes.items()
        }

    def _in_one_piece(self, signal: np.ndarray, state: NestedState) -> np.ndarray:
        """The first counts, piece by piece through all analog parts."""
        from ._kernel import convert

        batch, counter = len(signal), self._counter
        counts = counter._room(signal.shape[1], state[self._counter_name])
        stages = ("amplifier", "filters", "encoder", self._counter_name)
        parts = [self._stages[name]._parts(batch, state[name]) for name in stages]  # pyright: ignore
        volts = signal[:, :, 0]
        over_samples(convert, batch, signal.size * self.shape[1], volts, *parts, counts)
        return counts

    def _from_counts(self, counts: np.ndarray, state: NestedState) -> list[np.ndarray]:
        """What follows from the first counts, which are the raster or go to the normalization."""
        found = [counts]
        if "normalization" in self._stages:
            for name in ("normalization", "raster"):
                found.append(self._stages[name]._run(found[-1], state[name]))
        return found

    @property
    def _bank(self) -> AnalogFilterBank:
        return self._stage("filters", AnalogFilterBank)

    @property
    def _counter_name(self) -> str:
        return "clocks" if "clocks" in self._stages else "raster"

    @property
    def _counter(self) -> EventCounter:
        return self._stage(self._counter_name, EventCounter)

    def export_parameters(self) -> dict[str, Any]:
        """The fields of the chip's analog front end that follow from this one, by vendor's names.

        Thresholds in volts and all that `model` and `device` say are what the chip is, not how it
        is set.

        Raises:
            ValueError: when the chip cannot be set so.

        Source: vendor contract, section 2.3; Audio 2 front-end facts, section 5.

        >>> AFESim(110e3, lna_gain_db=6).export_parameters()["analog_top"]
        {'lna': {'ci_tune': 7, 'cf_tune': 15}}
        """
        amplifier = self._stage("amplifier", Amplifier)
        encoder = self._stage("encoder", EventEncoder)
        if amplifier.lna_gain_db not in _LNA_REGISTERS:
            raise ValueError(
                f"the chip's amplifier has 0, 6 or 12 dB; `lna_gain_db` is {amplifier.lna_gain_db:g}"
            )
        ci_tune, cf_tune = _LNA_REGISTERS[amplifier.lna_gain_db]
        normalization = self._stages.get("normalization")
        dn: dict[str, Any] = {"enable": False}
        if isinstance(normalization, Audio2Normalization):
            dn = normalization.export_parameters()
        return {
            "analog_top": {"lna": {"ci_tune": ci_tune, "cf_tune": cf_tune}},
            "aer_2_saer": {"channel_thresholds": list(encoder.count), "dn": dn},
        }
