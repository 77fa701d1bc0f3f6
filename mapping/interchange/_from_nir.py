"""`from_nir`: networks that other tools wrote as NIR, as modules of ours."""

from __future__ import annotations

import re
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
from ._nir_fold import Folding
from ._nir_layers import (
    KNOWN,
    LINEAR,
    Cells,
    Linear,
    cells,
    leaky,
    linear_layer,
)
from ._nir_metadata import facts_of
from ._nir_report import NirReport, layer_of
from ._nir_synapses import join_synapses
from ._nir_tree import NirTree, refuse, tree_of
from ._nir_wires import Wires, sizes

# A `nir.NIRGraph`, `str` or `os.PathLike`; without the extra the first is no type.
NirSource: TypeAlias = Any

RESETS = ("subtract", "approximate")


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
    `w_rec`. `LI` that lead to a `LIF` or `IF` alone are its synapses. Graphs in graphs are opened,
    `Flatten` vanishes. Everything else is refused by name, also a cycle through several
    populations, of which NIR does not say on which way a spike takes a step.

    NIR has neither time steps nor a kind of reset; `nir_report` tells what was assumed.

    Args:
        graph_or_path: a `nir.NIRGraph`, or a file of one.
        dt: length of a step [s]; may be left out where the graph tells it: those of `to_nir`, and
            the dialects `snntorch` and `rockpool`.
        dialect: how the writer means time constants, `r` and `w_in`: `physical`, `euler`,
            `snntorch`, `rockpool`, `norse`, `norse-1.1`, `spyx`, `sinabs`, `hxtorch`; `auto`
            recognizes it.
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

    >>> import nir
    >>> two = np.ones(2)
    >>> nodes = {
    ...     "input": nir.Input(np.array([2])),
    ...     "dense": nir.Linear(np.eye(2)),
    ...     "cells": nir.LIF(tau=0.02 * two, r=20 * two, v_leak=0 * two, v_threshold=two),
    ...     "output": nir.Output(np.array([2])),
    ... }
    >>> edges = [("input", "dense"), ("dense", "cells"), ("cells", "output")]
    >>> from_nir(nir.NIRGraph(nodes, edges), dt=1e-3)
    JaxSequential  with shape (2, 2) {
        LinearJax 'dense' with shape (2, 2)
        LIFJax 'cells' with shape (2, 2)
    }
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

    >>> from xylograph.mapping import to_nir
    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> graph = to_nir(Sequential(LinearJax((2, 3)), LIFJax(3, tau_mem=0.016, tau_syn=0.008)))
    >>> print(nir_report(graph))
    read as physical, dt = 1 ms
    - physical, as `to_nir` wrote so: times are seconds, states decay exponentially, gains are r dt/tau and w_in dt/tau_syn; what `to_nir` writes
    - spikes subtract the threshold
    - 1_LIFJax (CubaLIF): gain 0.8825, tau_mem/dt 16 (dash 4), tau_syn/dt 8 (dash 3)
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
        self._wires = Wires(tree)
        self._refuse_unknown()
        sized = sizes(self._wires)
        n = {name: size[1] or 0 for name, size in sized.items()}
        self._notes: list[str] = []
        self._reset = reset
        found = {name: leaky(name, node, n[name]) for name, node in self._inner()}
        self._facts = facts_of(tree.metadata)
        if self._facts is not None and not self._facts.fit(found):
            self._facts = None
            self._notes.append("the metadata are not of this graph, and are left out")
        if self._facts is not None and "chip" in self._facts.hardware:
            chip = str(self._facts.hardware["chip"])[:50]
            self._notes.append(f"made from a configuration of {chip}")
        self._choose([one for one in found.values() if one is not None], dt, dialect)
        self._layers: dict[str, Linear | Cells] = {
            name: linear_layer(name, node, n[name])
            if node.kind in LINEAR
            else cells(name, node, n[name], self._dialect, self._dt)
            for name, node in self._inner()
        }
        join_synapses(self._wires, self._layers, self._dt)
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
        if dialect == "auto" and self._facts is not None:
            self._dialect, why = DIALECTS[self._facts.dialect], "`to_nir` wrote so"
        elif dialect == "auto":
            try:
                self._dialect, why = recognize(found, dt)
            except ValueError as error:
                refuse(str(error))
        else:
            self._dialect, why = DIALECTS[dialect], "you said so"
        self._notes.append(f"{self._dialect.name}, as {why}: {self._dialect.says}")
        told = None if self._facts is None else self._facts.dt
        step = told if self._dialect.step is None else self._dialect.step
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
                + ("" if self._facts else "; a neuron spikes at most once a step")
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
            layer_of(_clean(name), one, self._dt)
            for name, one in self._layers.items()
            if isinstance(one, Cells)
        )
        return NirReport(self._dialect.name, self._dt, tuple(self._notes), layers)

    def network(self) -> JaxModule:
        """The modules, wired."""
        Folding(self._wires, self._layers).fold()
        names = _unique(self._layers)
        try:
            modules = {names[name]: self._module(name, one) for name, one in self._layers.items()}
            return self._wired(modules, names)
        except FloatingPointError:
            refuse(
                f"a number is too large for float32, read as {self._dialect.name} with a step of "
                f"{self._dt:g} s: say by `dialect` which tool wrote it"
            )
        except ValueError as error:
            if isinstance(error, FormatError):
                raise
            refuse(str(error))

    # --- modules ---

    def _module(self, name: str, layer: Linear | Cells) -> JaxModule:
        if isinstance(layer, Linear):
            bias = None if layer.bias is None else _f32(layer.bias)
            return LinearJax(layer.weight.shape, weight=_f32(layer.weight), bias=bias)
        n = layer.bias.size
        if layer.threshold is None:
            filters: dict[str, JaxModule] = {}
            if layer.tau_syn is not None:
                filters["syn"] = ExpSynJax(n, tau=_f32(layer.tau_syn), dt=self._dt)
            if layer.tau_mem is not None:
                filters["mem"] = LowPassJax(n, tau=_f32(layer.tau_mem), dt=self._dt)
            return Sequential(filters) if len(filters) > 1 else next(iter(filters.values()))
        most = 1.0 if layer.kind == "Threshold" else self._most_spikes(name)
        return LIFJax(
            (layer.gain.size, n),
            tau_mem=_f32(layer.tau_mem),
            tau_syn=_f32(layer.tau_syn).reshape(n, -1),
            bias=_f32(layer.bias),
            threshold=_f32(layer.threshold),
            w_rec=None if layer.w_rec is None else _f32(layer.w_rec),
            has_rec=layer.w_rec is not None,
            max_spikes_per_dt=most,
            dt=self._dt,
        )

    def _most_spikes(self, name: str) -> float:
        return 1.0 if self._facts is None else self._facts.max_spikes.get(name, 1.0)

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
