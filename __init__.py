"""Deploy spiking networks trained in JAX onto Xylo-class chips.

The names below load their home on first use, so that `import xylograph` stays cheap:

- `xylograph.models`: networks as JAX pytrees, losses, training
- `xylograph.hw`: chips, configurations, bit-accurate simulation
- `xylograph.mapping`: from a network to a chip configuration, and the proof that both agree
- `xylograph.tools`: command line, data sets, reports
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hw import XyloConfig as XyloConfig, XyloSim as XyloSim
    from .mapping import compare as compare, deploy as deploy
    from .models import XylographError as XylographError

__version__ = version("xylograph")
__all__ = ["XyloConfig", "XyloSim", "XylographError", "__version__", "compare", "deploy"]

_HOME = {
    "XyloConfig": "hw",
    "XyloSim": "hw",
    "XylographError": "models",
    "compare": "mapping",
    "deploy": "mapping",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
