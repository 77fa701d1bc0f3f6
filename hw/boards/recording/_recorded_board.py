"""`RecordedBoard`: a board that answers what another one answered."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from ..._config import XyloConfig
from ..._config_file import config_hash
from ..._sim import StateArrays
from ...chips import Chip, get_chip
from ...engines import Recordings, checked_raster
from .. import _errors
from .._board import PowerReading
from .._errors import BoardError, BoardRefusedError
from .._handle import BoardHandle
from .._link import BoardIdentity
from .._live import LiveStep
from ._live_steps import live_request, power_channels, unpacked_steps
from ._recorder import run_request
from ._session_file import Answer, load_answers, request_digest


class RecordedBoard(BoardHandle):
    """Answers from the file of a session what the board answered then, errors too.

    What was not asked then cannot be answered. Of several answers to one request the next one is
    given each time, and the last one again and again.

    Args:
        path: what a `RecordingBoard` wrote.
        output_mode: what the output is, as it was then.
        stepwise: whether it went step by step then.

    Raises:
        FormatError: the file is damaged, newer than this version, or something else.
        OSError: it cannot be read.
        ValueError: an unknown output mode.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, output_mode: str = "Spike", stepwise: bool = False
    ) -> None:
        super().__init__(output_mode, stepwise)
        then, answers = load_answers(path)
        self._identity = BoardIdentity(
            "recorded", then.chip, then.serial, then.firmware, then.samna
        )
        self._chip = get_chip(then.chip)
        self._path = os.fspath(path)
        # Shared by all handles: what is loaded, and what is still to be answered.
        self._loaded: list[XyloConfig] = []
        self._notices: list[str] = []
        self._answers: dict[str, list[Answer]] = {}
        for answer in answers:
            self._answers.setdefault(answer.request, []).append(answer)

    @property
    def chip(self) -> Chip:
        """The chip on the board."""
        return self._chip

    @property
    def config(self) -> XyloConfig:
        """What is loaded.

        Raises:
            BoardError: nothing is.
        """
        if not self._loaded:
            raise BoardError(f"{self._identity} has no configuration: `load` one first")
        return self._loaded[-1]

    @property
    def notices(self) -> tuple[str, ...]:
        """What was noticed then in the last call and did no harm."""
        return tuple(self._notices)

    def identify(self) -> BoardIdentity:
        """Which board it was."""
        return self._identity

    def load(self, config: XyloConfig) -> bool:
        """Load a configuration that was loaded then."""
        if self._loaded and config_hash(self.config) == config_hash(config):
            return False
        self._answered(request_digest("load", config_hash(config)), "load this configuration")
        self._loaded[:] = [config]
        return True

    def _answered(self, request: str, what: str) -> Answer:
        answers = self._answers.get(request)
        if not answers:
            raise BoardError(
                f"{self._identity} was not asked to {what} in the session {self._path!r}: record "
                "the session again with this request"
            )
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer.error is not None:
            raise _raised_then(*answer.error)
        return answer

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time output"], StateArrays, Recordings]:
        """What the board gave for this raster then.

        Raises:
            BoardError: it was not asked, or failed then.
        """
        raster = checked_raster(data, self.config)
        past = self.past_of(len(raster))
        what = f"run this raster with output `{self.output_mode}`"
        answer = self._answered(run_request(self, raster, past, record), what)
        self._notices[:] = answer.facts.get("notices", [])
        recordings = {
            name.removeprefix("record/"): array
            for name, array in answer.arrays.items()
            if name.startswith("record/")
        }
        new_state: StateArrays = {"past": np.concatenate([past, raster], axis=1)}
        return answer.arrays["output"], new_state, recordings

    # The same function and not one that calls it: warnings point at the line of the caller.
    __call__ = evolve

    def live(
        self,
        n_steps: int,
        *,
        front_end: Mapping[str, Any] | None = None,
        power: bool = False,
    ) -> Iterator[LiveStep]:
        """What the board gave then when it followed its sensor for so long."""
        request = live_request(self, n_steps, front_end, power)
        what = f"follow its sensor for {n_steps} steps in this way"
        yield from unpacked_steps(self._answered(request, what))

    @property
    def power_channels(self) -> tuple[str, ...]:
        """Names of the channels whose power was measured then; empty: none was."""
        measured = self._answers.get(request_digest("power"), [])
        followed = [answer for answers in self._answers.values() for answer in answers]
        names = [name for answer in measured for name in answer.arrays]
        names += [name for answer in followed for name in power_channels(answer)]
        return tuple(dict.fromkeys(names))

    def power(self, duration_s: float = 1.0) -> PowerReading:
        """What was measured then, however long that was."""
        answer = self._answered(request_digest("power"), "measure its power")
        return PowerReading(answer.arrays, float(answer.facts["rate_hz"]))

    def close(self) -> None:
        """Nothing is held."""

    def __repr__(self) -> str:
        """Which board it was."""
        return f"<RecordedBoard {self._identity}, output {self.output_mode!r}>"


def _raised_then(name: str, text: str) -> BoardError:
    kind = getattr(_errors, name, None)
    # The text of a refusal is made of parts that the session does not hold.
    if isinstance(kind, type) and issubclass(kind, BoardError) and kind is not BoardRefusedError:
        return kind(text)
    return BoardError(text)
