"""`run_conformance`: a board through all cases of its chip."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from ..._config_file import config_hash
from ..._sim import XyloSim
from ...package._difference import compared, first_in_time, with_output
from .._board import Board
from .._errors import BoardError, BoardLostError
from ._cases import ConformanceCase, conformance_cases
from ._report import CaseResult, ConformanceReport


def run_conformance(
    board: Board,
    *,
    seed: int = 0,
    n_random: int = 20,
    long_steps: int = 500,
    progress: Callable[[CaseResult], object] | None = None,
) -> ConformanceReport:
    """Let a board go through every feature of its chip, and compare all that it shows.

    Each case loads a configuration, runs a raster on the board and on `XyloSim`, and compares
    spikes, currents and voltages of all neurons. A case that fails does not keep the others from
    being tried, unless the board is lost.

    Args:
        board: of any kind.
        seed: of configurations and rasters.
        n_random: how many random configurations, besides one for each feature.
        long_steps: steps of the long run.
        progress: is told each result.

    Returns:
        The report; `report.save(path)` writes it as JSON.

    >>> from xylograph.hw import VirtualBoard
    >>> report = run_conformance(VirtualBoard("xylo-imu"), n_random=1, long_steps=20)
    >>> report.passed
    True
    """
    results = []
    for case in conformance_cases(board.chip, seed, n_random, long_steps):
        result, is_lost = _result(board, case)
        results.append(result)
        if progress is not None:
            progress(result)
        if is_lost:
            break
    return ConformanceReport(
        board=board.identify(), version=version("xylograph"), seed=seed, results=tuple(results)
    )


def _result(board: Board, case: ConformanceCase) -> tuple[CaseResult, bool]:
    about: dict[str, Any] = {
        "name": case.name,
        "config_sha256": config_hash(case.config),
        "n_samples": len(case.raster),
        "n_steps": case.raster.shape[1],
    }
    _, _, expected = XyloSim(case.config)(case.raster, record=True)
    try:
        board.load(case.config)
        ready = board.with_options(stepwise=case.stepwise).reset_state()
        found = _recorded(ready, case, expected)
        differences = compared(expected, found)
    except BoardError as error:
        text = f"{type(error).__name__}: {error}"
        return CaseResult(**about, error=text), isinstance(error, BoardLostError)
    except ValueError as error:
        # An array of another shape than that of the raster.
        return CaseResult(**about, error=str(error)), False
    result = CaseResult(
        **about,
        n_values=sum(entry.n_values for entry in differences),
        difference=first_in_time(differences),
        not_shown=tuple(name for name in expected if name not in found),
        notices=board.notices,
    )
    return result, False


def _recorded(
    board: Board, case: ConformanceCase, expected: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    outputs: list[np.ndarray] = []
    parts: list[Mapping[str, np.ndarray]] = []
    for piece in np.split(case.raster, case.cuts, axis=1):
        output, state, record = board(piece, record=True)
        board = board.set_attributes(state)
        outputs.append(output)
        if piece.size:
            parts.append(record)
    joined = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    return with_output(joined, np.concatenate(outputs, axis=1), board.output_mode, expected)
