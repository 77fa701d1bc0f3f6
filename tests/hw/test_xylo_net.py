"""`XyloNetJax`: forward the same integers as the definition, whatever the regime."""

import warnings
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from engine_cases import CHIP_NAMES, REGIMES, case_of, cases, run
from hypothesis import given, settings, strategies as st

from xylograph.hw import IMUIFSim, InputClippedWarning, XyloConfig, XyloNetJax, XyloSim
from xylograph.models import Sequential, load, save
from xylograph.models.training import relative_to

ALL = ("weights", "threshold", "bias", "dashes")

SIZES = ("n_inputs", "n_input_expansion", "n_hidden", "n_output_expansion", "n_outputs")
# One of everything, few of some, and as many as the fuzz tests of the engines draw.
SHAPES: list[dict[str, Any]] = [
    dict(zip((*SIZES, "batch", "n_steps"), sizes, strict=True))
    for sizes in (
        (1, 1, 1, 1, 1, 1, 2),
        (3, 7, 7, 2, 8, 1, 20),
        (16, 2, 19, 19, 1, 2, 12),
        (11, 40, 40, 33, 5, 2, 20),
    )
]


def network_of(config: XyloConfig, **options: Any) -> XyloNetJax:
    everywhere = {"mask_in": True, "mask_rec": True, "mask_out": True}
    return XyloNetJax.from_config(config, **everywhere, **options)


