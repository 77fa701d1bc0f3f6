"""`from_nir`: networks that other tools wrote as NIR, as modules of ours."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ...models import (
    ExpSynJax,
    FormatError,
    GraphJax,
    JaxModule,
    LIFJax,
    LinearJax,
    LowPassJax,
    Sequential,
)
from ._nir_dialects import DIALECTS, Leaky, recognize, step_of_rockpool
from ._nir_layers import (
    KNOWN,
    LINEAR,
    Cells,
    Linear,
    cells,
    exactly,
    leaky,
    linear_layer,
    no_synapse,
)
from ._nir_tree import NirTree, refuse, tree_of
from ._nir_wires import Wires, sizes

# A `nir.NIRGraph`, `str` or `os.PathLike`; without the extra the first is no type.
NirSource: TypeAlias = Any

RESETS = ("subtract", "approximate")
METADATA = "xylograph"


@dataclass(frozen=True)
class NirLayer:
    """What became of one population.

    Attributes:
        name: of the module.
        kind: of the node.
        gain: least and most of what a spike of weight 1 adds to a membrane when it comes.
        steps_mem: time constants of the membranes in steps, least and most; infinite: no leak.
        steps_syn: the same of the synapses; `None` where there are none.
        dash_mem, dash_syn: `log2` of these, rounded: the decay shifts of a chip.
    """

    name: str
    kind: str
    gain: tuple[float, float]
    steps_mem: tuple[float, float] | None
    steps_syn: tuple[float, float] | None
    dash_mem: tuple[int, int] | None
    dash_syn: tuple[int, int] | None

    def __str__(self) -> str:
        parts = [f"gain {_span(self.gain)}"]
        for label, steps, dash in (
            ("tau_mem", self.steps_mem, self.dash_mem),
            ("tau_syn", self.steps_syn, self.dash_syn),
        ):
            if steps is not None:
                shifts = "no shift" if dash is None else f"dash {_span(dash)}"
                parts.append(f"{label}/dt {_span(steps)} ({shifts})")
        return f"{self.name} ({self.kind}): {', '.join(parts)}"


@dataclass(frozen=True)
class NirReport:
    """What was assumed of a NIR graph, which does not say it.

    Attributes:
        dialect: how its numbers were read.
        dt: length of a step [s].
        assumptions: one sentence each.
        layers: the neurons and filters.
    """

    dialect: str
    dt: float
    assumptions: tuple[str, ...]
    layers: tuple[NirLayer, ...]

    def __str__(self) -> str:
        lines = [f"read as {self.dialect}, dt = {self.dt * 1e3:g} ms"]
        return "\n".join(lines + [f"- {one}" for one in (*self.assumptions, *self.layers)])


def from_nir(
    graph_or_path: NirSource,
    dt: float | None = None,
    dialect: str = "auto",
    reset: str = "subtract",
) -> JaxModule:
    """The network in a NIR graph.

    Weights, factors and biases become `LinearJax`; `CubaLIF`, `LIF`, `IF` and `Threshold` become
    `LIFJax`; `LI` and `I` a `LowPassJax` (an `LI` whose input decays at once an
    `ExpSynJax`); `CubaLI` an `ExpSynJax` and a `LowPassJax`. `r` and `w_in` are
    multiplied into the weights, `v_leak` becomes a bias, a cycle from neurons to themselves their
    `w_rec`. Graphs in graphs are opened, `Flatten` vanishes. Everything else is refused by name.

    NIR has neither time steps nor a kind of reset; `nir_report` tells what was assumed.

    Args:
        graph_or_path: a `nir.NIRGraph`, or a file of one.
        dt: length of a step [s]; may be left out where the graph tells it: those of `to_nir`, and
            the dialects `snntorch` and `rockpool`.
        dialect: how the writer means time constants, `r` and `w_in`: `physical`, `euler`,
            `snntorch`, `rockpool`, `norse`, `spyx`, `sinabs`, `hxtorch`; `auto` recognizes it.
        reset: `subtract`: a spike subtracts the threshold, so a `v_reset` other than 0 is refused;
            `approximate`: it does so even where the graph says otherwise.

    Returns:
        A `Sequential` where the graph is a chain, else a `GraphJax`, named after the nodes. A
        neuron spikes at most once a step, as in NIR, but in graphs of `to_nir`.

    Raises:
        FormatError: the file is damaged, or has a part that means nothing here; names the nodes.
        MissingExtraError: without the extra `nir`.
        OSError: when the file cannot be read.
        ValueError: `dt`, `dialect` or `reset` is missing or none of these.
        TypeError: neither a graph nor a path.

    Source: NIR facts; the equations of NIR 1.0.
    """
    return _Reader(graph_or_path, dt, dialect, reset, "from_nir").network()


def nir_report(
    graph_or_path: NirSource,
    dt: float | None = None,
    dialect: str = "auto",
    reset: str = "subtract",
) -> NirReport:
    """What `from_nir` assumes of a graph: dialect, reset, and gain and decay of each layer.

    Args:
        graph_or_path: as for `from_nir`.
        dt: as for `from_nir`.
        dialect: as for `from_nir`.
        reset: as for `from_nir`.

    Returns:
        The report; `print` it.

    Raises:
        FormatError: as for `from_nir`.
        MissingExtraError: without the extra `nir`.
        OSError: when the file cannot be read.
        ValueError: as for `from_nir`.
        TypeError: neither a graph nor a path.
    """
    reader = _Reader(graph_or_path, dt, dialect, reset, "nir_report")
    reader.network()
    return reader.report()


class _Reader:
    """Makes the layers of a graph, folds them, and gives modules."""

    def __init__(self, source: Any, dt: float | None, dialect: str, reset: str, what: str) -> None:
        if dialect not in ("auto", *DIALECTS) or reset not in RESETS:
            raise ValueError(
                f"`dialect` is {dialect!r} and `reset` {reset!r}; known are `auto`, "
                f"{', '.join(f'`{name}`' for name in DIALECTS)}, and "
                f"{' and '.join(f'`{name}`' for name in RESETS)}"
            )
        if dt is not None and not (np.isfinite(dt) and dt > 0):
            raise ValueError(f"`dt` is a positive time in seconds, got {dt!r}")
        tree = tree_of(source, what)
        self._ours = _our_metadata(tree)
        self._wires = Wires(tree)
        self._refuse_unknown()
        sized = sizes(self._wires)
        self._n = {name: size[1] or 0 for name, size in sized.items()}
        self._notes: list[str] = []
        self._reset = reset
        found = {name: leaky(name, node, self._n[name]) for name, node in self._inner()}
        self._choose([one for one in found.values() if one is not None], dt, dialect)
        self._layers: dict[str, Linear | Cells] = {}
        for name, node in self._inner():
            n = self._n[name]
            self._layers[name] = (
                linear_layer(name, node, n)
                if node.kind in LINEAR
                else cells(name, node, n, self._dialect, self._dt)
            )
        self._check_resets()

    def _inner(self) -> list[tuple[str, NirTree]]:
        ends = (self._wires.input, self._wires.output)
        return [(name, node) for name, node in self._wires.nodes.items() if name not in ends]

    def _refuse_unknown(self) -> None:
        unknown = [
            f"{node.kind} `{name}`" for name, node in self._inner() if node.kind not in KNOWN
        ]
        if unknown:
            refuse(
                f"no module means the same as {', '.join(unknown[:10])}"
                + (f" and {len(unknown) - 10} more" if len(unknown) > 10 else "")
                + f"; known are {', '.join(sorted(KNOWN))}"
            )
        if not self._inner():
            refuse("it has no layers")

    def _choose(self, found: list[Leaky], dt: float | None, dialect: str) -> None:
        """Settle the dialect and the step."""
        if dialect == "auto" and self._ours:
            self._dialect, why = DIALECTS[self._ours["dialect"]], "`to_nir` wrote so"
        elif dialect == "auto":
            try:
                self._dialect, why = recognize(found, dt)
            except ValueError as error:
                refuse(str(error))
        else:
            self._dialect, why = DIALECTS[dialect], "you said so"
        self._notes.append(f"{self._dialect.name}, as {why}: {self._dialect.says}")
        step = self._ours.get("dt") if self._dialect.step is None else self._dialect.step
        if self._dialect.name == "rockpool":
            step = step_of_rockpool(found)
            if dt is not None and step is not None and abs(step / dt - 1) > 1e-3:
                refuse(f"its r says a step of {step:g} s, `dt` is {dt:g} s")
        if dt is None and (step is None or self._dialect.step == 1.0):
            raise ValueError(
                "a NIR graph does not tell the length of a step: give `dt`, in seconds"
            )
        self._dt: float = dt if dt is not None else float(step or 0)

    def _check_resets(self) -> None:
        neurons = [
            (name, one)
            for name, one in self._layers.items()
            if isinstance(one, Cells) and one.threshold is not None and one.kind != "Threshold"
        ]
        told = [f"`{name}`" for name, one in neurons if one.resets]
        if told and self._reset == "subtract":
            refuse(
                f"a spike of {', '.join(told)} sets the voltage to a `v_reset` that is not 0; on "
                "the chip it subtracts the threshold: `reset='approximate'` does so here"
            )
        if neurons:
            self._notes.append(
                "spikes subtract the threshold"
                + (
                    ", though the graph may mean a reset to `v_reset`"
                    if self._reset == "approximate" or self._dialect.name in ("norse", "hxtorch")
                    else ""
                )
                + ("" if self._ours else "; a neuron spikes at most once a step")
            )
        bare = [f"`{name}`" for name, one in neurons if one.kind in ("LIF", "IF")]
        if bare:
            self._notes.append(
                f"{', '.join(bare)} have no synapse: theirs leaves {2**24} times less than comes, "
                "which a chip's cannot; the compiler will say so"
            )

    def report(self) -> NirReport:
        """What was assumed."""
        layers = tuple(
            NirLayer(
                _clean(name),
                one.kind,
                _range(one.effective),
                steps_mem := _in_steps(one.tau_mem, self._dt),
                steps_syn := _in_steps(one.tau_syn, self._dt),
                _dashes(steps_mem),
                _dashes(steps_syn),
            )
            for name, one in self._layers.items()
            if isinstance(one, Cells)
        )
        return NirReport(self._dialect.name, self._dt, tuple(self._notes), layers)

    def network(self) -> JaxModule:
        """The modules, wired."""
        for name in [name for name, one in self._layers.items() if isinstance(one, Cells)]:
            self._fold_cycles(name)
        for name in [name for name, one in self._layers.items() if isinstance(one, Cells)]:
            self._fold_gain(name)
        names = _unique(self._layers)
        try:
            modules = {names[name]: self._module(name, one) for name, one in self._layers.items()}
            return self._wired(modules, names)
        except (ValueError, FloatingPointError) as error:
            if isinstance(error, FormatError):
                raise
            refuse(str(error))

    # --- folding ---

    def _fold_cycles(self, name: str) -> None:
        """Make weights from neurons to themselves their `w_rec`, with what it does to biases."""
        wires, target = self._wires, self._layers[name]
        assert isinstance(target, Cells)
        loops = [one for one in wires.sources[name] if one == name or name in wires.sources[one]]
        for loop in loops:
            if target.threshold is None:
                refuse(
                    f"`{name}` feeds itself, which of these only neurons can: it is {target.kind}"
                )
            weights = self._layers.get(loop)
            if loop == name:
                self._add_recurrence(target, np.eye(target.gain.size))
                wires.cut(name, name)
            elif isinstance(weights, Linear):
                self._fold_loop(name, target, loop, weights)

    def _fold_loop(self, name: str, target: Cells, loop: str, weights: Linear) -> None:
        wires = self._wires
        self._add_recurrence(target, weights.weight)
        if wires.sinks[loop] == [name]:
            wires.cut(name, loop)
            if not wires.sources[loop]:
                wires.drop(loop)
                del self._layers[loop]
                self._add_drive(target, weights.bias)
        elif wires.sources[loop] == [name]:
            # It also leads elsewhere, within the step: there it stays.
            wires.cut(loop, name)
            self._add_drive(target, weights.bias)
        else:
            refuse(f"`{loop}` is in a cycle, and also leads elsewhere from elsewhere")

    @staticmethod
    def _add_recurrence(target: Cells, weight: Any) -> None:
        target.w_rec = weight if target.w_rec is None else target.w_rec + weight

    @staticmethod
    def _add_drive(target: Cells, drive: Any) -> None:
        if drive is not None and np.any(drive):
            target.drive = drive if target.drive is None else target.drive + drive

    def _fold_gain(self, name: str) -> None:
        """Multiply what comes to neurons by their gain, and add what always comes."""
        target = self._layers[name]
        assert isinstance(target, Cells)
        gain = exactly(target.gain)
        if target.w_rec is not None:
            target.w_rec = target.w_rec * gain
        drive = None if target.drive is None else target.drive * gain
        if target.threshold is None and np.any(target.bias):
            if target.kind == "CubaLI":
                refuse(f"`{name}` is a CubaLI with a `v_leak` that is not 0, which no module has")
            drive = target.bias
        own = [one for one in self._wires.sources[name] if self._is_for(one, name)]
        if np.any(gain != 1):
            others = [one for one in self._wires.sources[name] if one not in own]
            for one in own:
                weights = self._layers[one]
                assert isinstance(weights, Linear)
                weights.weight = weights.weight * gain
                weights.bias = None if weights.bias is None else weights.bias * gain
            if others:
                own.append(self._insert(f"{name}_gain", others, name, np.diag(gain)))
        if drive is not None:
            sources = self._wires.sources[name]
            own = own or [self._insert(f"{name}_drive", list(sources), name, np.eye(drive.size))]
            weights = self._layers[own[0]]
            assert isinstance(weights, Linear)
            weights.bias = drive if weights.bias is None else weights.bias + drive

    def _is_for(self, source: str, name: str) -> bool:
        return isinstance(self._layers.get(source), Linear) and self._wires.sinks[source] == [name]

    def _insert(self, name: str, sources: list[str], sink: str, weight: Any) -> str:
        self._wires.add(name, NirTree("Linear"))
        for source in sources:
            self._wires.cut(source, sink)
            self._wires.connect(source, name)
        self._wires.connect(name, sink)
        self._layers[name] = Linear(weight)
        return name

    # --- modules ---

    def _module(self, name: str, layer: Linear | Cells) -> JaxModule:
        if isinstance(layer, Linear):
            bias = None if layer.bias is None else _f32(layer.bias)
            return LinearJax(layer.weight.shape, weight=_f32(layer.weight), bias=bias)
        n = layer.gain.size
        if layer.threshold is None:
            filters: dict[str, JaxModule] = {}
            if layer.tau_syn is not None:
                filters["syn"] = ExpSynJax(n, tau=_f32(layer.tau_syn), dt=self._dt)
            if layer.tau_mem is not None:
                filters["mem"] = LowPassJax(n, tau=_f32(layer.tau_mem), dt=self._dt)
            return Sequential(filters) if len(filters) > 1 else next(iter(filters.values()))
        most = 1.0 if layer.kind == "Threshold" else self._most_spikes(name)
        return LIFJax(
            n,
            tau_mem=_f32(layer.tau_mem),
            tau_syn=_f32(layer.tau_syn)[:, None],
            bias=_f32(layer.bias),
            threshold=_f32(layer.threshold),
            w_rec=None if layer.w_rec is None else _f32(layer.w_rec),
            has_rec=layer.w_rec is not None,
            max_spikes_per_dt=most,
            dt=self._dt,
        )

    def _most_spikes(self, name: str) -> float:
        return float(self._ours.get("max_spikes", {}).get(name, 1.0))

    def _wired(self, modules: dict[str, JaxModule], names: dict[str, str]) -> JaxModule:
        ends = {self._wires.input: "input", self._wires.output: "output"}
        names = names | ends
        edges = [(names[a], names[b]) for a, b in self._wires.edges]
        after: dict[str, str] = dict(edges)
        chain, place = [], after.get("input", "output")
        while place in modules and len(chain) <= len(modules):
            chain.append(place)
            place = after.get(place, "")
        if len(edges) == len(modules) + 1 == len(chain) + 1 and place == "output":
            return Sequential({name: modules[name] for name in chain})
        return GraphJax(modules, edges)


def _our_metadata(tree: NirTree) -> dict[str, Any]:
    """What `to_nir` added, where it is whole; the graph means the same without."""
    try:
        told = json.loads(tree.metadata.get(METADATA, "{}"))
        dt, most = float(told["dt"]), dict(told["max_spikes"])
        usable = told["version"] == 1 and told["dialect"] in DIALECTS and 0 < dt < 1e6
        most = {str(name): float(value) for name, value in most.items()}
        usable = usable and all(0 < value < 1e9 for value in most.values())
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return {}
    return {"dt": dt, "dialect": told["dialect"], "max_spikes": most} if usable else {}


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"


def _unique(names: Any) -> dict[str, str]:
    """Names for modules: of letters and digits, each once."""
    taken = {"input", "output"}
    made: dict[str, str] = {}
    for name in names:
        short = _clean(name)
        while short in taken:
            short += "_"
        taken.add(short)
        made[name] = short
    return made


def _f32(values: Any) -> Any:
    with np.errstate(over="raise"):
        return np.asarray(values).astype(np.float32)


def _range(values: Any) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _in_steps(tau: Any, dt: float) -> tuple[float, float] | None:
    if tau is None or np.all(tau <= 1.01 * no_synapse(dt)):
        return None
    return _range(tau / dt)


def _dashes(steps: tuple[float, float] | None) -> tuple[int, int] | None:
    if steps is None or not np.isfinite(steps[1]):
        return None
    low, high = np.maximum(1, np.round(np.log2(steps))).astype(int)
    return int(low), int(high)


def _span(values: tuple[float, float] | tuple[int, int]) -> str:
    low, high = values
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
