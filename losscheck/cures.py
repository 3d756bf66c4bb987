"""What keeps an operation from the arguments at which it, or its gradient, is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losscheck.graph_observation import Op

_LOGARITHM = (
    "Keep the logarithm from 0: `tf.clip_by_value(p, 1e-7, 1 - 1e-7)` for a probability,"
    " `tf.maximum(x, 1e-7)` for another number"
)
_QUOTIENT = "Divide by what is never 0: `tf.math.divide_no_nan(total, count)`, or `x / tf.maximum(y, 1e-7)`"
_ROOT = "Keep the root from 0: `tf.sqrt(tf.maximum(x, 1e-12))`"
_ANGLE = "Clip the argument: `tf.clip_by_value(x, -1 + 1e-6, 1 - 1e-6)`"
_EXPONENTIAL = (
    "Keep the exponent small: `tf.reduce_logsumexp`, `tf.nn.log_softmax`, `tf.nn.softplus` and"
    " `keras.losses.log_cosh` do it, or take the maximum away first"
)
_OF_OP = {
    **dict.fromkeys(("Log", "Xlogy"), _LOGARITHM),
    **dict.fromkeys(("RealDiv", "Div", "Reciprocal", "Inv", "Xdivy"), _QUOTIENT),
    **dict.fromkeys(("Sqrt", "Rsqrt"), _ROOT),
    **dict.fromkeys(("Acos", "Asin", "Atanh"), _ANGLE),
    **dict.fromkeys(("Exp", "Expm1", "Cosh", "Sinh"), _EXPONENTIAL),
    "EuclideanNorm": "Write the norm out: `tf.sqrt(tf.reduce_sum(tf.square(x), axis=-1) + 1e-12)`",
    "Pow": "Raise what is above 0: `tf.pow(tf.maximum(x, 1e-7), exponent)`",
}


def cure(op: Op | None) -> str | None:
    """The cure for an operation; None where there is no single one."""
    return _OF_OP.get(op.type) if op is not None else None
