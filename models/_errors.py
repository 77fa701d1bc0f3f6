"""The errors of Xylograph, one tree with one root.

    XylographError
    + AccuracyBudgetError
                         a deployment loses more of a metric than is allowed; in
                         `xylograph.mapping`
    + BoardError         a board could not do what was asked for; in `xylograph.hw`, with one class
                         for each thing one can do about it
    + DesignRuleError    a network or configuration breaks rules of the chip (also ValueError);
                         in `xylograph.hw`, where the rules are
    + FormatError        a file is damaged, newer than we are, or not ours (also ValueError)
    |  + CheckpointMismatchError
    |                    a checkpoint is of another run; in `xylograph.models.training`
    + MissingExtraError  an optional part is not installed (also ImportError)
    + TrainingDivergedError
                         the loss is no longer a number (also FloatingPointError); in
                         `xylograph.models.training`
    + VerificationError  a pass that reports no loss changes spikes; in `xylograph.mapping`

`except XylographError` catches all of ours and nothing else's. Wrong arguments stay `TypeError`
and `ValueError`.
"""


class XylographError(Exception):
    """Root of everything Xylograph raises on its own account."""


class FormatError(XylographError, ValueError):
    """A file is damaged, newer than this version of Xylograph, or not one of ours."""


class MissingExtraError(XylographError, ImportError):
    """An optional part is needed and not installed.

    Args:
        what: what was asked for, as the subject of the sentence.
        extra: the extra of the distribution that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f'{what} needs the extra `{extra}`: run `pip install "xylograph[{extra}]"` '
            f"(in a checkout: `uv sync --extra {extra}`)"
        )
        self.extra = extra
