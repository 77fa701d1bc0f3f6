"""`AFESimAGC`: from an analog microphone to the input raster of Xylo Audio 3."""

from collections.abc import Sequence
from typing import SupportsFloat

from .._stage import Stage, check_part
from ._filters import AUDIO_FILTERS, AudioFilter
from ._front_end import AudioFrontEnd
from ._gain_control import GainControl
from ._limits import AGC_RATE
from ._normalization import DivisiveNormalization
from ._resample import LinearResampler

_PADDING_BITS = 4


class AFESimAGC(AudioFrontEnd):
    """The front end of Xylo Audio 3 with an analog microphone and automatic gain control.

    Volts go through a model of the amplifier; from there on all is the chip's, integer for
    integer: codes of 10 bits, 50,000 a second, whose envelope sets the gain, and which are
    filtered, normalized, counted. One channel: `(time,)`, `(time, 1)`, `(batch, time, 1)`.

    At 50 kHz the same filters lie 2.4 % higher than with the other inputs.

    Args:
        input_rate: samples a second of the signal; by default those of the converter, 100,000
            with an oversampling of 2. Other rates are resampled; see `LinearResampler`.
        gain_control: amplifier and converter; by default `GainControl` with codes that are padded
            to 14 bits, or, with `reference_quirks`, are not.
        select_filters: which filters, in which order.
        filters: to select from.
        normalization: with as many channels as filters; by default `DivisiveNormalization`.
        raster_period: samples in a row of the raster; 50 are 1 ms.
        mirror: see `AudioFilterBank`; off for streams.
        arithmetic: of the filters and what follows; see `AudioFilterBank`.
        reference_quirks: see `AudioFrontEnd` and `gain_control`.

    Raises:
        ValueError: when the parts do not fit together, or a number is out of range.

    Source: Audio 3 front-end facts, sections 4 to 7.

    >>> import numpy as np
    >>> tone = 0.05 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> raster, state, record = AFESimAGC(input_rate=16000)(tone)
    >>> raster.shape, int(raster.sum(axis=1).argmax())
    ((1, 999, 16), 7)
    """

    fs = AGC_RATE
    _window_s, _dt_s = 82e-3, 1e-3

    def __init__(
        self,
        *,
        input_rate: SupportsFloat | None = None,
        gain_control: GainControl | None = None,
        select_filters: Sequence[int] = range(len(AUDIO_FILTERS)),
        filters: Sequence[AudioFilter] = AUDIO_FILTERS,
        normalization: DivisiveNormalization | None = None,
        raster_period: int = 50,
        mirror: bool = False,
        arithmetic: str = "integer",
        reference_quirks: bool = False,
    ) -> None:
        check_part("gain_control", gain_control, (GainControl, type(None)), "AFESimAGC")
        if gain_control is None:
            gain_control = GainControl(padding_bits=0 if reference_quirks else _PADDING_BITS)
        wanted = AGC_RATE * gain_control.oversampling
        self.input_rate = wanted if input_rate is None else float(input_rate)
        inputs: dict[str, Stage] = {}
        if self.input_rate != wanted:
            inputs["resampled"] = LinearResampler(self.input_rate, wanted)
        super().__init__(
            inputs | {"digitized": gain_control},
            select_filters=select_filters,
            filters=filters,
            normalization=normalization,
            raster_period=raster_period,
            mirror=mirror,
            arithmetic=arithmetic,
            reference_quirks=reference_quirks,
        )
