"""`CheckStructure`: refuse a network that has no place on the chip."""

from dataclasses import dataclass

from ...hw import Chip, DesignRuleError
from .._report import PassReport
from ..graph._graph import Graph
from ..rules._rules import STRUCTURE_RULES, graph_violations

# Where to stop: with two synapses, twice the neurons take 0.3 GB and 0.5 s to be refused, four times
# as many 1.2 GB and 1.7 s (SYNS65302, 2 cores).
_HOPELESS = 2


@dataclass(frozen=True)
class CheckStructure:
    """Check the rules a network must keep to be placed.

    Changes: nothing. Keeps: everything. Reports: the number of rules.

    A network that is only too large passes, so that what its configuration breaks besides is
    reported together with its size; unless it has more than twice the hidden neurons of the chip.

    Raises:
        DesignRuleError: lists all violations.
    """

    chip: Chip

    def __call__(self, graph: Graph) -> tuple[Graph, PassReport]:
        """Give the graph back, or refuse it."""
        structural = [v for rule in STRUCTURE_RULES for v in rule(graph, self.chip)]
        n_hidden = sum(node.n_out for node in graph.hidden)
        if structural or n_hidden > _HOPELESS * self.chip.max_hidden:
            raise DesignRuleError(graph_violations(graph, self.chip))
        return graph, PassReport(
            "CheckStructure", f"the network keeps {len(STRUCTURE_RULES)} rules of structure"
        )
