"""`Pipeline`: passes one after the other."""

from dataclasses import dataclass
from typing import Any

from ...hw import get_chip
from ...hw.chips import ChipLike
from .._specification import Specification
from ..graph._graph import Graph
from ._assemble import AssembleSpecification
from ._check_structure import CheckStructure
from ._place_neurons import PlaceNeurons
from ._report import Pass, PassReport


@dataclass(frozen=True, init=False)
class Pipeline:
    """A tuple of passes that leads from a graph to a placed float specification.

    Args:
        chip: the chip to place on, or its name.
        passes: which passes to run, in order; the standard ones when not given. Print, cut or
            extend `Pipeline(chip).passes` to make your own.

    >>> [type(step).__name__ for step in Pipeline("xylo-imu").passes]
    ['CheckStructure', 'PlaceNeurons', 'AssembleSpecification']
    """

    passes: tuple[Pass, ...]

    def __init__(self, chip: ChipLike, passes: tuple[Pass, ...] | None = None) -> None:
        chip = get_chip(chip)
        standard = (CheckStructure(chip), PlaceNeurons(chip), AssembleSpecification(chip))
        object.__setattr__(self, "passes", standard if passes is None else passes)

    def run(self, graph: Graph) -> tuple[Specification, tuple[PassReport, ...]]:
        """Run all passes.

        Args:
            graph: a traced network.

        Returns:
            The specification, and the reports of the passes.

        Raises:
            DesignRuleError: the graph breaks rules of the chip.
        """
        value: Any = graph
        log = []
        for step in self.passes:
            value, report = step(value)
            log.append(report)
        return value, tuple(log)
