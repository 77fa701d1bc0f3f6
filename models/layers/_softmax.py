"""`SoftmaxJax` and `LogSoftmaxJax`: readouts of classes."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .._activations import log_softmax_of_channels, softmax_of_channels
from .._constant import Constant
from .._initializers import random_key
from ..module import JaxModule, Tree
from ..parameters import SimulationParameter
from ..synapses._exp_syn import ExpSynJax
from ._linear import LinearJax


class SoftmaxJax(JaxModule):
    """A readout of classes: weights, exponential synapses, softmax.

    In each time step the smoothed currents of all classes go through the softmax, so that the
    outputs of one step add up to 1.

    States nest under `smooth`; the record is that of the two submodules, which record nothing.

    Attributes:
        linear: `LinearJax` with the weights.
        smooth: `ExpSynJax` with one time constant for all classes.
        activation_fn: SimulationParameter; a function of `(batch, time, class)`.

    Args:
        shape: `(n_in, n_classes)`; that of the weights when not given.
        weight: initial weights; drawn when not given.
        bias: initial biases of the linear map.
        has_bias: whether the linear map has biases.
        tau: time constant of the smoothing [s].
        dt: length of a step [s].
        rng_key: JAX random key for the draws; NumPy's global generator when not given.

    Raises:
        ValueError: neither shape nor weights are given, or an initial value does not fit or makes
            no sense.
        TypeError: an initial value is no array, or the key is none.

    Source: module facts, section 7, with the softmax over the classes alone.

    >>> output, _, _ = SoftmaxJax((4, 3))(np.ones((5, 4)))
    >>> output.sum(-1).round(3)
    Array([[1., 1., 1., 1., 1.]], dtype=float32)
    """

    _activation: Callable[..., Any] = staticmethod(softmax_of_channels)

    def __init__(
        self,
        shape: Any = None,
        weight: Any = None,
        bias: Any = None,
        has_bias: bool = True,
        tau: Any = 100e-3,
        dt: Any = 1e-3,
        rng_key: Any = None,
    ) -> None:
        if shape is None and weight is None:
            raise ValueError(f"`{type(self).__name__}` needs a shape or weights; neither was given")
        if shape is None:
            shape = np.shape(weight.value if isinstance(weight, Constant) else weight)
        super().__init__(shape)
        keys = (None, None) if rng_key is None else jax.random.split(random_key(rng_key))
        self.linear: Any = LinearJax(shape, weight, bias, has_bias, rng_key=keys[0])
        self.smooth: Any = ExpSynJax(self.size_out, tau, dt=dt, rng_key=keys[1])
        self.activation_fn: Any = SimulationParameter(self._activation)

    def evolve(self, input_data: Any, record: bool = False) -> tuple[jax.Array, Tree, Tree]:
        """Run over `(time, n_in)` or `(batch, time, n_in)`.

        Returns:
            One value for each class, `(batch, time, n_classes)`; new state; record.

        Raises:
            TypeError: the input is not real numbers.
            ValueError: wrong rank or wrong number of channels.
        """
        data, _ = self._auto_batch(input_data)
        currents, linear_state, linear_record = self.linear(data, record=record)
        smoothed, smooth_state, smooth_record = self.smooth(currents, record=record)
        recorded = {"linear": linear_record, "smooth": smooth_record} if record else {}
        state = {"linear": linear_state, "smooth": smooth_state}
        return self.activation_fn(smoothed), state, recorded


class LogSoftmaxJax(SoftmaxJax):
    """As `SoftmaxJax`, with the logarithm of the softmax, as losses of classes take it.

    >>> output, _, _ = LogSoftmaxJax((4, 3))(np.ones((5, 4)))
    >>> np.exp(output).sum(-1).round(3)
    array([[1., 1., 1., 1., 1.]], dtype=float32)
    """

    _activation: Callable[..., Any] = staticmethod(log_softmax_of_channels)
