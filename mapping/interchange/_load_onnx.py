"""`load_onnx`: files that `export_onnx` wrote, run by onnxruntime behind the protocol of a module."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Shaped

from ...hw import XyloConfig
from ...hw.engines import CoreState, checked_raster, checked_state
from ._export_onnx import require_onnx
from ._onnx_session import Arrays, Session, SessionError, flat, nested

_RECORD_NAMES = {
    "spikes": "Spikes",
    "vmem": "Vmem",
    "isyn": "Isyn",
    "isyn2": "Isyn2",
    "vmem_out": "Vmem_out",
    "isyn_out": "Isyn_out",
}


class OnnxCore:
    """A chip core that onnxruntime computes, from a file of `export_onnx`; see `load_onnx`.

    Follows the protocol of a `JaxModule`, as `XyloSim` does: `output, new_state, record =
    core(data)`; nothing is changed in place.

    Args:
        config: the configuration that the file holds.
        session: the model.
        names: hidden populations with their neuron ids, and the output, where the file knows them.
    """

    def __init__(self, config: XyloConfig, session: Session, names: Mapping[str, Any]) -> None:
        self._config = config
        self._session = session
        self._names = dict(names)
        self._state: CoreState | None = None

    @property
    def config(self) -> XyloConfig:
        """What is computed."""
        return self._config

    @property
    def names(self) -> dict[str, Any]:
        """`hidden`: neuron ids by population, `output`: its name; empty where the file has none."""
        return dict(self._names)

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time output"], Arrays, Arrays]:
        """Compute as many time steps as the data have.

        Args:
            data: spike counts, (time, input) or (batch, time, input); as for `XyloSim`.
            record: whether to give what the file records: some of `Spikes`, `Vmem`, `Isyn`,
                `Isyn2`, `Vmem_out`, `Isyn_out`, each (batch, time, neuron).

        Returns:
            Output spikes (batch, time, output), uint8; the new state, empty where the file was
            exported without states; the record, empty without `record`.

        Raises:
            TypeError: when the data are no numbers.
            ValueError: when they do not fit, also the state or a batch that the file fixes.
        """
        raster = checked_raster(data, self._config)
        self._session.require_batch(len(raster))
        start = self._start(len(raster))
        output, ended, series = self._session.run(raster, start.arrays())
        new_state = start.arrays() | ended if ended else {}
        recorded = {_RECORD_NAMES[name]: array for name, array in series.items()}
        return output, new_state, recorded if record else {}

    __call__ = evolve

    def state(self) -> Arrays:
        """The state in which the next call starts; of one sample after a reset."""
        return (self._state or CoreState.fresh(self._config, batch=1)).arrays()

    def set_attributes(self, new_state: Mapping[str, object]) -> OnnxCore:
        """A core that goes on from a state; this one stays as it is.

        Raises:
            ValueError: when an array does not fit, or the file was exported without states.
        """
        self._session.require_states()
        return self._with_state(checked_state(self._config, new_state, self._state))

    def reset_state(self) -> OnnxCore:
        """A core that starts from the state after a reset."""
        return self._with_state(None)

    def _with_state(self, state: CoreState | None) -> OnnxCore:
        other = object.__new__(OnnxCore)
        other.__dict__ |= self.__dict__ | {"_state": state}
        return other

    def _start(self, batch: int) -> CoreState:
        if self._state is None or (self._state.is_fresh and self._state.batch != batch):
            return CoreState.fresh(self._config, batch)
        return self._state

    def __repr__(self) -> str:
        """What it computes."""
        return f"OnnxCore({self._config!r})"


class OnnxNetwork:
    """A float network that onnxruntime computes, from a file of `export_onnx`; see `load_onnx`.

    Follows the protocol of a `JaxModule`; nothing is changed in place.

    Args:
        session: the model.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._state: Arrays = {}

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time output"], dict[str, Any], dict[str, Any]]:
        """Compute as many time steps as the data have.

        Args:
            data: (time, input) or (batch, time, input).
            record: without effect: the file gives its output only.

        Returns:
            Output (batch, time, output), float32; the new state of every sample, nested like that
            of the network, empty where the file was exported without states; an empty record.

        Raises:
            TypeError: when the data are no real numbers.
            ValueError: when they do not fit, also the state or a batch that the file fixes.
        """
        array, width = np.asarray(data), self._session.n_inputs
        if array.dtype.kind not in "biuf":
            raise TypeError(f"input is real numbers; this holds {array.dtype}")
        if array.ndim not in (2, 3) or array.shape[-1] != width:
            raise ValueError(
                f"input has the shape (time, {width}) or (batch, time, {width}); this has "
                f"{array.shape}"
            )
        array = (array if array.ndim == 3 else array[np.newaxis]).astype(np.float32)
        self._session.require_batch(len(array))
        output, ended, _ = self._session.run(array, self._state)
        return output, nested(ended), {}

    __call__ = evolve

    def state(self) -> dict[str, Any]:
        """The state in which the next call starts; empty after a reset."""
        return nested(self._state)

    def set_attributes(self, new_state: Mapping[str, Any]) -> OnnxNetwork:
        """A network that goes on from a state that a call returned; this one stays as it is.

        Raises:
            ValueError: when a name or a shape does not fit, or the file takes no states.
        """
        self._session.require_states()
        return self._with_state(self._session.checked_states(self._state | flat(new_state)))

    def reset_state(self) -> OnnxNetwork:
        """A network that starts from the state after a reset."""
        return self._with_state({})

    def _with_state(self, state: Arrays) -> OnnxNetwork:
        other = object.__new__(OnnxNetwork)
        other.__dict__ |= self.__dict__ | {"_state": state}
        return other


def load_onnx(path: str | os.PathLike[str]) -> OnnxCore | OnnxNetwork:
    """Load what `export_onnx` wrote, to be run by onnxruntime.

    Nothing in the file is run before its digests, its operators and its types are checked.

    Args:
        path: the file.

    Returns:
        An `OnnxCore` of a chip core, whose `config` is the configuration; an `OnnxNetwork` of a
        float network.

    Raises:
        FormatError: the file is damaged, was changed, is of a newer version, or is none of ours.
        MissingExtraError: without the extra `onnx`.
        OSError: when the file cannot be read.
    """
    require_onnx("`load_onnx`")
    from ._onnx_file import CORE_FORMAT, config_of, names_of, read_file, refuse

    content, metadata = read_file(path)
    try:
        session = Session(content)
    except SessionError as error:
        refuse(path, f"onnxruntime cannot load it: {error}")
    if metadata["xylograph.format"] == CORE_FORMAT:
        return OnnxCore(config_of(path, metadata), session, names_of(path, metadata))
    return OnnxNetwork(session)
