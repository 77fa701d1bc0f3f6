"""What the demo found, as a table and as a file."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from rich.table import Table
from rich.text import Text

from ...hw import ResourceUsage
from ...mapping import Comparison
from ...models.storage._files import write_atomically
from ._columns import Column
from ._engine_check import EngineCheck

_VERSIONS_OF = ("xylograph", "jax", "numba", "numpy", "optax", "scipy")


@dataclass(frozen=True)
class Summary:
    """All figures of one run.

    Attributes:
        dataset: name of the data set.
        chip: name of the chip.
        seed: of initial weights and batches.
        quick: whether training was cut short.
        n_train: training samples.
        n_test: test samples.
        readout: how a class is read from the output.
        accuracy_network: share of test samples that the JAX network gets right.
        input_at_limit: share of the input counts of the test that are as high as the chip's
            counters go; what was above was cut when the recordings were encoded.
        accuracy_deployed: the same of the configuration in the bit-accurate simulation.
        comparison: the network against the deployed configuration.
        checks: the native engine against others.
        columns: the network quantized in all ways, and trained on in the chip's arithmetic.
        losses: what mapping and quantizing lost, in words.
        usage: what the configuration takes of the chip.
        seconds: time of each stage [s].
        missing: why an engine was left out.
        probe: what the front end keeps of what the labels need, and pairs of classes that it makes
            alike.
    """

    dataset: str
    chip: str
    seed: int
    quick: bool
    n_train: int
    n_test: int
    readout: str
    accuracy_network: float
    accuracy_deployed: float
    input_at_limit: float
    comparison: Comparison
    checks: tuple[EngineCheck, ...]
    columns: tuple[Column, ...]
    losses: tuple[str, ...]
    usage: tuple[ResourceUsage, ...]
    seconds: dict[str, float]
    missing: tuple[str, ...] = field(default=())
    probe: tuple[str, ...] = field(default=())

    def save(self, path: Path) -> None:
        """Write the figures as JSON; all but `seconds` and `versions` repeat with the seed."""
        document = {
            "run": {
                "dataset": self.dataset,
                "chip": self.chip,
                "seed": self.seed,
                "quick": self.quick,
                "n_train": self.n_train,
                "n_test": self.n_test,
                "readout": self.readout,
            },
            "accuracy": {"network": self.accuracy_network, "deployed": self.accuracy_deployed},
            "network_against_deployed": _comparison(self.comparison),
            "columns": [asdict(column) for column in self.columns],
            "native_against": [asdict(check) for check in self.checks],
            "input_at_limit": self.input_at_limit,
            "losses": list(self.losses),
            "probe": list(self.probe),
            "usage": [asdict(row) for row in self.usage],
            "seconds": {stage: round(time, 2) for stage, time in self.seconds.items()},
            "versions": {
                "python": python_version(),
                **{name: version(name) for name in _VERSIONS_OF},
            },
        }
        text = json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"
        write_atomically(path, text.encode())

    def table(self) -> Table:
        """The figures for the eye."""
        title = f"{self.dataset} on {self.chip}, seed {self.seed}{', quick' * self.quick}"
        table = Table(title=title, show_header=False, title_justify="left")
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for section in (
            self._accuracy_rows(),
            self._column_rows(),
            self._agreement_rows(),
            self._loss_rows(),
            self._usage_rows(),
            self._time_rows(),
        ):
            for name, value in section:
                # As text: rich would take brackets, such as those of an extra, for its markup.
                table.add_row(Text(name), Text(value))
            table.add_section()
        return table

    def _accuracy_rows(self) -> Iterator[tuple[str, str]]:
        yield "accuracy, JAX network", f"{self.accuracy_network:.1%} of {self.n_test} test samples"
        yield "accuracy, deployed", f"{self.accuracy_deployed:.1%}  (class: {self.readout})"
        for number, finding in enumerate(self.probe):
            yield "" if number else "front end", finding
        yield "input counts at the limit", f"{self.input_at_limit:.2%}, may have been cut"

    def _column_rows(self) -> Iterator[tuple[str, str]]:
        for column in self.columns:
            vendor = column.accuracy_vendor
            yield (
                column.name,
                f"{column.accuracy_jax:.1%} in JAX, {column.accuracy_native:.1%} native"
                + (f", {vendor:.1%} vendor" if vendor is not None else "")
                + f"; {column.n_different} spike counts differ ({column.n_spikes} spikes)",
            )

    def _agreement_rows(self) -> Iterator[tuple[str, str]]:
        yield (
            "JAX and deployed",
            f"same class in {self.comparison.output_agreement:.1%} of the samples",
        )
        for layer in self.comparison.layers:
            yield (
                f"  {layer.layer}",
                (
                    f"{layer.count_error:.2%} spike-count error "
                    f"({layer.n_spikes} and {layer.n_spikes_other} spikes)"
                ),
            )
        for check in self.checks:
            yield f"native and {check.engine}", str(check)
        for reason in self.missing:
            yield "not checked", reason

    def _loss_rows(self) -> Iterator[tuple[str, str]]:
        for number, loss in enumerate(self.losses):
            yield "" if number else "lost on the way", loss

    def _usage_rows(self) -> Iterator[tuple[str, str]]:
        for row in self.usage:
            yield row.resource, f"{row.used} of {row.limit}"

    def _time_rows(self) -> Iterator[tuple[str, str]]:
        for stage, time in self.seconds.items():
            yield stage, f"{time:.1f} s"
        yield "all stages", f"{sum(self.seconds.values()):.1f} s"


def _comparison(comparison: Comparison) -> dict[str, Any]:
    first = comparison.divergence
    return {
        "output_agreement": comparison.output_agreement,
        "first_divergence": None if first is None else asdict(first),
        "layers": [
            {name: value for name, value in asdict(layer).items() if name != "divergence"}
            for layer in comparison.layers
        ],
    }
