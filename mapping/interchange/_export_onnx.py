"""`export_onnx`: a chip core, or a float network, as one ONNX file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ...hw import XyloConfig
from ...models import JaxModule, MissingExtraError
from ...models.storage._files import write_atomically
from .._deployment import Deployment
from ..graph._trace import trace

if TYPE_CHECKING:
    Exportable = XyloConfig | Deployment | JaxModule
else:
    Exportable = object

RECORDABLE = ("spikes", "vmem", "isyn", "isyn2", "vmem_out", "isyn_out")


def export_onnx(
    source: Exportable,
    path: str | os.PathLike[str],
    *,
    batch: int | None = None,
    states: bool = True,
    record: Iterable[str] = (),
) -> Path:
    """Write what a chip core computes as one ONNX graph of standard operators.

    The graph takes whole sequences: `input`, uint8 (batch, time, n_in), gives `output`, uint8
    (batch, time, n_out), and equals the engines of `XyloSim` to the last bit, in saturation too.
    With states it takes `state_<name>` and gives `new_state_<name>`, the arrays of
    `XyloSim.state()` but for `quiet`, so that a recording can come in pieces. Opset 21.

    The file holds the configuration, its digest, `dt`, and, of a deployment, the names of the
    neurons, in its metadata; `load_onnx` gives them back.

    A float network, of modules that `trace` knows, takes and gives float32 (batch, time, channel),
    and with states `state_<path>.<name>`; it computes what JAX does, but for rounding.

    Args:
        source: a configuration, a deployment, or a network.
        path: the file; replaced in one go.
        batch: number of samples of every call; `None` for any.
        states: whether state goes in and out; without, every call starts from the reset state.
        record: what to give besides the output at every step: some of `spikes`, uint8, `vmem`,
            `isyn`, `isyn2` (with two synapses), `vmem_out` and `isyn_out`, int16.

    Returns:
        The path.

    Raises:
        TypeError: another kind of source, or a network that cannot be traced.
        ValueError: a `record` that the source does not have, a batch below 1, or a network with
            noise.
        MissingExtraError: without the extra `onnx`.
        OSError: when the file cannot be written.

    Source: onnx facts; held to the `reference` engine by `tests/mapping/interchange`.
    """
    require_onnx("`export_onnx`")
    if batch is not None and batch < 1:
        raise ValueError(f"`batch` is at least 1, or `None` for any; got {batch}")
    if isinstance(record, str):
        raise TypeError(f"`record` is a list of names: give `record=[{record!r}]`")
    record = tuple(dict.fromkeys(record))
    from ._onnx_file import CORE_FORMAT, NETWORK_FORMAT, core_metadata, file_bytes

    if isinstance(source, JaxModule):
        from ._onnx_network import network_model

        if record:
            raise ValueError(
                "of a float network one can export the output only: leave `record` out"
            )
        graph = trace(source)
        made = network_model(graph, batch=batch, states=states)
        metadata = {"xylograph.dt": repr(graph.populations[0].dt)} if graph.populations else {}
        return write_atomically(path, file_bytes(made, NETWORK_FORMAT, metadata))
    config, names = _config_and_names(source)
    _require_recordable(config, record)
    from ._onnx_sequence import sequence_model

    made = sequence_model(config, batch=batch, states=states, record=record)
    return write_atomically(path, file_bytes(made, CORE_FORMAT, core_metadata(config, names)))


def require_onnx(what: str) -> None:
    """Raise the one sentence that helps where the extra `onnx` is missing."""
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        raise MissingExtraError(what, "onnx")


def _config_and_names(source: object) -> tuple[XyloConfig, dict[str, object]]:
    if isinstance(source, XyloConfig):
        return source, {}
    if isinstance(source, Deployment):
        placed = source.placement
        hidden = {name: ids.tolist() for name, ids in placed.hidden.items()}
        return source.config, {"hidden": hidden, "output": placed.output}
    raise TypeError(
        "`export_onnx` takes a `XyloConfig`, a `Deployment` or a `JaxModule`, this is a "
        f"`{type(source).__name__}`"
    )


def _require_recordable(config: XyloConfig, record: tuple[str, ...]) -> None:
    known = [name for name in RECORDABLE if name != "isyn2" or config.n_synapses == 2]
    unknown = [name for name in record if name not in known]
    if unknown:
        raise ValueError(
            f"`record` has {', '.join(map(repr, unknown))}; of this configuration one can record "
            f"{', '.join(map(repr, known))}"
        )
