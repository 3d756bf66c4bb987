"""LC202: the gradient is exactly zero wherever the loss was tried."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import Op
from losscheck.observation import GradientObservation
from losscheck.prober import Prober
from losscheck.reading.questions import gradient_cut
from losscheck.reading.source import Source
from losscheck.recipe import Gradients
from losscheck.rule import Rule, return_location

_SAMPLES = ("typical", "relabelled", "other_size", "partial", "scaled 5", "scaled 0.2", "turned")
#: A softmax over one column has slope 0, and float32 gives 1e-7 of the loss for it.
_NOISE = 1e-6
_HINTS = {"Softmax": "Take a sigmoid of a single column, or a softmax over the axis of the classes"}


class ZeroGradient(Rule):
    """The gradient with respect to `y_pred` is exactly zero at every sampled point.

    ## What it does
    Takes the gradient on ordinary batches of several sizes, labels and scales. Where all of them are zero,
    the graph is searched for the operation that turns a gradient into zero.

    ## Why is this bad?
    `fit` reports success and no weight ever moves. `tf.sign` and a clip that is always saturated do this.

    ## References
    - https://www.tensorflow.org/guide/autodiff
    """

    code = "LC202"
    name = "zero-gradient"
    severity = Severity.ERROR
    hint = "Replace this operation by one with a slope (`tf.tanh(k * x)` for `tf.sign(x)`)"
    requires = ("gradient",)
    repro = Gradients("slope is not None and np.abs(slope).max() <= 1e-6")

    BAD = (
        """\
import tensorflow as tf

def direction_loss(y_true, y_pred):
    side = tf.sign(y_pred)  # <-
    return -tf.reduce_mean(side * y_true, axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def direction_loss(y_true, y_pred):
    side = tf.tanh(5.0 * y_pred)
    return -tf.reduce_mean(side * y_true, axis=-1)
""",
        """\
import tensorflow as tf

def margin_loss(y_true, y_pred):
    sign = 2.0 * y_true - 1.0
    return tf.reduce_mean(tf.nn.relu(1.0 - sign * y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a `sign` on the only way from `y_pred` to the result."""
        cut = gradient_cut(source)
        if cut is not None and cut.cut is not None and cut.is_flat_cut:
            yield self.suspicion("the gradient of `sign` is zero everywhere", source.location(cut.cut))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a gradient that is zero on every sample."""
        seen = [prober.gradient(name) for name in _SAMPLES]
        seen = [observation for observation in seen if observation.gradient is not None]
        if not seen or not all(map(_is_zero, seen)):
            return
        op = _constant_softmax(prober) or prober.op(prober.values().zero_gradient_op)
        where = f": `{op.type}` turns it into zero" if op else ""
        yield self.finding(
            f"the gradient is zero on all {len(seen)} batches tried{where}",
            (op.location if op else None) or return_location(prober),
            modes=(Mode.GRADIENT, Mode.FIT),
            hint=_HINTS.get(op.type) if op else None,
        )


def _constant_softmax(prober: Prober) -> Op | None:
    """The softmax over one column, which is 1 whatever comes in; what follows it only passes that on."""
    return next(
        (
            op
            for op in prober.flow(shapes_only=True).ops
            if op.type == "Softmax" and op.from_y_pred and op.reaches_output and (op.shape or ())[-1:] == (1,)
        ),
        None,
    )


def _is_zero(seen: GradientObservation) -> bool:
    """Whether the gradient is zero up to the rounding of float32, on the scale of the loss."""
    import numpy as np

    assert seen.gradient is not None
    if not seen.gradient.any():
        return True
    if not seen.is_finite or seen.value is None or seen.gradient.dtype.itemsize < np.float32().itemsize:
        return False
    most, loss = np.abs(seen.gradient).max(initial=0.0), np.abs(seen.value).max(initial=0.0)
    return bool(most <= _NOISE and np.abs(seen.gradient).sum() <= _NOISE * seen.gradient.shape[0] * loss)
