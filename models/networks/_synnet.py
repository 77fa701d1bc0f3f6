"""`SynNet`: layers of neurons whose synapses remember for different times."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float

from .._checks import not_positive, require
from .._constant import Constant
from .._raster import as_batch
from ..combinators._container import Run
from ..combinators._sequential import Sequential
from ..layers._dropout import DropoutJax
from ..module import JaxModule, Tree
from ..neurons._lif import LIFJax
from ._parts import keys_from, neurons_of, not_counts, weights_to, with_whole_shifts

# The threshold of readout neurons that only integrate: the largest a chip holds.
_NEVER = 2.0**15 - 1


class SynNet(JaxModule):
    """A feed-forward classifier of signals in time.

    Layers of weights and neurons; the neurons of a layer have synapses of different time
    constants, `dt * (tau_syn_base / dt)^j` with `j = 1 ... m` in turn, so that some follow quick
    events and others remember slow ones. The weights to a neuron are drawn smaller by
    `dt / tau_syn`.

    The network is one chain, `seq`, with the children `0_linear`, `0_neurons`, `0_dropout` (where
    `p_dropout` is not 0), `1_linear`, ..., `out_linear`, `out_neurons`. State and record are
    nested below `seq`.

    Trained are the weights, and more where `train_...` says so. Neurons spike with the surrogate
    `periodic_exponential`. Time constants and limits of spikes are by default such as the chips
    have them.

    Args:
        n_classes: output neurons.
        n_channels: input channels.
        size_hidden_layers: neurons of each hidden layer.
        time_constants_per_layer: how many synaptic time constants each hidden layer has.
        tau_syn_base: the shortest of them [s]; above `dt`.
        tau_mem: membrane time constant of all neurons [s].
        tau_syn_out: synaptic time constant of the output neurons [s].
        quantize_time_constants: whether each time constant is replaced by the nearest that is a
            bit shift, as on the chips.
        train_time_constants: whether those of the hidden neurons are trained.
        threshold: of hidden neurons.
        threshold_out: of output neurons; `threshold` when not given.
        train_threshold: whether the thresholds of the hidden neurons are trained.
        neuron_model: makes the neurons; takes the keywords of `LIFJax`.
        max_spikes_per_dt: most spikes of a hidden neuron in one step.
        max_spikes_per_dt_out: most spikes of an output neuron in one step.
        p_dropout: how likely each value that a hidden neuron gives is left out in training, see
            `DropoutJax`.
        dt: length of a step [s].
        output: `"spikes"`, or `"vmem"` for the voltages of output neurons that do not spike.
        neuron_kwargs: further keywords for `neuron_model`, which have the last word.
        rng_key: JAX random key for all draws; NumPy's global generator when not given.

    Raises:
        ValueError: lists of different length, sizes or times that make no sense, another output
            than the two, or `threshold_out` together with `output="vmem"`; lists all.

    Source: Bos and Muir 2022, arXiv 2208.12991; module facts, section 11; golden values in
    `tests/models/golden/synnet_forward.npz`.

    >>> net = SynNet(2, 16, size_hidden_layers=[24], time_constants_per_layer=[4])
    >>> net
    SynNet  with shape (16, 2) {
        JaxSequential 'seq' with shape (16, 2) {
            LinearJax '0_linear' with shape (16, 24)
            LIFJax '0_neurons' with shape (24, 24)
            LinearJax 'out_linear' with shape (24, 2)
            LIFJax 'out_neurons' with shape (2, 2)
        }
    }
    >>> [f"{float(tau):.4f}" for tau in net.seq["0_neurons"].tau_syn[:4, 0]]
    ['0.0014', '0.0035', '0.0075', '0.0155']
    """

    label_last_LIF = "out_neurons"

    def __init__(
        self,
        n_classes: Any,
        n_channels: Any,
        size_hidden_layers: Any = (60,),
        time_constants_per_layer: Any = (10,),
        tau_syn_base: Any = 2e-3,
        tau_mem: Any = 2e-3,
        tau_syn_out: Any = 2e-3,
        quantize_time_constants: bool = True,
        train_time_constants: bool = False,
        threshold: Any = 1.0,
        threshold_out: Any = None,
        train_threshold: bool = False,
        neuron_model: Callable[..., JaxModule] = LIFJax,
        max_spikes_per_dt: Any = 31,
        max_spikes_per_dt_out: Any = 1,
        p_dropout: Any = 0.0,
        dt: Any = 1e-3,
        output: str = "spikes",
        neuron_kwargs: dict[str, Any] | None = None,
        rng_key: Any = None,
    ) -> None:
        sizes, n_taus = tuple(size_hidden_layers), tuple(time_constants_per_layer)
        require(
            "`SynNet`",
            not_counts(
                n_classes=n_classes,
                n_channels=n_channels,
                size_hidden_layers=sizes,
                time_constants_per_layer=n_taus,
            )
            + not_positive(dt=dt, tau_mem=tau_mem, tau_syn_out=tau_syn_out)
            + _problems(sizes, n_taus, tau_syn_base, dt, output, threshold_out),
        )
        super().__init__(
            (n_channels, n_classes), spiking_input=True, spiking_output=output == "spikes"
        )
        self.output = output
        settled = with_whole_shifts if quantize_time_constants else _as_given
        mem = settled(tau_mem, dt, "tau_mem")
        syn_out = settled(tau_syn_out, dt, "tau_syn_out")
        taus = [settled(_spread(tau_syn_base, dt, m), dt, "tau_syn_base") for m in n_taus]
        neurons = partial(neurons_of, neuron_model, further=neuron_kwargs, dt=dt)
        hidden = partial(
            neurons,
            tau_mem=mem if train_time_constants else Constant(mem),
            threshold=threshold if train_threshold else Constant(threshold),
            max_spikes_per_dt=max_spikes_per_dt,
        )
        keys = iter(keys_from(rng_key, 3 * len(sizes) + 2))
        chain: dict[str, JaxModule] = {}
        widths = (n_channels, *sizes)
        for index, (n_before, n) in enumerate(pairwise(widths)):
            tau_syn = np.resize(taus[index], (n, 1))
            chain[f"{index}_linear"] = weights_to(n_before, n, tau_syn, dt, rng_key=next(keys))
            chain[f"{index}_neurons"] = hidden(
                (n, n),
                tau_syn=tau_syn if train_time_constants else Constant(tau_syn),
                rng_key=next(keys),
            )
            if p_dropout:
                chain[f"{index}_dropout"] = DropoutJax(
                    n, p_dropout, rng_key=next(keys), spiking_input=True, spiking_output=True
                )
        chain["out_linear"] = weights_to(widths[-1], n_classes, syn_out, dt, rng_key=next(keys))
        chain[self.label_last_LIF] = neurons(
            (n_classes, n_classes),
            tau_mem=Constant(mem),
            tau_syn=Constant(syn_out),
            threshold=Constant(_threshold_out(output, threshold, threshold_out)),
            max_spikes_per_dt=max_spikes_per_dt_out,
            rng_key=next(keys),
        )
        self.seq = Sequential(chain)

    @property
    def lif_names(self) -> list[str]:
        """The names of the neurons in `seq`, in order."""
        return [name for name in self.seq.modules() if name.endswith("_neurons")]

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run over `(time, n_channels)` or `(batch, time, n_channels)`.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data = as_batch(input_data, self.size_in, self._label())
        run = Run(self, record or self.output == "vmem")
        output = run("seq", data)
        if self.output == "vmem":
            output = run.recorded["seq"][self.label_last_LIF]["vmem"]
        return output, run.new_state, run.recorded if record else {}


def _spread(base: Any, dt: Any, n: int) -> Float[np.ndarray, " n"]:
    """Time constants, each longer than the one before by the same factor."""
    return dt * (base / dt) ** np.arange(1, n + 1)


def _as_given(tau: Any, dt: Any, name: str) -> Float[np.ndarray, ...]:
    return np.asarray(tau, dtype=np.float64)


def _threshold_out(output: str, threshold: Any, threshold_out: Any) -> Any:
    if output == "vmem":
        return _NEVER
    return threshold if threshold_out is None else threshold_out


def _problems(
    sizes: tuple[int, ...],
    n_taus: tuple[int, ...],
    tau_syn_base: Any,
    dt: Any,
    output: str,
    threshold_out: Any,
) -> list[str]:
    problems = []
    if len(sizes) != len(n_taus):
        problems.append(
            "`size_hidden_layers` and `time_constants_per_layer` must be of one length, got "
            f"{len(sizes)} and {len(n_taus)}"
        )
    if not tau_syn_base > dt:
        problems.append(f"`tau_syn_base` must be above `dt`, got {tau_syn_base} and {dt}")
    if output not in ("spikes", "vmem"):
        problems.append(f"`output` must be 'spikes' or 'vmem', got {output!r}")
    if output == "vmem" and threshold_out is not None:
        problems.append(
            "`threshold_out` has no meaning with `output='vmem'`, where output neurons do not spike"
        )
    return problems
