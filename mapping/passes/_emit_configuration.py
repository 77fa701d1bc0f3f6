"""`EmitConfiguration`: integers to a configuration that the chip takes."""

from dataclasses import dataclass, replace

from ...hw import Chip, DesignRuleError, Violation, XyloConfig
from .._placement import Placement
from .._report import PassReport
from .._specification import Specification


@dataclass(frozen=True)
class EmitConfiguration:
    """Write the configuration, and check it against every rule of the chip.

    Changes: the form. Keeps: all integers. Reports: what it holds, and that states
    are integers from here on.

    Args:
        chip: whose rules hold.

    Raises:
        DesignRuleError: lists all violations, in the words of the network where it was placed.
        ValueError: values that are no integers or do not fit; quantize first.
    """

    chip: Chip

    def __call__(self, spec: Specification) -> tuple[XyloConfig, PassReport]:
        """Give the configuration, or refuse it."""
        config = spec.to_config()
        broken = config.violations()
        if spec.placement is not None:
            broken = _in_words_of_the_network(broken, spec.placement)
        if broken:
            raise DesignRuleError(broken)
        summary = f"{repr(config)[12:-1]}; states are integers from here on, rounded as they decay"
        return config, PassReport("EmitConfiguration", summary, is_exact=False)


def _in_words_of_the_network(broken: list[Violation], placement: Placement) -> list[Violation]:
    # Of the size of the whole, the network's own words say more than those of its matrices.
    of_network: dict[str, list[Violation]] = {}
    for violation in placement.violations:
        of_network.setdefault(violation.rule, []).append(violation)
    found = []
    for violation in broken:
        found += of_network.pop(violation.rule, [_named(violation, placement)])
    overlap = of_network.pop("expansion_neurons_overlap", [])
    if overlap:
        # The limits that are exceeded are so because of it.
        rules = {"input_expansion_within_limit", "output_expansion_within_limit"}
        found = overlap + [v for v in found if v.rule not in rules or v in placement.violations]
    return found


def _named(violation: Violation, placement: Placement) -> Violation:
    kind, _, neuron = violation.where.rpartition(" ")
    describe = {
        "hidden neuron": placement.describe_hidden,
        "output neuron": placement.describe_output,
    }.get(kind)
    return replace(violation, where=describe(int(neuron))) if describe else violation
