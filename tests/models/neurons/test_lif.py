from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.models import LIFJax, periodic_exponential, step_pwl


def by_hand(module: LIFJax, raster: np.ndarray) -> dict[str, np.ndarray]:
    """The step of the class's docstring, one neuron and one synapse at a time, in 64 bits."""
    n, k = module.size_out, module.n_synapses
    dt, cap = float(module.dt), float(module.max_spikes_per_dt)
    full = {name: np.asarray(getattr(module, name), float) for name in ("tau_mem", "tau_syn")}
    alpha = np.broadcast_to(np.exp(-dt / full["tau_mem"]), n)
    beta = np.broadcast_to(np.exp(-dt / full["tau_syn"]), (n, k))
    bias = np.broadcast_to(np.asarray(module.bias, float), n)
    threshold = np.broadcast_to(np.asarray(module.threshold, float), n)
    w_rec = np.zeros((n, n * k)) if module.w_rec is None else np.asarray(module.w_rec, float)
    spikes, isyn, vmem = (np.array(getattr(module, s), float) for s in ("spikes", "isyn", "vmem"))
    seen: dict[str, list[np.ndarray]] = {"spikes": [], "isyn": [], "irec": [], "vmem": []}
    for arriving in raster:
        before = spikes.copy()
        irec = np.zeros((n, k))
        for i in range(n):
            for j in range(k):
                irec[i, j] = sum(before[source] * w_rec[source, i * k + j] for source in range(n))
                isyn[i, j] = (isyn[i, j] + arriving[i * k + j] + irec[i, j]) * beta[i, j]
            vmem[i] = vmem[i] * alpha[i] + isyn[i].sum() + bias[i]
            fired = vmem[i] // threshold[i] if vmem[i] >= threshold[i] else 0.0
            spikes[i] = min(fired, cap)
            vmem[i] -= spikes[i] * threshold[i]
        for name, value in (("spikes", spikes), ("isyn", isyn), ("irec", irec), ("vmem", vmem)):
            seen[name].append(value.copy())
    return {name: np.stack(values) for name, values in seen.items()}


@pytest.mark.parametrize("n_synapses", [1, 2, 3])
@pytest.mark.parametrize("has_rec", [False, True])
def test_the_dynamics_are_those_computed_by_hand(n_synapses: int, has_rec: bool) -> None:
    draw = np.random.default_rng(n_synapses)
    n = 3
    module = LIFJax(
        (n * n_synapses, n),
        tau_mem=draw.uniform(5e-3, 30e-3, n),
        tau_syn=draw.uniform(5e-3, 30e-3, (n, n_synapses)),
        bias=draw.uniform(-0.02, 0.05, n),
        threshold=draw.uniform(0.5, 2.0, n),
        has_rec=has_rec,
        w_rec=draw.normal(0, 0.2, (n, n * n_synapses)) if has_rec else None,
        max_spikes_per_dt=2,
        dt=2e-3,
    ).set_attributes({"spikes": [1, 0, 2], "vmem": [0.2, -0.3, 0.1]})
    raster = draw.poisson(0.4, (25, n * n_synapses)) * 0.8
    expected = by_hand(module, raster)
    _, _, record = module(raster, record=True)
    np.testing.assert_array_equal(record["spikes"][0], expected["spikes"])
    for name in ("isyn", "irec", "vmem"):
        np.testing.assert_allclose(record[name][0], expected[name], atol=2e-5)
    assert expected["spikes"].max() == 2


def test_channels_belong_to_neurons_synapse_by_synapse() -> None:
    raster = np.zeros((1, 6))
    raster[0, 3] = 1.0
    _, _, record = LIFJax((6, 3))(raster, record=True)
    isyn = np.asarray(record["isyn"])[0, 0]
    assert np.argwhere(isyn).tolist() == [[1, 1]]


def test_a_single_input_pulse_decays_twice_before_the_membrane_leaks() -> None:
    # Closed form of the first steps: an input is decayed once in its own step.
    a, b = np.exp(-1e-3 / 20e-3), np.exp(-1e-3 / 10e-3)
    _, _, record = LIFJax(1, tau_mem=20e-3, tau_syn=10e-3, threshold=100.0)(
        [[1.0], [0.0], [0.0]], record=True
    )
    expected = [b, b * a + b**2, b * a**2 + b**2 * a + b**3]
    np.testing.assert_allclose(record["vmem"][0, :, 0], expected, rtol=1e-6)


