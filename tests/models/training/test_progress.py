import numpy as np
import optax
import pytest
from rich.console import Console
from rich.progress import Progress as Bar

from xylograph.models import LinearJax
from xylograph.models.training import fit, mse
from xylograph.models.training._progress import Progress


def shown(console: Console) -> str:
    return console.export_text()


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    made = Console(record=True, width=100, force_terminal=False)
    monkeypatch.setattr("rich.progress.get_console", lambda: made)
    return made


def test_the_figures_of_the_last_epoch_are_shown(console: Console) -> None:
    with Progress(2, enabled=True) as progress:
        progress.advance({"loss": 1.5, "accuracy": 0.25})
        progress.advance({"loss": 0.5, "accuracy": 0.75})
    text = shown(console)
    assert "training" in text
    assert "2/2" in text
    assert "loss 0.500  accuracy 0.750" in text


def test_names_are_not_read_as_markup(console: Console) -> None:
    with Progress(1, enabled=True) as progress:
        progress.advance({"[b]loss": 1.0})
    assert "[b]loss 1.000" in shown(console)


def test_an_error_stops_the_bar(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = []
    monkeypatch.setattr(Bar, "stop", lambda self: stopped.append(1))
    monkeypatch.setattr(Bar, "start", lambda self: None)
    with pytest.raises(KeyboardInterrupt), Progress(1, enabled=True):
        raise KeyboardInterrupt
    assert stopped == [1]


def test_nothing_is_shown_unless_enabled(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(1, enabled=False) as progress:
        progress.advance({"loss": 1.0})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("enabled", [False, True])
def test_fit_shows_its_progress_where_asked_to(enabled: bool, console: Console) -> None:
    fit(
        LinearJax((1, 1), weight=[[1.0]]),
        np.ones((1, 1, 1)),
        np.ones((1, 1, 1)),
        loss=lambda net, inputs, targets: (mse(net(inputs)[0], targets), {}),
        optimizer=optax.sgd(0.1),
        epochs=3,
        progress=enabled,
    )
    assert ("3/3" in shown(console)) == enabled
