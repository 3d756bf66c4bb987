"""LC702: compiled by XLA, the loss or its gradient has another value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.inputs.batches import is_same_value
from losscheck.prober import Prober
from losscheck.recipe import Special
from losscheck.rule import Rule, return_location

#: Operation in the graph → what cures it.
_CURES = {
    "Where": "Multiply with a mask, or use `tf.where`: XLA goes on with what `tf.boolean_mask` leaves out",
    "Cast": "Keep values inside the range of the dtype: clip before the cast",
}


class XlaMismatch(Rule):
    """Compiled by XLA, the loss or its gradient differs from that of the plain graph on ordinary input.

    ## What it does
    Runs the loss and its gradient compiled and not compiled on an ordinary batch, with inputs as `fit`
    passes them. Where they differ, it compiles the tensors inside one by one to find the first that does.

    ## Why is this bad?
    A machine with a GPU then trains on another loss than the one without. Casts to a small integer are the
    usual cause: they wrap around in one and stop at the limit in the other. So are tensors whose size only
    the values tell, as `tf.boolean_mask` makes them.

    ## References
    - https://openxla.org/xla/operation_semantics
    """

    code = "LC702"
    name = "xla-mismatch"
    severity = Severity.WARNING
    hint = "Keep to tensors of known sizes and values that their dtypes hold, or set `jit_compile=False`"
    requires = ("value",)
    repro = Special("compiled")

    BAD = (
        """\
import tensorflow as tf

def quantized_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    level = tf.cast(tf.reduce_mean(y_true, axis=-1) * 300.0, tf.uint8)  # <-
    return error * (1.0 + tf.cast(level, tf.float32))
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def quantized_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    level = tf.clip_by_value(tf.reduce_mean(y_true, axis=-1) * 300.0, 0.0, 255.0)
    return error * (1.0 + tf.cast(tf.cast(level, tf.uint8), tf.float32))
""",
        """\
import tensorflow as tf

def noisy_loss(y_true, y_pred):
    noise = tf.random.normal(tf.shape(y_pred), stddev=0.1)
    return tf.reduce_mean(tf.square(y_true - y_pred + noise), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare value and gradient."""
        plain, compiled = prober.graph(known_batch=False, as_fit=True), prober.xla()
        if (
            plain.value is not None
            and compiled.value is not None
            and not is_same_value(plain.value, compiled.value)
        ):
            plain = prober.graph(as_fit=True)  # the compiler knows the batch size as well
        if plain.value is None or compiled.value is None or not prober.is_steady:
            return
        what, values = "loss", (plain.value, compiled.value)
        if is_same_value(*values):
            direct = prober.gradient(in_graph=True)
            slope, compiled_slope = direct.gradient, compiled.gradient
            if slope is None or compiled_slope is None or slope.shape != compiled_slope.shape:
                return
            if not np.isfinite(slope).all():
                return  # no number to compare with: LC204 speaks of it
            if direct.value is None or not is_same_value(direct.value, plain.value):
                return  # `fit` feeds it otherwise than a direct call: no comparison
            what, values = "gradient", (slope, compiled_slope)
            if is_same_value(*values):
                return
        op, kinds = prober.op(prober.compiled_values().differing_op), {op.type for op in prober.flow().ops}
        where = f" from `{op.type}` on" if op else ""
        yield self.finding(
            f"compiled by XLA the {what} is {_mean(values[1])}, in the plain graph {_mean(values[0])}{where}",
            (op.location if op else None) or return_location(prober),
            modes=(Mode.XLA,),
            hint=next((cure for kind, cure in _CURES.items() if kind in kinds), None),
        )


def _mean(values: np.ndarray) -> str:
    return f"{np.mean(np.abs(values)):.4g}"
