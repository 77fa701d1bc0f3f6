"""`AFEDevice`: how one chip differs from the design."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._limits import N_CHANNELS
from ._model import AFEModel
from ._random import derived_key, key_number, uniform

_NONE = (0.0,) * N_CHANNELS


@dataclass(frozen=True, kw_only=True)
class AFEDevice:
    """One chip: what its analog parts are off. By default nothing; `draw` makes a random one.

    Attributes:
        input_offset_v: of the microphone.
        lna_offset_v: of the amplifier, at its input.
        bpf_offsets_v: of each filter. A band-pass does not let them through, and a chip has been
            on for a while when a signal begins, so that they change nothing.
        q_errors: relative, of each filter.
        center_errors: relative, of each filter.
        common_shift: relative, of all filters.

    Raises:
        ValueError: when there is not one number for each filter.

    >>> [round(hz, 1) for hz in AFEDevice.draw(5).centers_hz(AFEModel())[:3]]
    [42.7, 55.5, 81.4]
    """

    input_offset_v: float = 0.0
    lna_offset_v: float = 0.0
    bpf_offsets_v: tuple[float, ...] = _NONE
    q_errors: tuple[float, ...] = _NONE
    center_errors: tuple[float, ...] = _NONE
    common_shift: float = 0.0

    def __post_init__(self) -> None:
        for name in ("bpf_offsets_v", "q_errors", "center_errors"):
            if len(getattr(self, name)) != N_CHANNELS:
                raise ValueError(
                    f"`{name}` of `AFEDevice` are {N_CHANNELS} numbers, one for each filter; not "
                    f"{len(getattr(self, name))}"
                )

    @classmethod
    def draw(
        cls,
        key: Any,
        model: AFEModel | None = None,
        *,
        offsets: bool = True,
        mismatch: bool = True,
        reference_quirks: bool = False,
    ) -> "AFEDevice":
        """A random chip; the same key gives the same chip.

        Args:
            key: a whole number, or a key of `jax.random`.
            model: what can be off how far; by default `AFEModel()`.
            offsets: whether offsets are drawn.
            mismatch: whether errors of the filters are drawn.
            reference_quirks: draw from NumPy's old generator, as the reference simulator does;
                the key is then a number below 2^32.

        Raises:
            ValueError: when the key is none.

        Source: Audio 2 front-end facts, section 2.2.
        """
        model = AFEModel() if model is None else model
        n = N_CHANNELS
        # What the reference draws for what is switched off is nothing, not zero.
        sizes = [1, 1, n] * offsets + [n, n, 1] * mismatch
        if reference_quirks:
            generator = np.random.RandomState(checked_seed(key))
            draws = [2 * generator.random_sample(size) - 1 for size in sizes]
        else:
            number = key_number(key)
            places = [0, 1, 2] * offsets + [3, 4, 5] * mismatch
            pairs = zip(places, sizes, strict=True)
            draws = [uniform(derived_key(number, place), size) for place, size in pairs]
        rest, device = iter(draws), cls()
        if offsets:
            device = replace(
                device,
                input_offset_v=float(next(rest)[0] * model.input_offset_v),
                lna_offset_v=float(next(rest)[0] * model.lna_offset_v),
                bpf_offsets_v=tuple((next(rest) * model.bpf_offset_v).tolist()),
            )
        if mismatch:
            # Minus as in the reference, which stores this magnitude with that sign.
            device = replace(
                device,
                q_errors=tuple((next(rest) * model.q_error).tolist()),
                center_errors=tuple((next(rest) * model.center_error).tolist()),
                common_shift=float(next(rest)[0] * -model.common_shift),
            )
        return device

    def centers_hz(self, model: AFEModel) -> tuple[float, ...]:
        """The center frequencies that this chip has."""
        pairs = zip(model.centers_hz, self.center_errors, strict=True)
        return tuple(hz * (1 + error) * (1 + self.common_shift) for hz, error in pairs)

    def qualities(self, model: AFEModel) -> tuple[float, ...]:
        """The q that the filters of this chip have."""
        return tuple(model.q * (1 + error) for error in self.q_errors)


def checked_seed(key: Any) -> int:
    """The key, when NumPy's old generator takes it."""
    number = key_number(key)
    if number >= 2**32:
        raise ValueError(f"with `reference_quirks` a key is a number below 2^32, not {number}")
    return number
