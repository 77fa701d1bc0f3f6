"""What the `jax` engine has and the others have not; all else is in `test_engines.py`."""

from typing import Any

import jax
import numpy as np
import pytest
from engine_cases import assert_same_traces, run

from xylograph.hw import XyloConfig, XyloSim, saturation_bounds
from xylograph.hw.engines import CoreState, _jax, _jax_network, evolve_jax, make_engine
from xylograph.hw.engines._jax_network import network_of, products_are_exact, rounded_up
from xylograph.hw.engines._jax_ordered import add_in_order
from xylograph.hw.engines._jax_step import _divided


def config(seed: int = 0, **fields: Any) -> XyloConfig:
    rng = np.random.default_rng(seed)
    return XyloConfig(
        "xylo-audio-2",
        **{
            "weights_in": rng.integers(-20, 60, (3, 12)),
            "weights_rec": rng.integers(-20, 20, (12, 12)),
            "weights_out": rng.integers(-20, 60, (12, 2)),
            "threshold": 90,
            "threshold_out": 90,
        }
        | fields,
    )


def raster(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 4, shape).astype(np.uint8)


# One selection and one shape where it does not matter, so that little is compiled.
WANTED = ("Spikes", "Isyn", "hibernation")
DATA = raster(2, 10, 3)


def wild() -> XyloConfig:
    return config(weight_shift_in=7, weight_shift_rec=7, threshold=3000, aliases=[[1]] * 12)


def one_after_the_other(
    current: np.ndarray, counts: np.ndarray, by_current: np.ndarray
) -> np.ndarray:
    for source in range(counts.shape[1]):
        change = counts[:, source, None] * by_current[None, :, source].astype(np.int64)
        current = np.clip(current + change, -32_768, 32_767)
    return current


@pytest.mark.parametrize("n_sources", [1, 2, 7, 64])
@pytest.mark.parametrize("strength", [100, 3000, 32_767])
def test_joined_sums_saturate_like_sums_one_after_the_other(n_sources: int, strength: int) -> None:
    rng = np.random.default_rng(n_sources)
    current = rng.integers(-32_768, 32_768, (5, 40)).astype(np.int32)
    counts = rng.integers(0, 32, (5, n_sources)).astype(np.int32)
    by_current = rng.integers(-strength - 1, strength, (40, n_sources), endpoint=True)
    by_current = by_current.astype(np.int16)
    needed = rng.random((5, 40)) < 0.6
    got = jax.jit(add_in_order)(current, counts, by_current, needed)
    expected = np.where(needed, one_after_the_other(current, counts, by_current), current)
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("last", [-1, 0, 1])
def test_joined_sums_may_leave_32_bits(last: int) -> None:
    """5000 sources of 31 spikes of the largest weight: 5 billion; and then one more."""
    by_current = np.full((1, 5001), 32_767, np.int16)
    by_current[0, -1] = last
    counts = np.full((1, 5001), 31, np.int32)
    current, needed = np.full((1, 1), -32_768, np.int32), np.ones((1, 1), bool)
    got = jax.jit(add_in_order)(current, counts, by_current, needed)
    assert got.tolist() == [[min(32_767, 32_767 + 31 * last)]]


