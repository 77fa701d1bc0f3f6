"""The steps from a graph to a specification, one a file.

A pass takes a value and gives a new one and a `PassReport`; its docstring says what it changes,
keeps and reports. `Pipeline` runs them one after the other.
"""

from ._assemble import AssembleSpecification as AssembleSpecification
from ._check_structure import CheckStructure as CheckStructure
from ._pipeline import Pipeline as Pipeline
from ._place_neurons import PlaceNeurons as PlaceNeurons
from ._report import Pass as Pass, PassReport as PassReport

__all__ = [
    "AssembleSpecification",
    "CheckStructure",
    "Pass",
    "PassReport",
    "Pipeline",
    "PlaceNeurons",
]
