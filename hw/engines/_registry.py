"""Which engines there are, and how to get one."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from types import MappingProxyType

from ...models import MissingExtraError
from .._config import XyloConfig
from ._interface import Engine, EngineFactory


# Each engine is imported when it is asked for: Numba and JAX take seconds, and the vendor's package may
# be missing.
def _reference(config: XyloConfig) -> Engine:
    from ._reference import ReferenceEngine

    return ReferenceEngine(config)


def _native(config: XyloConfig) -> Engine:
    from ._native import NativeEngine

    return NativeEngine(config)


def _jax(config: XyloConfig) -> Engine:
    from ._jax import JaxEngine

    return JaxEngine(config)


def _vendor(config: XyloConfig) -> Engine:
    # By its metadata, which runs no code of the package, and which a folder that happens to have
    # its name does not have.
    try:
        distribution("xylosim")
    except PackageNotFoundError:
        raise MissingExtraError("engine 'vendor'", "xylosim") from None
    from ._vendor import VendorEngine

    return VendorEngine(config)


_FACTORIES: Mapping[str, EngineFactory] = MappingProxyType(
    {"reference": _reference, "native": _native, "jax": _jax, "vendor": _vendor}
)

ENGINES = tuple(_FACTORIES)
"""Names of the engines. All give the same integers."""


def make_engine(name: str, config: XyloConfig) -> Engine:
    """Prepare an engine for a configuration.

    Args:
        name: one of `ENGINES`.
        config: what it shall compute.

    Returns:
        The engine.

    Raises:
        ValueError: when no engine has that name.
        MissingExtraError: when the engine needs a package that is not installed.

    >>> config = XyloConfig("xylo-imu", weights_in=[[64]], weights_out=[[10]])
    >>> make_engine("c++", config)
    Traceback (most recent call last):
        ...
    ValueError: no engine is called 'c++': known are 'reference', 'native', 'jax', 'vendor'
    """
    if name not in _FACTORIES:
        known = ", ".join(map(repr, ENGINES))
        raise ValueError(f"no engine is called {name!r}: known are {known}")
    return _FACTORIES[name](config)
