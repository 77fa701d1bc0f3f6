"""`deploy`: the whole way from a network to a configuration, in one call."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..hw import XyloConfig, XyloNetJax, get_chip
from ..hw.chips import ChipLike
from ..models import XylographError
from ._chip_core import deployed_core
from ._deployment import AccuracyCheck, Deployment
from ._report import PassReport
from ._specification import Specification
from .comparison._observe import batched, observe
from .graph._graph import Graph
from .graph._graph_text import graph_sizes
from .graph._trace import Network, trace
from .passes import Pipeline
from .passes._checker import Checker, Metric as OutputMetric
from .passes._pipeline import made_up_raster
from .quantize import QuantizationReport, calibrated_quantize
from .quantize._names import CALIBRATED, QuantizerLike

# From output spikes (batch, time, neuron) and labels to a figure; larger is better.
Metric: TypeAlias = Callable[[Any, Any], float]
# For static checkers; at run time `deploy` takes anything and says itself what is wrong.
if TYPE_CHECKING:
    Data: TypeAlias = npt.ArrayLike | tuple[npt.ArrayLike, npt.ArrayLike]
else:
    Data = object


class AccuracyBudgetError(XylographError):
    """A deployment loses more of the user's metric than is allowed.

    Args:
        accuracy: the metric of the network and of its deployment.
        log: the report of every pass, with the metric after it.

    Attributes:
        accuracy: the same.
        log: the same.
    """

    def __init__(self, accuracy: AccuracyCheck, log: tuple[PassReport, ...]) -> None:
        self.accuracy, self.log = accuracy, log
        rows = [(r.name, r.check.metric) for r in log if r.check and r.check.metric is not None]
        values = [accuracy.network, *(metric for _, metric in rows)]
        changes = [after - before for before, after in itertools.pairwise(values)]
        lines = [
            f"\n- {name}: {metric:.4g} ({change:+.4g})"
            for (name, metric), change in zip(rows, changes, strict=True)
            if change
        ]
        text = f"{accuracy}"
        if lines:
            worst = rows[int(np.argmin(changes))][0]
            text += f"; most is lost by `{worst}`. After each pass that changes it:{''.join(lines)}"
        super().__init__(text)

    def __reduce__(self) -> tuple[type["AccuracyBudgetError"], tuple[Any, ...]]:
        """Rebuild from the figures: the default would hand the text to the constructor."""
        return type(self), (self.accuracy, self.log)


def deploy(
    network: Network,
    chip: ChipLike,
    *,
    quantizer: QuantizerLike = "channel",
    prune: bool = False,
    residuals: str = "weights",
    pipeline: Pipeline | None = None,
    verify: bool = False,
    data: Data | None = None,
    metric: Metric | None = None,
    max_drop: float = 0.01,
    progress: Callable[[int, int], object] | None = None,
) -> Deployment:
    """Turn a trained network into a checked configuration.

    Traces the network, places and quantizes it, and checks the result against the rules of the
    chip.

    Args:
        network: modules of `xylograph.models`, or what tracers are registered for. A `XyloNetJax`
            gives its own configuration: no pass changes it, and the options below do not apply.
        chip: the chip or its name.
        quantizer: `"channel"`, `"global"`, `"calibrated"`, or a function from a float specification
            to an integer one and a report. `"calibrated"` needs data, and takes the metric, if
            there is one, for what is to be good; see `calibrated_quantize`.
        prune: whether the weakest connections go where the chip has no room for all.
        residuals: what becomes of a residual connection that can be no alias: `"weights"`,
            `"neurons"` or `"refuse"`; see `ResidualsToAliases`.
        pipeline: passes of one's own, instead of those that the options above stand for.
        verify: whether to run data through both sides of each pass; the reports then say what each
            changed, and a pass that reports no loss is held to it.
        data: spike counts `(time, channel)` or `(batch, time, channel)`; with a metric a pair of
            them and labels. To verify without, random ones are made up.
        metric: a function of output spikes `(batch, time, neuron)` and labels; larger is better.
        max_drop: by how much the metric may be less on the chip than of the network.
        progress: called while `"calibrated"` tries changes, with how many are done and how many
            there are.

    Returns:
        The configuration with its specification, placement and log.

    Raises:
        DesignRuleError: the network cannot be on that chip; lists everything that is in the way.
        VerificationError: a pass that reports no loss changes spikes.
        AccuracyBudgetError: the metric drops by more than allowed; shows what each pass costs.
        TypeError: a module that cannot be traced, or a quantizer that is neither name nor function.
        ValueError: an unknown chip or quantizer, one that leaves values that are no integers or do
            not fit, a pipeline that does not end in a configuration, or a metric or calibration
            without data.

    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
    >>> deploy(net, "xylo-imu").config
    <XyloConfig SYNS63300: 2 inputs, 9 hidden (9 from input, 9 to output), 3 outputs, 1 synapse>
    """
    raster, of_output = _raster_and_metric(data, metric)
    if isinstance(network, XyloNetJax):
        deployment = deployed_core(network, get_chip(chip))
        if of_output is None or raster is None:
            return deployment
        before, after = (
            float(of_output(observe(side, raster).output)) for side in (network, deployment)
        )
        return replace(deployment, accuracy=AccuracyCheck(before, after, max_drop))
    if pipeline is None:
        if quantizer == CALIBRATED and raster is not None:
            quantizer = partial(
                calibrated_quantize,
                calibration=raster,
                reference=network,
                metric=of_output,
                progress=progress,
            )
        pipeline = Pipeline.for_deployment(
            chip, quantizer=quantizer, prune=prune, residuals=residuals
        )
    graph = trace(network)
    checker = None
    if verify:
        checker = Checker(made_up_raster(graph) if raster is None else raster, of_output)
    deployment = _deployed(network, graph, pipeline, checker)
    if of_output is None or raster is None:
        return deployment
    accuracy = AccuracyCheck(
        network=float(of_output(observe(network, raster).output)),
        deployed=float(of_output(observe(deployment, raster).output)),
        max_drop=max_drop,
    )
    if not accuracy.is_within:
        if checker is None:
            deployment = _deployed(network, graph, pipeline, Checker(raster, of_output))
        raise AccuracyBudgetError(accuracy, deployment.log)
    return replace(deployment, accuracy=accuracy)


def _raster_and_metric(
    data: Data | None, metric: Metric | None
) -> tuple[np.ndarray | None, OutputMetric | None]:
    if metric is None:
        if isinstance(data, tuple):
            raise ValueError("the data are a tuple: without a `metric` give spike counts alone")
        return (None if data is None else batched(data)), None
    if not isinstance(data, tuple) or len(data) != 2:
        raise ValueError("a `metric` needs `data=(spike counts, labels)`")
    raster, labels = data
    return batched(raster), lambda output: metric(output, labels)


def _deployed(
    network: Network, graph: Graph, pipeline: Pipeline, checker: Checker | None
) -> Deployment:
    """Run all passes; what they give on the way is kept as far as a deployment shows it."""
    # Networks compute in 32 bits, graphs in 64.
    traced = PassReport("trace", graph_sizes(graph), is_exact=False)
    if checker is not None:
        checker.begin(network)
        traced = checker.checked(graph, traced)
    value: Any = graph
    log, specification, report = [traced], None, None
    for value, said in pipeline.steps(graph):
        log.append(said if checker is None else checker.checked(value, said))
        if isinstance(said, QuantizationReport):
            report = log[-1]
        elif isinstance(value, Specification) and report is None:
            specification = value
    if (
        not isinstance(value, XyloConfig)
        or not isinstance(report, QuantizationReport)
        or specification is None
        or specification.placement is None
    ):
        raise ValueError(
            "the pipeline does not lead to a placed specification, through a quantizer, to a "
            f"configuration; its passes are {', '.join(pipeline.names)}: begin with "
            "`Pipeline.for_deployment`"
        )
    return Deployment(value, specification, specification.placement, tuple(log), report)