# --- construction ---


@pytest.mark.parametrize(
    ("shape", "full", "n_synapses"),
    [(3, (3, 3), 1), ((3,), (3, 3), 1), ((6, 3), (6, 3), 2), ([4, 1], (4, 1), 4)],
)
def test_the_shape_gives_the_number_of_synapses(shape: Any, full: tuple, n_synapses: int) -> None:
    module = LIFJax(shape)
    assert (module.shape, module.n_synapses) == (full, n_synapses)
    assert module.isyn.shape == (full[1], n_synapses)


@pytest.mark.parametrize("shape", [(1, 2, 3), "3", 2.5, None, ()])
def test_other_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"`LIFJax` takes the shape `N` or `\(n_in, N\)`, got"):
        LIFJax(shape)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), 0, (0, 0), (-2, -1)])
def test_inputs_must_be_a_multiple_of_the_neurons(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"the .+ inputs must be a multiple of the .+ neurons"):
        LIFJax(shape)


@pytest.mark.parametrize(
    ("given", "kept"),
    [(0.02, ()), ([0.02], ()), (np.ones(4), (2, 2)), (np.ones((1, 2)), (1, 2)), ([1, 2], (1, 2))],
)
def test_synaptic_time_constants_take_a_permitted_shape(given: Any, kept: tuple) -> None:
    assert LIFJax((4, 2), tau_syn=given).tau_syn.shape == kept


@pytest.mark.parametrize("name", ["tau_mem", "tau_syn", "bias", "threshold"])
def test_a_value_that_fits_no_neuron_is_refused_by_its_name(name: str) -> None:
    given: dict[str, Any] = {name: np.ones(5)}
    with pytest.raises(ValueError, match=rf"`{name}` must be of shape .* got \(5,\)"):
        LIFJax((4, 2), **given)


def test_scalars_stay_scalars_and_act_on_all_neurons() -> None:
    scalar = LIFJax((4, 2), tau_mem=0.03, tau_syn=0.01, bias=0.1, threshold=0.7)
    vector = LIFJax(
        (4, 2),
        tau_mem=[0.03] * 2,
        tau_syn=np.full((2, 2), 0.01),
        bias=[0.1] * 2,
        threshold=[0.7] * 2,
    )
    raster = np.random.default_rng(0).poisson(0.5, (20, 4))
    assert {leaf.shape for leaf in jax.tree.leaves(scalar.parameters())} == {()}
    np.testing.assert_array_equal(scalar(raster)[0], vector(raster)[0])


def test_weights_without_recurrence_are_refused() -> None:
    with pytest.raises(ValueError, match="LIFJax: `w_rec` was given without `has_rec=True`"):
        LIFJax(2, w_rec=np.ones((2, 2)))


def test_transposed_weights_are_refused() -> None:
    message = r"`w_rec` must be of shape \(2, 4\), got \(4, 2\); reshaping is not permitted"
    with pytest.raises(ValueError, match=message):
        LIFJax((4, 2), has_rec=True, w_rec=np.ones((4, 2)))


def test_without_recurrence_there_are_no_weights() -> None:
    module = LIFJax(2)
    assert (module.has_rec, module.w_rec) == (False, None)
    assert list(module.parameters()) == ["tau_mem", "tau_syn", "bias", "threshold"]
    assert LIFJax(2, has_rec=True).parameters("weights").keys() == {"w_rec"}


def test_everything_that_makes_no_sense_is_said_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        LIFJax(
            2,
            tau_mem=[0.01, 0.0],
            tau_syn=float("nan"),
            threshold=-1,
            dt="1 ms",
            noise_std=-0.5,
            learning_window=np.ones(2),
            max_spikes_per_dt=0,
            spike_generation_fn="steps",
        )
    assert str(caught.value).splitlines() == [
        "LIFJax: `dt` must be a number, got '1 ms'",
        "`learning_window` must be a number, got Array([1., 1.], dtype=float32)",
        "`tau_mem` must be positive, got [0.01 0.  ]",
        "`tau_syn` must be positive, got nan",
        "`threshold` must be positive, got -1.0",
        "`max_spikes_per_dt` must be positive, got 0",
        "`noise_std` must not be negative, got -0.5",
        "`spike_generation_fn` must be callable, got 'steps'",
    ]


