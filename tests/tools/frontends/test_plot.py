import io

import numpy as np
import pytest

from xylograph.hw import IMUIFSim
from xylograph.hw.frontends import FilterBank
from xylograph.tools.frontends import plot_filters, plot_frontend


def a_record() -> dict[str, np.ndarray]:
    signal = np.random.default_rng(0).integers(-9000, 9000, (2, 300, 3))
    return IMUIFSim()(signal, record=True)[2]


def test_signal_filters_and_raster_stand_under_each_other_over_the_same_time() -> None:
    record = a_record()
    figure = plot_frontend(record, dt=0.005, sample=1, channel_names=IMUIFSim().channel_names)
    signal, rotated, filtered, raster = figure.axes
    assert [line.get_ydata() for line in signal.lines][2] == pytest.approx(record["input"][1, :, 2])
    assert len(rotated.lines) == 3
    np.testing.assert_array_equal(raster.images[0].get_array(), record["raster"][1].T)
    assert filtered.images[0].get_array().max() == 1  # pyright: ignore[reportOptionalMemberAccess]
    assert raster.get_xlim() == signal.get_xlim()
    assert raster.images[0].get_extent()[1] == pytest.approx(1.5)
    assert raster.get_yticklabels()[14].get_text() == "axis 2, filter 4"


def test_pictures_can_be_saved() -> None:
    file = io.BytesIO()
    plot_frontend(a_record(), dt=0.005).savefig(file)
    assert file.getvalue().startswith(b"\x89PNG")


def test_a_curve_is_the_gain_that_a_sine_meets() -> None:
    figure = plot_filters(IMUIFSim(), low_hz=1.0, high_hz=30.0)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()][:2] == [  # pyright: ignore[reportOptionalMemberAccess]
        "0, 5, 10",
        "1, 6, 11",
    ]
    frequency, gain_db = figure.axes[0].lines[2].get_data()
    chosen = np.argmin(abs(np.asarray(frequency) - 6.0))
    time = np.arange(4000) / 200
    sine = 20_000 * np.sin(2 * np.pi * np.asarray(frequency)[chosen] * time)
    heard = FilterBank()(np.tile(np.trunc(sine).astype(int)[:, None], (1, 3)))[0][0, 1000:, 2]
    measured = np.sqrt(2 * np.mean(np.square(heard, dtype=float))) / 20_000
    assert np.asarray(gain_db)[chosen] == pytest.approx(20 * np.log10(measured), abs=0.05)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sample": 2}, "there are 2 samples in the record; there is no sample 2"),
        ({"channel_names": ["one"]}, "1 names for 15 channels"),
        ({"dt": -0.005}, r"`dt` is the time between two rows .* above 0, not -0.005"),
        ({"dt": float("nan")}, "not nan"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plot_frontend(a_record(), **{"dt": 0.005, **options})
    with pytest.raises(ValueError, match="no `raster` in the record, only 'input'"):
        plot_frontend({"input": np.zeros((1, 2, 3))}, dt=0.005)
    with pytest.raises(ValueError, match="from 3 to 2"):
        plot_filters(IMUIFSim(), low_hz=3, high_hz=2)
    with pytest.raises(ValueError, match="2 names for 5 curves"):
        plot_filters(IMUIFSim(), names=["a", "b"])
