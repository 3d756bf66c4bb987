"""LC318: a `tf.function` of the user's is traced again in each eager call."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.observation import Effect, EffectKind
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule


class Retraces(Rule):
    """A `tf.function` is traced again in each call, because a Python argument differs.

    ## What it does
    Counts the traces of each `tf.function` over three eager calls on the same batch, and compares the
    arguments of the call that traced with those of the call before.

    ## Why is this bad?
    A trace costs a hundred times a call, and TensorFlow keeps each one: a training loop of your own gets
    slow and its memory grows. A Python number is a part of the signature, a tensor is not.

    ## References
    - https://www.tensorflow.org/guide/function#rules_of_tracing
    """

    code = "LC318"
    name = "retraces"
    severity = Severity.WARNING
    hint = "Pass a tensor (`tf.constant(step)`) or a `tf.Variable`, and make objects and functions once"
    requires = ("callable",)
    repro = Special("retraces")

    BAD = (
        """\
import tensorflow as tf

@tf.function
def scaled(error, transform):
    return transform(error)

def scaled_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return scaled(error, lambda x: 2.0 * x)  # <-
""",
        """\
import tensorflow as tf

STEP = [0]

@tf.function
def decayed(error, step):
    return error * (1.0 + 0.0 * step)

def decayed_loss(y_true, y_pred):
    STEP[0] += 1
    return decayed(tf.reduce_mean(tf.square(y_true - y_pred), axis=-1), STEP[0])  # <-
""",
    )
    also = ("LC307",)
    GOOD = (
        """\
import tensorflow as tf

@tf.function
def scaled(error, factor):
    return factor * error

def scaled_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return scaled(error, 2.0) + scaled(error, 3.0)
""",
        """\
import tensorflow as tf

def double(x):
    return 2.0 * x

@tf.function
def scaled(error, transform):
    return transform(error)

def scaled_loss(y_true, y_pred):
    return scaled(tf.reduce_mean(tf.square(y_true - y_pred), axis=-1), double)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a function that is made for each call of a `tf.function`."""
        for call in source.calls():
            decorators = getattr(call.receiver.code, "decorator_list", ())
            is_traced = any(source.name_of(decorator) == "tensorflow.function" for decorator in decorators)
            if is_traced and any(value.code is not None and not value.is_global for value in call.given):
                message = f"`{call.shown}` is handed a new function in each call, and traced again for it"
                yield self.suspicion(message, source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each line whose call traces in every eager call after the first."""
        seen = prober.eager()
        lines: dict[Location, list[Effect]] = {}
        for effect in seen.effects:
            if effect.kind is EffectKind.RETRACE:
                lines.setdefault(effect.location or prober.loss.location, []).append(effect)
        for place, effects in lines.items():
            if seen.calls < 3 or len({effect.call for effect in effects}) < seen.calls - 1:
                continue
            yield self.finding(
                f"the `tf.function` is traced again in each of {seen.calls} eager calls on the same batch:"
                f" {effects[-1].detail}",
                place,
                modes=(Mode.EAGER,),
            )
