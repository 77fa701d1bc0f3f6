"""Packages, and whether the fast engine computes what the definition does."""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import numpy as np
from packaging.requirements import Requirement

from ...hw import XyloConfig, XyloSim
from ._finding import Finding, State

_DISTRIBUTION = "xylograph"


def packages() -> Iterator[Finding]:
    """Python, Xylograph, what it needs, and what each extra would bring."""
    yield Finding("Python", State.OK, f"{platform.python_version()} on {platform.platform()}")
    yield Finding(_DISTRIBUTION, State.OK, version(_DISTRIBUTION))
    extras: dict[str, list[Requirement]] = {}
    for text in requires(_DISTRIBUTION) or ():
        requirement = Requirement(text)
        extras.setdefault(_extra(requirement), []).append(requirement)
    for extra, needed in extras.items():
        # Built distributions list in `all` again what the others bring.
        if extra != "all":
            yield _extra_installed(extra, needed)


def _extra(requirement: Requirement) -> str:
    """The extra that asks for a requirement; empty: it is always needed."""
    marker = str(requirement.marker or "")
    return marker.split("extra ==")[1].strip().strip("\"'") if "extra ==" in marker else ""


def _extra_installed(extra: str, needed: list[Requirement]) -> Finding:
    found = {requirement.name: _installed(requirement.name) for requirement in needed}
    shown = ", ".join(f"{name} {number or 'missing'}" for name, number in found.items())
    unfit = [
        f"{r.name} is {number}, needed is {r.specifier}"
        for r in needed
        if (number := found[r.name]) and not r.specifier.contains(number, prereleases=True)
    ]
    missing = [f"{name} is missing" for name, number in found.items() if not number]
    subject = f"extra `{extra}`" if extra else "required packages"
    name = f"{_DISTRIBUTION}[{extra}]" if extra else _DISTRIBUTION
    if unfit or (missing and not extra):
        remedy = f'pip install --upgrade "{name}"'
        return Finding(subject, State.PROBLEM, "; ".join(unfit + missing), remedy)
    if missing:
        # Parts of an extra come with other packages, too: the rest was not asked for.
        return Finding(subject, State.NOTE, "; ".join(missing), f'pip install "{name}"')
    return Finding(subject, State.OK, shown)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def engines() -> Iterator[Finding]:
    """Whether `native`, which is compiled on this machine, gives what `reference` gives."""
    rng = np.random.default_rng(0)
    config = XyloConfig(
        "xylo-audio-3",
        weights_in=rng.integers(-128, 128, (16, 40, 2)),
        weights_rec=rng.integers(-128, 128, (40, 40, 2)),
        weights_out=rng.integers(-128, 128, (40, 4)),
        threshold=rng.integers(100, 30_000, 40),
        threshold_out=1_000,
    )
    raster = rng.poisson(0.5, (2, 50, 16)).clip(0, 15)
    subject = "engine `native`"
    try:
        found = XyloSim(config, engine="native")(raster, record=True)[2]
    except Exception as error:  # noqa: BLE001 - whatever a broken compiler raises is to be told
        yield Finding(
            subject,
            State.PROBLEM,
            f"does not run here: {error}",
            "reinstall numba and llvmlite; until then `engine='reference'` computes the same",
        )
        return
    expected = XyloSim(config, engine="reference")(raster, record=True)[2]
    wrong = [name for name in expected if not np.array_equal(expected[name], found[name])]
    if wrong:
        yield Finding(
            subject,
            State.PROBLEM,
            f"differs from `reference` in {', '.join(wrong)}",
            "do not trust results of this machine; report it with the output of this command",
        )
    else:
        n_values = sum(array.size for array in expected.values())
        yield Finding(subject, State.OK, f"equals `reference` in all of {n_values:,} values")
