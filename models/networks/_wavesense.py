"""`WaveSense`: a stack of blocks that look ever further back, and add up what they find."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._checks import not_positive, require
from .._constant import Constant
from .._raster import as_batch
from ..combinators._container import Run
from ..module import JaxModule, Tree
from ..neurons._lif import LIFJax
from ..neurons._surrogate import step_pwl
from ._parts import keys_from, neurons_of, not_counts, weights_to

_NO_BIAS = Constant(0.0)


class WaveSenseBlock(JaxModule):
    """Neurons that compare their input with what it was `dilation` steps before.

    Each hidden neuron (`spk1`) has `kernel_size` synapses, of the time constants
    `max(base_tau_syn, j * dilation * base_tau_syn)` with `j = 0 ... kernel_size - 1`: a spiking
    stand-in for a dilated convolution. Two populations read them: `spk2_res`, to which the input
    is added, feeds the next block; `spk2_skip` feeds the readout of the network.

    The output is both side by side: `Nchannels` channels of the first, then `Nskip` of the
    second. Children are `lin1`, `spk1`, `lin2_res`, `spk2_res`, `lin2_skip`, `spk2_skip`; states
    and records are nested under these names.

    Args:
        Nchannels: input channels, hidden neurons and neurons of `spk2_res`.
        Nskip: neurons of `spk2_skip`.
        dilation: how far back the slowest synapses look.
        kernel_size: synapses of each hidden neuron.
        bias: of all neurons.
        tau_mem: membrane time constant of `spk2_res` and `spk2_skip` [s]; that of `spk1` is that of
            its slowest synapse.
        base_tau_syn: the shortest synaptic time constant [s].
        threshold: of all neurons.
        neuron_model: makes the neurons; takes the keywords of `LIFJax`.
        max_spikes_per_dt: most spikes of a neuron in one step.
        dt: length of a step [s].
        rng_key: JAX random key for all draws; NumPy's global generator when not given.

    Raises:
        ValueError: sizes or times that make no sense; lists all.

    Source: Weidel and Sheik 2021, arXiv 2111.01456; module facts, section 12.

    >>> block = WaveSenseBlock(4, 8, dilation=2)
    >>> block.shape, block.spk1.shape
    ((4, 12), (8, 4))
    """

    def __init__(
        self,
        Nchannels: Any = 16,
        Nskip: Any = 32,
        dilation: Any = 1,
        kernel_size: Any = 2,
        bias: Any = _NO_BIAS,
        tau_mem: Any = 10e-3,
        base_tau_syn: Any = 10e-3,
        threshold: Any = 1.0,
        neuron_model: Callable[..., JaxModule] = LIFJax,
        max_spikes_per_dt: Any = 2.0**16,
        dt: Any = 1e-3,
        rng_key: Any = None,
    ) -> None:
        counts = {"Nchannels": Nchannels, "Nskip": Nskip, "dilation": dilation}
        problems = not_counts(**counts, kernel_size=kernel_size)
        problems += not_positive(dt=dt, tau_mem=tau_mem, base_tau_syn=base_tau_syn)
        require("`WaveSenseBlock`", problems)
        super().__init__((Nchannels, Nchannels + Nskip), spiking_input=True, spiking_output=True)
        taus = base_tau_syn * np.maximum(1, dilation * np.arange(kernel_size))
        keys = keys_from(rng_key, 6)
        neurons = partial(
            neurons_of,
            neuron_model,
            bias=bias,
            threshold=Constant(threshold),
            max_spikes_per_dt=max_spikes_per_dt,
            dt=dt,
        )
        # The names and the order of the reference.
        n = Nchannels
        self.lin1: Any = weights_to(n, n, taus.max(), dt, n_synapses=kernel_size, rng_key=keys[0])
        self.spk1: Any = neurons(
            (n * kernel_size, n),
            tau_mem=Constant(taus.max()),
            tau_syn=Constant(np.tile(taus, (n, 1))),
            rng_key=keys[1],
        )
        quick = {"tau_mem": Constant(tau_mem), "tau_syn": Constant(taus.min())}
        self.lin2_res: Any = weights_to(n, n, taus.min(), dt, rng_key=keys[2])
        self.spk2_res: Any = neurons((n, n), **quick, rng_key=keys[3])
        self.lin2_skip: Any = weights_to(n, Nskip, taus.min(), dt, rng_key=keys[4])
        self.spk2_skip: Any = neurons(
            (Nskip, Nskip), **quick, spike_generation_fn=step_pwl, rng_key=keys[5]
        )

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run over `(time, Nchannels)` or `(batch, time, Nchannels)`.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data = as_batch(input_data, self.size_in, self._label())
        run = Run(self, record)
        hidden = run("spk1", run("lin1", data))
        onward = run("spk2_res", run("lin2_res", hidden)) + data
        skip = run("spk2_skip", run("lin2_skip", hidden))
        return run.result(jnp.concatenate([onward, skip], axis=-1))


class WaveSenseNet(JaxModule):
    """A classifier of signals in time, also exported as `WaveSense`.

    `lin1` and `spk1` feed a chain of blocks, `wave0`, `wave1`, ..., one for each dilation, each
    with a way around it (see `WaveSenseBlock`). What the blocks give aside is added up and read by
    `hidden` and `spk2`, then by `readout` and `spk_out`. States and records are nested under these
    names; the record also holds each child's output as `f"{child}_output"`.

    Trained are the weights, and the biases if `bias` is no `Constant`. Neurons spike with the
    surrogate `periodic_exponential`, but `spk2_skip` with `step_pwl`.

    Args:
        dilations: of the blocks; one block for each.
        n_classes: output neurons.
        n_channels_in: input channels.
        n_channels_res: channels between the blocks.
        n_channels_skip: channels that the blocks give aside.
        n_hidden: neurons that read them.
        kernel_size: synapses of each hidden neuron of a block; not all chips have two.
        bias: of all neurons.
        smooth_output: without effect, as in the reference library; taken so that scripts run.
        tau_mem: membrane time constant [s], but for hidden neurons of blocks and the output.
        base_tau_syn: the shortest synaptic time constant [s].
        tau_lp: both time constants of the output neurons [s].
        threshold: of all neurons but the output.
        threshold_out: of the output neurons.
        neuron_model: makes the neurons; takes the keywords of `LIFJax`.
        neuron_model_out: makes the output neurons; `neuron_model` when not given.
        dt: length of a step [s].
        max_spikes_per_dt: most spikes of a neuron in one step; 31 on the chips.
        max_spikes_per_dt_out: most spikes of an output neuron in one step; 1 on the chips.
        rng_key: JAX random key for all draws; NumPy's global generator when not given.

    Raises:
        ValueError: no blocks, or sizes or times that make no sense; lists all.

    Source: Weidel and Sheik 2021, arXiv 2111.01456; module facts, section 12; golden values in
    `tests/models/golden/wavesense_forward.npz`.

    >>> net = WaveSenseNet([2, 4, 8], n_classes=3, n_channels_in=6)
    >>> list(net.modules())
    ['lin1', 'spk1', 'wave0', 'wave1', 'wave2', 'hidden', 'spk2', 'readout', 'spk_out']
    >>> output, new_state, record = net(np.ones((20, 6)), record=True)
    >>> output.shape, record["spk_out"]["isyn"].shape
    ((1, 20, 3), (1, 20, 3, 1))
    """

    def __init__(
        self,
        dilations: Any,
        n_classes: Any = 2,
        n_channels_in: Any = 16,
        n_channels_res: Any = 16,
        n_channels_skip: Any = 32,
        n_hidden: Any = 32,
        kernel_size: Any = 2,
        bias: Any = _NO_BIAS,
        smooth_output: bool = True,
        tau_mem: Any = 20e-3,
        base_tau_syn: Any = 20e-3,
        tau_lp: Any = 20e-3,
        threshold: Any = 1.0,
        threshold_out: Any = 1.0,
        neuron_model: Callable[..., JaxModule] = LIFJax,
        neuron_model_out: Callable[..., JaxModule] | None = None,
        dt: Any = 1e-3,
        max_spikes_per_dt: Any = 2.0**16,
        max_spikes_per_dt_out: Any = 2.0**16,
        rng_key: Any = None,
    ) -> None:
        dilations = tuple(dilations)
        problems = [] if dilations else ["`dilations` must name at least one block"]
        problems += not_counts(
            dilations=dilations,
            n_classes=n_classes,
            n_channels_in=n_channels_in,
            n_channels_res=n_channels_res,
            n_channels_skip=n_channels_skip,
            n_hidden=n_hidden,
            kernel_size=kernel_size,
        )
        problems += not_positive(dt=dt, tau_mem=tau_mem, base_tau_syn=base_tau_syn, tau_lp=tau_lp)
        require("`WaveSenseNet`", problems)
        super().__init__((n_channels_in, n_classes), spiking_input=True, spiking_output=True)
        common = {"bias": bias, "dt": dt}
        inner = common | {
            "tau_mem": tau_mem,
            "base_tau_syn": base_tau_syn,
            "threshold": threshold,
            "neuron_model": neuron_model,
            "max_spikes_per_dt": max_spikes_per_dt,
        }
        neurons = partial(
            neurons_of,
            neuron_model,
            **common,
            tau_mem=Constant(tau_mem),
            tau_syn=Constant(base_tau_syn),
            threshold=Constant(threshold),
            max_spikes_per_dt=max_spikes_per_dt,
        )
        keys = iter(keys_from(rng_key, 6 + len(dilations)))
        n_in, n_res, n_skip = n_channels_in, n_channels_res, n_channels_skip
        self.lin1: Any = weights_to(n_in, n_res, base_tau_syn, dt, rng_key=next(keys))
        self.spk1: Any = neurons((n_res, n_res), rng_key=next(keys))
        for index, dilation in enumerate(dilations):
            block = WaveSenseBlock(
                n_res, n_skip, dilation, kernel_size, **inner, rng_key=next(keys)
            )
            setattr(self, f"wave{index}", block)
        self.hidden: Any = weights_to(n_skip, n_hidden, base_tau_syn, dt, rng_key=next(keys))
        self.spk2: Any = neurons((n_hidden, n_hidden), rng_key=next(keys))
        self.readout: Any = weights_to(n_hidden, n_classes, tau_lp, dt, rng_key=next(keys))
        self.spk_out: Any = neurons_of(
            neuron_model_out or neuron_model,
            (n_classes, n_classes),
            **common,
            tau_mem=Constant(tau_lp),
            tau_syn=Constant(tau_lp),
            threshold=Constant(threshold_out),
            max_spikes_per_dt=max_spikes_per_dt_out,
            rng_key=next(keys),
        )

    @property
    def blocks(self) -> list[str]:
        """The names of the blocks, in order."""
        return [name for name in self.modules() if name.startswith("wave")]

    def evolve(self, input_data: Any, record: bool = False) -> tuple[Any, Tree, Tree]:
        """Run over `(time, n_channels_in)` or `(batch, time, n_channels_in)`.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data = as_batch(input_data, self.size_in, self._label())
        run = Run(self, record)
        onward, skips = run("spk1", run("lin1", data)), 0.0
        for name in self.blocks:
            onward, skip = jnp.split(run(name, onward), [self.spk1.size_out], axis=-1)
            skips += skip
        hidden = run("spk2", run("hidden", skips))
        return run.result(run("spk_out", run("readout", hidden)))


WaveSense = WaveSenseNet
