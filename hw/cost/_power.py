"""Measurements of power that others published, and the range that they span."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PowerAnchor:
    """One published measurement of the core's power.

    Attributes:
        chip: name of the chip that was measured.
        power: of the core's rail, in watts.
        main_clock: of the measurement, in hertz.
        what: what ran.
        source: where it was published.

    >>> print(POWER_ANCHORS[0])
    277 uW at 6.25 MHz (SYNS61201, Braille letters, 40 recurrent neurons; NIR paper, Nat. Commun. 15, 2024)
    """

    chip: str
    power: float
    main_clock: float
    what: str
    source: str

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.power * 1e6:.0f} uW at {self.main_clock / 1e6:g} MHz ({self.chip}, {self.what}; "
            f"{self.source})"
        )


POWER_ANCHORS = (
    PowerAnchor(
        chip="SYNS61201",
        power=277e-6,
        main_clock=6.25e6,
        what="Braille letters, 40 recurrent neurons",
        source="NIR paper, Nat. Commun. 15, 2024",
    ),
    PowerAnchor(
        chip="SYNS61201",
        power=543e-6,
        main_clock=50e6,
        what="example network in accelerated time",
        source="Rockpool documentation, Xylo Audio 2",
    ),
    PowerAnchor(
        chip="SYNS65302",
        power=588e-6,
        main_clock=12.5e6,
        what="example network with the digital front end",
        source="Rockpool documentation, Xylo Audio 3",
    ),
    *(
        PowerAnchor(
            chip="SYNS65302",
            power=power,
            main_clock=main_clock,
            what="idle in real time without a network",
            source="printed by a board in the vendor's notebooks",
        )
        for power, main_clock in (
            (0.3e-3, 6.25e6),
            (0.5e-3, 12.5e6),
            (0.8e-3, 25e6),
            (1.4e-3, 50e6),
        )
    ),
)
"""Published measurements of the core's rail (logic, digital): chip facts, section 6; peer facts,
"Published results"."""


def anchors_for(chip_name: str) -> tuple[PowerAnchor, ...]:
    """The measurements of a chip; those of all chips where nobody published one of it."""
    own = tuple(anchor for anchor in POWER_ANCHORS if anchor.chip == chip_name)
    return own or POWER_ANCHORS


def power_range(anchors: tuple[PowerAnchor, ...], main_clock: float) -> tuple[float, float]:
    """Least and most power, in watts, that the measurements leave possible at a clock.

    How much of a measured power grows with the clock is not published. Between "none of it" and
    "all of it" lies the truth, so that each measurement gives two ends.

    Args:
        anchors: at least one.
        main_clock: in hertz.
    """
    ends = [
        anchor.power * factor
        for anchor in anchors
        for factor in (1.0, main_clock / anchor.main_clock)
    ]
    return min(ends), max(ends)
