import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings, strategies as st

from xylograph.models import FormatError, save
from xylograph.models.training import CheckpointMismatchError, load_checkpoint, save_checkpoint

PARAMETERS = {"0_LinearJax": {"weight": jnp.ones((2, 3))}, "1_LIFJax": {"threshold": jnp.ones(())}}
LABELS = {"0_LinearJax": "fast", "1_LIFJax": "slow"}
OPTIMIZERS: dict[str, Any] = {
    "sgd": optax.sgd(0.1),
    "momentum": optax.sgd(0.1, momentum=0.9),
    "adam": optax.adam(1e-3),
    "bfloat16": optax.adam(1e-3, mu_dtype=jnp.bfloat16),
    "schedule": optax.adamw(optax.cosine_decay_schedule(1e-3, 10)),
    "chain": optax.chain(optax.clip_by_global_norm(1.0), optax.lion(1e-3)),
    "adafactor": optax.adafactor(1e-3),
    "noise": optax.add_noise(0.1, 0.5, key=jax.random.key(0)),
    "hyperparameters": optax.inject_hyperparams(optax.adam)(learning_rate=1e-3),
    "several": optax.multi_transform({"fast": optax.adam(0.1), "slow": optax.sgd(0.1)}, LABELS),
    "accumulated": optax.MultiSteps(optax.adam(1e-3), 4),
    "skipping": optax.apply_if_finite(optax.adam(1e-3), 3),
    "averaged": optax.chain(optax.adam(1e-3), optax.ema(0.9)),
    "masked": optax.masked(optax.adam(1e-3), {"0_LinearJax": True, "1_LIFJax": False}),
}


def scrambled(tree: Any) -> Any:
    """A tree of the same structure with other values in every bit that may differ."""
    draw = np.random.default_rng(0)

    def other(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.key(7)
        array = np.asarray(leaf)
        if array.dtype == bool:
            return jnp.asarray(~array)
        return jnp.asarray(draw.normal(size=array.shape) * 100).astype(array.dtype)

    return jax.tree.map(other, tree)


def assert_same(found: Any, expected: Any) -> None:
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert type(a) is type(b)
        if isinstance(a, jax.Array) and jnp.issubdtype(a.dtype, jax.dtypes.prng_key):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_of_any_optimizer_comes_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    empty = OPTIMIZERS[name].init(PARAMETERS)
    state = scrambled(empty)
    path = save_checkpoint(tmp_path / "state.safetensors", state)
    found, document = load_checkpoint(path, like=scrambled(empty))
    assert_same(found, state)
    assert document is None


@pytest.mark.parametrize(
    "dtype",
    ["bool", "int8", "uint32", "float16", "bfloat16", "float8_e4m3fn", "float32", "complex64"],
)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_arrays_of_any_type_and_shape_come_back(dtype: str, shape: tuple, tmp_path: Path) -> None:
    array = jnp.asarray(np.arange(6)[: int(np.prod(shape))].reshape(shape)).astype(dtype)
    path = save_checkpoint(tmp_path / "file", {"a": array})
    assert_same(load_checkpoint(path, like={"a": jnp.zeros_like(array)})[0], {"a": array})


def test_what_is_no_jax_array_stays_what_it_is(tmp_path: Path) -> None:
    tree = [3, 2.5, True, np.arange(6).reshape(2, 3).T, np.float32(1.5), jnp.ones(2)]
    path = save_checkpoint(tmp_path / "file", tree)
    zeros = [0, 0.0, False, np.zeros((3, 2), dtype=int), np.float32(0), jnp.zeros(2)]
    assert_same(load_checkpoint(path, like=zeros)[0], tree)


DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=20)
@given(document=DOCUMENTS)
def test_the_document_comes_back(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = save_checkpoint(tmp_path_factory.getbasetemp() / "document", {"a": 1}, document)
    assert load_checkpoint(path, like={"a": 0})[1] == document


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    tree = {name: jnp.full(3, n) for n, name in enumerate("hgfedcba")}
    paths = [
        save_checkpoint(tmp_path / name, tree, {"b": 1, "a": generator_state()}) for name in "ab"
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def generator_state() -> dict[str, Any]:
    return dict(np.random.default_rng(3).bit_generator.state)


def test_every_leaf_that_differs_is_named(tmp_path: Path) -> None:
    path = save_checkpoint(
        tmp_path / "file", {"a": jnp.ones(2), "b": jnp.ones(3), "c": jnp.ones(1), "d": 1}
    )
    like = {"a": jnp.ones(2), "b": jnp.ones((3, 1)), "c": jnp.ones(1, dtype=int), "e": 0}
    with pytest.raises(CheckpointMismatchError) as caught:
        load_checkpoint(path, like)
    assert str(caught.value).splitlines() == [
        f"{path}: a checkpoint of something else:",
        "`['e']` is missing",
        "`['d']` belongs to nothing here",
        "`['b']` is float32 (3,), here it is float32 (3, 1)",
        "`['c']` is float32 (1,), here it is int32 (1,)",
    ]


def test_what_no_file_can_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for tree, document, error, message in (
        ({"a": "text"}, None, TypeError, r"`\['a'\]` is no array of numbers, but <U4"),
        ({"a": 1}, {"x": float("nan")}, ValueError, "JSON compliant"),
        ({"a": 1}, {"x": {1, 2}}, TypeError, "set is not JSON serializable"),
    ):
        with pytest.raises(error, match=message):
            save_checkpoint(path, tree, document)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_told(tmp_path: Path) -> None:
    from xylograph.models import LinearJax

    path = save(LinearJax((1, 1)), tmp_path / "network")
    with pytest.raises(
        FormatError, match=r"network: a safetensors file, but not a checkpoint of X"
    ):
        load_checkpoint(path, like={})
    path.write_text(json.dumps({"a": 1}))
    with pytest.raises(FormatError, match="network: not a checkpoint file, or damaged"):
        load_checkpoint(path, like={})
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "nothing", like={})


def test_files_of_the_first_version_are_read() -> None:
    """A file that was written once can be read for ever; the golden file is never edited."""
    path = Path(__file__).parent / "golden" / "v1" / "checkpoint.safetensors"
    found, document = load_checkpoint(path, like=v1_tree(np.zeros))
    assert_same(found, v1_tree(np.ones))
    assert document == {"epoch": 3, "generator": generator_state()}


def v1_tree(fill: Any) -> Any:
    return {
        "state": [jnp.asarray(fill((2, 3))), jnp.asarray(fill(2)).astype(jnp.bfloat16)],
        "key": jax.random.key(int(fill(1)[0])),
        "n": int(fill(1)[0]),
    }
