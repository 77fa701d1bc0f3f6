"""The limits of the Audio 2 front end, out of the table of chips."""

from ...chips import CHIPS, Audio2Limits


def _audio2_limits() -> Audio2Limits:
    return next(chip.audio2 for chip in CHIPS.values() if chip.audio2 is not None)


LIMITS = _audio2_limits()
N_CHANNELS = LIMITS.max_filters
