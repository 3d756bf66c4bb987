"""LC302: a call that needs the tensor's value, which a graph does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import Raises
from losscheck.rule import FailureRule, code_at

#: Each an error's text and the call that raises it; `{0}` is the first group of the text.
_ERRORS = (
    (re.compile(r"(?:Symbolic|Keras)?Tensor'? object has no attribute '(numpy|item|tolist|eval)'"), ".{0}()"),
    (re.compile(r"has no attribute '(numpy|item|tolist)'"), ".{0}()"),
    (re.compile(r"(numpy)\(\) is only available when eager"), ".{0}()"),
    (re.compile(r"^(float|int|complex)\(\) argument must be"), "{0}()"),
    (re.compile(r"^(len) is not well defined for"), "{0}()"),
    (re.compile(r"object of type '\w*Tensor' has no (len)\(\)"), "{0}()"),
)
_CALLS = re.compile(
    r"(?<![\w.])(list|tuple|float|int|set|sorted|sum|dict)\(|(\.(?:predict|evaluate|fit|predict_on_batch|numpy|item|tolist))\("
)
#: What Python's `math` says of a symbolic tensor; it takes an eager one for a number.
_REAL = re.compile(r"must be real number, not \w*Tensor")
_MATH = re.compile(r"\bmath\.\w+(?=\()")
#: What a source side looks for.
_METHODS = ("numpy", "item", "tolist")
_FUNCTIONS = ("float", "int", "len", "list", "tuple", "set", "complex")
_SYMBOLIC = re.compile(
    r"[Ss]ymbolic|Iterating over|in-?graph|\bgraph\b|KerasTensor|\bNone\b|tf\.function|tf\.data",
    re.IGNORECASE,
)


class EagerOnlyCall(FailureRule):
    """A call needs the value of a tensor, which does not exist while a graph is traced.

    ## What it does
    Recognises the errors of `.numpy()`, `.item()`, `.tolist()`, `.predict()`, `float()`, `int()`, `len()`
    and `list()` on a symbolic tensor: the loss passes eagerly and raises in a graph.

    ## Why is this bad?
    `model.fit` traces the loss: the value is only there when the step runs.

    ## References
    - https://www.tensorflow.org/guide/function#limitations
    """

    code = "LC302"
    name = "eager-only-call"
    severity = Severity.ERROR
    hint = "Stay with tensors: drop the call, use `tf.cast`, `tf.shape`, or call the model itself, `model(x)`"
    supersedes = ("LC003", "LC201")
    silences_at_line = ("LC303",)
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    scale = 1.0 + y_true.numpy().mean() ** 2  # <-
    return scale * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    scale = float(tf.reduce_max(tf.abs(y_true))) + 1.0  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) / scale
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    scale = tf.reduce_max(tf.abs(y_true)) + 1.0
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) / scale
""",
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    columns = float(y_pred.shape[-1])
    return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) / columns
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect the methods and functions that need a value, on a tensor, and a model's `predict`."""
        for call in source.calls():
            needy = call.method in _METHODS and call.receiver.kind is Kind.TENSOR
            if call.name in _FUNCTIONS and len(call.arguments) == 1:
                needy = call.arguments[0].kind is Kind.TENSOR
            is_model = call.receiver.made_by.startswith("keras.") and call.receiver.kind is Kind.OBJECT
            if needy or (is_model and call.method in ("predict", "predict_on_batch", "evaluate", "fit")):
                shown = f".{call.method}()" if call.method else f"{call.name}()"
                yield self.suspicion(_message(shown), source.location(call.node))

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise a call that needs a value."""
        if mode is Mode.EAGER:
            return None
        for pattern, call in _ERRORS:
            if match := pattern.search(raised.message):
                return _message(call.format(match[1]))
        code = code_at(raised.location) if raised.location else ""
        if _REAL.search(raised.message) and (called := _MATH.search(code)):
            return _message(f"{called[0]}()")
        match = _CALLS.search(code)
        if match and _SYMBOLIC.search(raised.message):
            return _message(f"{match[1] or match[2]}()")
        return None


def _message(call: str) -> str:
    return f"`{call}` needs the value of a tensor, and in a graph there is none yet"
