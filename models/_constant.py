"""`Constant`: an initial value that is not trained."""

from typing import Any

import numpy as np


class Constant:
    """Mark an initial value as not trainable.

    A `Parameter` given a `Constant` becomes a `SimulationParameter` of the same family: it leaves
    `parameters()` and appears in `simulation_parameters()`. Numbers, lists and NumPy arrays go on
    behaving as what they are; anything else is only carried. `value` is the bare value.

    Args:
        value: any value; `None` makes the default of a module constant.

    >>> from xylograph.models import LIFJax
    >>> sorted(LIFJax(2, tau_mem=Constant(0.02)).parameters())
    ['bias', 'tau_syn', 'threshold']
    >>> Constant(0.02) / 2
    0.01
    """

    def __new__(cls, value: Any) -> Any:
        if isinstance(value, Constant):
            return value
        if isinstance(value, (np.ndarray, np.generic)):
            return np.asarray(value).view(_ConstantArray)
        for plain, marked in _MARKED.items():
            if isinstance(value, plain) and not isinstance(value, bool):
                return marked(value)
        return _Carried(value)

    @property
    def value(self) -> Any:
        """The value without the mark."""
        if isinstance(self, np.ndarray):
            return np.asarray(self)
        return next(plain(self) for plain in _MARKED if isinstance(self, plain))

    def __repr__(self) -> str:
        return f"Constant({self.value!r})"


class _ConstantFloat(float, Constant):
    __repr__ = Constant.__repr__


class _ConstantInt(int, Constant):
    __repr__ = Constant.__repr__


class _ConstantList(list[Any], Constant):
    __repr__ = Constant.__repr__


_MARKED: dict[type, type[Constant]] = {
    float: _ConstantFloat,
    int: _ConstantInt,
    list: _ConstantList,
}


class _ConstantArray(np.ndarray, Constant):
    pass


class _Carried(Constant):
    _value: Any

    def __new__(cls, value: Any) -> Any:
        new = object.__new__(cls)
        new._value = value
        return new

    def __getnewargs__(self) -> tuple[Any]:
        return (self._value,)

    @property
    def value(self) -> Any:
        return self._value