def test_modules_can_be_built_inside_jit() -> None:
    build = jax.jit(lambda tau: LIFJax(2, tau_mem=tau, rng_key=jax.random.key(0)))
    np.testing.assert_allclose(build(0.05).tau_mem, 0.05, rtol=1e-6)


def test_a_key_fixes_weights_and_noise() -> None:
    one, other = (LIFJax(3, has_rec=True, rng_key=jax.random.key(1)) for _ in range(2))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)
    raw = LIFJax(3, has_rec=True, rng_key=jax.random.key_data(jax.random.key(1)))
    np.testing.assert_array_equal(raw.w_rec, one.w_rec)


def test_numpys_seed_fixes_the_default() -> None:
    drawn = []
    for _ in range(2):
        np.random.seed(4)
        drawn.append(LIFJax(3, has_rec=True).w_rec)
    np.testing.assert_array_equal(*drawn)


# --- evolving ---


def test_two_dimensional_input_is_one_batch() -> None:
    raster = np.random.default_rng(0).poisson(0.5, (7, 3))
    module = LIFJax(3)
    output, state, record = module(raster, record=True)
    assert output.shape == (1, 7, 3)
    assert {name: value.shape for name, value in record.items()} == {
        "irec": (1, 7, 3, 1),
        "isyn": (1, 7, 3, 1),
        "spikes": (1, 7, 3),
        "vmem": (1, 7, 3),
    }
    assert {name: value.shape for name, value in state.items()} == {
        "spikes": (3,),
        "isyn": (3, 1),
        "vmem": (3,),
        "rng_key": (2,),
    }
    np.testing.assert_array_equal(module(raster[None])[0], output)


def test_the_new_state_is_that_of_the_first_sample() -> None:
    rasters = np.random.default_rng(0).poisson(0.5, (3, 7, 2))
    _, state, record = LIFJax(2)(rasters, record=True)
    np.testing.assert_array_equal(state["vmem"], record["vmem"][0, -1])
    np.testing.assert_array_equal(state["isyn"], record["isyn"][0, -1])


def test_no_time_gives_no_output_and_the_same_state() -> None:
    module = LIFJax(2).set_attributes({"vmem": [0.2, 0.3]})
    output, state, _ = module(np.zeros((4, 0, 2)))
    assert output.shape == (4, 0, 2)
    np.testing.assert_array_equal(state["vmem"], module.vmem)


def test_a_cap_keeps_the_excess_on_the_membrane() -> None:
    output, state, _ = LIFJax(1, max_spikes_per_dt=2, tau_syn=1.0)([[5.5]])
    assert float(output[0, 0, 0]) == 2
    np.testing.assert_allclose(state["vmem"], 5.5 * np.exp(-1e-3) - 2, rtol=1e-6)


def test_the_cap_may_be_traced() -> None:
    module = LIFJax(1, max_spikes_per_dt=jnp.array(2.0))
    assert float(jax.jit(lambda m: m([[9.0]])[0].sum())(module)) == 2


@pytest.mark.parametrize("data", [np.ones((4, 2)), np.ones((1, 4, 5))])
def test_a_wrong_number_of_channels_is_refused_by_the_layers_name(data: np.ndarray) -> None:
    with pytest.raises(ValueError, match="LIFJax: Input has wrong neuron dimension. It is"):
        LIFJax(3)(data)


SEQUENCE = np.random.default_rng(5).poisson(0.5, (24, 4)).astype(np.float32)


@given(cuts=st.lists(st.integers(0, 24), max_size=4))
@settings(deadline=None, max_examples=15)
def test_a_run_cut_anywhere_is_the_whole_run(cuts: list[int]) -> None:
    # Weights against runaway activity: what is large is rounded coarsely.
    weights = [[0.2, -0.3, 0.1, -0.2], [-0.1, 0.2, -0.4, 0.1]]
    module = LIFJax((4, 2), 5e-3, 5e-3, has_rec=True, w_rec=weights, threshold=0.6)
    whole, end, _ = module(SEQUENCE)
    pieces = []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 24], strict=True):
        # One sample at a time: pieces of every length would be compiled.
        for sample in SEQUENCE[start:stop]:
            output, state, _ = module(sample[None])
            module = module.set_attributes(state)
            pieces.append(output)
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole)
    np.testing.assert_allclose(module.vmem, end["vmem"], atol=1e-5)


