import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

# Tests are imported by their path, so that a folder of tests is no package; what its files share
# is imported from here.
sys.path.insert(0, str(Path(__file__).parent))

GOLDEN = Path(__file__).parent / "golden"


class Golden:
    """One golden file, with its flat keys as nested dicts."""

    def __init__(self, case: str) -> None:
        with np.load(GOLDEN / f"{case}.npz") as file:
            self.arrays = {name: file[name] for name in file.files}
        self.meta: dict[str, Any] = json.loads(str(self.arrays.get("meta", "{}")))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def tree(self, prefix: str) -> dict[str, Any]:
        """The arrays under a prefix, nested by the parts of their names."""
        found: dict[str, Any] = {}
        for name, array in self.arrays.items():
            first, *path = name.split("/")
            if first == prefix:
                inner = found
                for part in path[:-1]:
                    inner = inner.setdefault(part, {})
                inner[path[-1]] = array
        return found


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Golden]:
    return Golden


@pytest.fixture
def x64() -> Iterator[None]:
    """64-bit floats for one test."""
    with jax.enable_x64(True):
        yield


def _assert_close(found: Any, wanted: Any, relative: float, floor: float) -> None:
    """Leaf by leaf, the difference relative to the largest value of the leaf, at least `floor`."""
    paths = jax.tree_util.tree_leaves_with_path(wanted)
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for (path, reference), value in zip(paths, jax.tree.leaves(found), strict=True):
        reference, value = np.asarray(reference), np.asarray(value)
        assert value.shape == reference.shape, jax.tree_util.keystr(path)
        bound = relative * max(floor, np.abs(reference).max(initial=0.0))
        worst = np.abs(value - reference).max(initial=0.0)
        assert worst <= bound, f"{jax.tree_util.keystr(path)}: off by {worst}, allowed {bound}"


@pytest.fixture(scope="session")
def assert_close() -> Callable[[Any, Any, float, float], None]:
    return _assert_close
