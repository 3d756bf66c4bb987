"""LC203: a term of the loss moves with `y_pred` and gets no gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import Term
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Operations
from losscheck.rule import Rule, return_location

#: The same labels with other predictions: what moves between them depends on `y_pred`.
_SAMPLES = ("typical", "repredicted", "turned")


class DeadTerm(Rule):
    """A term of the loss depends on `y_pred` and hands no gradient to it, while another one does.

    ## What it does
    Takes the traced loss apart into the terms that it adds, scales and reduces, and asks each for its value
    and its gradient on batches with other predictions. A term that moves and has no gradient, or one that
    is always zero, is dead. One behind a `tf.stop_gradient` is meant to be.

    ## Why is this bad?
    The loss that is printed holds the term, and training never lowers it: the penalty for wrong counts,
    thresholds or classes does nothing, and nothing is raised as long as another term has a gradient.

    ## References
    - https://www.tensorflow.org/guide/autodiff#getting_a_gradient_of_none
    """

    code = "LC203"
    name = "dead-term"
    severity = Severity.WARNING
    hint = "Write the term with a smooth operation, or wrap it in `tf.stop_gradient` if only its value counts"
    requires = ("gradient", "graph")
    repro = Operations("op.type == {cut}")

    BAD = (
        """\
import tensorflow as tf

def counted_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    hard = tf.round(y_pred)  # <-
    return error + 10.0 * tf.reduce_mean(tf.abs(y_true - hard), axis=-1)
""",
        """\
import tensorflow as tf

def threshold_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    above = tf.cast(y_pred > 0.5, tf.float32)  # <-
    return error + 0.1 * tf.reduce_mean(above, axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def masked_loss(y_true, y_pred):
    above = tf.cast(y_pred > 0.5, tf.float32)
    return tf.reduce_mean((1.0 + above) * tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def straight_through_loss(y_true, y_pred):
    hard = y_pred + tf.stop_gradient(tf.round(y_pred) - y_pred)
    return tf.reduce_mean(tf.square(y_true - hard), axis=-1)
""",
        """\
import tensorflow as tf

def complement_loss(y_true, y_pred):
    rest = tf.ones_like(y_pred) - y_pred
    return tf.reduce_mean(tf.square(y_true - rest), axis=-1) + tf.reduce_mean(rest, axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a term without a gradient that is added to one that has it."""
        returns = source.returns()
        for node in dict.fromkeys(node for event in returns for node in event.value.dead):
            yield self.suspicion("a term behind this operation brings no gradient", source.location(node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each dead term, at the operation that ends its gradient."""
        first = prober.terms(_SAMPLES[0]).terms
        if not first or not prober.is_steady:
            return
        seen = {term.op.index: [term] for term in first}
        for name in _SAMPLES[1:]:
            for term in prober.terms(name).terms:
                seen[term.op.index].append(term)
        if not any(term.is_live for terms in seen.values() for term in terms):
            return
        lines: set[object] = set()
        for terms in seen.values():
            cut = terms[0].cut
            if any(term.is_live for term in terms) or cut is None or not (moved := _moved(terms)):
                continue
            place = cut.location or return_location(prober)
            if place in lines:
                continue
            lines.add(place)
            yield self.finding(
                f"a term of the loss goes from {moved[0]:.4g} to {moved[1]:.4g} with `y_pred` and has no"
                f" gradient: `{cut.type}` ends it",
                place,
                modes=(Mode.GRADIENT, Mode.FIT),
                cut=cut.type,
            )


def _moved(terms: list[Term]) -> tuple[float, float] | None:
    """An entry of a term on two batches where it differs; None where it does not, or there is no entry."""
    values = [t.value.astype(np.float64) for t in terms if t.value.size and np.isfinite(t.value).all()]
    for other in values[1:]:
        gaps = np.abs(np.ravel(other - values[0]))
        index = int(gaps.argmax())
        before, after = float(np.ravel(values[0])[index]), float(np.ravel(other)[index])
        if gaps[index] > 1e-4 * max(1.0, abs(before), abs(after)):
            return before, after
    return None
