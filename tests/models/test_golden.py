"""Modules against the numbers of the reference library."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import (
    BooleanStateJax,
    Constant,
    ExpSmoothJax,
    ExpSynJax,
    FFwdStack,
    JaxModule,
    LIFJax,
    LIFNeuronJax,
    LIFODEJax,
    LinearJax,
    RateJax,
    Residual,
    Sequential,
    UpDownJax,
    aLIFJax,
    periodic_exponential,
    step_pwl,
)

LIF_CASES = [
    "lif_constant_taus",
    "lif_defaults",
    "lif_ff_1syn",
    "lif_ff_2syn",
    "lif_max_spikes",
    "lif_rec_1syn",
    "lif_rec_2syn_bias",
    "lif_scalar_params_2d_input",
    "lif_tau_syn_flat",
    "lif_tau_syn_per_synapse",
]
SURROGATE_CASES = {
    "torch_lif_periodic_exponential": periodic_exponential,
    "torch_lif_periodic_exponential_max2": periodic_exponential,
    "torch_lif_steppwl_window": step_pwl,
}
OTHER_NEURONS = {
    "lif_ode_ff_1syn": LIFODEJax,
    "lif_ode_rec_2syn": LIFODEJax,
    "torch_alif_ff": aLIFJax,
    "torch_alif_rec_2syn": aLIFJax,
    "torch_lif_bitshifts": LIFJax,
    "torch_lif_decays": LIFJax,
    "torch_lif_neuron": LIFNeuronJax,
}
LINEAR_CASES = ["linear", "linear_bias_2d_input"]
RATE_CASES = [
    "rate_ff_relu",
    "rate_rec_relu",
    "rate_rec_sigmoid",
    "rate_rec_tanh",
    "rate_scalar_params_2d_input",
]
FILTER_CASES = [
    "expsmooth_tanh_2d_input",
    "expsyn_defaults",
    "expsyn_scalar_tau",
    "expsyn_vector_tau",
]
WITHOUT_GRADIENTS = ["lif_defaults", "lif_tau_syn_flat"]
NETWORKS = {
    "ffwdstack_rate": lambda: FFwdStack(*(RateJax(n, activation_func="tanh") for n in (3, 6, 2))),
    "residual": lambda: Residual(LinearJax((6, 6)), LIFJax(6)),
    "sequential_nested_residual": lambda: Sequential(
        LinearJax((3, 6)),
        LIFJax(6),
        Residual(LinearJax((6, 6)), LIFJax(6)),
        LinearJax((6, 2)),
        LIFJax(2),
    ),
    "sequential_rate": lambda: Sequential(
        LinearJax((3, 6)),
        RateJax(6, has_rec=True, activation_func="tanh"),
        LinearJax((6, 2)),
    ),
    "sequential_spiking": lambda: Sequential(
        LinearJax((3, 6)),
        LIFJax(6),
        LinearJax((6, 12)),
        LIFJax((12, 6), has_rec=True),
        LinearJax((6, 2)),
        ExpSynJax(2),
    ),
}
CASES = [
    *LIF_CASES,
    *SURROGATE_CASES,
    *OTHER_NEURONS,
    *LINEAR_CASES,
    *RATE_CASES,
    *FILTER_CASES,
    *NETWORKS,
]


def built(case: str, golden: Any) -> JaxModule:
    if case.startswith("linear"):
        weight = golden["param/weight"]
        return LinearJax(weight.shape, **golden.tree("param"))
    module = unset(case, golden)
    return module.set_attributes(golden.tree("param")).set_attributes(golden.tree("state0"))


def unset(case: str, golden: Any) -> JaxModule:
    """The module of a case, with parameters of the right shapes."""
    given: dict[str, Any] = golden.tree("param")
    n = golden["output"].shape[-1]
    if case in NETWORKS:
        return NETWORKS[case]()
    if case in RATE_CASES:
        activation = golden.meta.get("activation", "relu")
        return RateJax(n, has_rec="w_rec" in given, activation_func=activation, **given)
    if case == "expsmooth_tanh_2d_input":
        return ExpSmoothJax(n, activation_fun=jnp.tanh, **given)
    if case in FILTER_CASES:
        return ExpSynJax(n, **given)
    return neurons(case, golden)


def neurons(case: str, golden: Any) -> JaxModule:
    given: dict[str, Any] = golden.tree("param")
    simulation = golden.meta.get("sim", golden.meta)
    for name in {"tau_mem", "tau_syn"} & set(simulation):
        given[name] = Constant(simulation[name])
    if case == "lif_tau_syn_flat":
        given["tau_syn"] = given["tau_syn"].ravel()
    make: Callable[..., JaxModule] = OTHER_NEURONS.get(case, LIFJax)
    sizes = golden["input"].shape[-1], golden["output"].shape[-1]
    options = {"has_rec": "w_rec" in given} if make is not LIFNeuronJax else {}
    if "leak_mode" in simulation:
        options["leak_mode"] = simulation["leak_mode"]
    return make(
        sizes if make is not LIFNeuronJax else sizes[1],
        **options,
        dt=simulation["dt"],
        max_spikes_per_dt=simulation.get("max_spikes_per_dt", 2.0**16),
        spike_generation_fn=SURROGATE_CASES.get(case, step_pwl),
        learning_window=simulation.get("window", 0.5),
        **given,
    )


def comparable(tree: dict[str, Any]) -> dict[str, Any]:
    """Without random keys and empty branches, which the files leave out."""
    found = {
        name: comparable(value) if isinstance(value, dict) else value
        for name, value in tree.items()
        if name != "rng_key"
    }
    return {name: value for name, value in found.items() if not isinstance(value, dict) or value}


def run(case: str, reference: Any) -> tuple[Any, Any]:
    """Result of a call, and gradients by parameters, state and input, from one compilation."""
    module = built(case, reference)

    @partial(jax.value_and_grad, argnums=(0, 1, 2), has_aux=True)
    def loss(parameters: Any, state: Any, data: Any) -> tuple[jax.Array, Any]:
        result = module.set_attributes(parameters).set_attributes(state)(data, record=True)
        return jnp.sum(result[0] * reference.arrays.get("cotangent", 0.0)), result

    state, data = comparable(module.state()), jnp.asarray(reference["input"])
    (_, result), gradients = jax.jit(loss)(module.parameters(), state, data)
    output, new_state, record = result
    if reference["output"].ndim == 2 and output.ndim == 3:
        # There the reference gives no batch axis; everything here does.
        output, record = output[0], jax.tree.map(lambda trace: trace[0], record)
    return (output, new_state, record), gradients


@pytest.fixture(scope="module")
def computed(golden: Callable[[str], Any]) -> Callable[[str], Any]:
    return cache(lambda case: run(case, golden(case)))


@pytest.mark.parametrize("case", CASES)
def test_output_record_and_new_state_are_those_of_the_reference(
    case: str,
    golden: Callable[[str], Any],
    computed: Callable[[str], Any],
    assert_close: Callable[..., None],
) -> None:
    reference, ((output, new_state, record), _) = golden(case), computed(case)
    assert output.dtype == jnp.float32
    assert_close(output, reference["output"], 2e-5, 1.0)
    assert_close(comparable(record), reference.tree("rec"), 2e-5, 1.0)
    assert_close(comparable(new_state), reference.tree("state1"), 2e-5, 1.0)


@pytest.mark.parametrize(
    "case", [*LIF_CASES, *SURROGATE_CASES, *OTHER_NEURONS, "sequential_nested_residual"]
)
def test_spikes_are_equal_to_those_of_the_reference(
    case: str, golden: Callable[[str], Any], computed: Callable[[str], Any]
) -> None:
    np.testing.assert_array_equal(computed(case)[0][0], golden(case)["output"])


@pytest.mark.parametrize("case", [case for case in CASES if case not in WITHOUT_GRADIENTS])
def test_gradients_are_those_of_the_reference(
    case: str,
    golden: Callable[[str], Any],
    computed: Callable[[str], Any],
    assert_close: Callable[..., None],
) -> None:
    reference, (_, (parameters, state, data)) = golden(case), computed(case)
    # 1e-4 of the largest, plus 1e-6
    assert_close(parameters, reference.tree("grad_param"), 1e-4, 1e-2)
    assert_close(data, reference["grad_input"], 1e-4, 1e-2)
    if "torch" not in case:
        assert_close(state, reference.tree("grad_state0"), 1e-4, 1e-2)


# Single modules: between layers the reference goes through 32-bit floats.
@pytest.mark.parametrize(
    "case",
    [
        "lif_rec_2syn_bias",
        "lif_max_spikes",
        "lif_ode_rec_2syn",
        "rate_rec_tanh",
        "expsyn_vector_tau",
    ],
)
def test_64_bit_floats_reproduce_the_reference_closely(
    case: str, golden: Callable[[str], Any], assert_close: Callable[..., None], x64: None
) -> None:
    reference = golden(case)
    (output, new_state, record), (parameters, state, _) = run(case, reference)
    assert output.dtype == jnp.float64
    assert_close(output, reference["output"], 1e-10, 1.0)
    assert_close(comparable(record), reference.tree("rec"), 1e-10, 1.0)
    assert_close(comparable(new_state), reference.tree("state1"), 1e-10, 1.0)
    assert_close(parameters, reference.tree("grad_param"), 1e-6, 1e-3)
    assert_close(state, reference.tree("grad_state0"), 1e-6, 1e-3)


def test_a_run_in_two_parts_is_that_of_the_reference(
    golden: Callable[[str], Any], assert_close: Callable[..., None]
) -> None:
    reference = golden("state_carry")
    module = LIFJax(3, has_rec=True, dt=reference.meta["dt"], **reference.tree("param"))
    first, middle, _ = module(reference["x1"])
    second, end, _ = module.set_attributes(middle)(reference["x2"])
    np.testing.assert_array_equal(first, reference["o1"])
    np.testing.assert_array_equal(second, reference["o2"])
    assert_close(comparable(middle), reference.tree("state_mid"), 2e-5, 1.0)
    assert_close(comparable(end), reference.tree("state_end"), 2e-5, 1.0)


def test_whole_shifts_act_as_where_the_reference_rounds_time_constants(
    golden: Callable[[str], Any], assert_close: Callable[..., None]
) -> None:
    reference = golden("torch_lif_bitshift_module")
    exact = {part: reference[f"param/tau_{part}"] / reference.meta["dt"] for part in ("mem", "syn")}
    # Shifts as they may come out of training: whole numbers only when rounded.
    shifts = {f"dash_{part}": np.log2(ratio) + 0.2 for part, ratio in exact.items()}
    module = LIFJax(
        3,
        leak_mode="bitshifts",
        whole_dashes=True,
        max_spikes_per_dt=reference.meta["max_spikes_per_dt"],
        **shifts,
        **{name: reference[f"param/{name}"] for name in ("bias", "threshold")},
    )

    @partial(jax.grad, has_aux=True)
    def loss(parameters: Any) -> tuple[jax.Array, Any]:
        result = module.set_attributes(parameters)(reference["input"], record=True)
        return jnp.sum(result[0] * reference["cotangent"]), result

    gradients, (output, _, record) = loss(module.parameters())
    np.testing.assert_array_equal(output, reference["output"])
    assert_close(comparable(record), reference.tree("rec"), 2e-5, 1.0)
    for name in ("bias", "threshold"):
        assert_close(gradients[name], reference[f"grad_param/{name}"], 1e-4, 1e-2)


@pytest.mark.parametrize("case", ["torch_updown_ref0", "torch_updown_ref3"])
def test_events_up_and_down_are_equal_to_those_of_the_reference(
    case: str, golden: Callable[[str], Any]
) -> None:
    reference = golden(case)
    output, _, record = UpDownJax(2, **reference.meta)(reference["input"], record=True)
    np.testing.assert_array_equal(output, reference["output"])
    np.testing.assert_allclose(record["analog_value"], reference["rec_analog"], atol=1e-6)


def test_switches_are_those_of_the_reference(golden: Callable[[str], Any]) -> None:
    reference = golden("torch_boolean_state")
    output, _, _ = BooleanStateJax(3, reference["threshold"])(reference["input"])
    np.testing.assert_array_equal(output, reference["output"])
