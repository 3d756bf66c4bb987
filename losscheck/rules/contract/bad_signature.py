"""LC002: the loss cannot be called as `(y_true, y_pred)`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.questions import is_given_more
from losscheck.reading.source import Source
from losscheck.recipe import ReturnsNoLoss
from losscheck.rule import Rule, def_location, first_line


class BadSignature(Rule):
    """The loss cannot be called as `(y_true, y_pred)`.

    ## What it does
    Binds two arguments to the signature, and calls the loss with two and with three: a third parameter
    whose default of None raises is needed after all.

    ## Why is this bad?
    Keras calls a loss with `y_true` and `y_pred` and nothing else; `sample_weight` is applied outside.

    ## References
    - https://keras.io/api/losses/#creating-custom-losses
    """

    code = "LC002"
    name = "bad-signature"
    severity = Severity.ERROR
    hint = "Take `(y_true, y_pred)`; bind everything else with a default, a closure or a `Loss` subclass"
    supersedes = ("LC001", "LC003")
    repro = ReturnsNoLoss()

    BAD = (
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred, weight):  # <-
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred, weight=None):  # <-
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred, weight=2.0):
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred, sample_weight=None):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error if sample_weight is None else error * sample_weight
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect another number of parameters, and a default of None that is calculated with."""
        function = source.function
        if function is None or source.is_wrapped or is_given_more(source):
            return
        places, required = len(source.parameters), len(source.parameters) - len(function.args.defaults)
        needs = [
            a for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d is None
        ]
        if required > 2 or needs or (places < 2 and function.args.vararg is None):
            shown = ", ".join(argument.arg for argument in (*source.parameters, *needs))
            yield self.suspicion(
                f"Keras calls it with `y_true` and `y_pred`, and it takes `{shown}`", source.def_location()
            )
        for event in source.arithmetic():
            is_none = event.left.is_none or event.right.is_none
            if is_none and not event.context.is_conditional and event.context.function is function:
                yield self.suspicion(
                    "a parameter is calculated with that is None by default", source.def_location()
                )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the signature with what Keras passes."""
        loss = prober.loss
        if not prober.evidence.attempts:
            return
        if isinstance(loss.compiled, type):
            yield self.finding(
                f"`{loss.name}` is the class `{loss.compiled.__name__}`, not an instance of it",
                loss.location,
                modes=tuple(Mode),
                hint=f"Write `{loss.compiled.__name__}()`",
            )
            return
        parameters = _parameters(loss.function)
        if parameters is None or prober.evidence.is_callable:
            return
        required = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
        takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        if len(required) > 2 or (len(parameters) < 2 and not takes_any):
            yield self.finding(
                f"takes {_counted(required)}; Keras passes `y_true` and `y_pred` and nothing else",
                def_location(prober),
                modes=tuple(Mode),
            )
            return
        optional = [p for p in parameters[2:3] if p.default is None]
        if optional and prober.eager(extra=(1.0,)).raised is None:
            raised = prober.telling_error()
            reason = f": {first_line(raised)}" if raised else ""
            yield self.finding(
                f"`{optional[0].name}` defaults to None, and without a value the loss raises{reason}",
                loss.location,
                modes=tuple(Mode),
                hint=f"Give `{optional[0].name}` a default that works: Keras never passes it",
            )


def _parameters(function: object) -> list[inspect.Parameter] | None:
    """The parameters that can be passed by position; None where there is no signature to read."""
    try:
        signature = inspect.signature(function)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    return [
        p
        for p in signature.parameters.values()
        if p.kind not in named or (p.default is p.empty and p.kind is not p.VAR_KEYWORD)
    ]


def _counted(required: list[str]) -> str:
    names = ", ".join(f"`{name}`" for name in required)
    plural = "s" * (len(required) != 1)
    return f"{len(required)} required argument{plural} ({names})" if required else "no required argument"
