"""LC004: `y_true` and `y_pred` are in each other's place."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.inputs.batches import is_same_value
from losscheck.prober import Prober
from losscheck.reading.exchanged import exchanged_calls
from losscheck.reading.source import Source
from losscheck.recipe import Recipe, Special
from losscheck.rule import Rule, def_location

#: Parts of names that stand for a prediction, and for the truth.
_PREDICTION = frozenset(
    ("pred", "preds", "predicted", "prediction", "predictions", "hat", "yhat", "output", "outputs", "logits",
     "prob", "probs", "score", "scores", "student", "estimate", "forecast")
)  # fmt: skip
_TRUTH = frozenset(("true", "truth", "target", "targets", "label", "labels", "gt", "actual", "teacher"))
#: Parts of names of the functions that are not symmetric in their two arguments.
_ASYMMETRIC = re.compile(
    r"crossentropy|cross_entropy|poisson|divergence|kld|hinge|percentage|mape|tversky|focal|ctc|losses?$",
    re.I,
)
#: The divergence that is meant in this order as well; on labels of 0 and 1 it is not.
_EITHER_ORDER = ("kl_divergence", "KLDivergence")
_BOTH_WAYS = re.compile(r"revers|symmetr|jensen|mutual|consisten", re.I)
#: A teacher's prediction may stand for the truth or not: only the order of the parameters tells.
_TAUGHT = re.compile(r"distil|teacher|student", re.I)


class SwappedArguments(Rule):
    """The loss takes `y_pred` for the truth and `y_true` for the prediction.

    ## What it does
    Watches the built-in losses of Keras and TensorFlow that the loss calls while it is traced: where one
    gets `y_pred` in the place of `y_true`, it is called in both orders on two batches. Parameters named in
    the wrong order count where the value, or the gradient, changes when the two are exchanged.

    ## Why is this bad?
    Keras passes `(y_true, y_pred)` by position. Cross-entropy in the other order takes the logarithm of the
    labels: the loss is a number, it falls, and the model learns something else.

    ## References
    - https://keras.io/api/losses/#creating-custom-losses
    """

    code = "LC004"
    name = "swapped-arguments"
    severity = Severity.ERROR
    hint = "Put `y_true` first and `y_pred` second"
    requires = ("value",)
    supersedes = (
        *("LC006", "LC201", "LC202", "LC204", "LC205", "LC207", "LC209", "LC212"),
        *("LC315", "LC501", "LC503", "LC702"),
    )
    repro = Special("arguments of built-in")

    BAD = (
        """\
import keras
import tensorflow as tf

def mean_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:binary y_pred=float32[B,1]:prob
    y_true = tf.cast(y_true, y_pred.dtype)
    return keras.losses.binary_crossentropy(y_pred, y_true)  # <-
""",
        """\
import tensorflow as tf

def weighted_loss(y_pred, y_true):  # <-
    weight = 1.0 + tf.abs(y_true)
    return tf.reduce_mean(weight * tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import keras

def mean_loss(y_true, y_pred):  # losscheck: y_true=float32[B,1]:binary y_pred=float32[B,1]:prob
    return keras.losses.binary_crossentropy(y_true, y_pred)
""",
        """\
import tensorflow as tf

def squared_loss(y_pred, y_true):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import keras

def both_ways_loss(y_true, y_pred):  # losscheck: y_true=float32[B,4]:simplex y_pred=float32[B,4]:simplex
    there = keras.losses.categorical_crossentropy(y_true, y_pred)
    return there + 0.1 * keras.losses.categorical_crossentropy(y_pred, y_true)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a cross-entropy that is handed the prediction first."""
        for call in exchanged_calls(source):
            message = f"`{call.shown}` takes the truth first, and is handed the prediction"
            yield self.suspicion(message, source.location(call.node))

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: what the built-in gets, or how the parameters are named."""
        return self.repro if "builtin" in finding.evidence else Special("order of arguments")

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Look at the order of the parameters, then at the calls of built-in losses."""
        task, facts = prober.inputs.task, prober.loss.source
        words = " ".join((prober.loss.name, facts.docstring, *facts.names))
        if task.is_embedding or _BOTH_WAYS.search(words) or prober.is_random:
            return
        modes = (Mode.EAGER, Mode.GRAPH, Mode.FIT)
        names = _names_in_wrong_order(prober)
        difference = _difference(prober) if names else ""
        calls_builtin = any(_ASYMMETRIC.search(name) for name in facts.names)
        if names and difference and not (calls_builtin and prober.exchanged().is_in_order):
            yield self.finding(
                f"the parameters are named `{names[0]}, {names[1]}`, and Keras passes `y_true` first:"
                f" {difference}",
                def_location(prober),
                modes=modes,
                hint="Name the parameters in the order in which Keras passes them: `(y_true, y_pred)`",
                names=list(names),
            )
            return
        if not calls_builtin or _TAUGHT.search(words):
            return
        seen = prober.exchanged()
        is_hard = task.y_true.is_label or task.y_true.domain.name in ("binary", "onehot")
        if seen.place is None or (seen.name in _EITHER_ORDER and not is_hard):
            return
        yield self.finding(
            f"`{seen.name}` gets `y_pred` for the truth and `y_true` for the prediction: it gives"
            f" {seen.as_called:.4g}, in the right order {seen.as_meant:.4g}",
            seen.place,
            modes=modes,
            builtin=seen.name,
        )


def _names_in_wrong_order(prober: Prober) -> tuple[str, str] | None:
    """The names of the first two parameters where the prediction comes first."""
    try:
        first, second, *_ = inspect.signature(prober.loss.function).parameters
    except (TypeError, ValueError):
        return None
    is_wrong = _is_like(first, _PREDICTION) and not _is_like(first, _TRUTH)
    is_truth = (_is_like(second, _TRUTH) or second == "y") and not _is_like(second, _PREDICTION)
    return (first, second) if is_wrong and is_truth else None


def _is_like(name: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(re.split(r"[_\d]+", name.lower()))


def _difference(prober: Prober) -> str:
    """What changes when the two arguments are exchanged, in words; empty where nothing does."""
    sources = [op for op in prober.flow().ops if op.type == "Placeholder" and op.has_gradient]
    if any(op.from_y_true for op in sources) and not any(op.from_y_pred for op in sources):
        return "the gradient reaches the labels and not the predictions"
    if not prober.inputs.task.has_same_shapes:
        return ""
    value, other = prober.eager().value, prober.eager("exchanged").value
    if value is None or other is None or is_same_value(value, other, 1e-3):
        return ""
    return f"the value is {value.mean():.4g}, with the two exchanged {other.mean():.4g}"
