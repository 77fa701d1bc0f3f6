"""`RecordingBoard`: any board, with everything that it answers written to a file."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped, UInt8

from ..._config import XyloConfig
from ..._config_file import config_hash
from ..._sim import StateArrays
from ...chips import Chip
from ...engines import Recordings, checked_raster
from .._board import Board, PowerReading
from .._errors import BoardError
from .._handle import BoardHandle
from .._link import BoardIdentity
from .._live import LiveStep
from ._live_steps import live_request, packed_steps
from ._session_file import Answer, request_digest, save_answers


class RecordingBoard(BoardHandle):
    """Uses a board, and writes down what is asked of it and what it answers.

    The file is written by `close`, or at the end of a `with` block, however that ends. A
    `RecordedBoard` answers from it.

    Args:
        board: any board, which `close` closes too.
        path: file to write.

    Raises:
        FileNotFoundError: the folder of the file does not exist.

    >>> import tempfile
    >>> from xylograph.hw import RecordedBoard, VirtualBoard, XyloConfig
    >>> config = XyloConfig("xylo-imu", weights_in=[[90]], weights_out=[[90]], threshold=50)
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = folder.name + "/session.safetensors"
    >>> with RecordingBoard(VirtualBoard("xylo-imu"), path) as board:
    ...     _ = board.load(config)
    ...     output, _, _ = board([[1], [0], [2]])
    >>> recorded = RecordedBoard(path)
    >>> _ = recorded.load(config)
    >>> bool((recorded([[1], [0], [2]])[0] == output).all())
    True
    >>> folder.cleanup()
    """

    def __init__(self, board: Board, path: str | os.PathLike[str]) -> None:
        if not Path(path).absolute().parent.is_dir():
            raise FileNotFoundError(f"the folder of {os.fspath(path)!r} does not exist: make it")
        super().__init__(board.output_mode, board.stepwise)
        self._board, self._path = board, path
        # Shared by all handles, as the board is.
        self._answers: list[Answer] = []

    @property
    def chip(self) -> Chip:
        """The chip on the board."""
        return self._board.chip

    @property
    def config(self) -> XyloConfig:
        """What is loaded."""
        return self._board.config

    @property
    def notices(self) -> tuple[str, ...]:
        """What was noticed in the last call and did no harm."""
        return self._board.notices

    def identify(self) -> BoardIdentity:
        """Which board it is."""
        return self._board.identify()

    def load(self, config: XyloConfig) -> bool:
        """Load a configuration, unless it is the one that is loaded."""
        request = request_digest("load", config_hash(config))
        try:
            is_new = self._board.load(config)
        except BoardError as error:
            self._note_error(request, error)
            raise
        self._answers.append(Answer(request))
        return is_new

    def _note_error(self, request: str, error: BoardError) -> None:
        self._answers.append(Answer(request, error=(type(error).__name__, str(error))))

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time output"], StateArrays, Recordings]:
        """Go through a raster, and write down what came."""
        raster = checked_raster(data, self.config)
        past = self.past_of(len(raster))
        request = run_request(self, raster, past, record)
        try:
            output, state, recordings = self._board(raster, record=record)
        except BoardError as error:
            self._note_error(request, error)
            raise
        arrays = {f"record/{name}": array for name, array in recordings.items()}
        notices = {"notices": list(self._board.notices)}
        self._answers.append(Answer(request, arrays | {"output": output}, notices))
        return output, state, recordings

    # The same function and not one that calls it: warnings point at the line of the caller.
    __call__ = evolve

    def live(
        self,
        n_steps: int,
        *,
        front_end: Mapping[str, Any] | None = None,
        power: bool = False,
    ) -> Iterator[LiveStep]:
        """Follow the sensor, and write down what came, if all came."""
        seen = []
        request = live_request(self, n_steps, front_end, power)
        try:
            for step in self._board.live(n_steps, front_end=front_end, power=power):
                seen.append(step)
                yield step
        except BoardError as error:
            self._note_error(request, error)
            raise
        self._answers.append(Answer(request, *packed_steps(seen)))

    def set_attributes(self, new_state: Mapping[str, object]) -> "RecordingBoard":
        """The board, to go on from where a call ended."""
        return super().set_attributes(new_state)._with(self._board.set_attributes(new_state))

    def reset_state(self) -> "RecordingBoard":
        """The board, to start from the state after a reset."""
        return super().reset_state()._with(self._board.reset_state())

    def with_options(
        self, *, output_mode: str | None = None, stepwise: bool | None = None
    ) -> "RecordingBoard":
        """The same board, with another output or another way to run."""
        options: dict[str, Any] = {"output_mode": output_mode, "stepwise": stepwise}
        return super().with_options(**options)._with(self._board.with_options(**options))

    def _with(self, board: Board) -> "RecordingBoard":
        self._board = board
        return self

    @property
    def power_channels(self) -> tuple[str, ...]:
        """Names of the channels whose power it can measure; empty: it measures none."""
        return self._board.power_channels

    def power(self, duration_s: float = 1.0) -> PowerReading:
        """Measure the power, and write it down."""
        request = request_digest("power")
        try:
            reading = self._board.power(duration_s)
        except BoardError as error:
            self._note_error(request, error)
            raise
        arrays = {name: np.asarray(samples) for name, samples in reading.samples.items()}
        self._answers.append(Answer(request, arrays, {"rate_hz": reading.rate_hz}))
        return reading

    def close(self) -> None:
        """Close the board and write the file.

        Raises:
            OSError: it cannot be written.
        """
        try:
            self._board.close()
        finally:
            save_answers(self._path, self.identify(), self._answers)

    def __repr__(self) -> str:
        """Which board."""
        return f"<RecordingBoard of {self._board!r}>"


def run_request(
    board: Board,
    raster: UInt8[np.ndarray, "batch time input"],
    past: UInt8[np.ndarray, "batch past input"],
    record: bool,
) -> str:
    """Digest of a run."""
    options = (board.output_mode, board.stepwise, record)
    return request_digest("run", config_hash(board.config), *options, past, raster)