# --- noise ---


def test_noise_has_the_stated_standard_deviation() -> None:
    # Without leak, input and spikes the membrane is a random walk of `noise_std` in one second.
    module = LIFJax(
        1000,
        tau_mem=1e9,
        threshold=1e9,
        noise_std=0.5,
        dt=0.01,
        rng_key=jax.random.key(0),
    )
    _, _, record = module(np.zeros((2, 100, 1000)), record=True)
    vmem = np.asarray(record["vmem"])
    assert vmem[:, -1].std() == pytest.approx(0.5, rel=0.05)
    assert vmem[:, 24].std() == pytest.approx(0.25, rel=0.05)
    assert abs(vmem[:, -1].mean()) < 0.05
    steps = np.diff(vmem[0], axis=0)
    assert abs(np.corrcoef(steps[0], steps[1])[0, 1]) < 0.15
    assert abs(np.corrcoef(vmem[0, -1], vmem[1, -1])[0, 1]) < 0.15


def test_the_key_moves_on_with_noise_and_repeats_after_a_reset() -> None:
    module = LIFJax(50, noise_std=30.0, rng_key=jax.random.key(0))
    first, state, _ = module(np.zeros((10, 50)))
    second, _, _ = module.set_attributes({"rng_key": state["rng_key"]})(np.zeros((10, 50)))
    again, _, _ = module.set_attributes(state).reset_state()(np.zeros((10, 50)))
    assert np.any(first != second)
    np.testing.assert_array_equal(first, again)


def test_without_noise_the_key_stays() -> None:
    module = LIFJax(2, rng_key=jax.random.key(0))
    np.testing.assert_array_equal(module(np.ones((3, 2)))[1]["rng_key"], module.rng_key)


def test_traced_noise_can_be_differentiated() -> None:
    def drift(noise_std: Any) -> jax.Array:
        module = LIFJax(50, noise_std=noise_std, rng_key=jax.random.key(0))
        return module(np.zeros((10, 50)))[1]["vmem"].sum()

    _, slope = jax.jvp(drift, (0.01,), (1.0,))
    assert float(slope) != 0


# --- the surrogate ---


def test_the_surrogate_can_be_chosen() -> None:
    raster = np.full((10, 1), 0.005)

    def loss(tau: Any, count: Callable[..., Any]) -> jax.Array:
        return LIFJax(1, tau_mem=tau, spike_generation_fn=count)(raster)[0].sum()

    assert float(jax.grad(loss)(0.02, step_pwl)) == 0.0
    assert float(jax.grad(loss)(0.02, periodic_exponential)) > 0.0


def test_a_users_surrogate_counts_the_spikes() -> None:
    def none(vmem: Any, threshold: Any, window: Any, most: Any) -> Any:
        return jnp.zeros_like(vmem)

    output, _, _ = LIFJax(1, spike_generation_fn=none)(np.full((10, 1), 5.0))
    np.testing.assert_array_equal(output, 0)


def test_the_learning_window_is_the_surrogates() -> None:
    def slope(window: float) -> float:
        def loss(bias: Any) -> jax.Array:
            return LIFJax(1, bias=bias, learning_window=window)([[0.0]])[0].sum()

        return float(jax.grad(loss)(0.6))

    assert [slope(window) for window in (0.3, 0.5)] == [0.0, 1.0]


# --- precision ---


def test_64_bit_floats_are_used_where_these_are_on(x64: None) -> None:
    output, state, _ = LIFJax(2, has_rec=True)(np.ones((3, 2), np.float32))
    assert {output.dtype, state["vmem"].dtype, state["isyn"].dtype} == {np.dtype("float64")}


def test_parameters_of_half_precision_give_single_precision() -> None:
    module = LIFJax(2, has_rec=True, rng_key=jax.random.key(0))
    half = jax.tree.map(
        lambda leaf: leaf.astype(jnp.bfloat16) if leaf.dtype == jnp.float32 else leaf, module
    )
    output, _, _ = half(np.ones((5, 2)))
    assert output.dtype == jnp.float32
