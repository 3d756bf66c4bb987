"""LC210: the forward pass works and asking for the gradient raises."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import Raises
from losscheck.rule import Rule, first_line, return_location

_OP_TYPE = re.compile(
    r"op type: (\w+)|no entry for: (\w+)|[Gg]radient for (?:op )?'?(\w+)'?|\b(Svd|Qr|Lu|Eig)\b", re.IGNORECASE
)


class UndefinedGradient(Rule):
    """The loss can be computed, and asking for its gradient raises.

    ## What it does
    Runs the loss inside a `GradientTape` and tells an error of the loss from one of its gradient.

    ## Why is this bad?
    Some operations have no gradient, or none for these shapes. The error names the operation and no line,
    because it comes when the loss has long returned.

    ## References
    - https://www.tensorflow.org/guide/autodiff
    """

    code = "LC210"
    name = "undefined-gradient"
    severity = Severity.ERROR
    hint = "Use an operation that has a gradient, or write one with `tf.custom_gradient`"
    requires = ("callable",)
    supersedes = ("LC601",)
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def rank_loss(y_true, y_pred):  # losscheck: y_true=float32[B,4,9]:real y_pred=float32[B,4,9]:real
    s, u, v = tf.linalg.svd(y_true - y_pred, full_matrices=True)  # <-
    return tf.reduce_sum(s, axis=-1) + 0.001 * tf.reduce_sum(tf.abs(u), axis=[1, 2])
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def rank_loss(y_true, y_pred):  # losscheck: y_true=float32[B,4,9]:real y_pred=float32[B,4,9]:real
    s = tf.linalg.svd(y_true - y_pred, compute_uv=False)
    return tf.reduce_sum(s, axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report an error that comes after the forward pass."""
        seen = prober.gradient()
        if seen.raised is None or not seen.is_forward_done or prober.eager().raised is not None:
            return
        yield self.finding(
            f"the loss is computed and its gradient raises: {first_line(seen.raised)}",
            _op_place(prober, seen.raised.message) or seen.raised.location or return_location(prober),
            modes=(Mode.GRADIENT, Mode.FIT),
        )


def _op_place(prober: Prober, message: str) -> Location | None:
    """The line of the operation that the error names."""
    match = _OP_TYPE.search(message)
    name = next(filter(None, match.groups()), "").lower() if match else ""
    ops = [op for op in prober.flow().ops if op.from_y_pred and op.location]
    return next((op.location for op in ops if name and op.type.lower() == name), None)
