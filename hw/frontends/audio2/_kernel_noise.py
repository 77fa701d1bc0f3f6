"""Compiled noise: normal numbers from counters, shaped by one pole and one zero."""

import numpy as np

from .._compile import compiled

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_LAYER = np.uint64(127)

# The ziggurat of 128 layers of equal area: Doornik, An improved ziggurat method to generate normal
# random samples, 2005.
_N_LAYERS, _TAIL, _AREA = 128, 3.442619855899, 9.91256303526217e-3


def _edges() -> np.ndarray:
    edges = [_AREA * np.exp(_TAIL**2 / 2), _TAIL]
    while len(edges) < _N_LAYERS:
        below = edges[-1]
        edges.append(np.sqrt(-2 * np.log(_AREA / below + np.exp(-(below**2) / 2))))
    return np.array([*edges, 0.0])


_EDGES = _edges()
_SHARES = _EDGES[1:] / _EDGES[:-1]


@compiled
def _next(counter):
    """The next counter, and 64 random bits: SplitMix64."""
    counter += _STEP
    z = (counter ^ (counter >> _30)) * _MIX_1
    z = (z ^ (z >> _27)) * _MIX_2
    return counter, z ^ (z >> _31)


@compiled
def _fraction(bits):
    """A number above 0 and below 1."""
    return (np.float64(np.int64(bits >> _11)) + 0.5) * 2.0**-53


@compiled
def _normal(counter):
    """The next counter, and a number of the standard normal distribution."""
    while True:
        counter, bits = _next(counter)
        # The layer has the lowest bits, the place in it the highest.
        layer = np.int64(bits & _LAYER)
        place = np.float64(np.int64(bits >> _11)) * 2.0**-52 - 1.0
        x = place * _EDGES[layer]
        if abs(place) < _SHARES[layer]:
            return counter, x
        if layer == 0:
            while True:
                counter, bits = _next(counter)
                beyond = -np.log(_fraction(bits)) / _TAIL
                counter, bits = _next(counter)
                if -2.0 * np.log(_fraction(bits)) > beyond * beyond:
                    return counter, _TAIL + beyond if place > 0 else -_TAIL - beyond
        low = np.exp(-0.5 * (_EDGES[layer] ** 2 - x * x))
        high = np.exp(-0.5 * (_EDGES[layer + 1] ** 2 - x * x))
        counter, bits = _next(counter)
        if high + _fraction(bits) * (low - high) < 1.0:
            return counter, x


@compiled
def add_noise(values, shape, counter, memory):
    """Add noise to `values` (time, channel), in place.

    `shape` is (sigma, gain, zero, pole), `counter` and `memory` have one entry a channel.
    """
    sigma, gain, zero, pole = shape
    if sigma == 0.0:
        return
    for c in range(values.shape[1]):
        place, kept = counter[c], memory[c]
        for t in range(values.shape[0]):
            place, white = _normal(place)
            white *= sigma
            noise = gain * white + kept
            kept = pole * noise - gain * zero * white
            values[t, c] += noise
        counter[c], memory[c] = place, kept


@compiled
def settle_noise(counter, memory, spread):
    """Draw what the noise remembers when it has been on for long; `spread` is its deviation."""
    for b in range(counter.shape[0]):
        for c in range(counter.shape[1]):
            counter[b, c], memory[b, c] = _normal(counter[b, c])
            memory[b, c] *= spread
