"""How accurate the demo's networks are in floats, quantized, and trained in the chip's arithmetic.

Workload: what `xylograph demo` trains, for each data set and seed; accuracies on the test samples,
of the deployed configurations in the `native` engine. With `--folds`, each seed also goes through
five splits by group (subjects, or speakers): each group is tested on once, by a network that did not
see it. The encoding of the data is that of the data set in any case.

`python -m xylograph.tools.benchmarks.accuracy --seeds 5`
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from ...hw import get_chip
from ...mapping import deploy, observe
from ..datasets import DATASETS, Dataset, Split, load_dataset
from ..demo._columns import ways
from ..demo._recipe import RECIPES, Recipe
from ..demo._training import train, train_on_chip, untrained

_N_FOLDS = 5
_FLOAT = "float"


@dataclass(frozen=True)
class Result:
    """One network of one way.

    Attributes:
        dataset: name of the data set.
        split: `test`, or the number of the fold.
        seed: of initial weights and batches.
        way: `float`, the name of a quantizer, or `chip arithmetic`.
        accuracy: share of test samples that are right, where it is deployed.
        n_different: spike counts in which the deployed configuration differs from JAX.
    """

    dataset: str
    split: str
    seed: int
    way: str
    accuracy: float
    n_different: int


def results_of(data: Dataset, recipe: Recipe, split: str, seed: int) -> Iterator[Result]:
    """Train a network and go all ways.

    Args:
        data: to train and test on.
        recipe: how to train.
        split: name of the split.
        seed: of initial weights and batches.
    """
    chip = get_chip(data.chip)
    network = train(untrained(data, chip, recipe, seed), data, recipe, seed, progress=False).network
    core = train_on_chip(network, data, chip, recipe, seed, progress=False)
    seen = observe(network, data.test.rasters)
    accuracy = float(np.mean(seen.classes == data.test.labels))
    yield Result(data.name, split, seed, _FLOAT, accuracy, 0)
    deployment = deploy(network, chip)
    simulated = observe(deployment, data.test.rasters)
    for way in ways(network, core, data, seen, deployment, simulated):
        one = way.column()
        yield Result(data.name, split, seed, one.name, one.accuracy_native, one.n_different)


def folds(data: Dataset) -> Iterator[tuple[str, Dataset]]:
    """The data set split by group in five ways, each with its number.

    Where samples to train on and to test on differ in length, all are cut into pieces of the
    shorter one.
    """
    n_steps = min(part.rasters.shape[1] for part in (data.train, data.test))
    parts = [_cut(part, n_steps) for part in (data.train, data.test)]
    rasters, labels, groups = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("rasters", "labels", "groups")
    )
    names = np.unique(groups)
    for number in range(_N_FOLDS):
        held_out = np.isin(groups, names[number::_N_FOLDS])
        train_part, test_part = (
            Split(rasters[chosen], labels[chosen], groups[chosen])
            for chosen in (~held_out, held_out)
        )
        yield str(number), replace(data, train=train_part, test=test_part)


def _cut(split: Split, n_steps: int) -> Split:
    _, length, n_channels = split.rasters.shape
    n_pieces = length // n_steps
    pieces = split.rasters[:, : n_pieces * n_steps].reshape((-1, n_steps, n_channels))
    return Split(pieces, np.repeat(split.labels, n_pieces), np.repeat(split.groups, n_pieces))


def table(results: Sequence[Result], title: str) -> Table:
    """Mean and spread of each way."""
    shown = Table(box=box.SIMPLE_HEAD, title=title)
    for header in ("way", "accuracy %", "spread", "to float", "spike counts that differ"):
        shown.add_column(header, justify="left" if header == "way" else "right")
    floats = 100 * np.array([one.accuracy for one in results if one.way == _FLOAT])
    for way in dict.fromkeys(one.way for one in results):
        chosen = [one for one in results if one.way == way]
        accuracy = 100 * np.array([one.accuracy for one in chosen])
        shown.add_row(
            way,
            f"{accuracy.mean():.1f}",
            f"{accuracy.std(ddof=1):.1f}" if len(accuracy) > 1 else "",
            f"{accuracy.mean() - floats.mean():+.1f}",
            "" if way == _FLOAT else f"{np.mean([one.n_different for one in chosen]):.0f}",
        )
    return shown


def main(
    dataset: Annotated[list[str] | None, typer.Option(help="Data sets; all by default.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 0 on.")] = 5,
    fold: Annotated[
        bool, typer.Option("--folds", help="Also five splits by group, with each seed.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Train as `demo --quick` does.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write all results to this file.")
    ] = None,
) -> None:
    """Measure accuracies of float, quantized and chip-trained networks."""
    console, everything = Console(), []
    for name in dataset or sorted(DATASETS):
        data, recipe = load_dataset(name), RECIPES[name].quick() if quick else RECIPES[name]
        plans = [[("test", data)]] + ([list(folds(data))] if fold else [])
        for plan in plans:
            results = []
            for seed in range(seeds):
                for split, part in plan:
                    found = list(results_of(part, recipe, split, seed))
                    results += found
                    # As they come, for who cannot wait for the table.
                    shown = ", ".join(f"{one.way} {one.accuracy:.1%}" for one in found)
                    console.print(f"{name}, seed {seed}, split {split}: {shown}")
            title = f"{name}, {'five folds by group, ' if len(plan) > 1 else ''}{seeds} seeds"
            console.print(table(results, title))
            everything += results
    if json_file is not None:
        json_file.write_text(json.dumps([asdict(one) for one in everything], indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
