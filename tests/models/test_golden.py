"""Modules against the numbers of the reference library."""

from collections.abc import Callable
from functools import cache, partial
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
    Residual,
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
WITHOUT_GRADIENTS = ["lif_defaults", "lif_tau_syn_flat"]
NETWORKS = {
    "residual": lambda: Residual(LinearJax((6, 6)), LIFJax(6)),
    "sequential_nested_residual": lambda: Sequential(
        LinearJax((3, 6)),
        LIFJax(6),
        Residual(LinearJax((6, 6)), LIFJax(6)),
        LinearJax((6, 2)),
        LIFJax(2),
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
CASES = [*LIF_CASES, *SURROGATE_CASES, *LINEAR_CASES, *NETWORKS]


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
    if case in NETWORKS:
        network = NETWORKS[case]().set_attributes(golden.tree("param"))
        return network.set_attributes(golden.tree("state0"))
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


def run(case: str, reference: Any) -> tuple[Any, Any]:
    """Result of a call, and gradients by parameters, state and input, from one compilation."""
    module = built(case, reference)

    @partial(jax.value_and_grad, argnums=(0, 1, 2), has_aux=True)
    def loss(parameters: Any, state: Any, data: Any) -> tuple[jax.Array, Any]:
        result = module.set_attributes(parameters).set_attributes(state)(data, record=True)
        return jnp.sum(result[0] * reference.arrays.get("cotangent", 0.0)), result

    state, data = comparable(module.state()), jnp.asarray(reference["input"])
    (_, result), gradients = jax.jit(loss)(module.parameters(), state, data)
    return result, gradients


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


@pytest.mark.parametrize("case", [*LIF_CASES, *SURROGATE_CASES, "sequential_nested_residual"])
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
@pytest.mark.parametrize("case", ["lif_rec_2syn_bias", "lif_max_spikes"])
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
