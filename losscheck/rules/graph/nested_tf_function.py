"""LC314: a `tf.function` is made anew in each call."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.observation import EffectKind
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule


class NestedTfFunction(Rule):
    """A `tf.function` is made anew in each call, so that each eager call traces again.

    ## What it does
    Records the `tf.function`s that each of three eager calls makes.

    ## Why is this bad?
    A trace costs a hundred times a call, and TensorFlow keeps what it traced. Inside `fit` the loss is
    part of a graph already, so the inner `tf.function` does nothing at all.

    ## References
    - https://www.tensorflow.org/guide/function#rules_of_tracing
    """

    code = "LC314"
    name = "nested-tf-function"
    severity = Severity.WARNING
    hint = "Remove the inner `tf.function`, or define it once at module level"
    requires = ("callable",)
    repro = Special("retraces")

    BAD = (
        """\
import tensorflow as tf

def wrapped_loss(y_true, y_pred):
    @tf.function  # <-
    def inner(true, pred):
        return tf.reduce_mean(tf.square(true - pred), axis=-1)

    return inner(y_true, y_pred)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

@tf.function
def inner(true, pred):
    return tf.reduce_mean(tf.square(true - pred), axis=-1)

def wrapped_loss(y_true, y_pred):
    return inner(y_true, y_pred)
""",
        """\
import tensorflow as tf

def make_loss(power):
    @tf.function
    def inner(true, pred):
        return tf.reduce_mean(tf.abs(true - pred) ** power, axis=-1)

    def power_loss(y_true, y_pred):
        return inner(y_true, y_pred)

    return power_loss

cubic_loss = make_loss(3.0)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a `tf.function` that is made inside the loss."""
        message = "a new `tf.function` is made, and traced, in each eager call"
        for call in source.calls("function"):
            yield self.suspicion(message, source.location(call.node))
        for function in source.functions:
            inner = [n for n in ast.walk(function) if isinstance(n, ast.FunctionDef) and n is not function]
            for decorator in (decorator for node in inner for decorator in node.decorator_list):
                if source.name_of(decorator) == "tensorflow.function":
                    yield self.suspicion(message, source.location(decorator))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each line that makes a `tf.function` in every call."""
        seen = prober.eager()
        lines: dict[Location, set[int]] = {}
        for effect in seen.effects:
            if effect.kind is EffectKind.FUNCTION and effect.location is not None:
                lines.setdefault(effect.location, set()).add(effect.call)
        for place, calls in lines.items():
            if len(calls) < seen.calls:
                continue
            yield self.finding(
                f"a new `tf.function` is made in each call: {seen.calls} eager calls, {len(calls)} traces,"
                f" {1000 * seen.seconds / seen.calls:.0f} ms a call",
                place,
                modes=(Mode.EAGER,),
            )
