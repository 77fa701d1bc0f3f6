"""Sessions with boards, written down and replayed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_cases import random_config, random_raster

from xylograph.hw import (
    Board,
    BoardDataError,
    BoardError,
    DeploymentPackage,
    Fault,
    PowerReading,
    RecordedBoard,
    RecordingBoard,
    VirtualBoard,
    XyloConfig,
)
from xylograph.models import FormatError

CONFIG = random_config("SYNS63300", seed=1)
RASTER = random_raster(2, n_steps=6)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return tmp_path / "session.safetensors"


def test_what_was_asked_is_answered_as_it_was(session: Path) -> None:
    with RecordingBoard(VirtualBoard("SYNS63300", serial="7"), session) as board:
        assert isinstance(board, Board)
        board.load(CONFIG)
        output, state, record = board(RASTER, record=True)
        rest, _, _ = board.set_attributes(state)(RASTER)
        voltages, _, _ = board.with_options(output_mode="Vmem")(RASTER)
    board = RecordedBoard(session)
    assert isinstance(board, Board)
    assert str(board.identify()) == "the recorded SYNS63300 board '7'"
    assert board.load(CONFIG)
    assert not board.load(CONFIG)
    again, new_state, record_again = board(RASTER, record=True)
    np.testing.assert_array_equal(again, output)
    assert record_again.keys() == record.keys()
    assert all(np.array_equal(record_again[name], record[name]) for name in record)
    np.testing.assert_array_equal(board.set_attributes(new_state)(RASTER)[0], rest)
    np.testing.assert_array_equal(board.with_options(output_mode="Vmem")(RASTER)[0], voltages)


def test_what_was_not_asked_is_not_answered(session: Path) -> None:
    with RecordingBoard(VirtualBoard("SYNS63300"), session) as board:
        board.load(CONFIG)
        board(RASTER)
    board = RecordedBoard(session)
    with pytest.raises(BoardError, match="not asked to load this configuration"):
        board.load(random_config("SYNS63300", seed=3))
    board.load(CONFIG)
    for other in (lambda: board(RASTER, record=True), lambda: board(RASTER[:, 1:])):
        with pytest.raises(BoardError, match="not asked to run this raster .* record the session"):
            other()
    with pytest.raises(BoardError, match="not asked to measure its power"):
        board.power()


@pytest.mark.parametrize("kind", ["recording", "recorded"])
def test_states_of_something_else_are_refused(session: Path, kind: str) -> None:
    with RecordingBoard(VirtualBoard("SYNS63300"), session) as recording:
        recording.load(CONFIG)
    board = recording if kind == "recording" else RecordedBoard(session)
    if kind == "recorded":
        board.load(CONFIG)
    with pytest.raises(ValueError, match="goes on from the state that a board returned"):
        board.set_attributes({"odd": 1})
    with pytest.raises(ValueError, match="the state is of 2 samples, the data are of 1"):
        board.set_attributes({"past": random_raster(4, batch=2)})(RASTER)


def test_errors_are_replayed_in_their_turn(session: Path) -> None:
    lossy = VirtualBoard("SYNS63300", faults=[Fault(kind="lost", at=5)])
    with RecordingBoard(lossy, session) as board:
        board.load(CONFIG)
        with pytest.raises(BoardDataError) as then:
            board(RASTER)
        output, _, _ = board(RASTER)
    board = RecordedBoard(session)
    board.load(CONFIG)
    with pytest.raises(BoardDataError) as now:
        board(RASTER)
    assert str(now.value) == str(then.value)
    np.testing.assert_array_equal(board(RASTER)[0], output)


def test_following_the_sensor_is_replayed(session: Path) -> None:
    settings = {"input_interface": {"scale_values": np.arange(15)}}
    with RecordingBoard(VirtualBoard("SYNS63300", sensor=RASTER[0]), session) as board:
        board.load(CONFIG)
        heard = list(board.live(6))
        assert not list(board.live(0, front_end=settings))
    board = RecordedBoard(session)
    board.load(CONFIG)
    for step, then in zip(board.live(6), heard, strict=True):
        assert step.dt == then.dt == 5e-3
        assert not step.power
        for name in ("input_spikes", "output_spikes", "output_vmem"):
            np.testing.assert_array_equal(getattr(step, name), getattr(then, name))
    assert not list(board.live(0, front_end=settings))
    assert board.power_channels == ()
    for other in (lambda: board.live(5), lambda: board.live(6, front_end=settings)):
        with pytest.raises(BoardError, match="not asked to follow its sensor"):
            next(other())


class Measuring(VirtualBoard):
    """As a real board: it measures power, and shows no input."""

    def power(self, duration_s: float = 1.0) -> PowerReading:
        if not duration_s:
            raise BoardDataError("no power came")
        return PowerReading({"io": np.array([1e-3, 3e-3])}, rate_hz=2 / duration_s)

    def live(self, n_steps: int, *, power: bool = False, **options: Any) -> Any:
        for index, step in enumerate(super().live(n_steps, **options)):
            samples = {"io": np.arange(index) * 1e-3} if power else {}
            yield replace(step, input_spikes=None, power=samples)


def test_power_is_replayed_with_the_steps_in_which_it_came(session: Path) -> None:
    with RecordingBoard(Measuring("SYNS63300"), session) as board:
        board.load(CONFIG)
        assert len(list(board.live(3, power=True))) == 3
    board = RecordedBoard(session)
    board.load(CONFIG)
    assert board.power_channels == ("io",)
    steps = list(board.live(3, power=True))
    assert {step.input_spikes is None for step in steps} == {True}
    for step, samples in zip(steps, ([], [0.0], [0.0, 1e-3]), strict=True):
        np.testing.assert_array_equal(step.power["io"], samples)


GOLDEN = Path(__file__).parent / "golden" / "v1" / "session.safetensors"
TINY = XyloConfig("xylo-imu", weights_in=[[90]], weights_out=[[90]], threshold=50, dt=5e-3)
TINY_RASTER = [[1], [0], [2], [0]]


def use(board: Board) -> dict[str, np.ndarray]:
    """What the golden session was recorded with, and all that the board answered."""
    board.load(TINY)
    output, state, record = board(TINY_RASTER, record=True)
    found = {"output": output, **record}
    found["rest"] = board.set_attributes(state).with_options(output_mode="Vmem")(TINY_RASTER)[0]
    with pytest.raises(BoardDataError) as error:
        board.power(0.0)
    found["error"] = np.array(str(error.value))
    for power in (False, True):
        steps = list(board.live(3, power=power))
        found |= {f"spikes {power}": np.array([step.output_spikes for step in steps])}
        found |= {f"vmem {power}": np.array([step.output_vmem for step in steps])}
    found |= {f"power {i}": step.power["io"] for i, step in enumerate(steps)}
    return found | dict(board.power(1.0).samples)


def test_sessions_of_the_first_version_are_replayed(session: Path) -> None:
    with RecordingBoard(Measuring("SYNS63300", serial="7"), session) as board:
        now = use(board)
    then = use(RecordedBoard(GOLDEN))
    assert then.keys() == now.keys()
    for name, values in then.items():
        np.testing.assert_array_equal(values, now[name], err_msg=name)
    assert str(RecordedBoard(GOLDEN).identify()) == "the recorded SYNS63300 board '7'"


def test_a_session_that_breaks_off_is_kept(session: Path) -> None:
    with pytest.raises(ZeroDivisionError), RecordingBoard(VirtualBoard("SYNS63300"), session) as b:
        b.load(CONFIG)
        raise ZeroDivisionError
    assert RecordedBoard(session).load(CONFIG)


def test_the_same_session_gives_the_same_bytes(session: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    for path in (session, other):
        with RecordingBoard(VirtualBoard("SYNS63300"), path) as board:
            board.load(CONFIG)
            board(RASTER, record=True)
    assert session.read_bytes() == other.read_bytes()


def test_damaged_files_are_refused(session: Path) -> None:
    with RecordingBoard(VirtualBoard("SYNS63300"), session) as board:
        board.load(CONFIG)
    whole = session.read_bytes()
    for content in (b"", whole[:-1], whole[: len(whole) // 2], whole.replace(b"SYNS", b"SYNX")):
        session.write_bytes(content)
        with pytest.raises(FormatError, match="as a board session"):
            RecordedBoard(session)


def test_a_folder_that_is_not_there_is_found_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        RecordingBoard(VirtualBoard("SYNS63300"), tmp_path / "nowhere" / "session")


def test_a_deployment_package_is_verified_on_a_board() -> None:
    package = DeploymentPackage.create(CONFIG, RASTER)
    assert package.verify(VirtualBoard("SYNS63300")).passed
