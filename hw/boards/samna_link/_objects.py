"""Objects of the vendor's software: configurations and events.

Source: samna contract, section 0 (value semantics: assigning copies, nested structures write
through) and sections 2 to 4 (names).
"""

from collections.abc import Iterable
from dataclasses import fields as fields_of
from types import ModuleType
from typing import Any

import numpy as np

from ..._config import XyloConfig
from .. import _events as ev
from .._configuration import Fields, samna_fields
from .._errors import BoardError
from .._models import VendorModel, vendor_model
from ._find import import_samna

_ENUMS = {"operation_mode": "OperationMode", "input_source": "InputSource"}
# Where a version of the vendor's software has no such switch, what it switches is on.
_OPTIONAL = frozenset({"debug.ram_access_enable"})
_EVENTS = {kind.__name__: kind for kind in ev.Event.__subclasses__()}


def to_samna(config: XyloConfig) -> Any:
    """A configuration object of the vendor's software, which must be installed.

    Args:
        config: it keeps the design rules of its chip.

    Returns:
        What the vendor's `apply_configuration` takes; its `to_json` gives the vendor's own file
        format. `from_samna` reads it back.

    Raises:
        DesignRuleError: the configuration breaks rules; lists every violation.
        BoardNotFoundError: the vendor's software is not installed.
        BoardError: the installed version lacks a field.
    """
    fields = samna_fields(config)
    return configuration_object(import_samna(), vendor_model(config.chip), fields)


def configuration_object(samna: ModuleType, model: VendorModel, fields: Fields) -> Any:
    """The vendor's configuration object with these fields, and its own defaults otherwise."""
    core = getattr(samna, model.module)
    target = core.configuration.XyloConfiguration()
    _Filler(samna, model).fill(target, fields, "")
    return target


class _Filler:
    def __init__(self, samna: ModuleType, model: VendorModel) -> None:
        self.version = getattr(samna, "__version__", "unknown")
        self.core = getattr(samna, model.module)
        self.neurons = {
            f"{model.hidden_section}.neurons": model.hidden_neuron,
            "readout.neurons": "OutputNeuron",
        }

    def fill(self, target: Any, fields: Fields, path: str) -> None:
        for name, value in fields.items():
            where = f"{path}{name}"
            if not hasattr(target, name):
                if where in _OPTIONAL:
                    continue
                raise self._lacks(f"field `{where}`")
            if isinstance(value, dict) and not _is_range(value):
                part = getattr(target, name)
                self.fill(part, value, f"{where}.")
                # Right whether the part was the structure itself or a copy of it.
                setattr(target, name, part)
            else:
                setattr(target, name, self._value(value, where))

    def _value(self, value: Any, where: str) -> Any:
        if where in _ENUMS:
            return self._member(_ENUMS[where], value)
        if where in self.neurons:
            kind = self._class(self.neurons[where])
            return [kind(**neuron) for neuron in value]
        if _is_range(value):
            return self._class("NeuronRange")(value["start"], value["end"])
        if isinstance(value, list) and value and isinstance(value[0], list):
            return np.array(value, np.int8)
        return value

    def _class(self, name: str) -> Any:
        if not hasattr(self.core.configuration, name):
            raise self._lacks(f"class `{name}`")
        return getattr(self.core.configuration, name)

    def _member(self, enum: str, name: str) -> Any:
        kind = getattr(self.core, enum, None)
        if kind is None or not hasattr(kind, name):
            raise self._lacks(f"`{enum}.{name}`")
        return getattr(kind, name)

    def _lacks(self, what: str) -> BoardError:
        return BoardError(
            f"samna {self.version} has no {what} in `{self.core.__name__}`: install the version "
            "that the vendor names for the board"
        )


def _is_range(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"start", "end"}


class EventTranslator:
    """Events from ours to the vendor's, and back.

    Args:
        samna: the vendor's software.
        model: of the board.
    """

    def __init__(self, samna: ModuleType, model: VendorModel) -> None:
        self._classes = getattr(samna, model.module).event

    def to_vendor(self, events: Iterable[ev.Event]) -> list[Any]:
        """The vendor's events; fields that are not given keep the vendor's defaults."""
        return [
            getattr(self._classes, type(event).__name__)(
                **{name: value for name, value in vars(event).items() if value is not None}
            )
            for event in events
        ]

    def from_vendor(self, events: Iterable[Any]) -> list[ev.Event]:
        """Our events; kinds that no driver needs are left out."""
        return [
            _translated(event, _EVENTS[type(event).__name__])
            for event in events
            if type(event).__name__ in _EVENTS
        ]


def _translated(event: Any, kind: type[ev.Event]) -> ev.Event:
    given = {}
    for field in fields_of(kind):
        value = getattr(event, field.name, None)
        if value is not None:
            given[field.name] = int(value) if np.ndim(value) == 0 else tuple(map(int, value))
    return kind(**given)
