"""What a board must do, on the board that `--xylo-target` says; a virtual one when nothing is said."""

from collections.abc import Callable

import numpy as np
import pytest

from xylograph.hw import Board, XyloConfig, run_conformance


def config_for(board: Board) -> XyloConfig:
    rng = np.random.default_rng(0)
    return XyloConfig(
        board.chip,
        weights_in=rng.integers(-60, 100, (3, 9)),
        weights_rec=rng.integers(-40, 50, (9, 9)),
        weights_out=rng.integers(-60, 90, (9, 2)),
        dash_mem=3,
        threshold=200,
        threshold_out=150,
    )


def raster_of(n_steps: int) -> np.ndarray:
    return np.random.default_rng(1).poisson(0.7, (1, n_steps, 3)).astype(np.uint8)


@pytest.mark.parametrize("stepwise", [False, True], ids=["accelerated", "stepwise"])
def test_a_board_does_what_the_simulator_does(
    board: Board, assert_board_equals_simulator: Callable[..., None], stepwise: bool
) -> None:
    assert_board_equals_simulator(config_for(board), raster_of(6), stepwise=stepwise)


@pytest.mark.chip("SYNS65302")
def test_two_synapses_of_audio_3_are_seen_step_by_step(
    board: Board, assert_board_equals_simulator: Callable[..., None]
) -> None:
    rng = np.random.default_rng(2)
    config = XyloConfig(
        board.chip,
        weights_in=rng.integers(-60, 100, (3, 5, 2)),
        weights_out=rng.integers(-60, 90, (5, 2)),
        threshold=200,
        threshold_out=150,
    )
    assert_board_equals_simulator(config, raster_of(6), stepwise=True)


@pytest.mark.slow
def test_a_board_conforms_to_the_simulator(board: Board) -> None:
    report = run_conformance(board)
    assert report.passed, str(report)
