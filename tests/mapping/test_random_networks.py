"""Random networks on random chips: the simulation does what the reports say."""

from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st
from mapping_cases import CHIP_NAMES

from xylograph.hw import get_chip
from xylograph.mapping import compare, deploy
from xylograph.models import JaxModule, LIFJax, LinearJax, Residual, Sequential, dash_to_tau

RASTER = np.random.default_rng(0).poisson(0.4, (4, 50, 3))
KINDS = ("layers", "recurrent", "residual", "two synapses")


def random_network(kind: str, seed: int, dashes: tuple[int, int], threshold: float) -> JaxModule:
    """Of few shapes, so that JAX compiles each once."""
    rng = np.random.default_rng(seed)
    n_synapses = 2 if kind == "two synapses" else 1
    taus: dict[str, Any] = dict(
        zip(("tau_mem", "tau_syn"), (dash_to_tau(d, 1e-3) for d in dashes), strict=True)
    )

    def layer(n_in: int, n: int, k: int = 1, **more: Any) -> list[JaxModule]:
        weights = threshold * rng.normal(0.1, 0.3, (n_in, n * k))
        values: dict[str, Any] = {"max_spikes_per_dt": 31.0} | taus | more
        return [
            LinearJax((n_in, n * k), weight=weights),
            LIFJax((n * k, n), threshold=threshold, **values),
        ]

    recurrence: dict[str, Any] = {}
    if kind == "recurrent":
        w_rec = threshold * rng.normal(0, 0.1, (6, 6))
        recurrence = {"has_rec": True, "w_rec": w_rec}
    inner = [Residual(*layer(6, 6))] if kind == "residual" else layer(6, 6)
    return Sequential(
        *layer(3, 6, n_synapses, **recurrence), *inner, *layer(6, 2, max_spikes_per_dt=1.0)
    )


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    chip=st.sampled_from(CHIP_NAMES),
    seed=st.integers(0, 2**32 - 1),
    dashes=st.tuples(st.integers(1, 5), st.integers(1, 4)),
    threshold=st.sampled_from((0.25, 1.0, 30.0)),
)
def test_the_simulation_follows_within_what_the_report_claims(
    kind: str, chip: str, seed: int, dashes: tuple[int, int], threshold: float
) -> None:
    if kind == "two synapses" and get_chip(chip).max_synapses == 1:
        kind = "layers"
    network = random_network(kind, seed, dashes, threshold)
    # Raises where a pass that reports no loss changes a spike.
    deployment = deploy(network, chip, verify=True, data=RASTER)
    found = compare(network, deployment, RASTER)
    *_, last = [report.check for report in deployment.log if report.check]
    assert last is not None
    # What the reports add up to is what the comparison of both ends shows.
    assert found.count_error == last.so_far.count_error
    assert found.is_equal == last.so_far.is_equal
    assert found.is_equal or deployment.losses
    # Sums of ways of different length lose more, and say so.
    if kind != "residual":
        assert found.count_error < 0.25
