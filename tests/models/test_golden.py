"""Modules against the numbers of the reference library."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.models import (
    Constant,
    JaxModule,
    LIFJax,
    LinearJax,
    Parameter,
    Sequential,
    State,
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
LINEAR_CASES = ["linear", "linear_bias_2d_input"]
CASES = [*LIF_CASES, *SURROGATE_CASES, *LINEAR_CASES, "sequential_spiking"]


class ExpSynJax(JaxModule):
    """An exponential synapse, for the last layer of the golden network."""

    def __init__(self, shape: int) -> None:
        super().__init__(shape)
        self.tau: Any = Parameter(np.ones(shape))
        self.isyn: Any = State(np.zeros(shape))

    def evolve(self, input_data: Any, record: Any = False) -> tuple[Any, dict, dict]:
        data, (isyn,) = self._auto_batch(input_data, (self.isyn,))
        decay = jnp.exp(-1e-3 / self.tau)

        def step(isyn: jax.Array, arriving: jax.Array) -> tuple[jax.Array, jax.Array]:
            isyn = (isyn + arriving) * decay
            return isyn, isyn

        isyn, output = jax.lax.scan(step, isyn, data.swapaxes(0, 1))
        return output.swapaxes(0, 1), {"isyn": isyn[0]}, {}


def built(case: str, golden: Any) -> JaxModule:
    if case.startswith("linear"):
        weight = golden["param/weight"]
        return LinearJax(weight.shape, **golden.tree("param"))
    if case == "sequential_spiking":
        layers = [LinearJax((3, 6)), LIFJax(6), LinearJax((6, 12)), LIFJax((12, 6), has_rec=True)]
        network = Sequential(*layers, LinearJax((6, 2)), ExpSynJax(2))
        return network.set_attributes(golden.tree("param")).set_attributes(golden.tree("state0"))
    return lif(case, golden).set_attributes(golden.tree("state0"))


def lif(case: str, golden: Any) -> LIFJax:
    given: dict[str, Any] = golden.tree("param")
    simulation = golden.meta.get("sim", golden.meta)
    for name in {"tau_mem", "tau_syn"} & set(simulation):
        given[name] = Constant(simulation[name])
    if case == "lif_tau_syn_flat":
        given["tau_syn"] = given["tau_syn"].ravel()
    return LIFJax(
        (golden["input"].shape[-1], golden["output"].shape[-1]),
        has_rec="w_rec" in given,
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


@pytest.mark.parametrize("case", CASES)
def test_output_record_and_new_state_are_those_of_the_reference(
    case: str, golden: Callable[[str], Any], assert_close: Callable[..., None]
) -> None:
    reference = golden(case)
    output, new_state, record = built(case, reference)(reference["input"], record=True)
    assert output.dtype == jnp.float32
    assert_close(output, reference["output"], 2e-5, 1.0)
    assert_close(comparable(record), reference.tree("rec"), 2e-5, 1.0)
    assert_close(comparable(new_state), reference.tree("state1"), 2e-5, 1.0)


@pytest.mark.parametrize("case", [*LIF_CASES, *SURROGATE_CASES])
def test_spikes_are_equal_to_those_of_the_reference(
    case: str, golden: Callable[[str], Any]
) -> None:
    reference = golden(case)
    output, _, _ = built(case, reference)(reference["input"], record=True)
    np.testing.assert_array_equal(output, reference["output"])


def gradients(case: str, reference: Any) -> tuple[Any, Any, Any]:
    module = built(case, reference)

    def loss(parameters: Any, state: Any, data: Any) -> jax.Array:
        output, _, _ = module.set_attributes(parameters).set_attributes(state)(data)
        return jnp.sum(output * reference["cotangent"])

    state = comparable(module.state())
    data = jnp.asarray(reference["input"])
    return jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(module.parameters(), state, data)


WITH_GRADIENTS = [
    "lif_constant_taus",
    "lif_ff_2syn",
    "lif_max_spikes",
    "lif_rec_1syn",
    "lif_rec_2syn_bias",
    "lif_scalar_params_2d_input",
    "lif_tau_syn_per_synapse",
    *SURROGATE_CASES,
    *LINEAR_CASES,
    "sequential_spiking",
]


@pytest.mark.parametrize("case", WITH_GRADIENTS)
def test_gradients_are_those_of_the_reference(
    case: str, golden: Callable[[str], Any], assert_close: Callable[..., None]
) -> None:
    reference = golden(case)
    parameters, state, data = gradients(case, reference)
    # 1e-4 of the largest, plus 1e-6
    assert_close(parameters, reference.tree("grad_param"), 1e-4, 1e-2)
    assert_close(data, reference["grad_input"], 1e-4, 1e-2)
    if "torch" not in case:
        assert_close(state, reference.tree("grad_state0"), 1e-4, 1e-2)


# Single modules: between layers the reference goes through 32-bit floats.
@pytest.mark.parametrize("case", ["lif_rec_2syn_bias", "lif_max_spikes"])
def test_64_bit_floats_reproduce_the_reference_closely(
    case: str, golden: Callable[[str], Any], assert_close: Callable[..., None], x64: None
) -> None:
    reference = golden(case)
    output, new_state, record = built(case, reference)(reference["input"], record=True)
    assert output.dtype == jnp.float64
    assert_close(output, reference["output"], 1e-10, 1.0)
    assert_close(comparable(record), reference.tree("rec"), 1e-10, 1.0)
    assert_close(comparable(new_state), reference.tree("state1"), 1e-10, 1.0)
    parameters, state, _ = gradients(case, reference)
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
