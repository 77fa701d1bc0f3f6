"""`AFESimPDM`: from a digital microphone to the input raster of Xylo Audio 3."""

from collections.abc import Sequence
from typing import SupportsFloat

from .._stage import Stage
from ._decimation import PDMDecimator
from ._filters import AUDIO_FILTERS, AudioFilter
from ._front_end import AudioFrontEnd
from ._limits import PDM_RATE
from ._microphone import DeltaSigmaMicrophone
from ._normalization import DivisiveNormalization


class AFESimPDM(AudioFrontEnd):
    """The front end of Xylo Audio 3 with a digital microphone.

    Real numbers, -1 to 1, become bits in a model of a microphone; from there on all is the chip's,
    integer for integer: 32 bits make a sample of 14 bits, which is filtered, normalized, counted.
    One channel: `(time,)`, `(time, 1)`, `(batch, time, 1)`.

    Args:
        input_rate: samples a second of the signal; see `DeltaSigmaMicrophone`.
        microphone: whether there is the model; else the signal is bits of -1 or 1, 1,562,500 a
            second, as integers `(time, 1)` or `(batch, time, 1)`.
        select_filters: which filters, in which order.
        filters: to select from.
        normalization: with as many channels as filters; by default `DivisiveNormalization`.
        raster_period: samples in a row of the raster; 50 are 1.024 ms.
        mirror: see `AudioFilterBank`; off for streams.
        arithmetic: of the filters and what follows; see `AudioFilterBank`.
        reference_quirks: see `AudioFrontEnd` and `PDMDecimator`.

    Raises:
        ValueError: when the parts do not fit together, or a number is out of range.

    Source: Audio 3 front-end facts, sections 3 and 5 to 7.

    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(1600) / 16000)
    >>> raster, state, record = AFESimPDM(input_rate=16000)(tone, record=True)
    >>> list(record)
    ['input', 'bits', 'decimated', 'filtered', 'thresholds', 'events', 'raster']
    >>> record["bits"].shape, record["decimated"].shape, raster.shape
    ((1, 156153, 1), (1, 4880, 1), (1, 97, 16))
    """

    def __init__(
        self,
        *,
        input_rate: SupportsFloat = PDM_RATE,
        microphone: bool = True,
        select_filters: Sequence[int] = range(len(AUDIO_FILTERS)),
        filters: Sequence[AudioFilter] = AUDIO_FILTERS,
        normalization: DivisiveNormalization | None = None,
        raster_period: int = 50,
        mirror: bool = False,
        arithmetic: str = "integer",
        reference_quirks: bool = False,
    ) -> None:
        if not microphone and float(input_rate) != PDM_RATE:
            raise ValueError(
                f"`AFESimPDM`: without a microphone the signal is bits, {PDM_RATE:.0f} a second; "
                "leave out `input_rate`"
            )
        inputs: dict[str, Stage] = {}
        if microphone:
            inputs["bits"] = DeltaSigmaMicrophone(input_rate)
        inputs["decimated"] = PDMDecimator(reference_quirks=reference_quirks)
        # What `Sequential` gives, real numbers, must become integers again where they are bits.
        self.takes_integers = not microphone
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
