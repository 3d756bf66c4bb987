"""LC602: a name or a value that this version of Keras, TensorFlow or NumPy no longer has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.installed import installed
from losscheck.reading.source import Source
from losscheck.recipe import ImportRaises, Raises, Recipe
from losscheck.rule import FailureRule
from losscheck.rules.keras.replacements import replacement

_ATTRIBUTE = re.compile(
    r"module '(?P<module>(?:keras|tensorflow|tf_keras|numpy)[\w.]*)' has no attribute '(?P<name>\w+)'"
)
_IMPORT = re.compile(
    r"cannot import name '(?P<name>\w+)' from '(?P<module>(?:keras|tensorflow|tf_keras|numpy)[\w.]*)'"
)
_REDUCTION = re.compile(
    r"[Ii]nvalid value for argument `reduction`.*Received: reduction=(?P<name>\S+)", re.DOTALL
)


class RemovedApi(FailureRule):
    """A name, or a value of an argument, that the installed version no longer has.

    ## What it does
    Recognises the `AttributeError` or `ImportError` of a name that Keras, TensorFlow or NumPy has removed,
    and a `reduction` that Keras no longer takes, and gives the replacement.

    ## Why is this bad?
    The loss was written for another version and raises in each call.

    ## References
    - https://keras.io/guides/migrating_to_keras_3/
    """

    code = "LC602"
    name = "removed-api"
    severity = Severity.ERROR
    hint = "Use the replacement, or install the version that the loss was written for"
    repro = Raises()

    BAD = (
        """\
import keras.backend as K

def squared_loss(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1)  # <-
""",
        """\
import tensorflow as tf

def log_loss(y_true, y_pred):
    log_p = tf.log(y_pred + 1e-6)  # <-
    return -tf.reduce_mean(y_true * log_p, axis=-1)
""",
    )
    GOOD = (
        """\
import keras

def squared_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def log_loss(y_true, y_pred):
    log_p = tf.math.log(tf.maximum(y_pred, 1e-6))
    return -tf.reduce_mean(y_true * log_p, axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect the names that the installed Keras, TensorFlow 2 or the installed NumPy no longer have."""
        for call in source.calls():
            module, _, name = call.written.rpartition(".")
            is_gone = module == "tensorflow" or (module == "keras.backend" and installed("keras") >= (3, 0))
            is_gone = is_gone or (
                module == "numpy" and name in ("float", "int", "object") and installed("numpy") >= (1, 24)
            )
            cure = replacement(module, name) if is_gone else ""
            if cure:
                message = f"`{call.written}` does not exist in the installed version"
                yield self.suspicion(message, source.location(call.node), hint=f"Use `{cure}`")

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: the call raises, or the import where no mode was reached."""
        return self.repro if finding.modes else ImportRaises()

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Look at the errors of the calls, and at that of the import."""
        load = prober.evidence.load
        if load is not None and load.raised is not None:
            message = self.explain(Mode.EAGER, load.raised, prober)
            if message is not None:
                yield self._with_cure(self.finding(message, load.raised.location or prober.loss.location))
        if prober.batches is not None:
            for finding in super().check(prober):
                yield self._with_cure(finding)

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise a name or value that is gone."""
        match = _ATTRIBUTE.search(raised.message) or _IMPORT.search(raised.message)
        if match:
            return f"`{_shown(match['module'])}.{match['name']}` does not exist in the installed version"
        match = _REDUCTION.search(raised.message)
        return f"`reduction={match['name']!s}` is no longer accepted" if match else None

    def _with_cure(self, finding: Finding) -> Finding:
        """The finding with the replacement as its hint, where one is known."""
        match = re.search(r"`(?P<module>[\w.]+)\.(?P<name>\w+)`", finding.message)
        cure = replacement(match["module"], match["name"]) if match else 'reduction="sum_over_batch_size"'
        return replace(finding, hint=f"Use `{cure}`") if cure else finding


def _shown(module: str) -> str:
    """The module's public name."""
    return module.replace("keras._tf_keras.keras", "tf.keras").replace("keras.src", "keras")
