"""`deploy`: the whole way from a network to a configuration, in one call."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..hw import DesignRuleError, Violation, XyloConfig
from ..hw.chips import ChipLike
from ..models import JaxModule
from ._placement import Placement
from ._specification import Specification
from ._trace import trace
from .passes import PassReport, Pipeline
from .quantize import QuantizationReport, channel_quantize, global_quantize

Quantizer = Callable[[Specification], tuple[Specification, QuantizationReport]]

QUANTIZERS: dict[str, Quantizer] = {"channel": channel_quantize, "global": global_quantize}


@dataclass(frozen=True, eq=False)
class Deployment:
    """A network as a chip's configuration, and how it became one.

    Attributes:
        config: the integers for the chip.
        specification: the same before rounding.
        placement: which neuron of the network is which of the chip.
        log: the report of every step, the quantiser's last.
        report: the quantiser's report.
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


def deploy(
    network: JaxModule, chip: ChipLike, *, quantizer: str | Quantizer = "channel"
) -> Deployment:
    """Turn a trained network into a checked configuration.

    Traces the network, places and quantises it, and checks the result against the rules of the
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
        TypeError: a module that cannot be traced.
        ValueError: an unknown chip or quantiser.

    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
    >>> deploy(net, "xylo-imu").config
    <XyloConfig SYNS63300: 2 inputs, 9 hidden (9 from input, 9 to output), 3 outputs, 1 synapse>
    """
    quantize = _quantizer(quantizer)
    spec, log = Pipeline(chip).run(trace(network))
    assert spec.placement is not None
    integers, report = quantize(spec)
    config = integers.to_config()
    broken = [_in_words_of_the_network(v, spec.placement) for v in config.violations()]
    if broken:
        raise DesignRuleError(broken)
    return Deployment(config, spec, spec.placement, (*log, report), report)


def _quantizer(quantizer: str | Quantizer) -> Quantizer:
    if not isinstance(quantizer, str):
        return quantizer
    if quantizer not in QUANTIZERS:
        raise ValueError(f"no quantiser is called {quantizer!r}; known are {', '.join(QUANTIZERS)}")
    return QUANTIZERS[quantizer]


def _in_words_of_the_network(violation: Violation, placement: Placement) -> Violation:
    kind, _, neuron = violation.where.rpartition(" ")
    if kind != "hidden neuron" or not neuron.isdigit():
        return violation
    return replace(violation, where=placement.describe_hidden(int(neuron)))
