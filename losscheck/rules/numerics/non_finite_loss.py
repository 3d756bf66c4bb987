"""LC501: the loss itself is NaN or infinite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscheck.cures import cure
from losscheck.finding import Finding, Mode, Severity
from losscheck.hunting import ORDINARY, edge_severity, edges, seen_at, smallest_words, walked_to
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import PROVED_ON, Values
from losscheck.rule import Rule, return_location

if TYPE_CHECKING:
    from losscheck.graph_observation import Op
    from losscheck.inputs.batches import Batch

_WHOLE_LOSSES = ("CTCLoss", "CTCLossV2")
_ALONE = {Mode.EAGER: "eagerly", Mode.GRAPH: "in a graph"}


class NonFiniteLoss(Rule):
    """The loss is NaN or infinite.

    ## What it does
    Evaluates the loss eagerly and in a graph (they differ: a graph folds constants) on ordinary batches
    and at the edges that training reaches: exact 0 and 1 (a float32 sigmoid gives them), `y_pred` equal to
    `y_true`, labels of one class, no row that survives a mask, saturated logits.

    ## Why is this bad?
    One NaN ends a training: every weight becomes NaN in the next step.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/debugging/enable_check_numerics
    """

    code = "LC501"
    name = "non-finite-loss"
    severity = Severity.ERROR
    hint = (
        "Clip before a logarithm (`tf.clip_by_value(p, 1e-7, 1 - 1e-7)`); `tf.math.divide_no_nan` for a mean"
    )
    requires = ("value", "gradient")
    silences_at_line = ("LC103", "LC204", "LC212", "LC502")
    repro = Values("not np.isfinite(first).all()", (PROVED_ON,), is_mode=True)

    BAD = (
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    log_p = tf.math.log(y_pred)  # <-
    log_q = tf.math.log(tf.maximum(1.0 - y_pred, 1e-7))
    return -tf.reduce_mean(y_true * log_p + (1.0 - y_true) * log_q, axis=-1)
""",
        """\
import tensorflow as tf

def masked_loss(y_true, y_pred):
    mask = tf.cast(y_true > 0, tf.float32)
    error = tf.reduce_sum(mask * tf.abs(y_true - y_pred), axis=-1)
    return error / tf.reduce_sum(mask, axis=-1)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def binary_loss(y_true, y_pred):
    p = tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7)
    return -tf.reduce_mean(y_true * tf.math.log(p) + (1.0 - y_true) * tf.math.log(1.0 - p), axis=-1)
""",
        """\
import tensorflow as tf

def masked_loss(y_true, y_pred):
    mask = tf.cast(y_true > 0, tf.float32)
    error = tf.reduce_sum(mask * tf.abs(y_true - y_pred), axis=-1)
    return tf.math.divide_no_nan(error, tf.reduce_sum(mask, axis=-1))
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a logarithm of what can be zero, and a division by a sum that can be zero."""
        for call in source.calls("log"):
            if call.argument(0).can_vanish:
                yield self.suspicion(
                    "nothing keeps this logarithm from zero", source.location(call.node), Severity.NOTE
                )
        for event in source.arithmetic():
            if event.symbol == "divide" and event.right.can_vanish and event.right.is_reduction:
                yield self.suspicion(
                    "nothing keeps this divisor from zero", source.location(event.node), Severity.NOTE
                )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the most ordinary input with a bad value, for each line."""
        lines: set[int] = set()
        for batch in (*map(prober.inputs.__getitem__, ORDINARY), *edges(prober)):
            modes = _bad_modes(prober, batch)
            if not modes:
                continue
            op = prober.op(prober.values(batch.name).non_finite_op, batch.name)
            if op is not None and op.type == "Placeholder":
                op = None  # the input itself: the loss only passes it on
            place = (op.location if op else None) or return_location(prober)
            if place.line in lines:
                continue
            lines.add(place.line)
            only = f" (only {_ALONE[modes[0]]})" if len(modes) == 1 else ""
            where = f": `{op.type}` makes it" if op else ""
            least = smallest_words(prober, batch, of_gradient=False, in_graph=Mode.GRAPH in modes)
            yield self.finding(
                f"the loss is not finite{only} with {batch.words}{where}{least}",
                place,
                modes=(*modes, Mode.FIT) if Mode.GRAPH in modes else modes,
                severity=_severity(batch, op),
                hint=cure(op),
                input=batch.words,
                batch=batch.name,
                smallest=least.removeprefix("; "),
            )
            if not batch.is_edge:
                return
        walked = walked_to(prober, of_gradient=False)
        if walked is not None:
            batch, index, severity = walked
            op = prober.op(index)
            least = smallest_words(prober, batch, of_gradient=False, in_graph=True)
            yield self.finding(
                f"the loss is not finite at {batch.words}"
                f": `{op.type if op else 'an operation'}` makes it{least}",
                (op.location if op else None) or return_location(prober),
                modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
                severity=severity,
                hint=cure(op),
                input=batch.words,
                batch=batch.name,
                smallest=least.removeprefix("; "),
            )


def _severity(batch: Batch, op: Op | None) -> Severity:
    """A note where an operation of TensorFlow's own overflows at an edge: the loss cannot prevent it."""
    if not batch.is_edge:
        return Severity.ERROR
    return Severity.NOTE if op is not None and op.type in _WHOLE_LOSSES else edge_severity(batch)


def _bad_modes(prober: Prober, batch: Batch) -> tuple[Mode, ...]:
    """The modes in which the loss is not finite."""
    named = {Mode.GRADIENT: Mode.EAGER, Mode.FIT: Mode.GRAPH}
    seen = seen_at(prober, batch)
    return tuple(named[mode] for mode, found in seen if found.value is not None and not found.is_finite)
