"""The backward pass of `XyloNetJax`, by two roads that share no code with it.

One is JAX itself, through a plain step-by-step twin in which rounding is passed straight through.
The other are finite differences, in 64 bits, of a smooth network: all that rounds or jumps is left
out, and the slopes are those of a smooth count of spikes.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xylograph.hw import XyloNetJax, saturation_bounds
from xylograph.hw.engines._jax_step import State
from xylograph.hw.xylo_net import _backward, _core
from xylograph.hw.xylo_net._forward import Start, States, neurons_of, states_of
from xylograph.hw.xylo_net._surrogates import SURROGATES

LOW, HIGH, WINDOW, OUTSIDE = -32_768, 32_767, 0.4, 0.2
TRAINED = ("weights", "threshold", "bias", "dashes")
WEIGHTS = ("weights_in", "weights_rec", "weights_out")


# --- what is compared --------------------------------------------------------------------------


def network(chip: str, **fields: Any) -> XyloNetJax:
    rng = np.random.default_rng(7)
    n_synapses = 2 if chip == "xylo-audio-2" else 1
    return XyloNetJax(
        chip,
        **{
            # Some of them out of range, and some between two integers.
            "weights_in": rng.normal(10, 40, (4, 5, n_synapses)),
            "weights_rec": rng.normal(0, 30, (6, 6, n_synapses)),
            "weights_out": rng.normal(40, 60, (4, 2)),
            "dash_mem": rng.uniform(1, 4, 6),
            "dash_syn": rng.uniform(1, 4, 6),
            "dash_syn_2": rng.uniform(1, 4, 6),
            "dash_mem_out": 2.2,
            "dash_syn_out": 1.7,
            "threshold": rng.uniform(90, 300, 6),
            "threshold_out": 120.5,
            "bias": 0 if chip == "xylo-1" else rng.uniform(-9, 9, 6),
            "weight_shift_in": 1,
            "weight_shift_rec": 1,
            "trainable": TRAINED,
            "window": WINDOW,
            "outside": OUTSIDE,
        }
        | fields,
    )


RASTER = np.random.default_rng(3).integers(0, 4, (2, 9, 4)).astype(np.float32)
CASES = {
    "core 1": ("xylo-1", {}),
    "core 2": ("xylo-imu", {}),
    "two synapses": ("xylo-audio-2", {}),
    "aliases": ("xylo-imu", {"aliases": [[3], [], [], [5], [0], []]}),
    "without recurrence": ("xylo-imu", {"weights_rec": None, "weights_in": np.full((4, 6), 31.4)}),
    # All weights push to one side, so that sums in order are sums clipped at their end.
    "saturating": (
        "xylo-imu",
        {
            "weights_in": np.full((4, 5), 90.0),
            "weights_rec": np.full((6, 6), 40.3),
            "weight_shift_in": 7,
            "weight_shift_rec": 5,
            "threshold": np.full(6, 3000.0),
        },
    ),
}


# --- the plain twin ------------------------------------------------------------------------------


def straight(value: jax.Array, passing: jax.Array) -> jax.Array:
    return jax.lax.stop_gradient(value) + (passing - jax.lax.stop_gradient(passing))


def clip(value: jax.Array, low: float = LOW, high: float = HIGH, open_ends: bool = True) -> Any:
    inside = (value > low) & (value < high) if open_ends else (value >= low) & (value <= high)
    return straight(jnp.clip(value, low, high), jnp.where(inside, value, OUTSIDE * value))


def loss(value: jax.Array, dash: jax.Array) -> jax.Array:
    shifted = jnp.floor(value / 2 ** jnp.round(dash))
    exact = jnp.where((shifted == 0) & (value > 0), 1.0, shifted)
    return straight(exact, value * 2.0**-dash)


def slope(kind: str, x: jax.Array, most: float) -> jax.Array:
    d = jnp.abs(x - jnp.clip(jnp.round(x), 1, most))
    if kind == "piecewise_linear":
        return jnp.where(x >= 1 - WINDOW, 1.0, 0.0)
    if kind == "fast_sigmoid":
        return 1 / (1 + d / WINDOW) ** 2
    return 1 / (1 + (d / WINDOW) ** 2) if kind == "arctan" else jnp.exp(-d / WINDOW)


def spikes_of(kind: str, vmem: jax.Array, threshold: jax.Array, most: int) -> jax.Array:
    ratio = vmem / threshold
    h = jax.lax.stop_gradient(slope(kind, ratio, most))
    return straight(jnp.clip(jnp.floor((vmem + 0.5) / threshold), 0, most), h * ratio)


class Layer(NamedTuple):
    spikes: jax.Array
    vmem: jax.Array
    isyn: jax.Array


def neurons(
    net: XyloNetJax, values: dict[str, Any], end: str, vmem: Any, isyn: Any, most: int
) -> Layer:
    dashes = [values[f"dash_syn{end}"]] + [values["dash_syn_2"]] * (isyn.shape[-1] - 1)
    dash_syn = jnp.stack(dashes, axis=-1)
    isyn = isyn - loss(isyn, dash_syn)
    current, lost = isyn.sum(-1), loss(vmem, values[f"dash_mem{end}"])
    if net.chip.core_version == 1:
        vmem = clip(vmem - lost + current)
    else:
        vmem = clip(vmem + clip(clip(current - lost) + values[f"bias{end}"]))
    threshold = values[f"threshold{end}"]
    own = spikes_of(net.surrogate, vmem, threshold, most)
    return Layer(own, vmem - own * threshold, isyn)


def twin(net: XyloNetJax, masters: dict[str, Any], data: jax.Array) -> list[jax.Array]:
    """Step by step what is recorded of all steps."""
    values = {}
    for name, master in masters.items():
        low, high = (-128, 127) if name in (*WEIGHTS, "bias", "bias_out") else (-32_768, 32_767)
        low, high = (0, 15) if name.startswith("dash") else (low, high)
        inside = clip(master, low, high, open_ends=False)
        values[name] = straight(jnp.clip(jnp.round(master), low, high), inside)
    for name, shift in zip(WEIGHTS, net.weight_shifts, strict=True):
        if name in values:
            values[name] = values[name] * 2.0**shift
    n_samples, n_steps, _ = data.shape
    n, n_out, n_syn = net.n_hidden, net.size_out, net.n_synapses
    hidden = Layer(
        jnp.zeros((n_samples, n)), jnp.zeros((n_samples, n)), jnp.zeros((n_samples, n, n_syn))
    )
    output = Layer(
        jnp.zeros((n_samples, n_out)),
        jnp.zeros((n_samples, n_out)),
        jnp.zeros((n_samples, n_out, 1)),
    )
    recorded = []
    for step in range(n_steps):
        arriving = jnp.einsum("si,ihc->shc", data[:, step], values["weights_in"])
        arriving = jnp.pad(arriving, ((0, 0), (0, n - arriving.shape[1]), (0, 0)))
        if "weights_rec" in values:
            arriving += jnp.einsum("si,ihc->shc", hidden.spikes, values["weights_rec"])
        feeding = hidden.spikes[:, n - values["weights_out"].shape[0] :]
        outwards = jnp.einsum("si,io->so", feeding, values["weights_out"])[..., None]
        hidden_isyn, output_isyn = clip(hidden.isyn + arriving), clip(output.isyn + outwards)
        hidden = neurons(net, values, "", hidden.vmem, hidden_isyn, net.chip.max_hidden_spikes)
        output = neurons(net, values, "_out", output.vmem, output_isyn, net.chip.max_output_spikes)
        hidden = hidden._replace(spikes=handed_on(net, hidden.spikes))
        recorded.append((*hidden, *output))
    return [jnp.stack(arrays, axis=1) for arrays in zip(*recorded, strict=True)]


def handed_on(net: XyloNetJax, own: jax.Array) -> jax.Array:
    columns = [own[:, i] for i in range(own.shape[1])]
    for source, targets in enumerate(net.aliases):
        for target in targets:
            columns[target] = columns[target] + columns[source]
    handed = jnp.stack(columns, axis=1)
    return straight(jnp.minimum(handed, net.chip.max_hidden_spikes), handed)


LONG = ("two synapses", "core 1", "aliases")


@pytest.mark.parametrize(
    ("name", "surrogate"),
    [
        # Each compiles a twin of many unrolled steps; the longest of them run in the slow suite.
        pytest.param(name, "exponential", marks=pytest.mark.slow if name in LONG else ())
        for name in CASES
    ]
    + [("core 2", name) for name in SURROGATES if name != "exponential"],
)
def test_gradients_are_those_that_jax_takes_through_a_plain_twin(name: str, surrogate: str) -> None:
    chip, fields = CASES[name]
    net = network(chip, surrogate=surrogate, **fields)
    keys = iter(jax.random.split(jax.random.key(0), 9))

    def weighed(arrays: list[jax.Array], factors: list[jax.Array]) -> jax.Array:
        return sum(((a * f).sum() for a, f in zip(arrays, factors, strict=True)), jnp.zeros(()))

    def recorded(parameters: Any, data: Any) -> list[jax.Array]:
        _, _, record = net.set_attributes(parameters)(data, record=True)
        isyn = [record["Isyn"], record["Isyn2"]][: net.n_synapses]
        order = (record["Spikes"], record["Vmem"], jnp.stack(isyn, -1))
        return [*order, record["Spikes_out"], record["Vmem_out"], record["Isyn_out"][..., None]]

    parameters = net.parameters()
    ours, plain = recorded(parameters, RASTER), twin(net, parameters, jnp.asarray(RASTER))
    for got, expected in zip(ours, plain, strict=True):
        assert np.array_equal(got, expected)
        assert np.any(np.asarray(got) != 0)
    # Voltages are large: their gradients would hide those of spikes.
    scales = (1.0, 1e-3, 1e-3, 1.0, 1e-3, 1e-3)
    factors = [
        s * jax.random.normal(next(keys), a.shape) for s, a in zip(scales, plain, strict=True)
    ]
    got = jax.grad(lambda p, d: weighed(recorded(p, d), factors), argnums=(0, 1))(
        parameters, jnp.asarray(RASTER)
    )
    expected = jax.grad(lambda p, d: weighed(twin(net, p, d), factors), argnums=(0, 1))(
        parameters, jnp.asarray(RASTER)
    )
    for (path, a), b in zip(jax.tree.leaves_with_path(got), jax.tree.leaves(expected), strict=True):
        where = jax.tree_util.keystr(path)
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4 * abs(b).max(), err_msg=where)


# --- finite differences of a smooth network ------------------------------------------------------


def smooth_count(vmem: Any, threshold: Any) -> Any:
    return np.logaddexp(0, 4 * (vmem / threshold - 1)) / 4


def smooth_states(core: _core.Core, c: dict[str, np.ndarray], counts: np.ndarray) -> dict[str, Any]:
    """A network without any rounding, all states after each step."""
    n, m = core.n_hidden, core.n_neurons
    n_steps, n_samples, _ = counts.shape
    fired, vmem = np.zeros((n_samples, m)), np.zeros((n_samples, m))
    isyn, kept = np.zeros((n_samples, core.n_synapses, m)), []
    for step in range(n_steps):
        arriving = counts[step] @ c["from_inputs"] + fired[:, :n] @ c["from_hidden"]
        isyn = (isyn + arriving.reshape(isyn.shape)) * (1 - 2.0 ** -c["dash_syn"])
        charged = vmem * (1 - 2.0 ** -c["dash_mem"]) + isyn.sum(1) + c["bias"]
        fired = smooth_count(charged, c["threshold"])
        vmem = charged - fired * c["threshold"]
        kept.append((charged, vmem, isyn, fired))
    names = ("charged", "vmem", "isyn", "spikes")
    return dict(zip(names, map(np.stack, zip(*kept, strict=True)), strict=True))


def test_gradients_are_finite_differences_of_a_smooth_network() -> None:
    net = network("xylo-audio-2")
    core, rng = net._core(), np.random.default_rng(5)
    shapes = {
        "from_inputs": (4, core.n_currents),
        "from_hidden": (core.n_hidden, core.n_currents),
    }
    c = {name: rng.normal(0.02, 0.1, shape) for name, shape in shapes.items()}
    c |= {
        "dash_syn": rng.uniform(1, 3, (1, 2, core.n_neurons)),
        "dash_mem": rng.uniform(1, 3, (1, core.n_neurons)),
        "threshold": rng.uniform(1, 2, (1, core.n_neurons)),
        "bias": rng.normal(0, 0.1, (1, core.n_neurons)),
    }
    counts = rng.uniform(0, 2, (9, 2, 4))
    factors = rng.normal(size=(9, 2, core.n_neurons)), rng.normal(size=(9, 2, core.n_neurons))

    def value(c: dict[str, np.ndarray], counts: np.ndarray) -> float:
        states = smooth_states(core, c, counts)
        return float((states["spikes"] * factors[0]).sum() + (states["vmem"] * factors[1]).sum())

    with jax.enable_x64(True):
        got_c, got_counts = _pulled_back(
            core, net, c, counts, factors, smooth_states(core, c, counts)
        )
    for name, array in (c | {"counts": counts}).items():
        got = got_counts if name == "counts" else getattr(got_c, name)
        direction, eps = rng.normal(size=array.shape), 1e-6
        ends = []
        for sign in (1, -1):
            moved = (c | {"counts": counts}) | {name: array + sign * eps * direction}
            ends.append(value({k: v for k, v in moved.items() if k != "counts"}, moved["counts"]))
        expected = (ends[0] - ends[1]) / (2 * eps)
        np.testing.assert_allclose(
            (np.asarray(got) * direction).sum(), expected, rtol=1e-6, err_msg=name
        )


def _pulled_back(
    core: Any, net: Any, c: Any, counts: Any, factors: Any, states: dict[str, Any]
) -> tuple[Any, Any]:
    """Our way back, with the derivatives of the smooth network within each step."""
    n, coefficients = core.n_hidden, _core.Coefficients(**{k: jnp.asarray(v) for k, v in c.items()})

    def slopes_at(step: _backward.Within) -> _backward.Slopes:
        lost = 2.0**-coefficients.dash_mem
        x, one = step.charged / coefficients.threshold, jnp.ones_like(step.charged)
        return _backward.Slopes(
            spikes=1 / (1 + jnp.exp(-4 * (x - 1))) / coefficients.threshold,
            membrane=(1 - lost) * one,
            current=one,
            bias=one,
            leak=jnp.broadcast_to(1 - 2.0**-coefficients.dash_syn, step.isyn.shape),
            ratio=x,
            own=jnp.log1p(jnp.exp(4 * (x - 1))) / 4,
        )

    start = State(*(jnp.zeros_like(states[name][0]) for name in State._fields))
    exact = States(start, **{name: jnp.asarray(array) for name, array in states.items()})
    of_fired, of_vmem = map(jnp.asarray, factors)
    seen = _backward.Seen(
        spikes=of_fired[..., :n],
        vmem=of_vmem[..., :n],
        isyn=None,
        spikes_out=of_fired[..., n:],
        vmem_out=of_vmem[..., n:],
        isyn_out=None,
    )
    got, _, got_counts = _backward.reversed_steps(
        core, net._wiring(), coefficients, slopes_at, jnp.asarray(counts), exact, seen
    )
    return got, got_counts


# --- the quick way back ------------------------------------------------------------------------


def test_where_clipping_is_ruled_out_the_slopes_are_those_that_look_for_it() -> None:
    net = network("xylo-imu")
    core, wiring = net._core(), net._wiring()
    counts = jnp.asarray(np.swapaxes(RASTER, 0, 1))
    smoothing = _backward.Smoothing(jnp.asarray(WINDOW), jnp.asarray(OUTSIDE))
    start = Start(jnp.zeros((2, 6)), jnp.zeros((2, 8)), jnp.zeros((2, 1, 8)))

    @jax.jit
    def both(c: _core.Coefficients) -> tuple[jax.Array, list[_backward.Slopes]]:
        states = states_of(core, wiring, c, start, counts)
        neurons = neurons_of(core, wiring, c)
        flat = [
            array.reshape((-1, *array.shape[2:])).astype(jnp.float32)
            for array in (states.before("vmem"), states.charged, states.vmem, states.isyn)
        ]
        slopes = [
            _backward.slopes_of(core, neurons, c, smoothing, _backward.Within(*flat), clips=clips)
            for clips in (True, False)
        ]
        return _backward.may_clip(c, states), slopes

    exact = _core.integers(core, net._masters(), net._masks(), jnp.zeros(()))
    c = _core.arranged(core, wiring, exact)
    ruled_out = []
    # From far below 16 bits to far above, in steps that come close to the ends.
    for factor in 1.3 ** np.arange(0, 36):
        larger = c._replace(
            **{
                name: jnp.round(factor * getattr(c, name))
                for name in ("from_inputs", "from_hidden")
            }
        )
        clips, (looked, assumed) = both(larger)
        same = [
            np.array_equal(a, np.broadcast_to(b, a.shape))
            for a, b in zip(looked, assumed, strict=True)
        ]
        assert clips or all(same), factor
        ruled_out.append((not clips, all(same)))
    assert ruled_out[0] == (True, True)
    assert ruled_out[-1] == (False, False)
    # Ruled out nearly as often as it does not happen.
    assert sum(out for out, _ in ruled_out) >= sum(same for _, same in ruled_out) - 6


# --- long rasters --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["core 2", "saturating"])
def test_gradients_of_5000_steps_are_finite(case: str) -> None:
    chip, fields = CASES[case]
    net = network(chip, **fields)
    data = np.random.default_rng(0).integers(0, 4, (1, 5000, 4)).astype(np.float32)

    def total(parameters: Any) -> jax.Array:
        output, _, record = net.set_attributes(parameters)(data, record=True)
        return output.sum() + 1e-3 * record["Vmem"].sum()

    gradients = jax.grad(total)(net.parameters())
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))
    assert any(np.any(g != 0) for g in jax.tree.leaves(gradients))


def test_the_case_that_is_called_saturating_is() -> None:
    chip, fields = CASES["saturating"]
    net = network(chip, **fields)
    assert not saturation_bounds(net.to_config()).currents_never_saturate
    assert float(net(RASTER, record=True)[2]["Isyn"].max()) > HIGH // 4
