"""LC315: the loss has another value in a graph than eagerly."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import DIFFER, PROVED_ON, Values, Way
from losscheck.rule import Rule, return_location

_ORDINARY = ("typical", "other_size")
#: Sums of thousands of float32 terms differ by 1e-4 of their size with the order of the terms.
_NOISE = 1e-3
#: At an edge a graph, which folds constants, may differ by half where `1 - p + 1e-7` is divided by.
_NOISE_AT_EDGES = 0.5


class EagerGraphMismatch(Rule):
    """The loss has another value in a graph than it has eagerly.

    ## What it does
    Compares the value of an eager call with that under `tf.function`, traced as `fit` does it (AutoGraph
    off, batch size unknown), on ordinary batches and at the edges. It then runs both line by line and
    points at the first line where they part. Random and stateful losses are left out.

    ## Why is this bad?
    What you test in a notebook is not what trains: `tf.executing_eagerly()`, `hasattr(x, "numpy")` and a
    `try` around `.numpy()` take another branch while `fit` traces the loss.

    ## References
    - https://www.tensorflow.org/guide/intro_to_graphs
    """

    code = "LC315"
    name = "eager-graph-mismatch"
    severity = Severity.ERROR
    hint = "Compute the same in both: no branch on `executing_eagerly`, on `.numpy` or on a static shape"
    requires = ("value", "gradient")
    supersedes = ("LC609",)
    repro = Values(DIFFER, (PROVED_ON,), (Way.EAGER, Way.GRAPH))

    BAD = (
        """\
import tensorflow as tf

def careful_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    if tf.executing_eagerly():  # <-
        error = tf.sqrt(error + 1e-4)
    return tf.reduce_mean(error, axis=-1)
""",
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    scale = 2.0 if hasattr(y_pred, "numpy") else 1.0  # <-
    return scale * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def careful_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    if tf.executing_eagerly():
        tf.debugging.assert_all_finite(error, "error")
    return tf.reduce_mean(error, axis=-1)
""",
        """\
import tensorflow as tf

def sized_loss(y_true, y_pred):
    rows = y_pred.shape[0]
    if rows is None:
        rows = tf.shape(y_pred)[0]
    error = tf.reshape(tf.square(y_true - y_pred), [rows, -1])
    return tf.reduce_mean(error, axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a branch that is taken in a graph, or outside one, and computes something."""
        for node in source.graph_tests():
            inside = [*node.body, *node.orelse] if isinstance(node, ast.If) else []
            computes = (ast.Assign, ast.AugAssign, ast.Return)
            if isinstance(node, ast.IfExp) or any(isinstance(statement, computes) for statement in inside):
                message = "the loss computes something else in a graph than it does eagerly"
                yield self.suspicion(message, source.location(node), Severity.NOTE)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the most ordinary input on which the two values differ."""
        if not prober.is_steady:
            return
        for name in (*_ORDINARY, *(batch.name for batch in prober.edges())):
            is_edge = name not in _ORDINARY
            gap = _gap(prober, name)
            if gap is None or gap[0] <= _NOISE:
                continue
            found = prober.divergence(name, tolerance=_NOISE)
            if gap[0] <= _NOISE_AT_EDGES and is_edge and not found.branches:
                continue
            yield self.finding(
                f"the loss is {gap[1]:.4g} eagerly and {gap[2]:.4g} in a graph"
                + (", which goes another way from here" if found.branches else "")
                + f", with {prober.inputs[name].words}",
                found.location or return_location(prober),
                modes=(Mode.GRAPH, Mode.FIT),
                severity=_severity(is_edge, found.branches),
                batch=name,
            )
            return


def _severity(is_edge: bool, branches: bool) -> Severity:
    """At an edge the same operations may clip in one mode and not in the other, as Keras's own do."""
    if not is_edge:
        return Severity.ERROR
    return Severity.WARNING if branches else Severity.NOTE


def _gap(prober: Prober, name: str) -> tuple[float, float, float] | None:
    """The largest relative difference, and the two values there; None where one of them is not finite."""
    import numpy as np

    eager, graph = prober.gradient(name), prober.gradient(name, in_graph=True)
    if eager.value is None or graph.value is None or not (eager.is_finite and graph.is_finite):
        return None
    if eager.value.shape != graph.value.shape or not eager.value.size:
        return None
    left, right = np.ravel(eager.value).astype(float), np.ravel(graph.value).astype(float)
    scale = max(1e-3, float(np.max(np.abs([left, right]))))
    worst = int(np.argmax(np.abs(left - right)))
    return abs(left[worst] - right[worst]) / scale, left[worst], right[worst]
