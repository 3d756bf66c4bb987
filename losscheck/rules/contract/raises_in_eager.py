"""LC001: the loss raises eagerly on every kind of input tried."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from losscheck.attempts import Attempt
from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.questions import unbound_names
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import Raises
from losscheck.rule import Rule, first_line

#: Errors of the code itself, which no other input cures.
_OF_THE_CODE = ("AttributeError", "NameError", "ImportError", "ModuleNotFoundError")
#: Methods of arrays of other libraries that a source side looks for.
_NO_METHODS = (
    "mean", "sum", "max", "min", "std", "var", "astype", "flatten", "ravel", "clip", "argmax", "detach",
    "view",
)  # fmt: skip
#: Reductions that are taken for operations of two tensors.
_OF_AXIS = ("reduce_max", "reduce_min")
#: Words of an error → what cures it.
_CURES = {
    "'Tidx' of float": "A reduction takes one tensor and its axis; `tf.maximum` compares two tensors",
}


class RaisesInEager(Rule):
    """The loss raises when it is called eagerly, on every kind of input that was tried.

    ## What it does
    Calls the loss on batches of every task that its source may mean (or on the inputs that you gave) and
    reports the error that most of them raise.

    ## Why is this bad?
    A loss that cannot be called cannot train. If the inputs are of a kind that losscheck does not know, no
    other rule can say anything about the loss either.

    ## References
    - https://keras.io/api/losses/#creating-custom-losses
    """

    code = "LC001"
    name = "raises-in-eager"
    severity = Severity.ERROR
    hint = "Fix this line, or say what the inputs are: `# losscheck: y_true=float32[B,4] y_pred=float32[B,4]`"
    is_fallback = True
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return error.mean(axis=-1)  # <-
""",
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    scale = SCALE * tf.reduce_mean(y_pred, axis=-1)  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) * scale
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return tf.reduce_mean(error, axis=-1)
""",
        """\
import tensorflow as tf

def tail_loss(y_true, y_pred):
    return tf.abs(y_true[:, 5] - y_pred[:, 5])
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a method that tensors do not have, a name that nothing binds, wrong arguments."""
        for call in source.calls():
            is_numpy = call.receiver.kind is Kind.TENSOR and call.method in _NO_METHODS
            if is_numpy and "numpy_behavior" not in source.text:
                yield self.suspicion(f"a tensor has no method `{call.method}`", source.location(call.node))
            elif call.operation in _OF_AXIS and call.argument(1).has_rows:
                message = f"`{call.shown}` takes one tensor and its axis, and is handed two tensors"
                yield self.suspicion(message, source.location(call.node))
            elif "axes" in call.keywords and call.operation.startswith("reduce_"):
                yield self.suspicion(f"`{call.shown}` takes `axis`, not `axes`", source.location(call.node))
            elif (
                call.name.startswith("keras.losses.")
                and call.value.kind is Kind.OBJECT
                and call.argument(0).is_tensor
            ):
                message = f"`{call.shown}` is a class: it takes options, and its object takes the tensors"
                yield self.suspicion(message, source.location(call.node))
        for node in unbound_names(source):
            yield self.suspicion(f"nothing binds the name `{node.id}`", source.location(node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the most telling error of the tries, and the try that came nearest."""
        raised = None if prober.evidence.is_callable else prober.telling_error()
        if raised is None:
            return
        attempts = prober.evidence.attempts
        tasks = list(dict.fromkeys(attempt.task for attempt in attempts))
        is_told = tasks == ["told"] or prober.inputs.task.is_told
        if is_told:
            tried = "the inputs that you gave"
        else:
            names = ", ".join((*tasks[:6], *(["…"] if len(tasks) > 6 else [])))
            tried = f"each of the {len(tasks)} kinds of input tried ({names})"
        given = f" when {prober.loss.given}" if prober.loss.given else ""
        nearest = _nearest(attempts)
        hint = next((cure for words, cure in _CURES.items() if words in raised.message), None)
        if hint is None and raised.type in _OF_THE_CODE:
            hint = "Fix the error on this line"
        if hint is None and (name := _taken_apart(prober)):
            hint = f"Take one tensor as `{name}`, and give each output of the model a loss of its own"
        elif hint is None and not is_told and nearest is not None:
            hint = _hint(nearest, prober)
        yield self.finding(
            f"raises `{raised.type}` on {tried}{given}: {first_line(raised)}",
            raised.location or prober.loss.location,
            modes=(Mode.EAGER,),
            hint=hint,
            tried=[f"{a.task}: {a.y_true}, {a.y_pred}" for a in attempts],
            nearest=nearest and f"{nearest.y_true}, {nearest.y_pred}",
        )


def _nearest(attempts: Sequence[Attempt]) -> Attempt | None:
    """The try whose error came last in the source; of equals the first."""
    raising = [attempt for attempt in attempts if attempt.observation.raised]
    return max(raising, key=_progress, default=None)


def _progress(attempt: Attempt) -> int:
    raised = attempt.observation.raised
    return raised.location.line if raised and raised.location else 0


def _hint(nearest: Attempt, prober: Prober) -> str:
    """What to write where no try fits: the nearest, to be put right."""
    specs = f'`--y-true "{nearest.y_true}" --y-pred "{nearest.y_pred}"`'
    error, place = nearest.observation.raised, prober.loss.location
    got = ""
    if error and error.location and error.location.path == place.path:
        got = f" (it got as far as line {error.location.line})"
    return f"Fix this line, or say what the inputs are: put right {specs}, the nearest of the tries{got}"


def _taken_apart(prober: Prober) -> str:
    """The parameter that the source reads by a string or unpacks: no tensor, as `fit` hands it over."""
    source = prober.loss.source
    for name in source.parameters[:2]:
        word = re.escape(name)
        by_key, unpacked = rf"\b{word}\[[\"']", rf"(?m)^\s*\(?\w+(?:\s*,\s*\w+)+\)?\s*=\s*{word}\s*(?:#.*)?$"
        if re.search(by_key, source.text) or re.search(unpacked, source.text):
            return name
    return ""
