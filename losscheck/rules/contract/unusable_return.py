"""LC003: the loss returns something that Keras cannot train on."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Returned
from losscheck.prober import Prober
from losscheck.reading.questions import never_returns
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import ReturnsNoLoss
from losscheck.rule import Rule, return_location


class UnusableReturn(Rule):
    """The loss returns None, a number, a list, or a tensor without a gradient.

    ## What it does
    Looks at what the loss gives back eagerly: anything but a tensor of a floating-point dtype is reported.

    ## Why is this bad?
    Keras says "No gradients provided" for a number or an integer tensor and names neither the loss nor the
    line; a tuple or a complex tensor it averages without a word.

    ## References
    - https://keras.io/api/losses/#creating-custom-losses
    """

    code = "LC003"
    name = "unusable-return"
    severity = Severity.ERROR
    hint = "Return a floating-point tensor, one value for each sample"
    requires = ("callable",)
    supersedes = ("LC107",)
    repro = ReturnsNoLoss()

    BAD = (
        """\
import tensorflow as tf

def mean_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    loss = error * 2.0

    return None  # <-
""",
        """\
import tensorflow as tf

def parts_loss(y_true, y_pred):
    squared = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    absolute = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    return squared, absolute  # <-
""",
        """\
import tensorflow as tf

def error_count_loss(y_true, y_pred):
    return tf.cast(y_true != tf.round(y_pred), tf.int32)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def parts_loss(y_true, y_pred):
    squared = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    absolute = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    return squared + absolute
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a missing `return`, and one of None, several tensors, integers or truth values."""
        if source.is_wrapped or source.function is None:
            return
        if never_returns(source):
            yield self.suspicion("it returns nothing", source.def_location())
        for event in source.returns():
            kind = ""
            if event.value.is_none:
                kind = "None"
            elif event.value.kind is Kind.PYTHON and event.value.number is not None:
                kind = "a number of Python's"
            elif event.value.kind is Kind.SEQUENCE and event.value.is_of_batch:
                kind = "several tensors"
            elif event.value.kind is Kind.TENSOR and event.value.dtype in ("int", "bool"):
                kind = f"a tensor of dtype {event.value.dtype}"
            if kind and not event.context.is_conditional:
                yield self.suspicion(f"it returns {kind}", source.location(event.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a return value that is no float tensor."""
        returned = prober.eager().returned
        if returned is None or returned.is_float_tensor:
            return
        yield self.finding(
            f"returns {_in_words(returned)}",
            returned.location or return_location(prober),
            modes=(Mode.GRADIENT, Mode.FIT),
            hint="This is a factory: check what it returns, `make_loss()`"
            if returned.kind == "function"
            else None,
            returned=returned.kind,
        )


def _in_words(returned: Returned) -> str:
    if returned.kind == "tensor":
        return f"a tensor of dtype {returned.dtype}, which carries no gradient to train on"
    if returned.kind == "NoneType":
        return "None"
    article = "an" if returned.kind[0].lower() in "aeiou" else "a"
    return f"{article} `{returned.kind}`, no tensor"
