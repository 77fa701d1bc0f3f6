"""The limits of the IMU front end, out of the table of chips."""

from ...chips import CHIPS, IMULimits


def _imu_limits() -> IMULimits:
    return next(chip.imu for chip in CHIPS.values() if chip.imu is not None)


LIMITS = _imu_limits()
MAX_SAMPLE = LIMITS.sample_range.high
MAX_FILTERED = LIMITS.filtered_range.high
MAX_COVARIANCE = LIMITS.covariance_range.high
SAMPLE_RATE = LIMITS.rate_hz
