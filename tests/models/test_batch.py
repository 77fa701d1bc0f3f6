"""States with a batch axis; that each kind of module can go on with a batch is in the conformance suite."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import JaxModule, LIFJax, LinearJax, Parameter, Sequential, State, load, save


class Counter(JaxModule):
    """Sums its input, per channel and in all; has states of three shapes, and a key."""

    def __init__(self, n: int = 2) -> None:
        super().__init__(n)
        self.gain: Any = Parameter(np.ones(n), "gains")
        self.sums: Any = State(shape=n, init_func=np.zeros)
        self.table: Any = State(np.arange(2.0 * n).reshape(2, n))
        self.total: Any = State(0.5)
        self.rng_key: Any = State(jax.random.key_data(jax.random.key(1)))
        self.other_key: Any = State(jax.random.key(2))

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, dict, dict]:
        data, (sums, table, total) = self._auto_batch(
            input_data, (self.sums, self.table, self.total)
        )
        output = sums[:, None] + jnp.cumsum(data * self.gain, axis=1)
        last = {
            "sums": output[:, -1],
            "table": table + output[:, -1:],
            "total": total + data.sum((1, 2)),
        }
        return output, self._new_state(last) | {"rng_key": self.rng_key + 1}, {}


DATA = np.random.default_rng(0).random((3, 4, 2)).astype(np.float32)


def shapes(module: JaxModule) -> dict[str, Any]:
    return jax.tree.map(np.shape, module.state())


def test_the_new_state_is_that_of_the_first_sample_unless_asked_otherwise() -> None:
    _, new_state, _ = Counter()(DATA)
    np.testing.assert_allclose(new_state["sums"], DATA[0].sum(0), rtol=1e-6)
    np.testing.assert_allclose(new_state["total"], 0.5 + DATA[0].sum(), rtol=1e-6)


def test_states_with_a_batch_axis_go_in_and_come_out() -> None:
    module = Counter().batch_state(3)
    _, new_state, _ = module(DATA)
    np.testing.assert_allclose(new_state["sums"], DATA.sum(1), rtol=1e-6)
    np.testing.assert_allclose(new_state["total"], 0.5 + DATA.sum((1, 2)), rtol=1e-6)
    again, last, _ = module.set_attributes(new_state)(DATA)
    np.testing.assert_allclose(again[:, -1], 2 * DATA.sum(1), rtol=1e-6)
    np.testing.assert_allclose(last["table"][:, 1], [2.0, 3.0] + 3 * DATA.sum(1), rtol=1e-6)


def test_random_keys_and_parameters_have_no_batch_axis() -> None:
    module = Counter()
    batched = module.batch_state(3)
    assert shapes(batched) == {
        "sums": (3, 2),
        "table": (3, 2, 2),
        "total": (3,),
        "rng_key": (2,),
        "other_key": (),
    }
    assert batched.gain.shape == (2,)
    assert shapes(module)["sums"] == (2,)


@pytest.mark.parametrize("name", ["rng_key", "gain"])
def test_a_batch_axis_is_refused_where_there_can_be_none(name: str) -> None:
    value = np.zeros((3, 2), np.uint32)
    with pytest.raises(ValueError, match=rf"`{name}` must be of shape \(2,\) \(got \(3, 2\)\)"):
        Counter().set_attributes({name: value})


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 2), ()])
def test_a_state_has_its_shape_behind_the_batch_axis(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"`sums` must be of shape \(2,\) \(got "):
        Counter().batch_state(3).set_attributes({"sums": np.zeros(shape)})


def test_a_batch_of_state_is_also_taken_by_a_module_that_had_none() -> None:
    state = Sequential(LinearJax((2, 2)), LIFJax(2)).batch_state(3).state()
    module = Sequential(LinearJax((2, 2)), LIFJax(2)).set_attributes(state)
    assert module(DATA)[1]["1_LIFJax"]["vmem"].shape == (3, 2)


def test_every_part_of_a_network_gets_the_batch_axis() -> None:
    network = Sequential({"a": Counter(), "b": Sequential({"c": LIFJax(2)})}).batch_state(5)
    assert shapes(network)["a"]["sums"] == (5, 2)
    assert shapes(network)["b"]["c"]["isyn"] == (5, 2, 1)


def test_one_sample_can_be_taken_out_again() -> None:
    module = Counter().batch_state(3)
    module = module.set_attributes(module(DATA)[1])
    for sample in (0, 2, -1):
        one = module.unbatch_state(sample)
        assert shapes(one) == shapes(Counter())
        np.testing.assert_allclose(one.sums, DATA[sample].sum(0), rtol=1e-6)
    assert shapes(Counter().unbatch_state()) == shapes(Counter())


def test_a_reset_keeps_the_batch_axis() -> None:
    module = Counter().batch_state(3)
    reset = module.set_attributes(module(DATA)[1]).reset_state()
    assert shapes(reset) == shapes(module)
    np.testing.assert_array_equal(reset.sums, np.zeros((3, 2)))
    np.testing.assert_array_equal(reset.table, module.table)
    np.testing.assert_array_equal(reset.rng_key, module.rng_key)


def test_a_state_of_a_batch_can_be_broadcast_to_more_axes() -> None:
    for module in (Counter(), Counter().batch_state(3)):
        _, (sums, table) = module._auto_batch(
            DATA, (module.sums + jnp.array([0.0, 1.0]), module.table), ((5, 4, 2), None)
        )
        assert (sums.shape, table.shape) == ((3, 5, 4, 2), (3, 2, 2))
        np.testing.assert_array_equal(sums[..., 1], 1)


def test_batches_of_another_size_are_refused_with_the_way_out() -> None:
    with pytest.raises(
        ValueError, match=r"Counter: its state is of 4 samples, the input of 3; `unbatch_state\(\)"
    ):
        Counter().batch_state(4)(DATA)
    with pytest.raises(ValueError, match="Counter: its state is of 4 samples, the input of 1; "):
        Counter().batch_state(4)(DATA[0])


def test_states_that_do_not_belong_together_are_refused() -> None:
    module = Counter().set_attributes({"sums": np.zeros((3, 2)), "total": np.zeros(4)})
    message = "Counter: its states do not belong together: `sums` has 3 samples, `table` has no "
    with pytest.raises(ValueError, match=f"{message}batch axis, `total` has 4 samples; set all"):
        module(DATA)


def test_a_batch_of_state_is_not_batched_again() -> None:
    with pytest.raises(ValueError, match="Counter: its state is of 3 samples already; take one f"):
        Counter().batch_state(3).batch_state(4)


@pytest.mark.parametrize("n_batch", [0, -1])
def test_a_batch_has_samples(n_batch: int) -> None:
    with pytest.raises(ValueError, match=f"a batch has at least 1 sample, got {n_batch}"):
        Counter().batch_state(n_batch)


@pytest.mark.parametrize("sample", [3, -4])
def test_a_sample_that_is_not_there_is_refused(sample: int) -> None:
    with pytest.raises(ValueError, match=f"there is no sample {sample}, its state is of 3"):
        Counter().batch_state(3).unbatch_state(sample)


def test_a_network_with_a_batch_of_state_is_saved_and_loaded(tmp_path: Any) -> None:
    network = Sequential({"a": LIFJax(2)}).batch_state(3)
    network = network.set_attributes(network(DATA)[1])
    loaded = load(save(network, tmp_path / "network"))
    np.testing.assert_array_equal(loaded.state()["a"]["vmem"], network.state()["a"]["vmem"])
    assert shapes(loaded.reset_state())["a"]["vmem"] == (3, 2)


def test_a_scan_carries_the_states_of_a_batch() -> None:
    network = Sequential({"a": Counter(), "b": LIFJax(2, has_rec=True)}).batch_state(3)
    whole, _, _ = network(DATA)

    def step(module: Any, piece: Any) -> Any:
        output, new_state, _ = module(piece)
        return module.set_attributes(new_state), output[:, 0]

    end, outputs = jax.lax.scan(step, network, jnp.moveaxis(DATA, 1, 0)[:, :, None])
    np.testing.assert_allclose(jnp.moveaxis(outputs, 0, 1), whole, rtol=1e-5)
    assert shapes(end) == shapes(network)


def test_vmap_over_states_gives_what_each_gives() -> None:
    network = LIFJax(2, has_rec=True)
    batches = [network.batch_state(3)(DATA)[1], network.batch_state(3)(2 * DATA)[1]]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
    outputs = jax.vmap(lambda state: network.set_attributes(state)(DATA)[0])(stacked)
    for state, output in zip(batches, outputs, strict=True):
        np.testing.assert_array_equal(network.set_attributes(state)(DATA)[0], output)
