"""The native engine against another one."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...mapping import Comparison


@dataclass(frozen=True)
class EngineCheck:
    """The native engine against another one.

    Attributes:
        engine: the other one.
        n_samples: test samples that both computed, with each configuration.
        n_compared: spike counts compared, one for each sample, step and neuron.
        n_spikes: spikes among them.
        n_different: how many differ.
        n_states: currents and voltages compared.
        n_states_different: how many of these differ.
        n_configs: configurations that were compared.
    """

    engine: str
    n_samples: int
    n_compared: int
    n_spikes: int
    n_different: int
    n_states: int
    n_states_different: int
    n_configs: int

    @classmethod
    def of(cls, engine: str, comparisons: Sequence[Comparison]) -> "EngineCheck":
        """The figures of comparisons of the native engine with another, one a configuration."""
        layers = [layer for comparison in comparisons for layer in comparison.layers]
        return cls(
            engine=engine,
            n_samples=comparisons[0].n_samples,
            n_compared=sum(layer.n_counts for layer in layers),
            n_spikes=sum(layer.n_spikes for layer in layers),
            n_different=sum(layer.n_different for layer in layers),
            n_states=sum(layer.n_states for layer in layers),
            n_states_different=sum(layer.n_states_different for layer in layers),
            n_configs=len(comparisons),
        )

    def __str__(self) -> str:
        states = f" and {self.n_states_different} of {self.n_states} currents and voltages"
        configs = f" with each of {self.n_configs} configurations"
        return (
            f"{self.n_different} of {self.n_compared} spike counts{states * bool(self.n_states)} "
            f"differ ({self.n_spikes} spikes, {self.n_samples} samples"
            f"{configs * (self.n_configs > 1)})"
        )
