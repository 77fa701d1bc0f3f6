"""What the tests of engines share: random cases, running them, comparing what comes out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import strategies as st

from xylograph.hw import ENGINES, XyloConfig
from xylograph.hw.engines import RECORDED, CoreState, make_engine, recordable

Traces = dict[str, np.ndarray]


needs_vendor = pytest.mark.skipif(
    find_spec("xylosim") is None,
    reason="the extra `xylosim`, the vendor's simulator, is not installed",
)
each_engine = pytest.mark.parametrize(
    "engine",
    [pytest.param(name, marks=needs_vendor if name == "vendor" else ()) for name in ENGINES],
)
# For tests of many random shapes: `jax` compiles for each of them, which takes minutes.
each_engine_that_starts_quickly = pytest.mark.parametrize(
    "engine",
    [
        pytest.param(name, marks={"vendor": needs_vendor, "jax": pytest.mark.slow}.get(name, ()))
        for name in ENGINES
    ],
)
each_own_engine = pytest.mark.parametrize("engine", [name for name in ENGINES if name != "vendor"])

CHIP_NAMES = ("xylo-1", "xylo-audio-2", "xylo-imu", "xylo-audio-3")
REGIMES = ("ordinary", "sparse", "layered", "saturating", "sparse and saturating", "extreme")
ALIASES = ("none", "one target each", "several targets")


@dataclass(frozen=True)
class Case:
    """A configuration, its input, and where to cut that into pieces.

    Sizes and regimes are drawn; the numbers follow from a seed, which is quicker, and are made
    when asked for: inside a strategy Hypothesis forbids the chance that the type checker uses.
    """

    chip: str
    n_inputs: int
    n_input_expansion: int
    n_hidden: int
    n_output_expansion: int
    n_outputs: int
    n_synapses: int
    regime: str
    aliases: str
    has_bias: bool
    seed: int
    batch: int
    n_steps: int
    density: float
    cuts: tuple[int, ...]

    @cached_property
    def config(self) -> XyloConfig:
        rng = np.random.default_rng(self.seed)
        numbers = _Numbers(rng, self.regime)
        n, n_out = self.n_hidden, self.n_outputs
        return XyloConfig(
            self.chip,
            weights_in=numbers.weights(self.n_inputs, self.n_input_expansion, self.n_synapses),
            weights_rec=numbers.weights(n, n, self.n_synapses),
            weights_out=numbers.weights(self.n_output_expansion, n_out),
            dash_mem=numbers.dashes(n),
            dash_syn=numbers.dashes(n),
            dash_syn_2=numbers.dashes(n),
            dash_mem_out=numbers.dashes(n_out),
            dash_syn_out=numbers.dashes(n_out),
            threshold=numbers.thresholds(n),
            threshold_out=numbers.thresholds(n_out),
            bias=numbers.biases(n) if self.has_bias else 0,
            bias_out=numbers.biases(n_out) if self.has_bias else 0,
            weight_shift_in=numbers.shift(),
            weight_shift_rec=numbers.shift(),
            weight_shift_out=numbers.shift(),
            aliases=_random_aliases(rng, n, self.aliases),
        )

    @cached_property
    def raster(self) -> np.ndarray:
        """Mostly single spikes; some counts above what the counters hold."""
        rng = np.random.default_rng(self.seed + 1)
        shape = (self.batch, self.n_steps, self.n_inputs)
        counts = rng.choice([1, 1, 1, 2, 7, 15, 16, 255], shape)
        return (counts * (rng.random(shape) < self.density)).astype(np.uint8)

    @property
    def pieces(self) -> list[np.ndarray]:
        return np.split(self.raster, self.cuts, axis=1)


@st.composite
def cases(
    draw: st.DrawFn,
    max_hidden: int = 40,
    max_steps: int = 20,
    max_batch: int = 2,
    max_inputs: int = 16,
    chips: Sequence[str] = CHIP_NAMES,
) -> Case:
    chip, n_hidden = draw(st.sampled_from(chips)), draw(st.integers(1, max_hidden))
    n_steps = draw(st.integers(1, max_steps))
    return Case(
        chip=chip,
        n_inputs=draw(st.integers(1, max_inputs)),
        n_input_expansion=draw(st.integers(1, n_hidden)),
        n_hidden=n_hidden,
        n_output_expansion=draw(st.integers(1, n_hidden)),
        n_outputs=draw(st.integers(1, 8)),
        n_synapses=1 if chip == "xylo-imu" else draw(st.integers(1, 2)),
        regime=draw(st.sampled_from(REGIMES)),
        aliases=draw(st.sampled_from(ALIASES)),
        has_bias=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
        batch=draw(st.integers(1, max_batch)),
        n_steps=n_steps,
        density=draw(st.sampled_from((0.0, 0.05, 0.4, 1.0))),
        cuts=tuple(sorted(draw(st.lists(st.integers(0, n_steps), max_size=3)))),
    )


def case_of(chip: str, regime: str, seed: int, *, one_each: bool = False) -> Case:
    """A case of always one shape, so that each chip is compiled for once or twice."""
    aliases = "one target each" if one_each else "several targets"
    return Case(
        chip=chip,
        n_inputs=5,
        n_input_expansion=9,
        n_hidden=12,
        n_output_expansion=7,
        n_outputs=3,
        n_synapses=2 if chip in ("xylo-audio-2", "xylo-audio-3") else 1,
        regime=regime,
        aliases="none" if chip == "xylo-1" else aliases,
        has_bias=True,
        seed=seed,
        batch=2,
        n_steps=18,
        density=0.4,
        cuts=(),
    )


class _Numbers:
    """Values of one regime."""

    def __init__(self, rng: np.random.Generator, regime: str) -> None:
        self.rng = rng
        self.wild = regime == "extreme"
        self.layered = regime == "layered"
        self.calm = regime in ("ordinary", "sparse", "layered")
        self.density, self.max_shift = {
            "ordinary": (0.5, 2),
            "sparse": (0.05, 3),
            "layered": (0.9, 2),
            "saturating": (1.0, 7),
            "sparse and saturating": (0.05, 7),
            "extreme": (0.5, 15),
        }[regime]

    def weights(self, *shape: int) -> np.ndarray:
        low, high = (-40, 60) if self.calm else (-128, 127)
        is_there = self.rng.random(shape) < self.density
        if self.layered:
            source, target = (3 * np.arange(size) // size for size in shape[:2])
            follows = (source[:, None] + 1) % 3 == target
            is_there &= follows.reshape(*shape[:2], *[1] * (len(shape) - 2))
        return self.rng.integers(low, high, shape, endpoint=True) * is_there

    def dashes(self, n: int) -> np.ndarray:
        return self.rng.integers(0, 6 if self.calm else 16, n)

    def thresholds(self, n: int) -> np.ndarray:
        if self.calm:
            return self.rng.integers(40, 1500, n)
        if not self.wild:
            return self.rng.choice([100, 1000, 10_000, 32_767], n)
        anything = self.rng.integers(-32_768, 32_768, n)
        likely = self.rng.choice([-32_768, -2000, -100, -1, 0, 1, 5, 1000, 32_767], n)
        return np.where(self.rng.random(n) < 0.2, anything, likely)

    def biases(self, n: int) -> np.ndarray:
        if self.calm:
            return self.rng.integers(-60, 60, n) * (self.rng.random(n) < 0.5)
        return self.rng.choice([-32_768, -1000, -1, 0, 0, 1, 1000, 32_767], n)

    def shift(self) -> int:
        return int(self.rng.integers(0, self.max_shift, endpoint=True))


def _random_aliases(rng: np.random.Generator, n_hidden: int, kind: str) -> list[list[int]]:
    # Lower and higher ids, chains, several sources of one target and loops all come about.
    n_targets = {"none": 0, "one target each": 1, "several targets": 3}[kind]
    n_each = rng.integers(0, n_targets, n_hidden, endpoint=True)
    return [rng.choice(n_hidden, min(n, n_hidden), replace=False).tolist() for n in n_each.tolist()]


def run(engine: str, config: XyloConfig, pieces: Iterable[np.ndarray]) -> Traces:
    """All recordings of the pieces, one after the other, joined; and the state at the end."""
    prepared, recorded, state = make_engine(engine, config), [], None
    for piece in pieces:
        start = CoreState.fresh(config, len(piece)) if state is None else state
        recordings, state = prepared.evolve(piece, start, set(recordable(config)))
        recorded.append(recordings)
    assert state is not None
    traces = {name: np.concatenate([part[name] for part in recorded], 1) for name in recorded[0]}
    return traces | {f"state {name}": array for name, array in state.arrays().items()}


def assert_same_traces(got: Traces, expected: Traces) -> None:
    """Fail with the first difference in time, and within a step in the order of computation."""
    assert got.keys() == expected.keys()
    differences = []
    for order, name in enumerate(got):
        assert got[name].shape == expected[name].shape, f"`{name}` differs in shape"
        assert got[name].dtype == expected[name].dtype, f"`{name}` differs in type"
        for place in np.argwhere(got[name] != expected[name])[:1]:
            step = place[1] if name in RECORDED else np.inf
            differences.append((step, order, name, tuple(place.tolist())))
    if differences:
        _, _, name, place = min(differences)
        pytest.fail(_description(name, place, got[name], expected[name]))


def _description(name: str, place: tuple[int, ...], got: np.ndarray, expected: np.ndarray) -> str:
    axes = ("sample", "step", "neuron") if name in RECORDED else ("sample", "neuron")
    where = ", ".join(f"{axis} {index}" for axis, index in zip(axes, place, strict=False))
    if name not in RECORDED:
        return f"{name}: {where}: got {got[place]}, expected {expected[place]}"
    sample, step, *neuron = place
    around = slice(max(0, step - 3), step + 3)
    return (
        f"`{name}` differs first in {where}: got {got[place]}, expected {expected[place]}; "
        f"steps {around.start} to {around.stop - 1}: got {got[sample, around, *neuron].tolist()}, "
        f"expected {expected[sample, around, *neuron].tolist()}"
    )
