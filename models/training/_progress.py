"""A progress bar with the figures of the last epoch."""

from __future__ import annotations

from types import TracebackType


class Progress:
    """Shows epochs and figures while training; silent when not enabled.

    Args:
        epochs: how many epochs there will be.
        done: how many of them have ended already.
        enabled: whether anything is shown.
    """

    def __init__(self, epochs: int, *, done: int = 0, enabled: bool) -> None:
        self._bar = None
        self._done = done
        if enabled:
            from rich import progress

            self._bar = progress.Progress(
                "training",
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                # Names of figures are not markup.
                progress.TextColumn("{task.description}", markup=False),
            )
            self._task = self._bar.add_task("compiling", total=epochs, completed=done)

    def __enter__(self) -> Progress:
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

    def within_epoch(self, share: float) -> None:
        """Show that this share of the epoch under way is done."""
        if self._bar:
            self._bar.update(self._task, completed=self._done + share)

    def advance(self, figures: dict[str, float]) -> None:
        """Show that an epoch has ended with these figures."""
        self._done += 1
        if self._bar:
            text = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
            self._bar.update(self._task, completed=self._done, description=text)
