"""LC317: the loss raises under `tf.function`, and no other rule explains it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Raises
from losscheck.rule import FailureRule, first_line

#: A list among the defaults grows: LC307 tells so, and `fit`, which hands over no defaults, does not raise.
_OF_DEFAULTS = "should not modify its Python input arguments"


class RaisesInGraph(FailureRule):
    """The loss raises under `tf.function`, for a reason that no other rule names.

    ## What it does
    Traces the loss with AutoGraph on, with the batch size known and unknown, and runs it.

    ## Why is this bad?
    `model.fit` runs the loss in a graph.

    ## References
    - https://www.tensorflow.org/guide/function
    """

    code = "LC317"
    name = "raises-in-graph"
    severity = Severity.ERROR
    hint = "Make the line work on symbolic tensors: they have a shape and a dtype, and no value"
    is_fallback = True
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def careful_loss(y_true, y_pred):
    if not tf.executing_eagerly():
        raise RuntimeError("call me eagerly")  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def careful_loss(y_true, y_pred):
    scale = 2.0 if tf.executing_eagerly() else tf.constant(2.0)
    return scale * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def careful_loss(y_true, y_pred):
    if y_pred.shape.rank < 2 or y_pred.shape[-1] is None:
        raise ValueError("the last axis holds the outputs")
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a `raise` in a branch that is taken where there is a graph."""
        for node in source.graph_tests(is_eager=False):
            for statement in node.body if isinstance(node, ast.If) else ():
                if isinstance(statement, ast.Raise):
                    yield self.suspicion("this raises where there is a graph", source.location(statement))

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Accept any failure in a graph."""
        as_fit = prober.graph(known_batch=False, as_fit=True).raised
        if mode is Mode.EAGER or (as_fit is not None and raised.location != as_fit.location):
            return None  # without AutoGraph it raises elsewhere, and first: that line is the one to mend
        if mode is Mode.FIT and prober.graph().raised is None:
            return None
        if as_fit is None and _OF_DEFAULTS in raised.message:
            return None
        return f"raises `{raised.type}` under `tf.function`: {first_line(raised)}"
