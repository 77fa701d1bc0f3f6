"""Reading logs of accelerometers: CSV and NPZ."""

import csv
import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import SupportsFloat

import numpy as np
from jaxtyping import Float64

from ...models import FormatError

_TIME = ("t", "time", "time_s", "timestamp", "seconds")
_RATE = ("rate", "rate_hz", "fs")
# Steps of a clock that runs evenly, as logs round them, differ by less than this share.
_EVEN = 0.25


def read_motion_log(
    path: str | os.PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    rate_hz: SupportsFloat | None = None,
) -> tuple[Float64[np.ndarray, "time channel"], float]:
    """The signal of an accelerometer log, as it is written, and its rate.

    CSV: columns apart by commas, semicolons or tabs, with or without a first row of names. A
    column `t`, `time`, `time_s`, `timestamp` or `seconds` gives the rate [s]; its steps must be
    even. NPZ: one array (time, channel), or one array a column, and perhaps `rate`, `rate_hz` or
    `fs`; never pickles.

    Args:
        path: the file, `.csv`, `.txt`, `.tsv` or `.npz`.
        columns: names of the columns to take, in this order; when not given, all but the time.
        rate_hz: samples a second; needed where the file does not tell, and goes before what it
            tells.

    Returns:
        The signal (time, channel) and samples a second. `prepare_recordings` and
        `quantize_samples` make integers of the sensor of it.

    Raises:
        FormatError: when the file is none of these, is cut short, lacks a column, its rows differ
            in length, it holds no numbers or values that are not finite, or the rate is not told or
            not even; names the line or the row.
        ValueError: when `rate_hz` is given and not a finite number above 0.
        OSError: when it cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/log.csv"
    ...     with open(path, "w") as file:
    ...         print("time,x,y,z", "0.00,0,0,1", "0.02,0.5,0,1", sep=chr(10), file=file)
    ...     signal, rate = read_motion_log(path, columns=("x", "z"))
    >>> signal.tolist(), rate
    ([[0.0, 1.0], [0.5, 1.0]], 50.0)
    """
    if rate_hz is not None and not 0 < float(rate_hz) < np.inf:
        raise ValueError(f"`rate_hz` is samples a second, above 0, not {float(rate_hz):g}")
    is_archive = Path(path).suffix.lower() == ".npz"
    names, values, told = _read_npz(path) if is_archive else _read_csv(path)
    clock = next((i for i, name in enumerate(names) if name.lower() in _TIME), None)
    if rate_hz is not None:
        told = float(rate_hz)
    elif told is None and clock is not None:
        told = _rate_of(values[:, clock], path)
    if told is None or not np.isfinite(told) or told <= 0:
        raise _refusal(path, "does not tell its rate", "give `rate_hz`, or a column `time` [s]")
    wanted = [n for i, n in enumerate(names) if i != clock] if columns is None else list(columns)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise _refusal(
            path,
            f"has no column {', '.join(map(repr, missing))}",
            f"it has {', '.join(map(repr, names))}",
        )
    signal = values[:, [names.index(name) for name in wanted]]
    wrong = np.argwhere(~np.isfinite(signal))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise _refusal(
            path,
            f"holds {signal[row, column]} in row {row}, column {wanted[column]!r} ({len(wrong)} "
            "values are not finite)",
            "cut the log there, or fill the gap",
        )
    return signal, told


_Log = tuple[list[str], np.ndarray, float | None]


def _read_csv(path: str | os.PathLike[str]) -> _Log:
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(
            path, f"is no text: byte {error.start} is not UTF-8", "save it as CSV"
        ) from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = [
        (number, row)
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1)
        if any(cell.strip() for cell in row)
    ]
    names = [cell.strip() for cell in rows[0][1]] if rows and not _are_numbers(rows[0][1]) else []
    rows = rows[1:] if names else rows
    if not rows:
        raise _refusal(path, "holds no rows of numbers", "give a log with at least one")
    width = len(names or rows[0][1])
    values = np.empty((len(rows), width))
    for i, (number, row) in enumerate(rows):
        if len(row) != width:
            raise _refusal(
                path,
                f"has {len(row)} columns in line {number}, {width} before",
                "the file may be cut short: remove the line",
            )
        try:
            values[i] = [float(cell) if cell.strip() else np.nan for cell in row]
        except ValueError as error:
            comma = delimiter == ";" and any("," in cell for cell in row)
            raise _refusal(
                path,
                f"holds no number in line {number}: {error}",
                "write decimals with a point, not a comma" if comma else "correct or remove it",
            ) from None
    return names or [str(i) for i in range(width)], values, None


def _are_numbers(row: list[str]) -> bool:
    try:
        return bool([float(cell) for cell in row if cell.strip()])
    except ValueError:
        return False


def _read_npz(path: str | os.PathLike[str]) -> _Log:
    content = Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, KeyError) as error:
        is_object = "Object arrays" in str(error)
        raise _refusal(
            path,
            f"is no archive of arrays: {error}",
            "save arrays of numbers" if is_object else "it may be cut short: copy it again",
        ) from error
    rate = next((float(arrays.pop(n)) for n in _RATE if n in arrays and arrays[n].size == 1), None)
    tables = [a for a in arrays.values() if a.ndim == 2]
    if len(tables) == 1 and len(arrays) == 1:
        names, values = [str(i) for i in range(tables[0].shape[1])], tables[0]
    else:
        shapes = {a.shape for a in arrays.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            listed = ", ".join(f"{n} {a.shape}" for n, a in arrays.items()) or "nothing"
            raise _refusal(
                path,
                f"holds {listed}",
                "give one array (time, channel), or arrays (time,) of one length",
            )
        names, values = list(arrays), np.stack([*arrays.values()], axis=1)
    if values.dtype.kind not in "iuf" or not len(values):
        raise _refusal(path, f"holds {len(values)} rows of {values.dtype}", "give numbers")
    return names, values.astype(np.float64), rate


def _rate_of(clock: np.ndarray, path: str | os.PathLike[str]) -> float | None:
    steps = np.diff(clock)
    if not len(steps) or not np.isfinite(steps).all():
        return None
    usual = float(np.median(steps))
    uneven = np.flatnonzero(np.abs(steps - usual) > _EVEN * abs(usual))
    if usual <= 0 or len(uneven):
        row = int(uneven[0]) if len(uneven) else 0
        raise _refusal(
            path,
            f"has a clock that does not run evenly: {steps[row]:g} s after row {row}, {usual:g} s "
            f"usually ({len(uneven)} such steps)",
            "fill the gap, cut the log there, or give `rate_hz`",
        )
    # Over the whole log: the single steps are rounded.
    return float(np.round(len(steps) / (clock[-1] - clock[0]), 6))


def _refusal(path: str | os.PathLike[str], what: str, way_out: str) -> FormatError:
    return FormatError(f"{os.fspath(path)!r} {what}: {way_out}")
