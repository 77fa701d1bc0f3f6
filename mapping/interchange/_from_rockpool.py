"""`from_rockpool`: networks that Rockpool saved, as modules of ours.

Such a file is JSON: nested objects of modules, whose innermost values are again JSON, in strings.
It names no classes and its keys are in no order, so what a part is follows from its names:

- SynNet: `seq` with `0_linear`, `0_neurons`, `0_dropout`, ..., `out_linear`, `out_neurons`;
- WaveSense: `lin1`, `spk1`, `wave0`, ..., `hidden`, `spk2`, `readout`, `spk_out`;
- a chain: `0_LinearTorch`, `1_LIFTorch`, ..., with chains and residual chains inside.

Source: files that Rockpool 3.1.0 wrote, 2026-11-25; `tests/mapping/interchange/golden`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float

from ...models import (
    Constant,
    DropoutJax,
    FormatError,
    JaxModule,
    LIFJax,
    LinearJax,
    Residual,
    Sequential,
    SynNet,
    WaveSenseNet,
    periodic_exponential,
    step_pwl,
)
from ...models.neurons._leak import LEAKS, PLACES

# A network of a thousand dense neurons is 25 MB of text.
_MAX_BYTES = 2**29
_WAVESENSE = {"lin1", "spk1", "hidden", "spk2", "readout", "spk_out"}
_BLOCK = ("lin1", "spk1", "lin2_res", "spk2_res", "lin2_skip", "spk2_skip")
# Neurons of bit shifts are saved with the time constants whose decay is their shift.
_KINDS = ("Linear", "LIF", "LIFBitshift", "Sequential", "Residual")
_LINEAR = {"weight", "bias"}
_NEURONS = {
    "threshold",
    "bias",
    "w_rec",
    "_has_rec",
    "noise_std",
    "max_spikes_per_dt",
    "learning_window",
    "dt",
    "leak_mode",
    "spike_generation_fn",
    # States, and the key of the noise: networks start from their reset.
    "vmem",
    "isyn",
    "spikes",
    "rng_key",
}
_LARGEST = float(np.finfo(np.float32).max)
# The threshold of output neurons of a SynNet that gives voltages.
_NEVER = 2.0**15 - 1


def from_rockpool(source: str | os.PathLike[str] | Mapping[str, Any]) -> JaxModule:
    """The network in a file that Rockpool's `save` wrote.

    Known are SynNet, WaveSense and chains (`Sequential`, `Residual`) of linear and LIF layers, of
    the Torch, JAX and NumPy kinds, which leak by time constants, decays or bit shifts. Files do not
    say what is trained: in a SynNet and a WaveSense it is the weights; in a chain all parameters.
    The state is the one after a reset.

    Args:
        source: the file, or what it holds as nested dictionaries.

    Returns:
        `SynNet`, `WaveSenseNet` or `Sequential`, with the children's names of the file.

    Raises:
        FormatError: the file is damaged, or has parts that are not known; names all of them.
        OSError: when the file cannot be read.

    >>> weight = {"weight": "[[1.0, 2.0]]"}
    >>> from_rockpool({"0_LinearTorch": weight})
    JaxSequential  with shape (1, 2) {
        LinearJax '0_LinearTorch' with shape (1, 2)
    }
    """
    tree = _decoded(source if isinstance(source, Mapping) else _read(source), "")
    try:
        return _network(tree)
    except FormatError:
        raise
    except (TypeError, ValueError) as error:
        raise FormatError(f"this is no network that fits together: {error}") from error


def _refuse(reason: str) -> NoReturn:
    raise FormatError(f"cannot read this as a network of Rockpool: {reason}")


def _read(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    size = os.stat(path).st_size
    if size > _MAX_BYTES:
        _refuse(f"{os.fspath(path)!r} has {size} bytes, at most {_MAX_BYTES} are read")
    try:
        content = json.loads(Path(path).read_bytes().decode())
    except RecursionError:
        _refuse(f"{os.fspath(path)!r} is nested too deeply")
    except ValueError as error:
        _refuse(f"{os.fspath(path)!r} is no JSON: {error}")
    if not isinstance(content, dict):
        _refuse(f"{os.fspath(path)!r} holds no object")
    return content


def _decoded(value: Any, where: str) -> Any:
    """Nested dictionaries with the JSON in strings read, and lists of numbers as arrays."""
    if isinstance(value, Mapping):
        try:
            return {
                str(k): _decoded(v, f"{where}.{k}" if where else str(k)) for k, v in value.items()
            }
        except RecursionError:
            _refuse("it is nested too deeply")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            _refuse(f"`{where}` is no JSON: {error}")
    if not isinstance(value, list):
        return value
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        _refuse(f"`{where}` is no array of numbers")
    if not (np.abs(array) <= _LARGEST).all():
        _refuse(f"`{where}` has numbers that are not finite or too large for float32")
    return array


def _network(tree: dict[str, Any]) -> JaxModule:
    if set(tree) == {"seq"} and isinstance(tree["seq"], dict):
        return _syn_net(tree["seq"])
    if "weight_shift_in" in tree:
        _refuse("this is what a mapper made: give it as a dictionary to `from_rockpool_spec`")
    if _WAVESENSE <= set(tree):
        return _wave_sense(tree)
    return _chain(tree, "")


# --- layers ---


def _array(layer: dict[str, Any], name: str, where: str) -> Float[np.ndarray, ...]:
    value = layer.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float, np.ndarray)):
        _refuse(f"`{where}.{name}` is {'missing' if value is None else f'{value!r}, no number'}")
    if not isinstance(value, np.ndarray) and not abs(value) <= _LARGEST:
        _refuse(f"`{where}.{name}` is {str(value)[:30]}, not finite or too large for float32")
    return np.asarray(value, dtype=np.float64)


def _number(layer: dict[str, Any], name: str, where: str) -> float:
    value = _array(layer, name, where)
    if value.ndim:
        _refuse(f"`{where}.{name}` is an array, expected is one number")
    return float(value)


def _layer(tree: dict[str, Any], name: str, where: str = "") -> tuple[dict[str, Any], str]:
    path = f"{where}.{name}" if where else name
    if not isinstance(tree.get(name), dict):
        _refuse(f"`{path}` is missing or no module")
    return tree[name], path


def _require_known(layer: dict[str, Any], known: set[str], where: str) -> None:
    unknown = sorted(set(layer) - known)
    if unknown:
        _refuse(f"`{where}` has {', '.join(map(repr, unknown))}, which is not known")


def _linear(layer: dict[str, Any], where: str) -> LinearJax:
    _require_known(layer, _LINEAR, where)
    weight = _array(layer, "weight", where)
    if weight.ndim != 2:
        _refuse(f"`{where}.weight` has the shape {weight.shape}, expected is (n_in, n_out)")
    bias = None if layer.get("bias") is None else _array(layer, "bias", where)
    # A layer without biases is saved with the number 0.
    bias = bias if bias is not None and bias.ndim else None
    return LinearJax(weight.shape, weight=weight, bias=bias)


def _neurons(
    layer: dict[str, Any],
    where: str,
    n_in: int,
    *,
    fixed: bool,
    spike_generation_fn: Callable[..., Any] = periodic_exponential,
) -> LIFJax:
    """Neurons that receive `n_in` channels; with `fixed`, nothing of them is trained."""
    leak_mode = layer.get("leak_mode") or "taus"
    if leak_mode not in LEAKS:
        known = ", ".join(map(repr, LEAKS))
        _refuse(f"`{where}.leak_mode` is {leak_mode!r}, known are {known}")
    leaks = [LEAKS[leak_mode].names[part] for part in ("mem", "syn")]
    _require_known(layer, {*_NEURONS, *leaks}, where)
    kept: Callable[[Any], Any] = Constant if fixed else (lambda value: value)
    has_rec = layer.get("_has_rec", False) is True
    arrays = {n: kept(_array(layer, n, where)) for n in (*leaks, "threshold", "bias")}
    return LIFJax(
        (n_in, _size(layer, n_in)),
        **arrays,
        leak_mode=leak_mode,
        w_rec=_array(layer, "w_rec", where) if has_rec else None,
        has_rec=has_rec,
        noise_std=_number(layer, "noise_std", where),
        max_spikes_per_dt=_number(layer, "max_spikes_per_dt", where),
        learning_window=_number(layer, "learning_window", where)
        if layer.get("learning_window") is not None
        else 0.5,
        dt=_number(layer, "dt", where),
        spike_generation_fn=spike_generation_fn,
    )


def _size(layer: dict[str, Any], n_in: int) -> int:
    """How many neurons there are, from whatever array tells."""
    for name in ("w_rec", "threshold", "bias", *PLACES):
        value = layer.get(name)
        if isinstance(value, np.ndarray) and value.ndim and value.shape[0] > 1:
            return value.shape[0]
    # One number for all: as many as there are inputs.
    return n_in


# --- networks ---


def _syn_net(chain: dict[str, Any]) -> JaxModule:
    pattern = re.compile(r"(\d+|out)_(linear|neurons|dropout)")
    unknown = sorted(name for name in chain if not pattern.fullmatch(name))
    if unknown:
        _refuse(f"a SynNet has no {', '.join(f'`seq.{name}`' for name in unknown)}")
    n_layers = sum(name.endswith("_linear") for name in chain) - 1
    layers: dict[str, JaxModule] = {}
    p_dropout = 0.0
    for index in [*map(str, range(n_layers)), "out"]:
        linear = _linear(*_layer(chain, f"{index}_linear", "seq"))
        neurons = _neurons(*_layer(chain, f"{index}_neurons", "seq"), linear.size_out, fixed=True)
        layers |= {f"{index}_linear": linear, f"{index}_neurons": neurons}
        if f"{index}_dropout" in chain:
            dropout, where = _layer(chain, f"{index}_dropout", "seq")
            p_dropout = _number(dropout, "p", where)
            training = dropout.get("training", True) is True
            layers[f"{index}_dropout"] = DropoutJax(
                linear.size_out, p_dropout, training=training, spiking_output=True
            )
    left = sorted(set(chain) - set(layers))
    if left or n_layers < 1:
        _refuse(f"the layers of a SynNet are not complete: {', '.join(left) or 'no hidden layer'}")
    hidden = [layers[f"{index}_linear"].size_out for index in range(n_layers)]
    out: Any = layers["out_neurons"]
    silent = bool(np.all(np.asarray(out.threshold) == _NEVER))
    network = SynNet(
        out.size_out,
        layers["0_linear"].size_in,
        size_hidden_layers=hidden,
        time_constants_per_layer=[1] * n_layers,
        tau_syn_base=2 * float(out.dt),
        p_dropout=p_dropout,
        dt=float(out.dt),
        output="vmem" if silent else "spikes",
    )
    network.seq = Sequential(layers)
    return network


def _wave_sense(tree: dict[str, Any]) -> JaxModule:
    waves = sorted(
        (name for name in tree if re.fullmatch(r"wave\d+", name)), key=lambda n: int(n[4:])
    )
    unknown = sorted(set(tree) - _WAVESENSE - set(waves) - {"dt"})
    if unknown or waves != [f"wave{index}" for index in range(len(waves))] or not waves:
        named = ", ".join(f"`{name}`" for name in unknown) or "blocks in a row"
        _refuse(f"a WaveSense network has no {named}" if unknown else f"it has no {named}")
    parts = {name: _linear(*_layer(tree, name)) for name in ("lin1", "hidden", "readout")}
    first_block, where = _layer(tree, "wave0")
    inner, _ = _layer(first_block, "lin1", where)
    n_res = parts["lin1"].size_out
    network = WaveSenseNet(
        [1] * len(waves),
        n_classes=parts["readout"].size_out,
        n_channels_in=parts["lin1"].size_in,
        n_channels_res=n_res,
        n_channels_skip=parts["hidden"].size_in,
        n_hidden=parts["hidden"].size_out,
        kernel_size=max(1, _array(inner, "weight", f"{where}.lin1").shape[-1] // n_res),
        dt=_number(_layer(tree, "spk_out")[0], "dt", "spk_out"),
    )
    for linear, neurons in (("lin1", "spk1"), ("hidden", "spk2"), ("readout", "spk_out")):
        setattr(network, linear, parts[linear])
        setattr(
            network,
            neurons,
            _neurons(*_layer(tree, neurons), parts[linear].size_out, fixed=True),
        )
    for wave in waves:
        _fill_block(getattr(network, wave), *_layer(tree, wave))
    return network


def _fill_block(block: Any, tree: dict[str, Any], where: str) -> None:
    # The class of the neurons is saved as nothing.
    _require_known(tree, {*_BLOCK, "dt", "neuron_model"}, where)
    for linear, neurons in zip(_BLOCK[::2], _BLOCK[1::2], strict=True):
        weights = _linear(*_layer(tree, linear, where))
        setattr(block, linear, weights)
        surrogate = step_pwl if neurons == "spk2_skip" else periodic_exponential
        made = _neurons(
            *_layer(tree, neurons, where),
            weights.size_out,
            fixed=True,
            spike_generation_fn=surrogate,
        )
        setattr(block, neurons, made)


def _chain(tree: dict[str, Any], where: str) -> JaxModule:
    unknown: list[str] = []
    children: dict[str, JaxModule] = {}
    n_out = 0
    for name in sorted(tree, key=_position):
        found = re.fullmatch(r"\d+_(Torch|Jax|Mod)?(\w+?)(Torch|Jax)?", name)
        layer, path = tree[name], f"{where}.{name}" if where else name
        kind = found.group(2) if found else ""
        if not isinstance(layer, dict) or kind not in _KINDS:
            unknown.append(f"`{path}`")
            continue
        if kind == "Linear":
            children[name] = _linear(layer, path)
        elif kind in ("LIF", "LIFBitshift"):
            n_in = n_out or _size(layer, 1)
            children[name] = _neurons(layer, path, n_in, fixed=False, spike_generation_fn=step_pwl)
        else:
            children[name] = _chain(layer, path)
            if kind == "Residual":
                children[name] = Residual(children[name].modules())
        n_out = children[name].size_out
    if unknown or not children:
        _refuse(
            f"not known is {', '.join(unknown)}; known are SynNet, WaveSense, and chains of "
            "linear and LIF layers"
            if unknown
            else "it has no layers"
        )
    return Sequential(children)


def _position(name: str) -> tuple[int, str]:
    digits = re.match(r"\d+", name)
    return (int(digits.group()) if digits else 10**9, name)
