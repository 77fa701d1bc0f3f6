"""Sensor front ends: from the signal of a sensor to the input raster of a chip.

`_stage.py` has what all stages share, `_front_end.py` what all chains of them do. `imu/` is the
front end of Xylo IMU: `_quantize.py`, `_subspace.py` (covariance, sample-and-hold), `_rotation.py`,
`_filters.py`, `_encoders.py`, and `_sim.py`, which puts them together.

`audio2/` is the front end of Xylo Audio 2: `_model.py` and `_device.py`, what its analog parts are
and how one chip differs; `_amplifier.py`, `_filters.py`, `_encoder.py`, `_counter.py`,
`_normalization.py`, and `_sim.py`; `_reference.py`, what only the reference simulator does.

`audio3/` is the front end of Xylo Audio 3. Its three inputs: `_external.py` (`_resample.py`,
`_quantize.py`), `_pdm.py` (`_microphone.py`, `_decimation.py`), `_agc.py` (`_gain_control.py`, which
has `_anti_alias.py`, `_envelope.py` and `_smoother.py`). What they have in common: `_front_end.py`,
with `_filters.py`, `_normalization.py`, `_raster.py`; and how physical values become integers,
`_search.py` and `_specification.py`.
"""

from ._front_end import FrontEnd as FrontEnd
from ._stage import FrontEndRangeError as FrontEndRangeError, Stage as Stage
from .audio2._amplifier import Amplifier as Amplifier
from .audio2._counter import EventCounter as EventCounter
from .audio2._device import AFEDevice as AFEDevice
from .audio2._encoder import EventEncoder as EventEncoder
from .audio2._filters import AnalogFilterBank as AnalogFilterBank
from .audio2._model import AFEModel as AFEModel, NoiseDensity as NoiseDensity
from .audio2._normalization import (
    Audio2Normalization as Audio2Normalization,
    lfsr_code as lfsr_code,
)
from .audio2._sim import AFESim as AFESim
from .audio3._agc import AFESimAGC as AFESimAGC
from .audio3._anti_alias import AntiAliasFilter as AntiAliasFilter
from .audio3._decimation import PDMDecimator as PDMDecimator
from .audio3._envelope import EnvelopeController as EnvelopeController
from .audio3._external import AFESimExternal as AFESimExternal
from .audio3._filters import (
    AUDIO_FILTERS as AUDIO_FILTERS,
    AudioFilter as AudioFilter,
    AudioFilterBank as AudioFilterBank,
)
from .audio3._front_end import AudioFrontEnd as AudioFrontEnd
from .audio3._gain_control import GainControl as GainControl
from .audio3._microphone import DeltaSigmaMicrophone as DeltaSigmaMicrophone
from .audio3._normalization import DivisiveNormalization as DivisiveNormalization
from .audio3._pdm import AFESimPDM as AFESimPDM
from .audio3._quantize import (
    AudioQuantizer as AudioQuantizer,
    normalize_amplitude as normalize_amplitude,
)
from .audio3._raster import Rasterizer as Rasterizer
from .audio3._resample import LinearResampler as LinearResampler
from .audio3._search import (
    raster_steps as raster_steps,
    scale_shifts as scale_shifts,
    window_shift as window_shift,
)
from .audio3._smoother import GainSmoother as GainSmoother
from .imu._encoders import IAFEncoder as IAFEncoder, ScaleEncoder as ScaleEncoder
from .imu._filters import BandPassFilter as BandPassFilter, FilterBank as FilterBank
from .imu._quantize import quantize_samples as quantize_samples
from .imu._rotation import RotationRemoval as RotationRemoval, jacobi_svd as jacobi_svd
from .imu._sim import IMUIFSim as IMUIFSim
from .imu._subspace import SampleAndHold as SampleAndHold, SubSpace as SubSpace

__all__ = [
    "AUDIO_FILTERS",
    "AFEDevice",
    "AFEModel",
    "AFESim",
    "AFESimAGC",
    "AFESimExternal",
    "AFESimPDM",
    "Amplifier",
    "AnalogFilterBank",
    "AntiAliasFilter",
    "Audio2Normalization",
    "AudioFilter",
    "AudioFilterBank",
    "AudioFrontEnd",
    "AudioQuantizer",
    "BandPassFilter",
    "DeltaSigmaMicrophone",
    "DivisiveNormalization",
    "EnvelopeController",
    "EventCounter",
    "EventEncoder",
    "FilterBank",
    "FrontEnd",
    "FrontEndRangeError",
    "GainControl",
    "GainSmoother",
    "IAFEncoder",
    "IMUIFSim",
    "LinearResampler",
    "NoiseDensity",
    "PDMDecimator",
    "Rasterizer",
    "RotationRemoval",
    "SampleAndHold",
    "ScaleEncoder",
    "Stage",
    "SubSpace",
    "jacobi_svd",
    "lfsr_code",
    "normalize_amplitude",
    "quantize_samples",
    "raster_steps",
    "scale_shifts",
    "window_shift",
]
