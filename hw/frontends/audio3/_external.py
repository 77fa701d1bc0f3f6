"""`AFESimExternal`: from audio samples to the input raster of Xylo Audio 3."""

from collections.abc import Sequence
from typing import SupportsFloat

from .._stage import Stage
from ._filters import AUDIO_FILTERS, AudioFilter
from ._front_end import AudioFrontEnd
from ._limits import SAMPLE_RATE
from ._normalization import DivisiveNormalization
from ._quantize import AudioQuantizer
from ._resample import LinearResampler


class AFESimExternal(AudioFrontEnd):
    """The front end of Xylo Audio 3 for audio samples, integer for integer.

    Samples are real numbers, -1 to 1: resampled to the 48,828.125 Hz of the chip, quantized to 14
    bits, filtered, normalized, counted. One channel: `(time,)`, `(time, 1)`, `(batch, time, 1)`.

    Args:
        input_rate: samples a second of the signal; where it differs from the chip's, see
            `LinearResampler`.
        scale: what the signal is multiplied with; see `AudioQuantizer`.
        overflow: what happens above 1; see `AudioQuantizer`.
        select_filters: which filters, in which order.
        filters: to select from.
        normalization: with as many channels as filters; by default `DivisiveNormalization`.
        raster_period: samples in a row of the raster; 50 are 1.024 ms.
        mirror: see `AudioFilterBank`; off for streams.
        arithmetic: `"integer"`, the chip's, or `"float32"`; see `AudioFilterBank`.
        reference_quirks: see `AudioFrontEnd`.

    Raises:
        ValueError: when the parts do not fit together, or a number is out of range.

    Source: Audio 3 front-end facts, sections 2 and 5 to 7.

    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> raster, state, record = AFESimExternal(input_rate=16000)(tone)
    >>> raster.shape, raster.dtype, int(raster.sum(axis=1).argmax())
    ((1, 976, 16), dtype('uint8'), 7)
    """

    def __init__(
        self,
        *,
        input_rate: SupportsFloat = SAMPLE_RATE,
        scale: SupportsFloat = 1.0,
        overflow: str = "raise",
        select_filters: Sequence[int] = range(len(AUDIO_FILTERS)),
        filters: Sequence[AudioFilter] = AUDIO_FILTERS,
        normalization: DivisiveNormalization | None = None,
        raster_period: int = 50,
        mirror: bool = False,
        arithmetic: str = "integer",
        reference_quirks: bool = False,
    ) -> None:
        resampler = LinearResampler(input_rate, SAMPLE_RATE)
        inputs: dict[str, Stage] = (
            {} if float(input_rate) == SAMPLE_RATE else {"resampled": resampler}
        )
        inputs["quantized"] = AudioQuantizer(scale, overflow=overflow)
        self.input_rate = float(input_rate)
        super().__init__(
            inputs,
            select_filters=select_filters,
            filters=filters,
            normalization=normalization,
            raster_period=raster_period,
            mirror=mirror,
            arithmetic=arithmetic,
            reference_quirks=reference_quirks,
        )
