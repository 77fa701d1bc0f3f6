"""Pictures of a front end: what passes through it, and the gain of its filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, SupportsFloat, runtime_checkable

import numpy as np
from jaxtyping import Complex128, Float, Num, Real

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# More channels than this are a picture; fewer are lines.
_MOST_LINES = 6
_TITLES = {"input": "signal", "rotated": "rotated", "filtered": "filter outputs, magnitude"}


@runtime_checkable
class HasResponses(Protocol):
    """A front end whose filters have a gain at each frequency."""

    def responses(
        self, frequencies_hz: Float[np.ndarray, " frequency"], /
    ) -> Complex128[np.ndarray, "filter frequency"]:
        """Gain and phase of each filter."""
        ...


def plot_frontend(
    record: Mapping[str, Num[np.ndarray, "batch _ _"]],
    *,
    dt: SupportsFloat,
    channel_names: Sequence[str] = (),
    sample: int = 0,
) -> Figure:
    """Draw signal, filter outputs and raster under each other, over the same time.

    Args:
        record: what a front end gave with `record=True`; each array is (batch, time, channel),
            `input` is the signal and `raster` the raster, and all last equally long.
        dt: time between two rows of the raster [s]; the front end's `dt`.
        channel_names: of the raster, to name its rows; numbers when not given.
        sample: which sample of the batch.

    Returns:
        The figure; save it with `figure.savefig(path)`.

    Raises:
        ValueError: when there is no raster in the record, no such sample, not one name for each
            channel, or `dt` is no time.

    >>> from xylograph.hw import IMUIFSim
    >>> front_end = IMUIFSim()
    >>> _, _, record = front_end(np.full((200, 3), 1000), record=True)
    >>> figure = plot_frontend(record, dt=front_end.dt)
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['signal', 'rotated', 'filter outputs, magnitude', 'raster']
    """
    from matplotlib.figure import Figure

    if "raster" not in record:
        raise ValueError(
            f"there is no `raster` in the record, only {', '.join(map(repr, record)) or 'nothing'}: "
            "call the front end with `record=True`"
        )
    batch, n_steps, n_channels = record["raster"].shape
    if not -batch <= sample < batch:
        raise ValueError(f"there are {batch} samples in the record; there is no sample {sample}")
    if channel_names and len(channel_names) != n_channels:
        raise ValueError(f"{len(channel_names)} names for {n_channels} channels: give one each")
    if not 0 < float(dt) < np.inf:
        raise ValueError(f"`dt` is the time between two rows of the raster [s], above 0, not {dt}")
    duration = n_steps * float(dt)
    figure = Figure(figsize=(9, 2 * len(record) + 0.6), dpi=110, layout="constrained")
    rows = np.atleast_1d(figure.subplots(len(record), sharex=True))
    for axes, (name, values) in zip(rows, _in_order(record), strict=True):
        axes.set_title(_TITLES.get(name, name), loc="left")
        if name == "raster" or values.shape[2] > _MOST_LINES:
            _draw_channels(axes, values[sample], duration, counts=name == "raster")
        else:
            _draw_lines(axes, values[sample], duration)
    if channel_names:
        rows[-1].set_yticks(range(n_channels), channel_names, fontsize=7)
    rows[-1].set_xlabel("time [s]")
    return figure


def plot_filters(
    frontend: HasResponses,
    *,
    low_hz: SupportsFloat = 0.1,
    high_hz: SupportsFloat = 100.0,
    names: Sequence[str] = (),
) -> Figure:
    """Draw the gain of each filter over frequency; filters that are alike are drawn once.

    Args:
        frontend: with `responses(frequencies_hz)`.
        low_hz: where to begin, above 0.
        high_hz: where to end.
        names: what to call each curve that is drawn; numbers of the filters when not given.

    Returns:
        The figure.

    Raises:
        ValueError: when the frequencies are no range, or there is not one name for each curve.
        TypeError: when `frontend` has no `responses`, or is a class.

    >>> from xylograph.hw import IMUIFSim
    >>> len(plot_filters(IMUIFSim()).axes[0].lines)
    5
    """
    from matplotlib.figure import Figure

    if isinstance(frontend, type) or not isinstance(frontend, HasResponses):
        kind = frontend.__name__ if isinstance(frontend, type) else type(frontend).__name__
        raise TypeError(
            f"`plot_filters` takes a front end with `responses`, such as `IMUIFSim()`, not `{kind}`"
        )
    low_hz, high_hz = float(low_hz), float(high_hz)
    if not 0 < low_hz < high_hz:
        raise ValueError(f"frequencies go from above 0 upward, not from {low_hz:g} to {high_hz:g}")
    frequencies = np.geomspace(low_hz, high_hz, 500)
    gains = np.abs(frontend.responses(frequencies))
    curves: dict[bytes, list[int]] = {}
    for number, gain in enumerate(gains):
        curves.setdefault(gain.tobytes(), []).append(number)
    if names and len(names) != len(curves):
        raise ValueError(f"{len(names)} names for {len(curves)} curves: give one each")
    figure = Figure(figsize=(8, 3.2), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for i, filters in enumerate(curves.values()):
        label = names[i] if names else ", ".join(map(str, filters))
        axes.semilogx(frequencies, 20 * np.log10(np.maximum(gains[filters[0]], 1e-6)), label=label)
    axes.set(xlabel="frequency [Hz]", ylabel="gain [dB]", ylim=(-40, None), xlim=(low_hz, high_hz))
    axes.grid(alpha=0.3)
    axes.legend(title=None if names else "filters", fontsize=8, loc="lower left", ncols=2)
    return figure


def _in_order(record: Mapping[str, np.ndarray]) -> list[tuple[str, np.ndarray]]:
    """The signal first and the raster last."""
    places = {"input": -1, "raster": 1}
    return sorted(record.items(), key=lambda entry: places.get(entry[0], 0))


def _draw_lines(axes: Axes, values: Real[np.ndarray, "time channel"], duration: float) -> None:
    time = np.arange(len(values)) * duration / max(len(values), 1)
    for channel, line in enumerate(values.T):
        axes.plot(time, line, lw=0.9, label=str(channel))
    if values.shape[1] > 1:
        axes.legend(loc="upper right", ncols=values.shape[1], fontsize=7, frameon=False)


def _draw_channels(
    axes: Axes, values: Real[np.ndarray, "time channel"], duration: float, *, counts: bool
) -> None:
    """Channels as rows. Each channel of filter outputs has its own scale: bands differ widely."""
    shown = np.abs(values.T).astype(np.float64)
    if not counts:
        shown /= np.maximum(shown.max(axis=1, keepdims=True, initial=0), 1)
    extent = (0, duration, -0.5, len(shown) - 0.5)
    axes.imshow(
        shown,
        aspect="auto",
        origin="lower",
        extent=extent,
        cmap="Greys" if counts else "viridis",
        interpolation="nearest",
    )
    axes.set_ylabel("channel")
