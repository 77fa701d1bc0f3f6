"""`Placement`: which neuron of the network is which neuron of the chip, and how much later."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from ..hw import Chip, Violation
from .graph._graph import Graph


@dataclass(frozen=True, eq=False)
class Placement:
    """Where each population is on the chip.

    Attributes:
        hidden: hidden neuron ids of each hidden population, by name.
        output: name of the output population; output neuron ids are in its order.
        delay: how many steps later than in the network each population acts on the chip.
            Within one step of the network a signal passes all layers; on the chip each layer of
            hidden neurons passes it on one step later.
        n_input_expansion: hidden neurons up to the last one that receives input.
        n_output_expansion: hidden neurons from the first one that feeds the output.
        violations: why the network does not fit, in its own words; empty where it does.
    """

    hidden: dict[str, Int[np.ndarray, " n"]]
    output: str
    delay: dict[str, int]
    n_input_expansion: int
    n_output_expansion: int
    violations: tuple[Violation, ...] = ()

    @property
    def n_hidden(self) -> int:
        """Hidden neurons in use."""
        return sum(len(ids) for ids in self.hidden.values())

    @property
    def output_delay(self) -> int:
        """How many steps later than in the network the output comes."""
        return self.delay[self.output]

    def describe_hidden(self, neuron: int) -> str:
        """A hidden neuron in the words of the network.

        >>> ids = {"1_LIFJax": np.arange(3), "3_LIFJax": np.arange(3, 5)}
        >>> delay = {"1_LIFJax": 0, "3_LIFJax": 1, "5_LIFJax": 2}
        >>> Placement(ids, "5_LIFJax", delay, 3, 2).describe_hidden(4)
        '`3_LIFJax`[1] (hidden neuron 4)'
        """
        for name, ids in self.hidden.items():
            (position,) = np.nonzero(ids == neuron)
            if len(position):
                return f"`{name}`[{position[0]}] (hidden neuron {neuron})"
        raise IndexError(f"no hidden neuron {neuron}; there are {self.n_hidden}")

    def describe_output(self, neuron: int) -> str:
        """An output neuron in the words of the network: `5_LIFJax`[2] (output neuron 2)."""
        return f"`{self.output}`[{neuron}] (output neuron {neuron})"


@dataclass(frozen=True, eq=False)
class PlacedGraph:
    """A graph and where on a chip its neurons are.

    Attributes:
        graph: the network.
        placement: where its populations are.
        chip: on which chip.
    """

    graph: Graph
    placement: Placement
    chip: Chip
