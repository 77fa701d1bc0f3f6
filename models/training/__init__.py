"""Training: losses, penalties and constraints, the loop, robustness, and a look at gradients.

In: a network and samples. Out: a network with other parameters. Everything here is a plain function
of arrays and of the nested dicts that `network.parameters()` gives, and works in a loop of one's
own; `fit` is such a loop.

| to | use |
| --- | --- |
| train | `fit`, with `EarlyStopping`; its parts `TrainStep` and `evaluate`; `relative_to` |
| go on after a kill | `fit(..., checkpoint=..., resume=True)`; `save_checkpoint`, `load_checkpoint` |
| compare with a raster | `mse`, `sse` |
| read a class | `rate_cross_entropy`, `rate_accuracy`, `peak_loss`, `binary_peak_loss`, `ctc_loss_jax`, `softmax`, `logsoftmax` |
| keep activity low | `rate_band`, `rate_ceiling`, `synaptic_operations` |
| keep weights few or small | `fan_out_excess`, `l0_norm_approx`, `l2sqr_norm` |
| keep values in a range | `range_excess`, `threshold_excess`, `summed_exp_boundary_loss` |
| never saturate on a chip | `overflow_excess` of `xylograph.hw.XyloNetJax` |
| bound parameters | `make_bounds`, `set_matching`, then `bounds_cost`, `bounds_clip` or `keep_within` |
| quantize while training | `by_family` with `int_quant`, `deterministic_rounding`, `stochastic_rounding`, `round_tau`, or one's own, `straight_through` |
| stand noise | `by_family` with `gaussian_noise`, `bit_flips`, `dropout`; `mismatch_generator` |
| stand attacks | `pga_attack`, `adversarial_loss` |
| train on long rasters | `evolve_truncated`, `clip_gradient` |
| find what is wrong | `gradient_report`, `find_broken` |
"""

from ._attack import adversarial_loss as adversarial_loss, pga_attack as pga_attack
from ._bounds import (
    bounds_clip as bounds_clip,
    bounds_cost as bounds_cost,
    keep_within as keep_within,
    make_bounds as make_bounds,
    set_matching as set_matching,
)
from ._checkpoint import (
    CheckpointMismatchError as CheckpointMismatchError,
    load_checkpoint as load_checkpoint,
    save_checkpoint as save_checkpoint,
)
from ._early_stopping import EarlyStopping as EarlyStopping
from ._evaluate import evaluate as evaluate
from ._finite import Broken as Broken, find_broken as find_broken
from ._fit import Fitted as Fitted, fit as fit
from ._gradient_report import (
    GradientReport as GradientReport,
    ParameterGradient as ParameterGradient,
    gradient_report as gradient_report,
)
from ._loop import EpochReport as EpochReport, TrainingDivergedError as TrainingDivergedError
from ._losses import (
    ctc_loss_jax as ctc_loss_jax,
    logsoftmax as logsoftmax,
    mse as mse,
    rate_accuracy as rate_accuracy,
    rate_cross_entropy as rate_cross_entropy,
    softmax as softmax,
    sse as sse,
)
from ._noise import (
    bit_flips as bit_flips,
    gaussian_noise as gaussian_noise,
    mismatch_generator as mismatch_generator,
)
from ._peak_loss import binary_peak_loss as binary_peak_loss, peak_loss as peak_loss
from ._penalties import (
    fan_out_excess as fan_out_excess,
    l0_norm_approx as l0_norm_approx,
    l2sqr_norm as l2sqr_norm,
    range_excess as range_excess,
    rate_band as rate_band,
    rate_ceiling as rate_ceiling,
    summed_exp_boundary_loss as summed_exp_boundary_loss,
    synaptic_operations as synaptic_operations,
    threshold_excess as threshold_excess,
)
from ._relative import relative_to as relative_to
from ._step import TrainState as TrainState, TrainStep as TrainStep
from ._transforms import (
    FamilyTransform as FamilyTransform,
    by_family as by_family,
    deterministic_rounding as deterministic_rounding,
    dropout as dropout,
    floor_passthrough as floor_passthrough,
    int_quant as int_quant,
    round_passthrough as round_passthrough,
    round_tau as round_tau,
    stochastic_rounding as stochastic_rounding,
    straight_through as straight_through,
)
from ._truncation import clip_gradient as clip_gradient, evolve_truncated as evolve_truncated

__all__ = [
    "Broken",
    "CheckpointMismatchError",
    "EarlyStopping",
    "EpochReport",
    "FamilyTransform",
    "Fitted",
    "GradientReport",
    "ParameterGradient",
    "TrainState",
    "TrainStep",
    "TrainingDivergedError",
    "adversarial_loss",
    "binary_peak_loss",
    "bit_flips",
    "bounds_clip",
    "bounds_cost",
    "by_family",
    "clip_gradient",
    "ctc_loss_jax",
    "deterministic_rounding",
    "dropout",
    "evaluate",
    "evolve_truncated",
    "fan_out_excess",
    "find_broken",
    "fit",
    "floor_passthrough",
    "gaussian_noise",
    "gradient_report",
    "int_quant",
    "keep_within",
    "l0_norm_approx",
    "l2sqr_norm",
    "load_checkpoint",
    "logsoftmax",
    "make_bounds",
    "mismatch_generator",
    "mse",
    "peak_loss",
    "pga_attack",
    "range_excess",
    "rate_accuracy",
    "rate_band",
    "rate_ceiling",
    "rate_cross_entropy",
    "relative_to",
    "round_passthrough",
    "round_tau",
    "save_checkpoint",
    "set_matching",
    "softmax",
    "sse",
    "stochastic_rounding",
    "straight_through",
    "summed_exp_boundary_loss",
    "synaptic_operations",
    "threshold_excess",
]
