"""`to_chip`: a float network as a chip core that can be trained on."""

from typing import Any

from ..hw import XyloNetJax
from ..hw.chips import ChipLike
from ._deploy import deploy
from .graph._trace import Network
from .quantize._names import QuantizerLike


def to_chip(
    network: Network,
    chip: ChipLike,
    *,
    quantizer: QuantizerLike = "channel",
    prune: bool = False,
    residuals: str = "weights",
    **options: Any,
) -> XyloNetJax:
    """Turn a float network into a chip core, to go on training in the chip's arithmetic.

    The core begins with the integers of the deployed network. Each synapse that the network has
    can be trained, also where its weight was rounded to zero; where the network has none, there
    is none. The placement is that of `deploy` with the same options.

    Args:
        network: what `deploy` takes.
        chip: the chip or its name.
        quantizer: as for `deploy`.
        prune: as for `deploy`; what is pruned stays absent.
        residuals: as for `deploy`.
        **options: `trainable`, `surrogate`, `window`, `outside` and `output_mode`, as for
            `XyloNetJax`.

    Returns:
        The core. `deploy` accepts it, and gives exactly what it computes.

    Raises:
        DesignRuleError: the network cannot be on that chip.
        TypeError: a module that cannot be traced.
        ValueError: an unknown chip or option.

    >>> from xylograph.models import LIFJax, LinearJax, Sequential
    >>> net = Sequential(LinearJax((2, 9)), LIFJax(9), LinearJax((9, 3)), LIFJax(3))
    >>> core = to_chip(net, "xylo-imu", trainable=["weights", "threshold"])
    >>> deploy(core, "xylo-imu").config == deploy(net, "xylo-imu").config
    True
    """
    deployment = deploy(network, chip, quantizer=quantizer, prune=prune, residuals=residuals)
    exact = deployment.specification
    masks = {
        f"mask_{end}": (getattr(exact, f"weights_{end}") != 0)
        | (getattr(deployment.config, f"weights_{end}") != 0)
        for end in ("in", "rec", "out")
    }
    return XyloNetJax.from_config(deployment.config, **masks | options)
