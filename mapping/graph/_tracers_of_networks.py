"""How whole networks of `xylograph.models` become nodes."""

import numpy as np

from ...models import SynNet, WaveSenseBlock, WaveSenseNet
from ._nodes import LinearNode
from ._trace import Wiring, child_path, register_tracer
from ._tracers import added_up


@register_tracer(SynNet)
def _trace_syn_net(wiring: Wiring, module: SynNet, source: str, path: str) -> str:
    if module.output == "vmem":
        raise TypeError(
            f"{f'`{path}`' if path else 'the network'} gives the voltages of its output neurons, "
            "and neurons of a chip give spikes: make a `SynNet` with `output='spikes'` and set its "
            "parameters, or trace its child `seq`"
        )
    return wiring.follow(module.seq, source, child_path(path, "seq"))


@register_tracer(WaveSenseNet)
def _trace_wave_sense(wiring: Wiring, module: WaveSenseNet, source: str, path: str) -> str:
    def through(*names: str, source: str) -> str:
        for name in names:
            source = wiring.follow(getattr(module, name), source, child_path(path, name))
        return source

    onward, skips = through("lin1", "spk1", source=source), []
    *inner, last = module.blocks
    for name in inner:
        block, place = getattr(module, name), child_path(path, name)
        hidden = _hidden(wiring, block, onward, place)
        skips.append(_skip(wiring, block, hidden, place))
        onward = _onward(wiring, block, onward, hidden, place)
    # What the last block hands on is read by nobody: on a chip it would be neurons for nothing.
    block, place = getattr(module, last), child_path(path, last)
    skips.append(_skip(wiring, block, _hidden(wiring, block, onward, place), place))
    size = module.hidden.size_in
    seen = added_up(wiring, tuple(skips), f"{child_path(path, 'hidden')} (sum)", size)
    return through("hidden", "spk2", "readout", "spk_out", source=seen)


@register_tracer(WaveSenseBlock)
def _trace_block(wiring: Wiring, module: WaveSenseBlock, source: str, path: str) -> str:
    path = path or module.class_name
    hidden = _hidden(wiring, module, source, path)
    skip = _skip(wiring, module, hidden, path)
    onward = _onward(wiring, module, source, hidden, path)
    # Side by side is a sum of maps to different channels, which the weights behind it absorb.
    n, n_all = module.size_in, module.size_out
    maps = np.split(np.eye(n_all), [n])
    ends = [
        wiring.add(LinearNode(f"{path} ({name})", (end,), values))
        for name, end, values in zip(("onward", "skip"), (onward, skip), maps, strict=True)
    ]
    return added_up(wiring, tuple(ends), f"{path} (output)", n_all)


def _hidden(wiring: Wiring, block: WaveSenseBlock, source: str, path: str) -> str:
    weights = wiring.follow(block.lin1, source, child_path(path, "lin1"))
    return wiring.follow(block.spk1, weights, child_path(path, "spk1"))


def _skip(wiring: Wiring, block: WaveSenseBlock, hidden: str, path: str) -> str:
    weights = wiring.follow(block.lin2_skip, hidden, child_path(path, "lin2_skip"))
    return wiring.follow(block.spk2_skip, weights, child_path(path, "spk2_skip"))


def _onward(wiring: Wiring, block: WaveSenseBlock, source: str, hidden: str, path: str) -> str:
    weights = wiring.follow(block.lin2_res, hidden, child_path(path, "lin2_res"))
    neurons = wiring.follow(block.spk2_res, weights, child_path(path, "spk2_res"))
    return added_up(wiring, (source, neurons), path, block.size_in)
