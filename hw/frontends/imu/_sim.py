"""`IMUIFSim`: the whole IMU front end, from samples to the input raster of Xylo IMU."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Complex128, Float, Shaped

from ..._config import XyloConfig
from ..._fields import FIELD_NAMES
from ..._imu_registers import IMURegisters
from .._front_end import FrontEnd, NestedState
from .._stage import FrontEndRangeError, Record, Stage, check_part
from .._threads import over_parts
from ._encoders import IAFEncoder, ScaleEncoder
from ._filters import DEFAULT_FILTERS, BandPassFilter, FilterBank
from ._limits import SAMPLE_RATE
from ._rotation import RotationRemoval

# What each stage gives, by its name in the record.
_GIVES = {"rotation": "rotated", "filters": "filtered", "encoder": "raster"}


class IMUIFSim(FrontEnd):
    """The front end of Xylo IMU, integer for integer: rotation, 15 filters, spike encoder.

    Follows the protocol of a `JaxModule`: `output, new_state, record = front_end(signal)`;
    nothing is changed in place, and a signal cut anywhere gives the same raster as in one piece
    when each part starts with `front_end.set_attributes(new_state)`.

    Args:
        filters: 15; see `FilterBank` and `BandPassFilter.from_band`.
        rotation: how axes are turned; `None` leaves that out, which doubles the amplitudes.
        encoder: `ScaleEncoder` or `IAFEncoder`; by default `ScaleEncoder(5)`.
        mirror: see `FilterBank`; off for streams.
        reference_quirks: see `RotationRemoval` and `IAFEncoder`; for the default rotation only,
            give stages of your own their own.

    Raises:
        TypeError: when a stage is of another class.
        ValueError: when the stages do not fit together.

    >>> raster, state, record = IMUIFSim()(np.full((4, 3), 1000), record=True)
    >>> raster.shape, raster.dtype, list(record)
    ((1, 4, 15), dtype('uint8'), ['input', 'rotated', 'filtered', 'raster'])
    """

    dt = 1 / SAMPLE_RATE
    input_rate = float(SAMPLE_RATE)
    takes_integers = True

    def __init__(
        self,
        filters: Sequence[BandPassFilter] = DEFAULT_FILTERS,
        *,
        rotation: RotationRemoval | None | str = "default",
        encoder: ScaleEncoder | IAFEncoder | None = None,
        mirror: bool = False,
        reference_quirks: bool = False,
    ) -> None:
        if isinstance(rotation, str):
            if rotation != "default":
                raise ValueError(f"`rotation` is a `RotationRemoval` or None, not {rotation!r}")
            rotation = RotationRemoval(reference_quirks=reference_quirks)
        check_part("rotation", rotation, (RotationRemoval, type(None)), "IMUIFSim")
        check_part("encoder", encoder, (ScaleEncoder, IAFEncoder, type(None)), "IMUIFSim")
        bank = FilterBank(filters, mirror=mirror)
        encoder = ScaleEncoder(n_channels=bank.shape[1]) if encoder is None else encoder
        if encoder.shape[0] != bank.shape[1]:
            raise ValueError(
                f"the encoder has {encoder.shape[0]} channels, there are {bank.shape[1]} filters"
            )
        stages: dict[str, Stage] = {"filters": bank, "encoder": encoder}
        self._stages = ({"rotation": rotation} if rotation else {}) | stages

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of channels, in and out."""
        return 3, self._stages["encoder"].shape[1]

    @property
    def channel_names(self) -> tuple[str, ...]:
        """What each output channel sees: axis and filter."""
        n_each = self.shape[1] // 3
        return tuple(f"axis {i // n_each}, filter {i % n_each}" for i in range(self.shape[1]))

    def responses(
        self, frequencies_hz: Float[np.ndarray, " frequency"]
    ) -> Complex128[np.ndarray, "filter frequency"]:
        """Gain and phase of each filter, without the rounding; of the filters alone."""
        return self._stage("filters", FilterBank).responses(frequencies_hz)

    def evolve(
        self, data: npt.ArrayLike, record: bool = False
    ) -> tuple[Shaped[np.ndarray, "batch time out"], NestedState, Record]:
        """Compute the raster of a signal.

        Args:
            data: integers, magnitude up to 32767, (time, 3) or (batch, time, 3), 200 a second.
            record: whether to record the `input` and what the stages give: `rotated`, `filtered`,
                `raster`.

        Returns:
            Raster (batch, time, 15), uint8, up to 15; the state of each stage; the record.

        Raises:
            TypeError: when the data are no integers.
            ValueError: when their shape does not fit, or the state is of another batch.
            FrontEndRangeError: when a value is too large; names stage and channel.
        """
        signal = next(iter(self._stages.values()))._checked(data)
        batch, n_steps, _ = signal.shape
        shapes = {_GIVES[name]: (batch, n_steps, s.shape[1]) for name, s in self._stages.items()}
        # Counts of events take a byte; so many more values a step go through the processor.
        kept = {
            name: np.empty(shape, np.uint8 if name == "raster" else np.int64)
            for name, shape in shapes.items()
            if record or name == "raster"
        }

        def compute(state: NestedState, first: int, last: int) -> None:
            values = signal[first:last]
            for name, stage in self._stages.items():
                own = {key: array[first:last] for key, array in state[name].items()}
                values = stage._run(values, own)
                for key, array in own.items():
                    state[name][key][first:last] = array
                if _GIVES[name] in kept:
                    kept[_GIVES[name]][first:last] = values

        state = self._start(batch)
        # With the quirks of the reference a sample starts from what the one before left.
        quirky = any(getattr(stage, "reference_quirks", False) for stage in self._stages.values())
        if quirky or not _over_parts(partial(compute, state), batch, n_steps * self.shape[1]):
            state = self._start(batch)
            compute(state, 0, batch)
        return kept["raster"], state, {"input": signal} | kept if record else {}

    __call__ = evolve

    def registers(self) -> IMURegisters:
        """The registers of the chip's input interface; what is not used has the default.

        Raises:
            ValueError: when there are not 15 filters, which the chip has.

        >>> IMUIFSim().registers().update_matrix_threshold
        10
        """
        bank, encoder = self._stage("filters", FilterBank), self._stages["encoder"]
        rotation = self._stages.get("rotation")
        used = rotation if isinstance(rotation, RotationRemoval) else RotationRemoval()
        scale = encoder if isinstance(encoder, ScaleEncoder) else ScaleEncoder()
        iaf = encoder if isinstance(encoder, IAFEncoder) else IAFEncoder()
        return IMURegisters(
            bypass_jsvd=rotation is None,
            select_iaf_output=isinstance(encoder, IAFEncoder),
            estimator_k_setting=used.num_avg_bitshift,
            update_matrix_threshold=used.sampling_period,
            bpf_bb_values=tuple(f.b_b for f in bank.filters),
            bpf_bwf_values=tuple(f.b_wf for f in bank.filters),
            bpf_baf_values=tuple(f.b_af for f in bank.filters),
            bpf_a1_values=tuple(f.a1 for f in bank.filters),
            bpf_a2_values=tuple(f.a2 for f in bank.filters),
            scale_values=scale.scale,
            iaf_threshold_values=iaf.threshold,
        )

    def export_parameters(self) -> dict[str, Any]:
        """The registers as the fields that the vendor's software takes; see `registers`.

        >>> IMUIFSim().export_parameters()["bpf_bb_values"][:5]
        [6, 5, 4, 3, 2]
        """
        return {"enable": True} | self.registers().as_dict()

    @classmethod
    def from_registers(cls, registers: IMURegisters) -> "IMUIFSim":
        """The front end of these registers, as they stand in a configuration.

        >>> front_end = IMUIFSim(encoder=IAFEncoder(77))
        >>> IMUIFSim.from_registers(front_end.registers()).registers() == front_end.registers()
        True
        """
        r = registers
        rows = zip(
            *(r.bpf_bb_values, r.bpf_bwf_values, r.bpf_baf_values),
            *(r.bpf_a1_values, r.bpf_a2_values),
            strict=True,
        )
        rotation = RotationRemoval(r.estimator_k_setting, r.update_matrix_threshold)
        return cls(
            [BandPassFilter(*row) for row in rows],
            rotation=None if r.bypass_jsvd else rotation,
            encoder=IAFEncoder(r.iaf_threshold_values)
            if r.select_iaf_output
            else ScaleEncoder(r.scale_values),
        )

    def configure(self, config: XyloConfig) -> XyloConfig:
        """The configuration with this front end in it, for a chip that reads its own sensor.

        Raises:
            ValueError: when the front end does not have the 15 filters of the chip.
        """
        fields = {name: getattr(config, name) for name in ("chip", *FIELD_NAMES)}
        return XyloConfig(**fields, input_interface=self.registers())


def _over_parts(work: Callable[[int, int], None], batch: int, values_each: int) -> bool:
    """Whether all parts were in range; in one piece the error knows the number of the sample."""
    try:
        over_parts(work, batch, values_each)
    except FrontEndRangeError:
        return False
    return True
