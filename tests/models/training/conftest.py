import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Tests are imported by their path, so that a folder of tests is no package; what its files share
# is imported from here.
sys.path.insert(0, str(Path(__file__).parent))

GOLDEN = Path(__file__).parent / "golden"


class TrainingGolden:
    """The arrays of one golden file by name, JSON parsed."""

    def __init__(self, case: str) -> None:
        with np.load(GOLDEN / f"{case}.npz") as file:
            self.arrays = {name: file[name] for name in file.files}

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def json(self, name: str) -> dict[str, Any]:
        return json.loads(str(self.arrays[name]))

    def tree(self, prefix: str) -> dict[str, Any]:
        """The arrays under a prefix, nested by the parts of their names."""
        found: dict[str, Any] = {}
        for name, array in self.arrays.items():
            if name.startswith(f"{prefix}/"):
                *outer, last = name.removeprefix(f"{prefix}/").split("/")
                inner = found
                for part in outer:
                    inner = inner.setdefault(part, {})
                inner[last] = array
        return found


@pytest.fixture(scope="session")
def training_golden() -> Callable[[str], TrainingGolden]:
    return TrainingGolden
