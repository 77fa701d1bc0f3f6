"""The limits of the Audio 3 front end, out of the table of chips."""

from ...chips import CHIPS, Audio3Limits


def _audio3_limits() -> Audio3Limits:
    return next(chip.audio3 for chip in CHIPS.values() if chip.audio3 is not None)


LIMITS = _audio3_limits()
SAMPLE_RATE = LIMITS.rate_hz
PDM_RATE = LIMITS.pdm_rate_hz
AGC_RATE = LIMITS.agc_rate_hz
N_GAINS = LIMITS.max_gains
LOWEST_SAMPLE, HIGHEST_SAMPLE = LIMITS.sample_range.low, LIMITS.sample_range.high
LOWEST_CODE, HIGHEST_CODE = LIMITS.code_range.low, LIMITS.code_range.high
