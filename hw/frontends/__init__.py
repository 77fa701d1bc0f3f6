"""Sensor front ends: from the signal of a sensor to the input raster of a chip.

`_stage.py` has what all stages share. `imu/` is the front end of Xylo IMU: `_quantize.py`,
`_subspace.py` (covariance, sample-and-hold), `_rotation.py`, `_filters.py`, `_encoders.py`, and
`_sim.py`, which puts them together.
"""

from ._stage import FrontEndRangeError as FrontEndRangeError
from .imu import (
    BandPassFilter as BandPassFilter,
    FilterBank as FilterBank,
    IAFEncoder as IAFEncoder,
    IMUIFSim as IMUIFSim,
    RotationRemoval as RotationRemoval,
    SampleAndHold as SampleAndHold,
    ScaleEncoder as ScaleEncoder,
    SubSpace as SubSpace,
    jacobi_svd as jacobi_svd,
    quantize_samples as quantize_samples,
)

__all__ = [
    "BandPassFilter",
    "FilterBank",
    "FrontEndRangeError",
    "IAFEncoder",
    "IMUIFSim",
    "RotationRemoval",
    "SampleAndHold",
    "ScaleEncoder",
    "SubSpace",
    "jacobi_svd",
    "quantize_samples",
]
