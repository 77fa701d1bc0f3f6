"""A progress bar with the figures of the last epoch."""

from types import TracebackType
from typing import Self


class Progress:
    """Shows epochs and figures while training; silent when not enabled.

    Args:
        epochs: how many epochs there will be.
        enabled: whether anything is shown.
    """

    def __init__(self, epochs: int, *, enabled: bool) -> None:
        self._bar = None
        if enabled:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

            self._bar = Progress(
                "training",
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                "{task.description}",
            )
            self._task = self._bar.add_task("compiling", total=epochs)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, figures: dict[str, float]) -> None:
        """Show that an epoch has ended with these figures."""
        if self._bar:
            text = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
            self._bar.update(self._task, advance=1, description=text)
