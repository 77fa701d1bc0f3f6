"""Broken design rules: one value for each, one error for all."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..models import XylographError
from ._wording import counted

# Of one rule so many are written out; a dense network can break it a thousand times.
_SHOWN_PER_RULE = 10


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One place where a network or configuration breaks one rule of a chip.

    Attributes:
        rule: name of the rule, what must hold: "fan_out_within_limit".
        message: predicate of the sentence, with value and limit: "drives 71 hidden neurons;
            SYNS61201 allows 64".
        where: its subject: "hidden neuron 17", or with a module's name in front.
        hint: a way out, in the imperative.

    >>> print(Violation(rule="r_holds", where="output 3", message="is odd", hint="make it even"))
    output 3 is odd: make it even [r_holds]
    """

    rule: str
    message: str
    where: str
    hint: str

    def __str__(self) -> str:
        """One line: where, what, way out, rule."""
        return f"{self.where} {self.message}: {self.hint} [{self.rule}]"


class DesignRuleError(XylographError, ValueError):
    """A network or configuration breaks rules of the chip.

    The text lists the violations, of each rule the first ten; `violations` holds all of them.

    Args:
        violations: what was found, at least one.

    Attributes:
        violations: the same, as a tuple.

    >>> odd = Violation(rule="r_holds", where="output 3", message="is odd", hint="make it even")
    >>> print(DesignRuleError([odd]))
    1 violation of 1 design rule:
    - output 3 is odd: make it even [r_holds]
    """

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(_listing(self.violations))

    def __reduce__(self) -> tuple[type["DesignRuleError"], tuple[tuple[Violation, ...]]]:
        """Rebuild from the violations: the default would hand the text to the constructor."""
        return type(self), (self.violations,)


def _listing(violations: tuple[Violation, ...]) -> str:
    by_rule: dict[str, list[Violation]] = {}
    for violation in violations:
        by_rule.setdefault(violation.rule, []).append(violation)
    lines = [f"{counted(len(violations), 'violation')} of {counted(len(by_rule), 'design rule')}:"]
    for rule, found in by_rule.items():
        lines += [f"- {violation}" for violation in found[:_SHOWN_PER_RULE]]
        if len(found) > _SHOWN_PER_RULE:
            lines.append(
                f"- ... and {len(found) - _SHOWN_PER_RULE} more of [{rule}], all in `.violations`"
            )
    return "\n".join(lines)
