"""`deploy`: the whole way from a network to a configuration, in one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..hw import DesignRuleError, Violation, XyloConfig, saturation_bounds
from ..hw.chips import ChipLike
from ._placement import Placement
from ._specification import Specification
from .comparison._observation import Observation
from .comparison._observe import observed
from .comparison._of_chip import OnChip
from .graph._trace import Network, trace
from .passes import PassReport, Pipeline
from .quantize import QuantizationReport, channel_quantize, global_quantize
from .rules._rules import SIZE_RULES

Quantizer: TypeAlias = Callable[[Specification], tuple[Specification, QuantizationReport]]
# For static checkers; at run time `deploy` takes anything and says itself what is wrong.
if TYPE_CHECKING:
    QuantizerLike: TypeAlias = str | Quantizer
else:
    QuantizerLike = object

QUANTIZERS: Mapping[str, Quantizer] = MappingProxyType(
    {"channel": channel_quantize, "global": global_quantize}
)
"""The quantizers `deploy` knows by name."""


@dataclass(frozen=True, eq=False)
class Deployment:
    """A network as a chip's configuration, and how it became one.

    Attributes:
        config: the integers for the chip.
        specification: the same before rounding.
        placement: which neuron of the network is which of the chip.
        log: the report of every step; the last says what can saturate.
        report: the quantizer's report.
    """

    config: XyloConfig
    specification: Specification
    placement: Placement
    log: tuple[PassReport, ...]
    report: QuantizationReport

    @property
    def losses(self) -> tuple[str, ...]:
        """Every way in which the configuration may act differently from the network."""
        return tuple(loss for report in self.log for loss in report.losses)


@observed.register
def _of_deployment(deployment: Deployment, data: np.ndarray, states: bool) -> Observation:
    return observed(OnChip(deployment.config, deployment.placement), data, states)


def deploy(network: Network, chip: ChipLike, *, quantizer: QuantizerLike = "channel") -> Deployment:
    """Turn a trained network into a checked configuration.

    Traces the network, places and quantizes it, and checks the result against the rules of the
    chip.

    Args:
        network: chains of `LinearJax` and `LIFJax`, or what tracers are registered for.
        chip: the chip or its name.
        quantizer: `"channel"`, `"global"`, or a function from a float specification to an integer
            one and a report.

    Returns:
        The configuration with its specification, placement and log.

    Raises:
        DesignRuleError: the network cannot be on that chip; lists everything that is in the way.
        TypeError: a module that cannot be traced, or a quantizer that is neither name nor function.
        ValueError: an unknown chip or quantizer, or one that leaves values that are no integers or
            do not fit.

    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
    >>> deploy(net, "xylo-imu").config
    <XyloConfig SYNS63300: 2 inputs, 9 hidden (9 from input, 9 to output), 3 outputs, 1 synapse>
    """
    quantize = _quantizer(quantizer)
    graph = trace(network)
    spec, log = Pipeline(chip).run(graph)
    assert spec.placement is not None
    integers, report = quantize(spec)
    config = integers.to_config()
    # Of the size of the whole, the network's own words say more than those of its matrices.
    sizes = {found.rule: found for rule in SIZE_RULES for found in rule(graph, config.chip)}
    broken = [
        sizes.get(found.rule) or _in_words_of_the_network(found, spec.placement)
        for found in config.violations()
    ]
    if broken:
        raise DesignRuleError(broken)
    log = (*log, report, _saturation_report(config))
    return Deployment(config, spec, spec.placement, log, report)


def _saturation_report(config: XyloConfig) -> PassReport:
    """What of the configuration could saturate, which nothing in the network does."""
    bounds = saturation_bounds(config)
    if bounds.overflow_impossible:
        return PassReport("CheckSaturation", "no state can saturate, whatever the input")
    heading, first, *_ = str(bounds).splitlines()
    loss = (
        f"with the worst input {heading.removesuffix(':')}, such as {first.removeprefix('- ')}; "
        "see `saturation_bounds`"
    )
    return PassReport("CheckSaturation", "looked for sums that 16 bits do not hold", (loss,))


def _quantizer(quantizer: QuantizerLike) -> Quantizer:
    if callable(quantizer):
        return quantizer
    if not isinstance(quantizer, str):
        raise TypeError(
            f"a quantizer is a name or a function, this is a `{type(quantizer).__name__}`; known "
            f"names are {', '.join(QUANTIZERS)}"
        )
    if quantizer not in QUANTIZERS:
        raise ValueError(f"no quantizer is called {quantizer!r}; known are {', '.join(QUANTIZERS)}")
    return QUANTIZERS[quantizer]


def _in_words_of_the_network(violation: Violation, placement: Placement) -> Violation:
    kind, _, neuron = violation.where.rpartition(" ")
    describe = {
        "hidden neuron": placement.describe_hidden,
        "output neuron": placement.describe_output,
    }.get(kind)
    return replace(violation, where=describe(int(neuron))) if describe else violation
