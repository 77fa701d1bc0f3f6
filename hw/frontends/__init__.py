"""Sensor front ends: from the signal of a sensor to the input raster of a chip.

`_stage.py` has what all stages share. `imu/` is the front end of Xylo IMU: `_quantize.py`,
`_subspace.py` (covariance, sample-and-hold), `_rotation.py`, `_filters.py`, `_encoders.py`, and
`_sim.py`, which puts them together.
"""

from ._stage import FrontEndRangeError as FrontEndRangeError, Stage as Stage
from .imu._encoders import IAFEncoder as IAFEncoder, ScaleEncoder as ScaleEncoder
from .imu._filters import BandPassFilter as BandPassFilter, FilterBank as FilterBank
from .imu._quantize import quantize_samples as quantize_samples
from .imu._rotation import RotationRemoval as RotationRemoval, jacobi_svd as jacobi_svd
from .imu._sim import IMUIFSim as IMUIFSim
from .imu._subspace import SampleAndHold as SampleAndHold, SubSpace as SubSpace

__all__ = [
    "BandPassFilter",
    "FilterBank",
    "FrontEndRangeError",
    "IAFEncoder",
    "IMUIFSim",
    "RotationRemoval",
    "SampleAndHold",
    "ScaleEncoder",
    "Stage",
    "SubSpace",
    "jacobi_svd",
    "quantize_samples",
]
