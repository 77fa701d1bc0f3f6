"""The design rules of the chips, for configurations.

Each rule is one small function named by what must hold. It reads the limit from the chip and
gives a `Violation` for each place that breaks it. `RULES` is the list of all of them; a new rule
is a new function and a line there.

Rules about the shape of a network (what may feed what) belong to `xylograph.mapping`: in a
configuration they hold by construction.

Source: chip facts, section 3, in particular its last paragraph (rules the hardware has and
Rockpool does not check), and section 1 for the limits.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np

from ._config import XyloConfig
from ._errors import Violation
from ._usage import fan_outs
from .chips import CHIPS, chips_allowing, named_with_limit


def violations(config: XyloConfig) -> list[Violation]:
    """All places where the configuration breaks a rule of its chip, rule by rule."""
    return [violation for rule in RULES for violation in rule(config)]


def inputs_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """At most `Chip.max_inputs` input channels."""
    return _count_within_limit(
        config, "inputs_within_limit", "max_inputs", "use fewer rows of `weights_in`"
    )


def hidden_neurons_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """At most `Chip.max_hidden` hidden neurons."""
    return _count_within_limit(
        config, "hidden_neurons_within_limit", "max_hidden", "use fewer hidden neurons"
    )


def outputs_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """At most `Chip.max_outputs` output neurons."""
    return _count_within_limit(
        config, "outputs_within_limit", "max_outputs", "use fewer columns of `weights_out`"
    )


def input_expansion_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """At most `Chip.max_input_expansion` hidden neurons with input weights."""
    return _count_within_limit(
        config,
        "input_expansion_within_limit",
        "max_input_expansion",
        "use fewer columns of `weights_in`",
    )


def output_expansion_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """At most `Chip.max_output_expansion` hidden neurons with output weights."""
    return _count_within_limit(
        config,
        "output_expansion_within_limit",
        "max_output_expansion",
        "use fewer rows of `weights_out`",
    )


def synapses_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """At most `Chip.max_synapses` synaptic currents for each hidden neuron."""
    return _count_within_limit(
        config, "synapses_within_limit", "max_synapses", "give the weights one synapse"
    )


def recurrent_entries_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """At most `Chip.max_recurrent_entries` slots of the recurrent weight memory."""
    return _count_within_limit(
        config, "recurrent_entries_within_limit", "max_recurrent_entries", "prune `weights_rec`"
    )


def fan_out_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """No hidden neuron drives more than `Chip.max_fan_out` hidden neurons."""
    chip = config.chip
    for source, n_targets in enumerate(fan_outs(config.weights_rec).tolist()):
        if n_targets > chip.max_fan_out:
            yield Violation(
                rule="fan_out_within_limit",
                where=f"hidden neuron {source}",
                message=f"drives {n_targets} hidden neurons; {chip.name} allows {chip.max_fan_out}",
                hint=f"prune row {source} of `weights_rec`"
                + _other_chips(config, "max_fan_out", n_targets),
            )


def alias_targets_within_limit(config: XyloConfig) -> Iterator[Violation]:
    """No hidden neuron has more than `Chip.max_alias_targets` aliases."""
    allowed = config.chip.max_alias_targets
    for source, targets in enumerate(config.aliases):
        if len(targets) > allowed:
            yield Violation(
                rule="alias_targets_within_limit",
                where=f"hidden neuron {source}",
                message=f"has {len(targets)} alias targets; {config.chip.name} allows {allowed}",
                hint=f"keep {allowed} of `aliases[{source}]` = {list(targets)}"
                + _other_chips(config, "max_alias_targets", len(targets)),
            )


def alias_targets_another_neuron(config: XyloConfig) -> Iterator[Violation]:
    """No hidden neuron is an alias of itself.

    Our own caution: the simulator would double its spikes, and no source says what a chip does.
    """
    for source, targets in enumerate(config.aliases):
        if source in targets:
            yield Violation(
                rule="alias_targets_another_neuron",
                where=f"hidden neuron {source}",
                message="has itself as alias target; it needs to be another neuron",
                hint=f"remove {source} from `aliases[{source}]`",
            )


def bias_only_where_available(config: XyloConfig) -> Iterator[Violation]:
    """No bias on a chip without biases."""
    if config.chip.has_bias:
        return
    for where, entry, value in _biases(config):
        yield Violation(
            rule="bias_only_where_available",
            where=where,
            message=f"has the bias {value}; {config.chip.name} has no bias",
            hint=f"set `{entry}` to 0" + _other_chips(config, "has_bias", True),
        )


def bias_within_range(config: XyloConfig) -> Iterator[Violation]:
    """Each bias fits `Chip.bias_range`, of which the field's width is sure."""
    allowed = config.chip.bias_range
    for where, entry, value in _biases(config):
        if config.chip.has_bias and value not in allowed:
            yield Violation(
                rule="bias_within_range",
                where=where,
                message=f"has the bias {value}; {config.chip.name} surely holds {allowed}",
                hint=f"bring `{entry}` into the range, by scaling weights and threshold with it",
            )


