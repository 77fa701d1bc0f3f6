"""Running a model of ours: what goes in and out by name, and how much of it there must be."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Shaped

from ._onnx_ports import INPUT, NEW_STATE_PREFIX, OUTPUT, STATE_PREFIX

Arrays = dict[str, Shaped[np.ndarray, "batch ..."]]

_DTYPES = {
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(int16)": np.dtype(np.int16),
    "tensor(float)": np.dtype(np.float32),
}


class SessionError(Exception):
    """onnxruntime refuses a model."""


class Session:
    """A model in onnxruntime.

    Args:
        content: the file; trusted.

    Raises:
        SessionError: it cannot be loaded.
    """

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(content, options)
        except Exception as error:  # its errors share no base class
            raise SessionError(str(error)[:300]) from error
        self._inputs = {port.name: port for port in self._session.get_inputs()}
        self._outputs = {port.name: port for port in self._session.get_outputs()}
        if INPUT not in self._inputs or OUTPUT not in self._outputs:
            raise SessionError(f"it lacks `{INPUT}` or `{OUTPUT}`")

    @property
    def n_inputs(self) -> int:
        """Input channels."""
        return self._inputs[INPUT].shape[-1]

    @property
    def state_names(self) -> tuple[str, ...]:
        """Arrays of the state that goes in and out."""
        return tuple(name[len(STATE_PREFIX) :] for name in self._inputs if name != INPUT)

    def require_batch(self, batch: int) -> None:
        """Raise when the file is for another number of samples."""
        fixed = self._inputs[INPUT].shape[0]
        if isinstance(fixed, int) and fixed != batch:
            raise ValueError(
                f"the file is for {fixed} samples, the data have {batch}: export it with "
                "`batch=None` for any number"
            )

    def require_states(self) -> None:
        """Raise when the file takes no state."""
        if not self.state_names:
            raise ValueError(
                "this file takes no state: export it with `states=True` to go on from one"
            )

    def checked_states(self, given: Mapping[str, Any]) -> Arrays:
        """Arrays of a state as the model takes them.

        Raises:
            ValueError: a name or a shape does not fit; lists everything.
        """
        problems = [f"`{name}` is no part of a state" for name in given.keys() - self.state_names]
        arrays = {}
        for name in self.state_names:
            if name in given:
                port = self._inputs[STATE_PREFIX + name]
                arrays[name] = np.asarray(given[name], _DTYPES[port.type])
                if arrays[name].shape[1:] != tuple(port.shape[1:]):
                    wanted = ", ".join(map(str, ["batch", *port.shape[1:]]))
                    problems.append(f"`{name}` has the shape {arrays[name].shape}, not ({wanted})")
        if len({len(array) for array in arrays.values() if array.ndim}) > 1:
            problems.append("the arrays are of different numbers of samples")
        if problems:
            raise ValueError("this is no state of the file: " + "; ".join(sorted(problems)))
        return arrays

    def run(
        self, raster: Shaped[np.ndarray, "batch time input"], state: Mapping[str, Any]
    ) -> tuple[Shaped[np.ndarray, "batch time output"], Arrays, Arrays]:
        """Output, state at the end, and what else is recorded; missing states are zero.

        Raises:
            ValueError: the state is of another number of samples.
        """
        feed: Arrays = {INPUT: np.ascontiguousarray(raster)}
        for name in self.state_names:
            port = self._inputs[STATE_PREFIX + name]
            zeros = np.zeros((len(raster), *port.shape[1:]), _DTYPES[port.type])
            feed[STATE_PREFIX + name] = state.get(name, zeros)
            if len(feed[STATE_PREFIX + name]) != len(raster):
                raise ValueError(
                    f"the state is of {len(state[name])} samples, the data are of {len(raster)}: "
                    f"give data of {len(state[name])} samples, or start again with `reset_state()`"
                )
        if 0 in raster.shape[:2]:
            found = self._nothing(raster, feed)
        else:
            arrays = map(np.asarray, self._session.run(list(self._outputs), feed))
            found = dict(zip(self._outputs, arrays, strict=True))
        output = found.pop(OUTPUT)
        prefix = len(NEW_STATE_PREFIX)
        ended = {n[prefix:]: found.pop(n) for n in list(found) if n.startswith(NEW_STATE_PREFIX)}
        return output, ended, found

    def _nothing(
        self, raster: Shaped[np.ndarray, "batch time input"], feed: Mapping[str, Any]
    ) -> Arrays:
        """What no steps or no samples give; onnxruntime may divide by zero, which ends the process."""
        found: Arrays = {}
        for name, port in self._outputs.items():
            begun = feed.get(STATE_PREFIX + name.removeprefix(NEW_STATE_PREFIX))
            if name.startswith(NEW_STATE_PREFIX) and begun is not None:
                found[name] = np.array(begun)
            else:
                found[name] = np.zeros((*raster.shape[:2], port.shape[-1]), _DTYPES[port.type])
        return found


def nested(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """`{"a.b": x}` as `{"a": {"b": x}}`.

    >>> nested({"a.b": 1, "a.c": 2})
    {'a': {'b': 1, 'c': 2}}
    """
    tree: dict[str, Any] = {}
    for name, array in arrays.items():
        *path, last = name.split(".")
        inner = tree
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = array
    return tree


def flat(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The opposite of `nested`.

    >>> flat({"a": {"b": 1, "c": 2}})
    {'a.b': 1, 'a.c': 2}
    """
    found: dict[str, Any] = {}
    for name, value in tree.items():
        inside = flat(value, f"{path}{name}.") if isinstance(value, Mapping) else None
        found |= {f"{path}{name}": value} if inside is None else inside
    return found
