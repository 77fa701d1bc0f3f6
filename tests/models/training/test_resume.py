import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import pytest
import training_cases
from training_cases import N_BATCHES, N_EPOCHS, NoisyLine, train

from xylograph.models import Constant, FormatError, LIFJax
from xylograph.models.training import (
    CheckpointMismatchError,
    EarlyStopping,
    Fitted,
    fit,
    load_checkpoint,
    mse,
    save_checkpoint,
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fitted, str]:
    """A training that nothing happened to, and its log."""
    log = tmp_path_factory.mktemp("log") / "log.csv"
    return train(log=log), log.read_text()


def assert_same_bits(found: Fitted, expected: Fitted) -> None:
    assert found.history == expected.history
    assert found.best_epoch == expected.best_epoch
    for name, value in expected.network.parameters().items():
        np.testing.assert_array_equal(found.network.parameters()[name], value, err_msg=name)


class PowerCutError(Exception):
    pass


def failing_at(n_steps: int, augment: Callable[..., Any]) -> Callable[..., Any]:
    calls = []

    def failing(generator: np.random.Generator, batch: np.ndarray) -> np.ndarray:
        calls.append(1)
        if len(calls) > n_steps:
            raise PowerCutError
        return augment(generator, batch)

    return failing


def test_the_case_has_what_makes_a_resume_hard(uninterrupted: tuple[Fitted, str]) -> None:
    fitted, log = uninterrupted
    assert len(fitted.history) > 7
    assert fitted.best_epoch not in (None, 0, len(fitted.history))
    assert len(log.splitlines()) == len(fitted.history) + 1


@pytest.mark.parametrize("every", [1, 3, 7])
def test_interrupted_after_any_step_it_ends_with_the_same_bits(
    every: int, uninterrupted: tuple[Fitted, str], tmp_path: Path
) -> None:
    checkpoint, log = tmp_path / "run.safetensors", tmp_path / "log.csv"
    n_interrupted = 0
    while True:
        augment = failing_at(every, training_cases.dropped)
        try:
            fitted = train(checkpoint, log, augment=augment, resume=True)
            break
        except PowerCutError:
            n_interrupted += 1
    assert n_interrupted > len(fitted.history) * N_BATCHES // every - 2
    assert_same_bits(fitted, uninterrupted[0])
    assert log.read_text() == uninterrupted[1]