def assert_equals_the_definition(net: Any, config: XyloConfig, pieces: Any) -> None:
    expected, parts = run("reference", config, pieces), []
    net, state = net.batch_state(len(pieces[0])), {}
    for piece in pieces:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputClippedWarning)
            _, state, record = net(piece, record=True)
        net = net.set_attributes(state)
        parts.append(record)
    for name, array in expected.items():
        if name.startswith("state "):
            got = np.asarray(state[name.removeprefix("state ")])
        else:
            got = np.concatenate([np.asarray(part[name]) for part in parts], axis=1)
        assert got.shape == array.shape, name
        wrong = np.argwhere(got != array)
        assert not len(wrong), f"`{name}` differs first in {wrong[0]}"


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("chip", CHIP_NAMES)
def test_the_forward_pass_equals_the_definition(chip: str, regime: str) -> None:
    for seed in range(4):
        case = case_of(chip, regime, seed)
        assert_equals_the_definition(network_of(case.config), case.config, [case.raster])


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SHAPES, ids=lambda sizes: f"{sizes['n_hidden']} hidden")
@pytest.mark.parametrize("chip", CHIP_NAMES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_forward_pass_equals_the_definition_for_all_that_is_drawn(
    chip: str, sizes: dict[str, Any], data: st.DataObject
) -> None:
    # Everything is drawn but the sizes, of which there are few, since each is compiled for.
    case = replace(data.draw(cases(chips=[chip])), **sizes)
    half = case.n_steps // 2
    pieces = [case.raster[:, :half], case.raster[:, half:]]
    net = XyloNetJax.from_config(case.config)
    assert net.to_config() == case.config
    assert_equals_the_definition(net, case.config, pieces)


@given(
    chip=st.sampled_from(CHIP_NAMES), regime=st.sampled_from(REGIMES), seed=st.integers(0, 10**6)
)
@settings(max_examples=30, deadline=None)
def test_a_configuration_comes_back_equal(chip: str, regime: str, seed: int) -> None:
    config = case_of(chip, regime, seed).config
    assert XyloNetJax.from_config(config).to_config() == config


def test_it_goes_on_from_its_state_piece_by_piece() -> None:
    case = case_of("xylo-audio-2", "saturating", 5)
    pieces = np.split(case.raster, 3, axis=1)
    assert_equals_the_definition(network_of(case.config), case.config, pieces)


def test_what_the_chip_would_not_get_as_it_is_is_told_of_outside_of_compiled_code() -> None:
    net = XyloNetJax("xylo-imu", weights_in=[[9], [9]], weights_out=[[9]])
    data = np.array([[[0, 1], [2.5, 16], [0, -1]], [[15, 0], [0, 0], [0, 0]]])
    told = r"counts from 0 to 15, .* 3 are cut to a count, first 2.5 in sample 0, step 1, channel 0"
    with pytest.warns(InputClippedWarning, match=told):
        output = net(data)[0]
    np.testing.assert_array_equal(net(np.clip(np.floor(data), 0, 15))[0], output)
    np.testing.assert_array_equal(jax.jit(lambda data: net(data)[0])(data), output)
    data[1, 2, 1] = np.nan
    with pytest.raises(
        ValueError, match=r"1 is not a finite number, first nan in sample 1, step 2"
    ):
        net(data)


def test_masters_are_rounded_half_to_even_and_clipped() -> None:
    net = XyloNetJax(
        "xylo-imu", weights_in=[[0.5, 1.5, 300.0]], weights_out=[[-2.5], [3.49], [-200]]
    )
    config = net.to_config()
    assert config.weights_in.ravel().tolist() == [0, 2, 127]
    assert config.weights_out.ravel().tolist() == [-2, 3, -128]


def test_a_trained_network_computes_what_its_configuration_does() -> None:
    net, data = small(), raster()
    optimizer = relative_to(optax.adam(0.5), net.scales())
    parameters, wanted = net.parameters(), jnp.asarray([[9.0, 2.0]])
    progress = optimizer.init(parameters)

    @jax.jit
    def loss(parameters: Any) -> jax.Array:
        output, _, _ = net.set_attributes(parameters)(data)
        return jnp.mean((output.sum(1) - wanted) ** 2)

    first = loss(parameters)
    for _ in range(20):
        updates, progress = optimizer.update(jax.grad(loss)(parameters), progress, parameters)
        parameters = optax.apply_updates(parameters, updates)
    trained = net.set_attributes(parameters)
    assert loss(parameters) < first / 2
    _, _, record = trained(data, record=True)
    _, _, expected = XyloSim(trained.to_config())(data, record=True)
    assert set(record) == set(expected)
    assert all(np.array_equal(record[name], expected[name]) for name in expected)


def test_absent_synapses_stay_absent() -> None:
    mask = np.arange(36).reshape(6, 6) % 2 == 0
    net = small(mask_rec=mask)
    moved = net.set_attributes({"weights_rec": net.weights_rec + 50.0})
    assert not moved.to_config().weights_rec[~mask].any()

    def spikes(parameters: Any) -> jax.Array:
        return net.set_attributes(parameters)(raster())[0].sum()

    gradient = jax.grad(spikes)(net.parameters())["weights_rec"][..., 0]
    assert gradient[mask].any()
    assert not gradient[~mask].any()


def test_it_is_mapped_over_networks() -> None:
    net = small()
    many = jnp.stack([net.weights_in, -net.weights_in])

    def spikes(weights: jax.Array) -> jax.Array:
        return net.set_attributes({"weights_in": weights})(raster())[0]

    mapped = jax.vmap(spikes)(many)
    assert np.array_equal(mapped[0], spikes(many[0]))
    assert np.array_equal(mapped[1], spikes(many[1]))


def test_it_is_saved_and_loaded(tmp_path: Any) -> None:
    net = small()
    save(net, tmp_path / "net.safetensors")
    loaded: Any = load(tmp_path / "net.safetensors")
    assert loaded.to_config() == net.to_config()


def test_it_stands_in_a_network_among_others() -> None:
    both = Sequential(small(), XyloNetJax("xylo-imu", weights_in=[[90], [9]], weights_out=[[9]]))
    assert both(raster())[0].shape == (2, 30, 1)


def test_what_does_not_fit_is_listed() -> None:
    with pytest.raises(ValueError) as refused:
        small(surrogate="bell", window=0.0, outside=2.0, output_mode="Volt")
    assert str(refused.value) == (
        "no surrogate is called 'bell': known are piecewise_linear, fast_sigmoid, arctan, "
        "exponential\n"
        "no output mode is called 'Volt': known are Spike, Vmem, Isyn\n"
        "`window` must be positive, got 0.0\n"
        "`outside` is a share, 0 to 1, got 2.0"
    )


def test_diverged_masters_make_no_configuration() -> None:
    net = small()
    with pytest.raises(ValueError, match="NaN or infinite values in `weights_in`: has the train"):
        net.set_attributes({"weights_in": net.weights_in * np.nan}).to_config()


def small(seed: int = 0, **options: Any) -> Any:
    rng = np.random.default_rng(seed)
    return XyloNetJax(
        "xylo-imu",
        **{
            "weights_in": rng.integers(-20, 60, (3, 6)),
            "weights_rec": rng.integers(-30, 30, (6, 6)),
            "weights_out": rng.integers(-20, 60, (6, 2)),
            "dash_mem": 3,
            "dash_syn": 2,
            "threshold": 150,
            "threshold_out": 150,
            "trainable": ALL,
        }
        | options,
    )


def raster() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 3, (2, 30, 3)).astype(np.uint8)


def test_registers_of_a_front_end_are_not_dropped_in_silence() -> None:
    config = IMUIFSim().configure(
        XyloConfig("xylo-imu", weights_in=[[64]] * 15, weights_out=[[10]], dt=0.005)
    )
    with pytest.warns(UserWarning, match="registers of the front end do not go along"):
        net = XyloNetJax.from_config(config)
    assert config.input_interface is not None
    front_end = IMUIFSim.from_registers(config.input_interface)
    assert front_end.configure(net.to_config()) == config
