"""LC204: the loss is finite and its gradient is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import XlaObservation
from losscheck.observation import GradientObservation
from losscheck.prober import Prober
from losscheck.rule import Rule, return_location

if TYPE_CHECKING:
    import numpy as np

_ORDINARY = ("typical", "other_size", "partial")
#: XLA compiles a loss anew for each shape, which takes longer than all the rest.
_OTHER_SHAPES = ("other_size", "partial")


class NonFiniteGradient(Rule):
    """The loss is finite and its gradient is NaN or infinite.

    ## What it does
    Takes the gradient eagerly, in a graph and compiled by XLA, on ordinary batches and at the edges that
    training reaches: `y_pred` equal to `y_true`, probabilities of exactly 0 and 1, equal rows, labels of one
    class.

    ## Why is this bad?
    One NaN in a gradient turns every weight into NaN, and the loss that is printed gave no warning. A
    square root at 0 and a power below one are the usual causes; `tf.where` does not help, because its
    gradient multiplies the infinite slope by zero.

    ## References
    - https://github.com/tensorflow/probability/blob/main/discussion/where-nan.pdf
    """

    code = "LC204"
    name = "non-finite-gradient"
    severity = Severity.ERROR
    hint = (
        "Keep the argument away from the singular point: `tf.sqrt(x + 1e-12)`, or clip before the operation"
    )
    requires = ("gradient",)

    BAD = (
        """\
import tensorflow as tf

def distance_loss(y_true, y_pred):
    return tf.norm(y_true - y_pred, axis=-1)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def distance_loss(y_true, y_pred):
    return tf.sqrt(tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) + 1e-12)
""",
        """\
import tensorflow as tf

def absolute_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the most ordinary input with a bad gradient, for each line."""
        lines: set[int] = set()
        names = [(name, False) for name in _ORDINARY] + [(batch.name, True) for batch in prober.edges()]
        for name, is_edge in names:
            modes = _bad_modes(prober, name)
            if not modes:
                continue
            op = (
                prober.op(prober.values(name).non_finite_gradient_op, name)
                if is_edge or name == "typical"
                else None
            )
            place = (op.location if op else None) or return_location(prober)
            if place.line in lines:
                continue
            lines.add(place.line)
            where = f" after `{op.type}`" if op else ""
            yield self.finding(
                f"the loss is finite and its gradient is not{where}, with {prober.inputs[name].words}",
                place,
                modes=modes,
                severity=_severity(prober, name) if is_edge else Severity.ERROR,
                input=prober.inputs[name].words,
            )
            if not is_edge:
                return


def _severity(prober: Prober, edge: str) -> Severity:
    """A warning; a note where nobody told a simplex, which a float32 softmax leaves at exactly 0 only for
    logits more than 103 apart (a sigmoid is exactly 1 from 17 on).
    """
    task = prober.inputs.task
    is_far = task.y_pred.domain.name == "simplex" and not task.is_told and edge != "perfect"
    return Severity.NOTE if is_far else Severity.WARNING


def _bad_modes(prober: Prober, name: str) -> tuple[Mode, ...]:
    """The modes in which the loss is finite and its gradient is not."""
    seen: list[tuple[Mode, GradientObservation | XlaObservation]] = [
        (Mode.GRADIENT, prober.gradient(name)),
        (Mode.FIT, prober.gradient(name, in_graph=True)),
    ]
    if name not in _OTHER_SHAPES and all(found.is_finite for _, found in seen):  # else LC501 says it
        seen.append((Mode.XLA, prober.xla(name)))
    return tuple(mode for mode, found in seen if found.is_finite and _is_bad(found.gradient))


def _is_bad(gradient: np.ndarray | None) -> bool:
    import numpy as np

    return gradient is not None and not np.isfinite(gradient).all()