def test_a_finished_training_is_read_and_not_done_again(
    uninterrupted: tuple[Fitted, str], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "run.safetensors"
    train(checkpoint)
    content = checkpoint.read_bytes()
    assert_same_bits(
        train(checkpoint, resume=True, augment=failing_at(0, training_cases.dropped)),
        uninterrupted[0],
    )
    assert checkpoint.read_bytes() == content


def test_a_training_goes_on_for_more_epochs(
    uninterrupted: tuple[Fitted, str], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "run.safetensors"
    first = train(checkpoint, epochs=3)
    assert first.history == uninterrupted[0].history[:3]
    assert_same_bits(train(checkpoint, resume=True), uninterrupted[0])


def test_random_keys_drawn_anew_do_not_matter(
    uninterrupted: tuple[Fitted, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "run.safetensors"
    train(checkpoint, epochs=3)
    monkeypatch.setattr(training_cases, "NoisyLine", lambda: NoisyLine(seed=99))
    assert_same_bits(train(checkpoint, resume=True), uninterrupted[0])


def test_a_callback_that_stopped_the_training_has_stopped_it(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.safetensors"
    stopped = train(checkpoint, callbacks=[lambda report: report.epoch == 2])
    assert len(stopped.history) == 2
    assert_same_bits(train(checkpoint, resume=True), stopped)


# --- killed ---


def run_and_kill(arguments: list[str], after_s: float, checkpoint: Path) -> int:
    """Run the program, kill it some time after its first checkpoint; its exit code."""
    command = [sys.executable, str(Path(training_cases.__file__)), *arguments]
    with subprocess.Popen(command) as process:
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        while process.poll() is None:
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != before:
                time.sleep(after_s)
                process.kill()
                break
            time.sleep(0.001)
        return process.wait()


def test_killed_while_it_trains_it_ends_with_the_same_bits(
    uninterrupted: tuple[Fitted, str], tmp_path: Path
) -> None:
    checkpoint, log = tmp_path / "run.safetensors", tmp_path / "log.csv"
    code = run_and_kill([str(checkpoint), str(log)], 0.05, checkpoint)
    assert code == -signal.SIGKILL
    assert_same_bits(train(checkpoint, log, resume=True), uninterrupted[0])
    assert log.read_text() == uninterrupted[1]


@pytest.mark.slow
def test_killed_at_many_random_moments_it_ends_with_the_same_bits(
    uninterrupted: tuple[Fitted, str], tmp_path: Path
) -> None:
    checkpoint, log = tmp_path / "run.safetensors", tmp_path / "log.csv"
    draw = random.Random(0)
    for _ in range(8):
        run_and_kill([str(checkpoint), str(log)], draw.uniform(0, 0.2), checkpoint)
    assert_same_bits(train(checkpoint, log, resume=True), uninterrupted[0])
    assert log.read_text() == uninterrupted[1]


@pytest.mark.slow
def test_killed_while_it_writes_it_ends_with_the_same_bits(
    uninterrupted: tuple[Fitted, str], tmp_path: Path
) -> None:
    checkpoint, log = tmp_path / "run.safetensors", tmp_path / "log.csv"
    for number in (2, 3, 9):
        command = [sys.executable, training_cases.__file__, str(checkpoint), str(log), str(number)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert len(list(tmp_path.iterdir())) <= 3  # what was being written is swept up next time
    assert_same_bits(train(checkpoint, log, resume=True), uninterrupted[0])
    assert {path.name for path in tmp_path.iterdir()} == {"run.safetensors", "log.csv"}


# --- not this run ---


def test_an_existing_checkpoint_is_neither_used_nor_overwritten_unasked(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.safetensors"
    checkpoint.write_bytes(b"precious")
    with pytest.raises(
        FileExistsError, match="exists; `resume=True` goes on from it, or remove it"
    ):
        train(checkpoint)
    assert checkpoint.read_bytes() == b"precious"


def test_resuming_needs_a_checkpoint() -> None:
    with pytest.raises(ValueError, match="`resume` needs a `checkpoint` to go on from"):
        train(resume=True)


def test_a_checkpoint_of_another_run_says_in_what_it_differs(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.safetensors"
    train(checkpoint, epochs=1)
    options: Any = {"batch_size": 5, "early_stopping": EarlyStopping(3, "val_slope")}
    with pytest.raises(CheckpointMismatchError) as caught:
        train(checkpoint, resume=True, seed=8, **options)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{checkpoint}: a checkpoint of another run, which differs in"
    assert [line.split(":")[0] for line in lines[1:-1]] == [
        "samples",
        "validation samples",
        "batch_size",
        "seed",
        "early stopping",
    ]
    assert "batch_size: 4 there, 5 here" in lines
    assert lines[-1] == "Name another file, or remove this one to begin anew"


def test_a_checkpoint_of_a_network_with_another_constant_is_of_another_run(tmp_path: Path) -> None:
    def run(threshold: float, **options: Any) -> Fitted:
        key = jax.random.key(0)
        neurons = LIFJax((2, 2), threshold=Constant(threshold), has_rec=True, rng_key=key)
        data = np.ones((4, 3, 2), np.float32)
        return fit(
            neurons,
            data,
            data,
            loss=lambda net, x, y: mse(net(x)[0], y),
            optimizer=optax.sgd(0.1),
            epochs=1,
            batch_size=4,
            checkpoint=tmp_path / "run.safetensors",
            **options,
        )

    run(1.0)
    run(1.0, resume=True)
    with pytest.raises(CheckpointMismatchError) as caught:
        run(3.0, resume=True)
    (line,) = str(caught.value).splitlines()[1:-1]
    assert line.startswith("numbers of the network: {'threshold': '") and "tau" not in line


def test_a_checkpoint_without_a_folder_is_told_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the folder of the checkpoint .* does not exist"):
        train(tmp_path / "nowhere" / "run.safetensors")
    with pytest.raises(IsADirectoryError, match="is a folder: name a file in it"):
        train(tmp_path)


def test_a_checkpoint_of_another_network_or_optimizer_names_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "run.safetensors"
    train(checkpoint, epochs=1)
    monkeypatch.setattr(training_cases, "OPTIMIZER", training_cases.optax.sgd(0.1))
    with pytest.raises(CheckpointMismatchError, match=r"`\['state'\]\.optimizer_state\[0\]\.count"):
        train(checkpoint, resume=True)


def test_a_checkpoint_of_something_else_is_told(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.safetensors"
    train(checkpoint, epochs=1)
    content, document = load_checkpoint(checkpoint, like=arrays_of_the_case())
    assert document["settings"]["batch_size"] == 4
    save_checkpoint(checkpoint, content, {"mine": 1})
    with pytest.raises(CheckpointMismatchError, match="a checkpoint, but not one of `fit`"):
        train(checkpoint, resume=True)


def arrays_of_the_case() -> Any:
    from xylograph.models.training import TrainStep

    network = NoisyLine()
    state = TrainStep(training_cases.loss, training_cases.OPTIMIZER).init(network)
    return {"network": network, "state": state, "best": network.parameters()}


def test_any_damage_is_told(tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.safetensors"
    train(checkpoint, epochs=1)
    content = checkpoint.read_bytes()
    draw = random.Random(0)
    for _ in range(20):
        place = draw.randrange(len(content))
        damaged = bytearray(content)
        damaged[place] ^= 1 << draw.randrange(8)
        checkpoint.write_bytes(damaged)
        with pytest.raises(FormatError, match="run.safetensors: "):
            train(checkpoint, resume=True)
        checkpoint.write_bytes(content[:place])
        with pytest.raises(FormatError, match="run.safetensors: "):
            train(checkpoint, resume=True)


def test_a_checkpoint_without_numbers_that_json_lacks(tmp_path: Path) -> None:
    """The document is JSON that any reader takes."""
    checkpoint = tmp_path / "run.safetensors"
    train(checkpoint, epochs=1)
    _, document = load_checkpoint(checkpoint, like=arrays_of_the_case())
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert len(document["history"]) == 1 and N_EPOCHS > 1
    assert isinstance(jax.tree.leaves(document)[0], (str, int))
