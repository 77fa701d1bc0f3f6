import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from xylograph.models import Constant, JaxModule, LIFJax, LinearJax, Parameter, Sequential, State
from xylograph.models.training import (
    EarlyStopping,
    EpochReport,
    TrainingDivergedError,
    fit,
    mse,
    rate_accuracy,
    rate_cross_entropy,
)


def two_classes(n: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Class 0 drives the first two channels, class 1 the others."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, n)
    rates = np.array([[0.5, 0.5, 0.05, 0.05], [0.05, 0.05, 0.5, 0.5]])[labels]
    return draw.poisson(rates[:, None], (n, 20, 4)).astype(np.float32), labels


def network() -> JaxModule:
    layer = LinearJax((4, 2), rng_key=jax.random.key(0))
    return Sequential(layer, LIFJax(2, rng_key=jax.random.key(1)))


def by_rate(net: Any, inputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, dict]:
    output, _, _ = net(inputs)
    return rate_cross_entropy(output, labels, 0.2), {"accuracy": rate_accuracy(output, labels)}


class Line(JaxModule):
    """`y = slope * x`, so that training has a closed form."""

    def __init__(self, slope: Any = 0.0) -> None:
        super().__init__(1)
        self.slope: Any = Parameter(slope)
        self.seen: Any = State(0.0)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return input_data * self.slope, {"seen": self.seen + 1}, {}


def squared(net: Any, inputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, dict]:
    return mse(net(inputs)[0], targets), {}


SGD = optax.sgd(0.1)


def test_the_loss_falls_and_the_accuracy_rises() -> None:
    inputs, labels = two_classes()
    trained = fit(network(), inputs, labels, loss=by_rate, optimizer=ADAM, epochs=12, batch_size=16)
    first, last = trained.history[0], trained.history[-1]
    assert len(trained.history) == 12
    assert last["loss"] < 0.7 * first["loss"]
    assert last["accuracy"] > 0.9
    value, figures = by_rate(trained.network, jnp.asarray(inputs), jnp.asarray(labels))
    assert float(value) < first["loss"]
    assert float(figures["accuracy"]) > 0.9


def test_a_step_is_a_step_of_gradient_descent() -> None:
    inputs, targets = np.full((3, 2, 1), 2.0), np.full((3, 2, 1), 6.0)
    trained = fit(Line(1.0), inputs, targets, loss=squared, optimizer=SGD, epochs=1, batch_size=3)
    # d/ds (2 s - 6)² = 4 (2 s - 6) = -16 at s = 1
    np.testing.assert_allclose(trained.network.slope, 1.0 + 0.1 * 16, rtol=1e-6)
    assert trained.history == [{"loss": 16.0}]


def test_the_same_seed_gives_the_same_bits() -> None:
    inputs, labels = two_classes()

    def train(seed: int) -> Any:
        return fit(
            network(),
            inputs,
            labels,
            loss=by_rate,
            optimizer=ADAM,
            epochs=2,
            batch_size=16,
            seed=seed,
            augment=dropped,
        )

    one, again, other = train(3), train(3), train(4)
    assert one.history == again.history
    for a, b in zip(jax.tree.leaves(one.network), jax.tree.leaves(again.network), strict=True):
        np.testing.assert_array_equal(a, b)
    weights = [net.network.parameters()["0_LinearJax"]["weight"] for net in (one, other)]
    assert np.any(weights[0] != weights[1])


ADAM = optax.adam(0.05)


def dropped(generator: np.random.Generator, batch: np.ndarray) -> np.ndarray:
    return batch * (generator.random(batch.shape) > 0.1)


def test_the_network_given_stays_as_it_is_and_the_result_is_reset() -> None:
    line = Line(1.0).set_attributes({"seen": 5.0})
    trained = fit(
        line, np.ones((2, 1, 1)), np.zeros((2, 1, 1)), loss=squared, optimizer=SGD, epochs=3
    )
    assert (float(line.slope), float(line.seen)) == (1.0, 5.0)
    assert float(trained.network.slope) < 1.0
    assert float(trained.network.seen) == 0.0


def test_constants_are_not_trained() -> None:
    data = np.ones((2, 1, 1))
    trained = fit(Line(Constant(3.0)), data, data, loss=squared, optimizer=SGD, epochs=2)
    assert float(trained.network.slope) == 3.0
    assert trained.history == [{"loss": 4.0}] * 2


def counted(calls: list[Any]) -> Callable[..., Any]:
    def augment(generator: np.random.Generator, batch: np.ndarray) -> np.ndarray:
        calls.append(sorted(batch.ravel().tolist()))
        return batch

    return augment


def test_each_epoch_draws_full_batches_without_repeating_a_sample() -> None:
    calls: list[Any] = []
    inputs = np.arange(7.0)[:, None, None]
    fit(
        Line(),
        inputs,
        inputs,
        loss=squared,
        optimizer=optax.sgd(0.0),
        epochs=4,
        batch_size=3,
        augment=counted(calls),
    )
    assert [len(batch) for batch in calls] == [3] * 8
    for first, second in zip(calls[::2], calls[1::2], strict=True):
        assert len({*first, *second}) == 6
    assert {sample for batch in calls for sample in batch} == set(range(7))


def test_a_batch_larger_than_the_samples_is_all_of_them() -> None:
    calls: list[Any] = []
    inputs = np.arange(3.0)[:, None, None]
    options: Any = {"loss": squared, "optimizer": SGD, "augment": counted(calls)}
    fit(Line(), inputs, inputs, epochs=2, batch_size=100, **options)
    assert calls == [[0, 1, 2]] * 2


def test_augmentation_changes_what_is_learned_but_not_the_data() -> None:
    inputs = np.ones((4, 1, 1))
    trained = fit(
        Line(),
        inputs,
        inputs,
        loss=squared,
        optimizer=optax.sgd(0.5),
        epochs=3,
        augment=lambda generator, batch: 0 * batch,
    )
    assert float(trained.network.slope) == 0.0
    np.testing.assert_array_equal(inputs, 1)


class Noisy(Line):
    def __init__(self) -> None:
        super().__init__(0.0)
        self.rng_key: Any = State(jax.random.key_data(jax.random.key(0)))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        return jax.random.normal(self.rng_key, input_data.shape) + self.slope, {}, {}


def test_every_step_has_noise_of_its_own() -> None:
    seen: list[float] = []

    def loss(net: Any, inputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, dict]:
        noise = net(inputs)[0].sum()
        return noise, {"noise": noise}

    data = np.zeros((1, 1, 1))
    trained = fit(Noisy(), data, data, loss=loss, optimizer=optax.sgd(0.0), epochs=5)
    seen = [figures["noise"] for figures in trained.history]
    assert len(set(seen)) == 5
    np.testing.assert_array_equal(trained.network.rng_key, Noisy().rng_key)


# --- how long ---


def lines(n: int) -> np.ndarray:
    return np.arange(1.0, n + 1)[:, None, None] / n


def test_steps_may_end_within_an_epoch() -> None:
    data = lines(7)
    options: Any = {"loss": squared, "optimizer": SGD, "batch_size": 2}
    whole = fit(Line(), data, data, epochs=2, **options)
    by_steps = fit(Line(), data, data, steps=6, **options)
    assert by_steps.history == whole.history
    cut = fit(Line(), data, data, steps=4, **options)
    assert len(cut.history) == 2
    assert cut.history[0] == whole.history[0]
    calls: list[Any] = []
    fit(Line(), data, data, steps=4, augment=counted(calls), **options)
    assert len(calls) == 4


def test_a_plain_loss_needs_no_figures() -> None:
    data = np.ones((1, 1, 1))
    trained = fit(
        Line(), data, data, loss=lambda net, x, y: mse(net(x)[0], y), optimizer=SGD, epochs=1
    )
    assert trained.history == [{"loss": 1.0}]


def test_no_epochs_change_nothing() -> None:
    trained = fit(
        Line(2.0), np.ones((1, 1, 1)), np.ones((1, 1, 1)), loss=squared, optimizer=SGD, epochs=0
    )
    assert float(trained.network.slope) == 2.0
    assert trained.history == []


def test_a_reported_loss_does_not_hide_the_loss() -> None:
    def loss(net: Any, inputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, dict]:
        return mse(net(inputs)[0], targets), {"loss": jnp.array(-1.0)}

    data = np.ones((1, 1, 1))
    trained = fit(Line(), data, data, loss=loss, optimizer=SGD, epochs=1)
    assert trained.history == [{"loss": 1.0}]


def test_one_compilation_serves_every_batch_and_epoch() -> None:
    traced = []

    def loss(net: Any, inputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, dict]:
        traced.append(1)
        return mse(net(inputs)[0], targets), {}

    fit(
        Line(),
        np.ones((5, 1, 1)),
        np.ones((5, 1, 1)),
        loss=loss,
        optimizer=SGD,
        epochs=3,
        batch_size=2,
    )
    assert len(traced) == 1


def test_parameters_that_the_last_step_broke_are_named() -> None:
    def loss(net: Any, inputs: jax.Array, targets: jax.Array) -> tuple[jax.Array, dict]:
        return jnp.sqrt(net.slope**2), {}

    data = np.ones((1, 1, 1))
    with pytest.raises(TrainingDivergedError, match=r"left NaN or infinite values in \['slope'\];"):
        fit(Line(0.0), data, data, loss=loss, optimizer=SGD, epochs=1)


def test_a_loss_that_is_nan_before_the_first_update_does_not_blame_the_learning_rate() -> None:
    def nan_loss(network: Any, inputs: Any, targets: Any) -> Any:
        return network(inputs)[0].mean() * jnp.nan

    message = "nan at epoch 1, batch 1; nothing was changed yet: look for labels that are no class"
    with pytest.raises(TrainingDivergedError, match=message):
        fit(
            LinearJax((1, 1)),
            np.ones((2, 3, 1)),
            np.ones(2),
            loss=nan_loss,
            optimizer=optax.sgd(1.0),
            epochs=1,
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_no_number_names_epoch_and_batch(bad: float) -> None:
    inputs = np.ones((6, 1, 1))
    calls: list[int] = []

    def spoilt(generator: np.random.Generator, batch: np.ndarray) -> np.ndarray:
        calls.append(1)
        return batch * (bad if len(calls) == 5 else 1.0)

    message = r"the loss is (nan|inf) at epoch 2, batch 2; lower the learning rate, clip the grad"
    with pytest.raises(TrainingDivergedError, match=message):
        fit(
            Line(0.5),
            inputs,
            inputs,
            loss=squared,
            optimizer=SGD,
            epochs=4,
            batch_size=2,
            augment=spoilt,
        )


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (np.ones((0, 1, 1)), np.ones((0, 1))),
        (np.ones((2, 1, 1)), np.ones((3, 1))),
        (np.ones(()), np.ones(1)),
        (np.ones((1, 1, 1)), 3),
    ],
)
def test_samples_that_do_not_match_are_refused(inputs: Any, targets: Any) -> None:
    message = "`inputs` and `targets` must hold equal numbers of samples and at least one; their"
    with pytest.raises(ValueError, match=message):
        fit(Line(), inputs, targets, loss=squared, optimizer=SGD, epochs=1)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.full((1, 1, 1), np.nan), "`inputs` must be finite; there are NaN or infinite values"),
        (np.array(["a"]), "`inputs` must be numbers, got <U1"),
    ],
)
def test_inputs_that_are_no_finite_numbers_are_refused(inputs: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(Line(), inputs, np.ones((1, 1, 1)), loss=squared, optimizer=SGD, epochs=1)


def test_everything_that_cannot_be_trained_is_said_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        fit(Line(), [], [], loss=squared, optimizer=SGD, epochs=-1, batch_size=0, log="log.txt")
    assert str(caught.value).splitlines()[1:] == [
        "`epochs` must not be negative, got -1",
        "`batch_size` must be at least 1, got 0",
        "`log` must end in .csv or .jsonl, got 'log.txt'",
    ]


@pytest.mark.parametrize("options", [{}, {"epochs": 1, "steps": 1}])
def test_either_epochs_or_steps_are_given(options: Any) -> None:
    with pytest.raises(ValueError, match="give either `epochs` or `steps`, got "):
        fit(Line(), lines(2), lines(2), loss=squared, optimizer=SGD, **options)


# --- validation ---


def test_validation_is_the_mean_over_its_samples_after_each_epoch() -> None:
    data, held_out = lines(4), np.array([1.0, 2.0, 5.0])[:, None, None]
    trained = fit(
        Line(1.0),
        data,
        2 * data,
        loss=squared,
        optimizer=SGD,
        epochs=2,
        batch_size=2,
        validation=(held_out, 2 * held_out),
    )
    slope = float(trained.network.slope)
    expected = np.mean((slope - 2) ** 2 * held_out**2)
    assert trained.history[-1]["val_loss"] == pytest.approx(expected, rel=1e-5)
    assert trained.history[0].keys() == {"loss", "val_loss"}
    assert trained.best_epoch is None


def test_validation_changes_nothing_else() -> None:
    inputs, labels = two_classes()
    options: Any = {
        "loss": by_rate,
        "optimizer": ADAM,
        "epochs": 2,
        "batch_size": 16,
        "augment": dropped,
    }
    without = fit(network(), inputs, labels, **options)
    with_it = fit(network(), inputs, labels, validation=(inputs[:5], labels[:5]), **options)
    assert [row["loss"] for row in with_it.history] == [row["loss"] for row in without.history]
    assert {"val_loss", "val_accuracy"} < with_it.history[0].keys()


def test_a_share_of_the_samples_is_put_aside_and_never_trained_on() -> None:
    calls: list[Any] = []
    data = lines(10)
    options: Any = {"loss": squared, "optimizer": optax.sgd(0.0), "augment": counted(calls)}
    trained = fit(Line(1.0), data, 0 * data, epochs=6, batch_size=4, validation=0.2, **options)
    used = {sample for batch in calls for sample in batch}
    assert len(used) == 8
    left = [value for value in data.ravel() if float(value) not in used]
    assert trained.history[0]["val_loss"] == pytest.approx(np.mean(np.square(left)), rel=1e-5)


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (0.01, "`validation` is 0.01, which leaves 4 of 4 samples to train on and 0 to validate"),
        (1.0, "`validation` is 1.0, which leaves 0 of 4 samples to train on and 4 to validate on"),
        ((np.ones((2, 1, 1)), np.ones((3, 1, 1))), "`validation inputs` and `validation targets`"),
        ((np.ones((2, 1, 1)),), r"`validation` must be `\(inputs, targets\)`"),
    ],
)
def test_validation_that_cannot_be_done_is_refused(validation: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit(
            Line(), lines(4), lines(4), loss=squared, optimizer=SGD, epochs=1, validation=validation
        )


def test_the_best_epoch_is_given_back_and_training_stops_when_none_is_better() -> None:
    # The slope goes from 0 towards 3 in equal steps; the validation likes 1 best.
    def walk(net: Any, inputs: jax.Array, targets: jax.Array) -> Any:
        return -net.slope.astype(float), {"error": (net.slope - 1.0) ** 2}

    data = lines(2)
    slopes: list[float] = []
    trained = fit(
        Line(),
        data,
        data,
        loss=walk,
        optimizer=optax.sgd(0.25),
        epochs=50,
        validation=(data, data),
        early_stopping=EarlyStopping(patience=3, figure="val_error"),
        callbacks=[lambda report: slopes.append(float(report.network.slope))],
    )
    assert slopes == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    assert trained.best_epoch == 4
    assert float(trained.network.slope) == 1.0
    assert len(trained.history) == 7


# --- callbacks and log ---


def test_callbacks_see_each_epoch_and_any_of_them_stops_the_training() -> None:
    reports: list[EpochReport] = []

    def record(report: EpochReport) -> None:
        reports.append(report)

    data = lines(4)
    trained = fit(
        Line(),
        data,
        data,
        loss=squared,
        optimizer=SGD,
        epochs=9,
        batch_size=2,
        callbacks=[lambda report: report.epoch == 3, record],
    )
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert [report.n_steps for report in reports] == [2, 4, 6]
    assert [report.figures for report in reports] == trained.history
    assert float(reports[-1].network.slope) == float(trained.network.slope)
    assert float(reports[0].parameters["slope"]) < float(reports[-1].parameters["slope"])


@pytest.mark.parametrize("flag", [np.bool_, jnp.array])
def test_a_callback_may_stop_with_the_flag_of_a_comparison(flag: Any) -> None:
    data = lines(4)
    options: Any = {"loss": squared, "optimizer": SGD, "batch_size": 2}
    stop = [lambda report: flag(report.epoch == 2)]
    trained = fit(Line(), data, data, epochs=5, callbacks=stop, **options)
    assert len(trained.history) == 2


def test_the_log_holds_the_history(tmp_path: Path) -> None:
    data, log = lines(4), tmp_path / "log.jsonl"
    options: Any = {"loss": squared, "optimizer": SGD, "epochs": 3, "validation": (data, data)}
    trained = fit(Line(), data, data, log=log, **options)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert rows == [{"epoch": n, **row} for n, row in enumerate(trained.history, start=1)]


def test_what_diverged_takes_no_place_of_a_good_checkpoint(tmp_path: Path) -> None:
    checkpoint, calls = tmp_path / "run.safetensors", []

    def spoilt(generator: np.random.Generator, batch: np.ndarray) -> np.ndarray:
        calls.append(1)
        return batch * (np.nan if len(calls) == 5 else 1.0)

    options: Any = {"loss": squared, "optimizer": SGD, "batch_size": 1, "checkpoint": checkpoint}
    with pytest.raises(TrainingDivergedError, match="the loss is nan at epoch 2, batch 1"):
        fit(
            Line(),
            lines(4),
            lines(4),
            epochs=4,
            augment=spoilt,
            checkpoint_every_s=0.0,
            **options,
        )
    trained = fit(Line(), lines(4), lines(4), epochs=4, resume=True, **options)
    assert len(trained.history) == 4 and np.isfinite(trained.history[-1]["loss"])
