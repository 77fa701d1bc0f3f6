"""`CheckSaturation`: what of a configuration could saturate."""

from dataclasses import dataclass

from ...hw import XyloConfig, saturation_bounds
from .._report import PassReport


@dataclass(frozen=True)
class CheckSaturation:
    """Look for states that the worst input could drive out of their 16 bits.

    Nothing in a network saturates, so that a configuration in which nothing can does not differ in
    that.

    Changes: nothing. Keeps: everything. Reports: what can saturate.
    """

    def __call__(self, config: XyloConfig) -> tuple[XyloConfig, PassReport]:
        """Give the configuration back."""
        bounds = saturation_bounds(config)
        if bounds.overflow_impossible:
            return config, PassReport(
                "CheckSaturation", "no state can saturate, whatever the input"
            )
        heading, first, *_ = str(bounds).splitlines()
        loss = (
            f"with the worst input {heading.removesuffix(':')}, such as {first.removeprefix('- ')}; "
            "see `saturation_bounds`"
        )
        summary = "looked for sums that 16 bits do not hold"
        return config, PassReport("CheckSaturation", summary, (loss,))
