"""LC204: the loss is finite and its gradient is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscheck.cures import cure
from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import XlaObservation
from losscheck.hunting import edge_severity, edges, has_bad_gradient, seen_at, smallest_words, walked_to
from losscheck.observation import GradientObservation
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import PROVED_ON, Gradients
from losscheck.rule import Rule, return_location

if TYPE_CHECKING:
    from losscheck.inputs.batches import Batch

_ORDINARY = ("typical", "other_size", "partial")


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
    silences_at_line = ("LC212",)
    repro = Gradients("np.isfinite(first).all() and not np.isfinite(slope).all()", (PROVED_ON,), is_mode=True)

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

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a root, a norm or a power below one of what can be zero."""
        message = "the gradient of this is infinite at zero, and nothing keeps it from there"
        for call in source.calls("sqrt", "norm", "pow", "reduce_std", "std", "reduce_euclidean_norm"):
            power = call.argument(1).number
            is_steep = call.operation != "pow" or (power is not None and 0 < power < 1)
            if is_steep and call.argument(0).can_vanish and call.argument(0).has_slope:
                yield self.suspicion(message, source.location(call.node), Severity.NOTE)
        for event in source.arithmetic():
            power = event.right.number if event.symbol == "pow" else None
            if power is not None and 0 < power < 1 and event.left.can_vanish and event.left.has_slope:
                yield self.suspicion(message, source.location(event.node), Severity.NOTE)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the most ordinary input with a bad gradient, for each line."""
        lines: set[int] = set()
        for batch in (*map(prober.inputs.__getitem__, _ORDINARY), *edges(prober)):
            modes = _bad_modes(prober, batch)
            if not modes:
                continue
            op = prober.op(prober.values(batch.name).non_finite_gradient_op, batch.name)
            place = (op.location if op else None) or return_location(prober)
            if place.line in lines:
                continue
            if op is None and batch.is_edge and any(_has_op(prober, other) for other in edges(prober)):
                continue  # XLA alone makes it: of a defect that another edge shows at its operation
            lines.add(place.line)
            where = f" after `{op.type}`" if op else ""
            least = smallest_words(prober, batch, of_gradient=True, in_graph=Mode.FIT in modes)
            yield self.finding(
                f"the loss is finite and its gradient is not{where}, with {batch.words}{least}",
                place,
                modes=modes,
                severity=_severity(prober, batch) if batch.is_edge else Severity.ERROR,
                hint=cure(op),
                input=batch.words,
                batch=batch.name,
                smallest=least.removeprefix("; "),
            )
            if not batch.is_edge:
                return
        walked = walked_to(prober, of_gradient=True)
        if walked is not None:
            batch, index, severity = walked
            op = prober.op(index)
            least = smallest_words(prober, batch, of_gradient=True, in_graph=True)
            yield self.finding(
                f"the loss is finite and its gradient is not after `{op.type if op else 'an operation'}`,"
                f" at {batch.words}{least}",
                (op.location if op else None) or return_location(prober),
                modes=(Mode.GRADIENT, Mode.FIT),
                severity=severity,
                hint=cure(op),
                input=batch.words,
                batch=batch.name,
                smallest=least.removeprefix("; "),
            )


def _severity(prober: Prober, batch: Batch) -> Severity:
    """A warning; a note at two edges of inputs that nobody told.

    A float32 softmax leaves a simplex at exactly 0 only for logits over 103 apart (a sigmoid is exactly 1
    from 17 on), and predictions that are all exactly zero come from a last layer that was set to zero.
    """
    task = prober.inputs.task
    is_simplex = task.y_pred.domain.name == "simplex" and batch.name != "perfect"
    is_zero = batch.name == "zero predictions" or (
        batch.name == "all zero" and task.y_pred.domain.name == "real"
    )
    is_far = (is_simplex or is_zero) and not task.is_told
    return Severity.NOTE if is_far else edge_severity(batch)


def _bad_modes(prober: Prober, batch: Batch) -> tuple[Mode, ...]:
    """The modes in which the loss is finite and its gradient is not."""
    seen: list[tuple[Mode, GradientObservation | XlaObservation]] = [*seen_at(prober, batch)]
    if prober.inputs["typical"].y_pred.shape == batch.y_pred.shape and all(f.is_finite for _, f in seen):
        seen.append((Mode.XLA, prober.xla(batch.name)))  # of another shape it would be compiled anew
    return tuple(mode for mode, found in seen if has_bad_gradient(found))


def _has_op(prober: Prober, batch: Batch) -> bool:
    """Whether the graph shows at this edge which operation makes the bad gradient."""
    bad = _bad_modes(prober, batch)
    return bool(bad) and prober.values(batch.name).non_finite_gradient_op is not None
