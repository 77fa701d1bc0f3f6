"""The parts of a front end of Xylo Audio 3 from physical values."""

from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

from ._filters import AUDIO_FILTERS
from ._normalization import DivisiveNormalization
from ._search import raster_steps

_DEFAULT_THRESHOLD = 2**27


def specified_parts(
    *,
    spike_gen_mode: str,
    fixed_threshold_vec: int | Sequence[int] | None,
    rate_scale_factor: int,
    low_pass_averaging_window: SupportsFloat,
    eps: int | Sequence[int],
    dt: SupportsFloat,
    fs: float,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """The normalization and the raster period, for a front end with such other settings."""
    taken = sorted({"normalization", "raster_period"} & set(settings))
    if taken:
        raise TypeError(f"`{taken[0]}` follows from the physical values: leave it out")
    shared: dict[str, Any] = {
        key: settings[key] for key in ("mirror", "arithmetic") if key in settings
    }
    n = len(settings.get("select_filters", AUDIO_FILTERS))
    if spike_gen_mode == "divisive_norm":
        if fixed_threshold_vec is not None:
            raise ValueError('`fixed_threshold_vec` is for the mode "threshold" only')
        normalization = DivisiveNormalization.from_specification(
            n,
            rate_scale_factor=rate_scale_factor,
            low_pass_averaging_window=low_pass_averaging_window,
            fs=fs,
            eps=eps,
            **shared,
        )
    elif spike_gen_mode == "threshold":
        threshold = _DEFAULT_THRESHOLD if fixed_threshold_vec is None else fixed_threshold_vec
        normalization = DivisiveNormalization(
            n, adaptive=False, fixed_threshold=threshold, **shared
        )
    else:
        raise ValueError(
            f'`spike_gen_mode` is "divisive_norm" or "threshold", not {spike_gen_mode!r}'
        )
    return {"normalization": normalization, "raster_period": raster_steps(dt, fs)}
