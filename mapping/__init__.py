"""The compiler: from a trained network to a chip configuration, and the proof that both agree.

In: a `JaxModule`. Out: a `Deployment` (configuration, placement, log), a `Comparison`, a
`XyloNetJax` to train on. Read in the order of the road: `graph/`, `rules/`, `passes/`,
`_specification.py`, `quantize/`, `_deploy.py`, `_to_chip.py`; then `comparison/`.
"""

from ._deploy import AccuracyBudgetError as AccuracyBudgetError, deploy as deploy
from ._deployment import AccuracyCheck as AccuracyCheck, Deployment as Deployment
from ._placement import PlacedGraph as PlacedGraph, Placement as Placement
from ._specification import Specification as Specification
from ._to_chip import to_chip as to_chip
from .comparison._compare import (
    Comparison as Comparison,
    Divergence as Divergence,
    LayerComparison as LayerComparison,
    compare as compare,
    compare_observations as compare_observations,
)
from .comparison._observation import ChipStates as ChipStates, Observation as Observation
from .comparison._observe import observe as observe
from .comparison._of_chip import OnChip as OnChip
from .graph._graph import Graph as Graph
from .graph._nodes import (
    ForeignNode as ForeignNode,
    InputNode as InputNode,
    LinearNode as LinearNode,
    NeuronNode as NeuronNode,
    ScaleNode as ScaleNode,
    SumNode as SumNode,
)
from .graph._trace import Wiring as Wiring, register_tracer as register_tracer, trace as trace
from .interchange._export_onnx import export_onnx as export_onnx
from .interchange._from_nir import from_nir as from_nir, nir_report as nir_report
from .interchange._from_onnx import from_onnx as from_onnx
from .interchange._from_rockpool import from_rockpool as from_rockpool
from .interchange._from_rockpool_spec import from_rockpool_spec as from_rockpool_spec
from .interchange._load_onnx import (
    OnnxCore as OnnxCore,
    OnnxNetwork as OnnxNetwork,
    load_onnx as load_onnx,
)
from .interchange._nir_data import from_nir_data as from_nir_data, to_nir_data as to_nir_data
from .interchange._nir_report import NirLayer as NirLayer, NirReport as NirReport
from .interchange._to_nir import to_nir as to_nir
from .passes import (
    PassCheck as PassCheck,
    PassReport as PassReport,
    Pipeline as Pipeline,
    VerificationError as VerificationError,
)
from .quantize import (
    QUANTIZERS as QUANTIZERS,
    QuantizationReport as QuantizationReport,
    calibrated_quantize as calibrated_quantize,
    channel_quantize as channel_quantize,
    global_quantize as global_quantize,
)
from .rules._rules import graph_violations as graph_violations

__all__ = [
    "QUANTIZERS",
    "AccuracyBudgetError",
    "AccuracyCheck",
    "ChipStates",
    "Comparison",
    "Deployment",
    "Divergence",
    "ForeignNode",
    "Graph",
    "InputNode",
    "LayerComparison",
    "LinearNode",
    "NeuronNode",
    "NirLayer",
    "NirReport",
    "Observation",
    "OnChip",
    "OnnxCore",
    "OnnxNetwork",
    "PassCheck",
    "PassReport",
    "Pipeline",
    "PlacedGraph",
    "Placement",
    "QuantizationReport",
    "ScaleNode",
    "Specification",
    "SumNode",
    "VerificationError",
    "Wiring",
    "calibrated_quantize",
    "channel_quantize",
    "compare",
    "compare_observations",
    "deploy",
    "export_onnx",
    "from_nir",
    "from_nir_data",
    "from_onnx",
    "from_rockpool",
    "from_rockpool_spec",
    "global_quantize",
    "graph_violations",
    "load_onnx",
    "nir_report",
    "observe",
    "register_tracer",
    "to_chip",
    "to_nir",
    "to_nir_data",
    "trace",
]
