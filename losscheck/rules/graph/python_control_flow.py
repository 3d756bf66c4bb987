"""LC303: Python decides something by the value of a tensor."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Raises
from losscheck.rule import FailureRule, code_at, whole_line

_BOOL = re.compile(r"as a Python `?bool`?|truth value of a", re.IGNORECASE)
_ITERATION = re.compile(r"Iterating over a symbolic|object is not iterable|`for` loop|tf\.range")
_INTEGER = re.compile(r"Tensor'? object cannot be interpreted as an integer")
_STATEMENT = re.compile(
    r"\b(if|elif|while|assert|and|or|not|min|max|any|all|sorted|for|range|zip|enumerate)\b"
)
_CALLS_FOR_LIST = re.compile(r"(?<![\w.])(list|tuple|set|dict|sum)\(")
#: Functions of Python that compare what they are handed, or loop over it.
_DECIDING = ("max", "min", "sorted", "sum", "any", "all", "bool")


class PythonControlFlow(FailureRule):
    """Python decides or loops by the value of a tensor.

    ## What it does
    Recognises `if`, `while`, `and`, `not`, `assert`, `min`, `max` and `for row in` on a tensor in a graph
    that AutoGraph does not rewrite, as in `fit`.

    ## Why is this bad?
    The train step of Keras 3 runs with AutoGraph off, so that the loss passes eagerly and under a plain
    `@tf.function`, and raises in `fit`.

    ## References
    - https://www.tensorflow.org/guide/function#conditionals
    """

    code = "LC303"
    name = "python-control-flow"
    severity = Severity.ERROR
    hint = "Use `tf.where` or `tf.cond` for a decision, and operate on whole tensors instead of a loop"
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def choosing_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    if tf.reduce_mean(error) > 1.0:  # <-
        error = error * 0.5
    return error
""",
        """\
import tensorflow as tf

def row_loss(y_true, y_pred):
    rows = []
    for true, pred in zip(y_true, y_pred):  # <-
        rows.append(tf.reduce_mean(tf.abs(true - pred)))
    return tf.stack(rows)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def choosing_loss(y_true, y_pred, is_halved=True):
    error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    if is_halved:
        error = error * 0.5
    return error
""",
        """\
import tensorflow as tf

def column_loss(y_true, y_pred):
    total = 0.0
    for column in range(y_pred.shape[-1]):
        total += tf.abs(y_true[:, column] - y_pred[:, column])
    return total
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect an `if`, a loop or a `max` of Python on a tensor, where there is no AutoGraph."""
        for decision in source.decisions():
            if decision.value.is_tensor:
                message = (
                    f"Python's `{decision.how}` needs the value of a tensor, and in `fit` there is none yet"
                )
                yield self.suspicion(message, source.location(decision.node))
        for call in source.calls():
            decides = call.name in _DECIDING and any(value.is_tensor for value in call.arguments)
            if decides and not call.context.is_converted:
                message = f"Python's `{call.name}()` compares tensors, and in `fit` they have no value yet"
                yield self.suspicion(message, source.location(call.node))

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise a decision or a loop on a tensor."""
        code = code_at(raised.location) if raised.location else ""
        if mode is Mode.EAGER or _CALLS_FOR_LIST.search(code):
            return None
        whole = code_at(whole_line(raised.location)) if raised.location else ""
        statement = _STATEMENT.search(code) or _STATEMENT.search(whole)
        if _BOOL.search(raised.message):
            what = f"`{statement[1] if statement else 'a decision'}` on a tensor"
        elif _ITERATION.search(raised.message):
            what = f"a `{statement[1] if statement else 'for'}` over a tensor"
        elif _INTEGER.search(raised.message):
            what = "a Python loop or index over a tensor"
        else:
            return None
        rescue = ""
        is_converted = prober.evidence.is_callable and prober.graph().raised is None
        if is_converted and not prober.evidence.fit_converts:
            rescue = " (a plain `@tf.function` passes: AutoGraph rewrites it, and `fit` has AutoGraph off)"
        return f"{what} has no answer while the graph is traced{rescue}"
