"""Turning the axes so that the strongest comes first: Jacobi SVD by lookup, and the rotation."""

import numpy as np
import numpy.typing as npt
from jaxtyping import Int, Shaped

from .._stage import FrontEndRangeError, Samples, Stage, StateArrays
from .._threads import over_samples
from ._limits import MAX_COVARIANCE, MAX_SAMPLE
from ._subspace import SampleAndHold, SubSpace


def jacobi_svd(
    covariance: npt.ArrayLike,
) -> tuple[Int[np.ndarray, "3 3"], Int[np.ndarray, "3"]]:
    """Decompose a covariance as the chip does, with angles of a table of 64.

    Args:
        covariance: 3x3, symmetric, integers up to 2^30 - 1, diagonal not negative.

    Returns:
        The rotation, columns by falling energy, 1 being 2^31 - 1; the energies.

    Raises:
        ValueError: when the matrix is no such covariance.

    Source: IMU front-end facts, section 5.

    >>> rotation, energy = jacobi_svd([[4, 0, 0], [0, 9, 0], [0, 0, 1]])
    >>> energy
    array([9, 4, 1])
    """
    from ._kernel import decompose

    matrix = np.array(covariance)
    if matrix.shape != (3, 3) or matrix.dtype.kind != "i":
        raise ValueError(f"`jacobi_svd` takes 3x3 integers; this is {matrix.dtype} {matrix.shape}")
    if (matrix != matrix.T).any() or (matrix.diagonal() < 0).any():
        raise ValueError("`jacobi_svd` takes a symmetric matrix without negative diagonal")
    if np.abs(matrix).max() > MAX_COVARIANCE:
        raise FrontEndRangeError(
            f"`jacobi_svd`: the magnitude may be {MAX_COVARIANCE}, this is "
            f"{np.abs(matrix).max()}: scale the signal down"
        )
    rotation, diagonal = np.empty((3, 3), np.int64), np.empty(3, np.int64)
    decompose(np.array(matrix, np.int64, order="C"), rotation, diagonal)
    return rotation, diagonal


class RotationRemoval(Stage):
    """Turns each sample to the axes of its covariance; channel 0 has the largest energy.

    The rotation halves the amplitude: its one is `2^31 - 1`, and 32 bits are shifted out. Signs
    follow the rotation before.

    Args:
        num_avg_bitshift: of the covariance, 0 to 31; see `SubSpace`.
        sampling_period: steps for which a rotation is kept, 1 to 2047.
        reference_quirks: what the reference simulator does and users do not want: an axis that is
            exactly orthogonal to the one before becomes zero for ever; covariance and rotation
            leak from one sample of a batch to the next; the period and the rotation, not the
            covariance, start anew in each call.

    Raises:
        ValueError: when a number is out of range.

    Source: IMU front-end facts, sections 3 to 6 and 11.

    >>> still = np.tile([0, 0, 16384], (2, 1))
    >>> RotationRemoval()(still)[0][0]
    array([[8191,    0,    0],
           [8191,    0,    0]])
    """

    def __init__(
        self,
        num_avg_bitshift: int = 4,
        sampling_period: int = 10,
        *,
        reference_quirks: bool = False,
    ) -> None:
        super().__init__((3, 3), MAX_SAMPLE)
        self._subspace = SubSpace(num_avg_bitshift)
        self._hold = SampleAndHold(sampling_period)
        self.reference_quirks = reference_quirks

    @property
    def num_avg_bitshift(self) -> int:
        """Averaging of the covariance, a power of two."""
        return self._subspace.num_avg_bitshift

    @property
    def sampling_period(self) -> int:
        """Steps for which a rotation is kept."""
        return self._hold.sampling_period

    def _fresh(self, batch: int) -> StateArrays:
        return (
            self._subspace._fresh(batch)
            | self._hold._fresh(batch)
            # No covariance has negative energy: the first one always counts as changed.
            | {"last_held": np.full((batch, 9), -1, np.int64)}
            | {"rotation": np.tile(np.eye(3, dtype=np.int64), (batch, 1, 1))}
        )

    def _run(self, signal: Samples, state: StateArrays) -> Shaped[np.ndarray, "batch time out"]:
        if not self.reference_quirks:
            return self._rotated(signal, state)
        accumulator = state["accumulator"]
        state |= self._fresh(len(signal)) | {"accumulator": accumulator}
        output = np.empty_like(signal)
        for b in range(len(signal)):
            if b:
                for name in ("accumulator", "last_held", "rotation"):
                    state[name][b] = state[name][b - 1]
            # Views of the state: what this sample leaves is where the next one starts.
            one = {name: array[b : b + 1] for name, array in state.items()}
            output[b : b + 1] = self._rotated(signal[b : b + 1], one)
        return output

    def _rotated(self, signal: Samples, state: StateArrays) -> Samples:
        from ._kernel import rotate

        held = self._hold._run(self._subspace._run(signal, state), state)
        output = np.empty_like(signal)
        arrays = (
            *(signal, held, state["last_held"], state["rotation"]),
            *(self.reference_quirks, MAX_SAMPLE, output),
        )
        bad = over_samples(rotate, len(signal), held.size, *arrays)
        if bad >= 0:
            raise FrontEndRangeError(
                f"`RotationRemoval`, channel {bad % 3}, step {bad // 3 % signal.shape[1]}: the "
                "sum needs more than 16 bits: the state is none of this stage"
            )
        return output
