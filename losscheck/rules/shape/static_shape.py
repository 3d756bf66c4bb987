"""LC104: the loss uses the batch size that is unknown when it is traced."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.questions import asks_for_rows
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import Raises
from losscheck.rule import Rule, first_line

#: Operations that need the numbers that they are handed.
_NUMBERS = (
    "reshape",
    "zeros",
    "ones",
    "fill",
    "range",
    "cast",
    "constant",
    "eye",
    "tile",
    "broadcast_to",
    "split",
)

#: What LC305 speaks of: a variable that is made in each call, of a tensor.
_OF_VARIABLE = "Unable to lift tensor"


class StaticShape(Rule):
    """The loss raises when the batch size is unknown at trace time.

    ## What it does
    Traces the loss with the batch size known and with the batch size None, with AutoGraph on as under
    `@tf.function` and off as in `fit`.

    ## Why is this bad?
    In `fit`, `y_pred.shape[0]` is a number as long as the batch size divides the data set, and None when
    it does not: the loss breaks with the next data set.

    ## References
    - https://www.tensorflow.org/guide/tensor#about_shapes
    """

    code = "LC104"
    name = "static-shape"
    severity = Severity.ERROR
    hint = "Use `tf.shape(y_pred)[0]`, which is known when the step runs"
    requires = ("callable",)
    silences_at_line = ("LC103",)
    supersedes = ("LC107", "LC601")
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def averaged_loss(y_true, y_pred):
    total = tf.reduce_sum(tf.square(y_true - y_pred), axis=0)
    return tf.reduce_sum(total) / y_pred.shape[0]  # <-
""",
        """\
import tensorflow as tf

def flat_loss(y_true, y_pred):
    shape = (y_pred.shape[0], -1)
    true = tf.reshape(y_true, shape)  # <-
    return tf.reduce_mean(tf.abs(true - tf.reshape(y_pred, shape)), axis=-1)
""",
    )
    also = ("LC105",)
    GOOD = (
        """\
import tensorflow as tf

def flat_loss(y_true, y_pred):
    shape = (tf.shape(y_pred)[0], -1)
    true = tf.reshape(y_true, shape)
    return tf.reduce_mean(tf.abs(true - tf.reshape(y_pred, shape)), axis=-1)
""",
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    return tf.reduce_sum(tf.abs(y_true - y_pred), axis=-1) / y_pred.shape[-1]
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect the first use of the static batch size, unless the loss asks whether it is None."""
        uses = [] if asks_for_rows(source) else list(_uses(source))
        if uses:
            first = min(uses, key=lambda node: source.location(node).line)
            yield self.suspicion("the static batch size is None while `fit` traces", source.location(first))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the traces with and without a known batch size."""
        for as_fit in (False, True):
            unknown = prober.graph(known_batch=False, as_fit=as_fit).raised
            if unknown is None or _OF_VARIABLE in unknown.message:
                continue
            known = [raised for way in (as_fit, True) if (raised := prober.graph(as_fit=way).raised)]
            if any(raised.location == unknown.location or "None" not in unknown.message for raised in known):
                continue  # it needs AutoGraph, or does not run in a graph at all: other rules say so
            yield self.finding(
                f"raises when the batch size is unknown at trace time: {first_line(unknown)}",
                unknown.location or prober.loss.location,
                modes=(Mode.GRAPH, *((Mode.FIT,) if prober.fit().raised else ())),
            )
            return


def _uses(source: Source) -> Iterator[ast.AST]:
    """Where the source takes the static batch size for a number."""
    for event in source.arithmetic():
        if Kind.ROWS in (event.left.kind, event.right.kind):
            yield event.node
    for call in source.calls():
        kinds = {item.kind for value in call.given for item in (value, *value.items)}
        takes_numbers = call.name.startswith("tensorflow.") and call.operation in _NUMBERS
        if Kind.ROWS in kinds and (takes_numbers or call.name in ("range", "float", "int")):
            yield call.node