def test_divisions_tell_how_many_spikes_for_every_threshold() -> None:
    thresholds = np.arange(1, 32_768)
    multiples = np.arange(33)[:, None] * thresholds[None]
    # The limit does not hide a wrong quotient: it is above all of them.
    neurons = network_of(config()).neurons._replace(
        max_spikes=np.full((1, 1), 1e6, np.float32), threshold=thresholds[None].astype(np.int32)
    )
    divided = jax.jit(_divided)
    for offset in (-1, 0, 1):
        voltages = np.clip(multiples + offset, -32_768, 32_767)
        got = divided(neurons, voltages.astype(np.int32))
        assert np.array_equal(got, np.maximum(voltages // thresholds[None], 0))


def test_a_state_outside_of_the_proven_bounds_is_computed_all_the_same() -> None:
    calm = config(dash_syn=1, weights_in=np.full((3, 12), 9), threshold=30_000)
    assert saturation_bounds(calm).currents_never_saturate
    start = CoreState.fresh(calm, 1)
    start.isyn[:] = 32_700
    got, expected = (
        make_engine(engine, calm).evolve(np.full((1, 2, 3), 15, np.uint8), start, {"Isyn"})[0]
        for engine in ("jax", "reference")
    )
    assert expected["Isyn"][0, 0, 0] == 32_767 - 32_767 // 2
    assert_same_traces(got, expected)


def test_networks_whose_sums_leave_what_is_exact_are_added_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert products_are_exact(wild())
    monkeypatch.setattr(_jax_network, "_EXACT_IN_FLOAT32", 100)
    assert not products_are_exact(wild())
    assert_same_traces(run("jax", wild(), [DATA]), run("reference", wild(), [DATA]))


def test_the_largest_networks_of_the_chips_have_exact_products() -> None:
    full = config(
        weights_in=np.full((16, 1000), -128),
        weights_rec=np.full((1000, 1000), -128),
        weights_out=np.full((1000, 8), -128),
        weight_shift_in=7,
        weight_shift_rec=7,
        weight_shift_out=7,
    )
    assert products_are_exact(full)


def test_sizes_are_rounded_up_by_an_eighth_at_most() -> None:
    for n in range(128, 5000):
        assert n <= rounded_up(n, least=16) <= n * 9 / 8


def test_configurations_and_lengths_of_about_one_size_share_compiled_code() -> None:
    compiled: Any = _jax._compiled
    XyloSim(config(1), "jax")(raster(3, 20, 3))
    before = compiled._cache_size()
    smaller = config(2, weights_rec=None, weights_in=np.ones((2, 9)), weights_out=np.ones((9, 1)))
    XyloSim(smaller, "jax")(raster(4, 32, 2))
    XyloSim(config(3), "jax")(raster(1, 7, 3))
    assert compiled._cache_size() == before > 0


def test_the_pure_function_gives_what_the_simulator_gives_under_jit() -> None:
    _, state, record = XyloSim(wild())(DATA, record=True)
    got, end = jax.jit(lambda counts: evolve_jax(wild(), counts, wanted=WANTED))(DATA)
    assert_same_traces(jax.device_get(got), {name: record[name] for name in sorted(WANTED)})
    assert {name: array.tolist() for name, array in end.items()} == {
        name: array.tolist() for name, array in state.items()
    }


def test_the_pure_function_saturates_in_order_under_vmap() -> None:
    data = np.stack([DATA, DATA[::-1, ::-1]])
    mapped, _ = jax.vmap(lambda counts: evolve_jax(wild(), counts, wanted=WANTED))(data)
    for counts, isyn in zip(data, mapped["Isyn"], strict=True):
        expected = run("reference", wild(), [counts])["Isyn"]
        assert (abs(expected.astype(int)) > 16_000).any()
        assert np.array_equal(isyn, expected)


def test_the_pure_function_goes_on_from_a_state() -> None:
    whole, _ = evolve_jax(config(), DATA, wanted=WANTED)
    _, state = evolve_jax(config(), DATA[:, :5], wanted=WANTED)
    rest, _ = evolve_jax(config(), DATA[:, 5:], state, wanted=WANTED)
    assert whole["Spikes"][:, 5:].any()
    for name in WANTED:
        assert np.array_equal(rest[name], whole[name][:, 5:])


def test_counts_above_what_the_chip_counts_are_clipped() -> None:
    got, _ = evolve_jax(config(), DATA * 100, wanted=WANTED)
    expected, _ = evolve_jax(config(), np.where(DATA, 15, 0).astype(np.uint8), wanted=WANTED)
    assert np.array_equal(got["Isyn"], expected["Isyn"])


def test_64_bits_switched_on_change_nothing() -> None:
    with jax.enable_x64(True):
        got, state = evolve_jax(config(), DATA, wanted=WANTED)
    assert np.array_equal(got["Isyn"], run("reference", config(), [DATA])["Isyn"])
    assert state["vmem"].dtype == np.int16


def test_strict_ranks_and_types_are_kept() -> None:
    biased = config(aliases=[[1]] * 12, bias=3)
    with jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict"):
        got = run("jax", biased, [DATA])
    assert_same_traces(got, run("reference", biased, [DATA]))


def test_what_does_not_fit_the_pure_function_is_listed() -> None:
    with pytest.raises(ValueError) as refused:
        evolve_jax(config(), np.zeros((2, 3)), wanted=["Spikes", "vmem"])
    assert str(refused.value) == (
        "this cannot be computed:\n"
        "- `raster` has the shape (2, 3); needed is (batch, time, 3)\n"
        "- `wanted` has 'vmem': what can be recorded is Spikes, Vmem, Isyn, Isyn2, Vmem_out, "
        "Isyn_out, Spikes_out, hibernation"
    )


def test_what_does_not_fit_in_a_state_is_listed() -> None:
    state = CoreState.fresh(config(), 2).arrays()
    del state["quiet"]
    wrong = state | {"vmem": np.zeros((1, 12)), "charge": 3}
    with pytest.raises(ValueError) as refused:
        evolve_jax(config(), raster(2, 3, 3), wrong)
    assert str(refused.value) == (
        "this cannot be computed:\n"
        "- `state` has 'charge': parts are spikes, vmem, isyn, isyn2, vmem_out, isyn_out, quiet\n"
        "- `state['vmem']` has the shape (1, 12); needed is (2, 12)\n"
        "- `state` has no 'quiet'"
    )