def weight_shifts_within_range(config: XyloConfig) -> Iterator[Violation]:
    """Each weight shift fits `Chip.weight_shift_range`."""
    allowed = config.chip.weight_shift_range
    for layer in ("in", "rec", "out"):
        shift = getattr(config, f"weight_shift_{layer}")
        if shift not in allowed:
            yield Violation(
                rule="weight_shifts_within_range",
                where=f"`weight_shift_{layer}`",
                message=f"is {shift}; {config.chip.name} allows {allowed}",
                hint=f"shift by at most {allowed.high} and give the rest to `weights_{layer}`",
            )


def input_interface_only_where_available(config: XyloConfig) -> Iterator[Violation]:
    """Registers of a front end only on a chip that has one, at its rate."""
    limits = config.chip.imu
    if config.input_interface is None:
        return
    if limits is None:
        named = " or ".join(chip.name for chip in CHIPS.values() if chip.imu is not None)
        yield Violation(
            rule="input_interface_only_where_available",
            where="the configuration",
            message=f"has registers of an IMU front end; {config.chip.name} has none",
            hint=f"map to {named}, or give the network rasters",
        )
    elif not math.isclose(config.dt, 1 / limits.rate_hz, rel_tol=1e-9):
        yield Violation(
            rule="input_interface_only_where_available",
            where="`dt`",
            message=f"is {config.dt:g} s; the front end gives a row each {1 / limits.rate_hz:g} s",
            hint="train the network on rasters of that front end",
        )


RULES: tuple[Callable[[XyloConfig], Iterator[Violation]], ...] = (
    inputs_within_limit,
    hidden_neurons_within_limit,
    outputs_within_limit,
    input_expansion_within_limit,
    output_expansion_within_limit,
    synapses_within_limit,
    fan_out_within_limit,
    recurrent_entries_within_limit,
    alias_targets_within_limit,
    alias_targets_another_neuron,
    bias_only_where_available,
    bias_within_range,
    weight_shifts_within_range,
    input_interface_only_where_available,
)


def _count_within_limit(
    config: XyloConfig, rule: str, chip_field: str, way_out: str
) -> Iterator[Violation]:
    """The rule that one row of the table of resources fits."""
    row = next(row for row in config.usage() if row.chip_field == chip_field)
    if not row.fits:
        yield Violation(
            rule=rule,
            where="the configuration",
            message=f"has {row.used} {row.resource}; {config.chip.name} allows {row.limit}",
            hint=way_out + _other_chips(config, chip_field, row.used),
        )


def _biases(config: XyloConfig) -> Iterator[tuple[str, str, int]]:
    """Where, in which entry, and how large each bias is that is not zero."""
    for kind, name, values in (
        ("hidden", "bias", config.bias),
        ("output", "bias_out", config.bias_out),
    ):
        for neuron in np.flatnonzero(values).tolist():
            yield f"{kind} neuron {neuron}", f"{name}[{neuron}]", int(values[neuron])


def _other_chips(config: XyloConfig, limit: str, needed: int) -> str:
    """The end of a hint: the chips on which this limit and all counts fit, if there are any.

    It does not help to hear of a chip with enough fan-out and too few neurons.
    """
    needs = _needs(config)
    roomy = [
        chip
        for chip in chips_allowing(limit, needed)
        if all(used <= getattr(chip, chip_field) for chip_field, used in needs.items())
    ]
    named = named_with_limit(roomy, limit)
    return f", or map to {named}" if named else ""


def _needs(config: XyloConfig) -> dict[str, int]:
    """What another chip must have room for, after mapping anew.

    Mapping anew can give the hidden neurons other ids, so that of the expansion neurons only those
    count that have weights.
    """
    needs = {row.chip_field: row.used for row in config.usage()}
    n_from_input = np.count_nonzero(np.any(config.weights_in != 0, axis=(0, 2)))
    n_to_output = np.count_nonzero(np.any(config.weights_out != 0, axis=1))
    return needs | {
        "max_input_expansion": int(n_from_input),
        "max_output_expansion": int(n_to_output),
    }
