"""A pytest plugin: the same tests on a virtual board, a real one, or a recorded session.

    pytest --xylo-target=virtual|samna|recorded

- the marker `chip` names the chips that a test is for: `@pytest.mark.chip("SYNS65302")`; without
  it a test runs once for each chip;
- the fixture `board` is a board with that chip, opened once in a session and reset for each test;
- the fixture `assert_board_equals_simulator` compares everything that a board shows;
- `--xylo-report` writes what was compared to a JSON file.

It stands outside of the package `xylograph` so that pytest can load it without loading that.
"""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xylograph.hw import Board, XyloConfig

TARGETS = ("virtual", "samna", "recorded")
_SESSION = pytest.StashKey["_Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say on which boards tests run."""
    group = parser.getgroup("xylograph", "boards with Xylo chips")
    group.addoption(
        "--xylo-target", choices=TARGETS, default="virtual", help="what runs (default: virtual)"
    )
    group.addoption("--xylo-serial", default=None, help="serial number of the real board")
    group.addoption(
        "--xylo-session",
        default=None,
        metavar="FILE",
        help="session to answer from (target recorded), or to record (other targets)",
    )
    group.addoption(
        "--xylo-report", default=None, metavar="FILE", help="JSON file of what was compared"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "chip(*names): the chips that a test of boards is for")
    config.stash[_SESSION] = _Session(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of boards once for each of its chips."""
    if "xylo_chip" in metafunc.fixturenames:
        markers = list(metafunc.definition.iter_markers("chip"))
        names = [name for marker in markers for name in marker.args]
        metafunc.parametrize("xylo_chip", names or _all_chips(), scope="session")


def _all_chips() -> list[str]:
    from xylograph.hw import CHIPS

    return list(CHIPS)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Close the boards, write the report."""
    session.config.stash[_SESSION].finish()


@pytest.fixture(scope="session")
def xylo_chip(request: pytest.FixtureRequest) -> str:
    """Name of the chip that a test runs with."""
    return request.param


@pytest.fixture
def board(xylo_chip: str, pytestconfig: pytest.Config) -> Iterator["Board"]:
    """A board with the chip of the test, as after a reset."""
    from xylograph.hw import BoardNotFoundError, get_chip

    session = pytestconfig.stash[_SESSION]
    try:
        found = session.board(get_chip(xylo_chip).name)
    except BoardNotFoundError as error:
        pytest.skip(str(error))
    yield found.reset_state()


@pytest.fixture
def assert_board_equals_simulator(
    board: "Board", request: pytest.FixtureRequest, pytestconfig: pytest.Config
) -> Callable[..., None]:
    """Load a configuration, run a raster, and compare all that the board shows.

    Call it with a configuration and a raster, and with `stepwise=True` for the manual mode.
    """
    session = pytestconfig.stash[_SESSION]

    def check(config: "XyloConfig", raster: Any, *, stepwise: bool = False) -> None:
        __tracebackhide__ = True
        from xylograph.hw import XyloSim
        from xylograph.hw.package._difference import with_output

        board.load(config)
        output, _, record = board.with_options(stepwise=stepwise)(raster, record=True)
        _, _, expected = XyloSim(config)(raster, record=True)
        found = with_output(record, output, board.output_mode, expected)
        first = session.note(request.node.nodeid, board, config, expected, found)
        assert first is None, f"{board.identify()} differs from the simulator: {first}"

    return check


class _Session:
    """Boards that are open, and what was compared on them."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.boards: dict[str, Board] = {}
        self.comparisons: list[dict[str, Any]] = []

    def board(self, chip: str) -> "Board":
        """The board with a chip, opened when it is first asked for."""
        if chip not in self.boards:
            self.boards[chip] = self._opened(chip)
        return self.boards[chip]

    def _opened(self, chip: str) -> "Board":
        from xylograph.hw import (
            CHIPS,
            BoardNotFoundError,
            RecordedBoard,
            RecordingBoard,
            SamnaBoard,
            VirtualBoard,
        )

        target, path = (self.config.getoption(f"--xylo-{name}") for name in ("target", "session"))
        if target == "recorded":
            if path is None:
                raise pytest.UsageError("--xylo-target=recorded needs --xylo-session=FILE")
            recorded = RecordedBoard(path)
            if recorded.chip.name != chip:
                raise BoardNotFoundError(f"{path} is a session with {recorded.chip.name}")
            return recorded
        if target == "samna" and not CHIPS[chip].has_boards:
            raise BoardNotFoundError(f"there are no boards with {chip}")
        serial = self.config.getoption("--xylo-serial")
        board = VirtualBoard(chip) if target == "virtual" else SamnaBoard(chip, serial=serial)
        if path is None:
            return board
        if self.boards:
            board.close()
            raise pytest.UsageError("--xylo-session records one board: mark tests with one chip")
        return RecordingBoard(board, path)

    def note(
        self, test: str, board: "Board", config: "XyloConfig", expected: Any, found: Any
    ) -> str | None:
        """Compare, write down, and give the first difference in time."""
        from xylograph.hw._config_file import config_hash
        from xylograph.hw.package._difference import compared, first_in_time

        arrays = compared(expected, found)
        first = first_in_time(arrays)
        self.comparisons.append(
            {
                "test": test,
                "board": {**vars(board.identify()), "firmware": dict(board.identify().firmware)},
                "config_sha256": config_hash(config),
                "n_values": sum(entry.n_values for entry in arrays),
                "first_difference": None if first is None else vars(first),
            }
        )
        return None if first is None else str(first)

    def finish(self) -> None:
        """Close what is open, and write the report."""
        for board in self.boards.values():
            board.close()
        self.boards = {}
        path = self.config.getoption("--xylo-report")
        if path is not None:
            from importlib.metadata import version

            from xylograph.models.storage._files import write_atomically

            content = {
                "format": "xylograph.BoardTests",
                "schema": 1,
                "target": self.config.getoption("--xylo-target"),
                "xylograph": version("xylograph"),
                "n_values": sum(entry["n_values"] for entry in self.comparisons),
                "comparisons": self.comparisons,
            }
            write_atomically(path, json.dumps(content, indent=1, sort_keys=True).encode() + b"\n")
