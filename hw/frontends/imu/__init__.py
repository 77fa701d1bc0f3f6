"""The front end of Xylo IMU, stage by stage."""

from ._encoders import IAFEncoder as IAFEncoder, ScaleEncoder as ScaleEncoder
from ._filters import BandPassFilter as BandPassFilter, FilterBank as FilterBank
from ._quantize import quantize_samples as quantize_samples
from ._rotation import RotationRemoval as RotationRemoval, jacobi_svd as jacobi_svd
from ._sim import IMUIFSim as IMUIFSim
from ._subspace import SampleAndHold as SampleAndHold, SubSpace as SubSpace

__all__ = [
    "BandPassFilter",
    "FilterBank",
    "IAFEncoder",
    "IMUIFSim",
    "RotationRemoval",
    "SampleAndHold",
    "ScaleEncoder",
    "SubSpace",
    "jacobi_svd",
    "quantize_samples",
]
