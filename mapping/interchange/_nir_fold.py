"""Layers of a NIR graph folded into what modules have: recurrent weights, no gains, few biases."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from ._nir_layers import Cells, Linear, exactly
from ._nir_tree import refuse
from ._nir_wires import Wires


class Folding:
    """Changes layers and wires in place, until every layer is a module.

    Args:
        wires: what leads from where to where.
        layers: by name.
    """

    def __init__(self, wires: Wires, layers: dict[str, Linear | Cells]) -> None:
        self.wires, self.layers = wires, layers

    def fold(self) -> None:
        """Fold all.

        Raises:
            FormatError: a cycle or a bias that no module has; names the nodes.
        """
        populations = [name for name, one in self.layers.items() if isinstance(one, Cells)]
        for name in populations:
            self._fold_cycles(name)
        self._refuse_wider_cycles()
        for name in populations:
            self._fold_gain(name)

    def _refuse_wider_cycles(self) -> None:
        """Refuse what leads back to neurons over others.

        A step of NIR has no length, so a graph does not say which way round a cycle takes one;
        tools that compute it differ, and on the chip each way between two neurons does.
        """
        try:
            TopologicalSorter(self.wires.sources).prepare()
        except CycleError as error:
            names = list(dict.fromkeys(error.args[1]))
            cells = [f"`{one}`" for one in names if isinstance(self.layers.get(one), Cells)]
            if not cells:
                refuse(f"a cycle through `{names[0]}` has no neurons in it")
            refuse(
                f"a cycle leads through several populations, {', '.join(sorted(cells))}, and NIR "
                "does not say on which of its ways a spike takes a step: make them one "
                "population, with all weights between them as its recurrent ones"
            )

    def _fold_cycles(self, name: str) -> None:
        """Make weights from neurons to themselves their `w_rec`, with what it does to biases."""
        wires, target = self.wires, self.layers[name]
        assert isinstance(target, Cells)
        loops = [one for one in wires.sources[name] if one == name or name in wires.sources[one]]
        for loop in loops:
            if target.threshold is None:
                refuse(
                    f"`{name}` feeds itself, which of these only neurons can: it is {target.kind}"
                )
            weights = self.layers.get(loop)
            if loop == name:
                self._add_recurrence(target, np.eye(target.gain.size))
                wires.cut(name, name)
            elif isinstance(weights, Linear):
                self._fold_loop(name, target, loop, weights)

    def _fold_loop(self, name: str, target: Cells, loop: str, weights: Linear) -> None:
        wires = self.wires
        self._add_recurrence(target, weights.weight)
        if wires.sinks[loop] == [name]:
            wires.cut(name, loop)
            if not wires.sources[loop]:
                wires.drop(loop)
                del self.layers[loop]
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
        target = self.layers[name]
        assert isinstance(target, Cells)
        gain = exactly(target.gain)
        if target.w_rec is not None:
            target.w_rec = target.w_rec * gain
        drive = None if target.drive is None else target.drive * gain
        if target.threshold is None and np.any(target.bias):
            if target.kind == "CubaLI":
                refuse(f"`{name}` is a CubaLI with a `v_leak` that is not 0, which no module has")
            drive = target.bias
        own = [one for one in self.wires.sources[name] if self._is_for(one, name)]
        if np.any(gain != 1):
            others = [one for one in self.wires.sources[name] if one not in own]
            for one in own:
                weights = self.layers[one]
                assert isinstance(weights, Linear)
                weights.weight = weights.weight * gain
                weights.bias = None if weights.bias is None else weights.bias * gain
            if others:
                own.append(self._insert(f"{name}_gain", others, name, np.diag(gain)))
        if drive is not None:
            sources = self.wires.sources[name]
            own = own or [self._insert(f"{name}_drive", list(sources), name, np.eye(drive.size))]
            weights = self.layers[own[0]]
            assert isinstance(weights, Linear)
            weights.bias = drive if weights.bias is None else weights.bias + drive

    def _is_for(self, source: str, name: str) -> bool:
        return isinstance(self.layers.get(source), Linear) and self.wires.sinks[source] == [name]

    def _insert(self, name: str, sources: list[str], sink: str, weight: Any) -> str:
        name = self.wires.insert(name, sources, sink)
        self.layers[name] = Linear(weight)
        return name
