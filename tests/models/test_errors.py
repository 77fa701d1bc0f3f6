import subprocess
import sys

import pytest

from xylograph.models import FormatError, MissingExtraError, XylographError
from xylograph.models.training import TrainingDivergedError


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (FormatError, ValueError),
        (MissingExtraError, ImportError),
        (TrainingDivergedError, FloatingPointError),
    ],
)
def test_errors_are_ours_and_of_a_builtin_kind(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, XylographError)
    assert issubclass(error, builtin)


def test_a_missing_extra_names_the_commands() -> None:
    error = MissingExtraError("the vendor engine", "xylosim")
    assert error.extra == "xylosim"
    assert str(error) == (
        'the vendor engine needs the extra `xylosim`: run `pip install "xylograph[xylosim]"` (in a '
        "checkout: `uv sync --extra xylosim`)"
    )


def test_error_classes_load_without_jax() -> None:
    code = "import sys, xylograph.models as m; m.FormatError; print('jax' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "False\n"
