from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from mapping_cases import two_layers

from xylograph.hw import get_chip
from xylograph.mapping import Graph, NeuronNode
from xylograph.mapping.passes import RoundedTimeConstant, RoundTimeConstants, TimeConstantReport
from xylograph.models import dash_to_tau

CHIP = get_chip("xylo-imu")


def rounded(
    hidden: dict[str, Any], out: dict[str, Any] | None = None, rounding: str = "log2"
) -> tuple[Graph, TimeConstantReport]:
    exact: dict[str, Any] = {
        "tau_mem": dash_to_tau([3, 3], 1e-3),
        "tau_syn": dash_to_tau([[3], [3]], 1e-3),
    }
    net = two_layers(
        {"tau_mem": dash_to_tau([3] * 3, 1e-3), "tau_syn": dash_to_tau([[3]] * 3, 1e-3)} | hidden,
        exact | (out or {}),
    )
    return RoundTimeConstants(CHIP, rounding)(net)


def node(net: Graph, name: str) -> NeuronNode:
    found = net[name]
    assert isinstance(found, NeuronNode)
    return found


def test_each_value_becomes_what_its_shift_gives() -> None:
    net, report = rounded({"tau_mem": np.array([0.02, 0.02, 0.05])})
    # log2(20) = 4.32, log2(50) = 5.64; a shift d leaves 1 - 2^-d.
    expected = [-1e-3 / np.log(1 - 2.0**-d) for d in (4, 4, 6)]
    assert node(net, "hid").tau_mem == pytest.approx(expected)
    assert node(net, "hid").tau_syn == pytest.approx(dash_to_tau([[3]] * 3, 1e-3))
    assert [(row.wanted, row.dash, row.n_values) for row in report.rounded] == [
        (0.02, 4, 2),
        (0.05, 6, 1),
    ]
    assert report.rounded[0].error == pytest.approx(expected[0] / 0.02 - 1)
    assert report.losses == (
        "`hid`: `tau_mem` of 20 ms becomes 15.49 ms (shift 4, -22.5%) in 2 places",
        "`hid`: `tau_mem` of 50 ms becomes 63.5 ms (shift 6, +27.0%) in 1 place",
    )


def test_the_largest_ratio_comes_first() -> None:
    _, report = rounded({"tau_mem": np.array([0.0045, 0.02, 0.05])})
    ratios = [max(r.obtained / r.wanted, r.wanted / r.obtained) for r in report.rounded]
    assert ratios == sorted(ratios, reverse=True) and len(ratios) == 3


def test_time_constants_of_the_chip_stay_as_they_are_written() -> None:
    taus = np.float32(dash_to_tau([1, 7, 15], 1e-3)).astype(float)
    net, report = rounded({"tau_mem": taus})
    assert node(net, "hid").tau_mem.tolist() == taus.tolist()
    assert report.losses == () and report.rounded == () and report.better_dt is None
    assert str(report) == "RoundTimeConstants: all time constants are those of decay shifts"


def test_long_and_infinite_ones_get_the_longest_shift() -> None:
    net, report = rounded({"tau_mem": np.array([np.inf, 1e6, 0.016])})
    longest = dash_to_tau([15], 1e-3)[0]
    assert node(net, "hid").tau_mem[:2] == pytest.approx([longest, longest])
    assert "`tau_mem` of inf ms becomes 3.277e+04 ms (shift 15, -100.0%)" in report.losses[0]


def test_rounding_to_the_nearest_ratio_differs_for_short_ones() -> None:
    # log2(2.8) rounds to 1, whose time constant is half of it; that of 2 is a quarter more.
    taus = np.array([2.8e-3, 2.8e-3, 20e-3])
    by_log, _ = rounded({"tau_mem": taus})
    nearest, _ = rounded({"tau_mem": taus}, rounding="nearest")
    assert node(by_log, "hid").tau_mem[0] == pytest.approx(dash_to_tau([1], 1e-3)[0])
    assert node(nearest, "hid").tau_mem[0] == pytest.approx(dash_to_tau([2], 1e-3)[0])
    assert node(nearest, "hid").tau_mem[2] == node(by_log, "hid").tau_mem[2]


@settings(deadline=None, max_examples=60)
@given(tau=st.floats(1.5e-3, 60.0))
def test_nearest_is_the_smallest_ratio_of_all_shifts(tau: float) -> None:
    net, _ = rounded({"tau_mem": np.full(3, tau)}, rounding="nearest")
    got = node(net, "hid").tau_mem[0]
    ratios = [abs(np.log(dash_to_tau([d], 1e-3)[0] / tau)) for d in range(1, 16)]
    assert abs(np.log(got / tau)) == pytest.approx(min(ratios), abs=2e-5)


def test_a_step_that_fits_better_is_proposed_and_fits_better() -> None:
    hidden = {"tau_mem": np.full(3, 0.02), "tau_syn": np.full((3, 1), 0.01)}
    out = {"tau_mem": np.full(2, 0.02), "tau_syn": np.full((2, 1), 0.01)}
    _, report = rounded(hidden, out)
    assert report.better_dt is not None
    assert f"with dt = {report.better_dt * 1e3:.4g} ms the largest error would be" in report.summary
    now = max(abs(row.error) for row in report.rounded)
    there = {"dt": report.better_dt}
    _, again = RoundTimeConstants(CHIP)(two_layers(hidden | there, out | there))
    better = max((abs(row.error) for row in again.rounded), default=0.0)
    assert better < 0.8 * now
    assert f"{better:.1%} instead of {now:.1%}" in report.summary


def test_no_step_is_proposed_at_which_something_would_be_forgotten_at_once() -> None:
    _, report = rounded({"tau_mem": np.array([1.5e-3, 0.02, 0.05])})
    assert report.better_dt is None or report.better_dt * np.sqrt(2) < 1.443e-3


def test_many_values_are_counted_after_the_first() -> None:
    hidden = {
        "tau_mem": np.array([0.011, 0.012, 0.013]),
        "tau_syn": np.array([[0.0051], [0.006], [0.007]]),
    }
    out = {"tau_mem": np.array([0.021, 0.022]), "tau_syn": np.array([[0.023], [0.024]])}
    _, report = rounded(hidden, out)
    assert len(report.losses) == 9
    rest = report.rounded[8:]
    largest = max(abs(row.error) for row in rest)
    assert report.losses[-1] == (
        f"{len(rest)} more values of time constants, by at most {largest:.1%}"
    )


def test_an_unknown_rounding_is_refused() -> None:
    with pytest.raises(ValueError, match="`rounding` is 'up'; known are 'log2' and 'nearest'"):
        RoundTimeConstants(CHIP, "up")


def test_a_row_says_what_was_wanted_and_what_is_obtained() -> None:
    row = RoundedTimeConstant("a", "tau_syn", 0.01, 0.0075, dash=3, n_values=1)
    assert str(row) == "`a`: `tau_syn` of 10 ms becomes 7.5 ms (shift 3, -25.0%) in 1 place"
