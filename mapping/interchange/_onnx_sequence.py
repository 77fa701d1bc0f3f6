"""A chip core over a whole sequence as one ONNX graph: a scan of `_onnx_core.py` over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from ...hw import XyloConfig
from ._onnx_builder import (
    FLOAT,
    INT16,
    UINT8,
    Block,
    Constants,
    Dimension,
    model,
    value,
)
from ._onnx_core import Core, StepState, add_step
from ._onnx_ports import INPUT, NEW_STATE_PREFIX, OUTPUT, STATE_PREFIX


@dataclass(frozen=True)
class _Part:
    """One array of a core's state: where it stands among all neurons or currents."""

    of: str
    kind: int
    start: int
    stop: int


def state_parts(config: XyloConfig) -> dict[str, _Part]:
    """Arrays of a state by the names of `XyloSim`, each with its place among all neurons."""
    n, m = config.n_hidden, config.n_hidden + config.n_outputs
    parts = {
        "spikes": _Part("spikes", UINT8, 0, n),
        "vmem": _Part("vmem", INT16, 0, n),
        "isyn": _Part("isyn", INT16, 0, n),
        "isyn2": _Part("isyn", INT16, m, m + n),
        "vmem_out": _Part("vmem", INT16, n, m),
        "isyn_out": _Part("isyn", INT16, n, m),
    }
    if config.n_synapses == 1:
        del parts["isyn2"]
    return parts


def sequence_model(
    config: XyloConfig,
    *,
    batch: int | None,
    states: bool,
    record: Sequence[str],
) -> onnx.ModelProto:
    """The model; see `export_onnx`."""
    constants = Constants()
    block = Block(constants)
    core = Core(config, states_are_free=states)
    rows: Dimension = "batch" if batch is None else batch
    n, m = config.n_hidden, core.n_neurons
    inputs = [value(INPUT, UINT8, [rows, "time", config.n_inputs])]
    limit = block.constant(config.chip.max_input_spikes, np.uint8)
    counts = block.op("Clip", INPUT, block.constant(0, np.uint8), limit)
    parts = state_parts(config)
    if states:
        inputs += [
            value(STATE_PREFIX + name, part.kind, [rows, part.stop - part.start])
            for name, part in parts.items()
        ]
        start = _packed(block, core, parts)
    else:
        start = _reset(block, core)
    end, series = _scan(block, core, start, counts, _scanned_names(record))
    outputs = [value(OUTPUT, UINT8, [rows, "time", config.n_outputs])]
    spikes = series["spikes"]
    if "spikes" in record:
        block.named(block.columns(spikes, n, m, axis=2), OUTPUT)
    else:
        block.named(spikes, OUTPUT)
    for name in record:
        part = parts[name]
        block.named(block.columns(series[part.of], part.start, part.stop, axis=2), name)
        outputs.append(value(name, part.kind, [rows, "time", part.stop - part.start]))
    if states:
        for name, part in parts.items():
            array = block.columns(getattr(end, part.of), part.start, part.stop, axis=1)
            block.named(block.cast(array, part.kind), NEW_STATE_PREFIX + name)
            width = part.stop - part.start
            outputs.append(value(NEW_STATE_PREFIX + name, part.kind, [rows, width]))
    return model(block, "xylo_core", inputs, outputs)


def _scanned_names(record: Sequence[str]) -> tuple[str, ...]:
    """Which arrays of all neurons are kept at every step; without hidden ones only the output."""
    isyn = {"isyn", "isyn2", "isyn_out"}
    vmem = {"vmem", "vmem_out"}
    names = ["spikes"]
    names += ["vmem"] * bool(vmem & set(record)) + ["isyn"] * bool(isyn & set(record))
    if "spikes" not in record:
        names[0] = "output"
    return tuple(names)


def _packed(block: Block, core: Core, parts: dict[str, _Part]) -> StepState:
    """The given state as one population."""
    given = {name: STATE_PREFIX + name for name in parts}
    # Outputs have sent nothing: nobody listens to them.
    silent = block.cast(
        block.op("Mul", block.cast(given["vmem_out"], FLOAT), block.constant(0.0)), UINT8
    )
    spikes = block.op("Concat", given["spikes"], silent, axis=1)
    vmem = block.op("Concat", given["vmem"], given["vmem_out"], axis=1)
    currents = [given["isyn"], given["isyn_out"]]
    isyn = block.cast(block.op("Concat", *currents, axis=1), FLOAT)
    if core.config.n_synapses == 2:
        # Outputs have no second current; its place stays zero.
        none = block.op("Mul", block.cast(given["isyn_out"], FLOAT), block.constant(0.0))
        second = block.cast(given["isyn2"], FLOAT)
        isyn = block.op("Concat", isyn, second, none, axis=1)
    return StepState(spikes, isyn, block.cast(vmem, FLOAT))


def _reset(block: Block, core: Core) -> StepState:
    """The state after a reset, for as many samples as the input has."""
    shape = block.op("Shape", INPUT)
    rows = block.columns(shape, 0, 1, axis=0)

    def zeros(n: int, kind: type[np.generic]) -> str:
        full = block.op("Concat", rows, block.constant([n], np.int64), axis=0)
        return block.op("Expand", block.constant(0, kind), full)

    return StepState(
        zeros(core.n_neurons, np.uint8),
        zeros(core.n_currents, np.float32),
        zeros(core.n_neurons, np.float32),
    )


def _scan(
    block: Block, core: Core, start: StepState, counts: str, scanned: tuple[str, ...]
) -> tuple[StepState, dict[str, str]]:
    """All steps: the state at the end, and what was kept at every step."""
    body = block.inner()
    n, m, c = core.config.n_hidden, core.n_neurons, core.n_currents
    before = StepState(*(body.constants.new_name(name) for name in ("spikes", "isyn", "vmem")))
    arriving = body.constants.new_name("counts")
    after = add_step(body, core, before, arriving)
    kept = {}
    if "output" in scanned:
        kept["spikes"] = body.columns(after.spikes, n, m, axis=1)
    else:
        kept["spikes"] = body.op("Identity", after.spikes)
    for name in ("vmem", "isyn"):
        if name in scanned:
            kept[name] = body.cast(getattr(after, name), INT16)
    kinds = {"spikes": UINT8, "vmem": INT16, "isyn": INT16}
    graph = body.graph(
        "time_step",
        [
            value(before.spikes, UINT8, [None, m]),
            value(before.isyn, FLOAT, [None, c]),
            value(before.vmem, FLOAT, [None, m]),
            value(arriving, UINT8, [None, core.config.n_inputs]),
        ],
        [
            value(after.spikes, UINT8, [None, m]),
            value(after.isyn, FLOAT, [None, c]),
            value(after.vmem, FLOAT, [None, m]),
            *(value(kept[name], kinds[name], [None, None]) for name in kept),
        ],
    )
    spikes, isyn, vmem, *series = block.ops(
        "Scan",
        3 + len(kept),
        start.spikes,
        start.isyn,
        start.vmem,
        counts,
        body=graph,
        num_scan_inputs=1,
        scan_input_axes=[1],
        scan_output_axes=[1] * len(kept),
    )
    return StepState(spikes, isyn, vmem), dict(zip(kept, series, strict=True))
