"""LC310: other code changes a Python value that the traced loss has long read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.changed import changed_reads
from losscheck.reading.source import Source
from losscheck.recipe import NoScript, Recipe, Special
from losscheck.rule import Rule
from losscheck.state_observation import FrozenValue

#: Names, attributes and simple keys.
_PATH = re.compile(r"\w+(?:\.\w+|\[\d+\]|\[\"[\w -]*\"\])*")


class FrozenPythonValue(Rule):
    """The loss reads a Python value that other code changes during the training: the graph keeps the first.

    ## What it does
    Looks for statements outside the loss that change what it reads (a callback, a method, a setter), puts
    another value there, and compares the eager loss with the graph that was traced before.

    ## Why is this bad?
    A number, list or array is read once, while the loss is traced, and becomes a constant. A schedule that
    a callback computes never reaches the training. A `tf.Variable` that is replaced by another one, or read
    through `get_value` or `.numpy()`, is frozen in the same way.

    ## References
    - https://www.tensorflow.org/guide/function#depending_on_python_global_and_free_variables
    """

    code = "LC310"
    name = "frozen-python-value"
    severity = Severity.WARNING
    hint = "Keep it in one `tf.Variable(..., trainable=False)`, read it as it is, and change it by `assign`"
    requires = ("callable",)
    supersedes = ("LC315", "LC702")
    repro = Special("frozen value")

    BAD = (
        """\
import keras
import tensorflow as tf

class Decay(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.weight = 1.0

    def on_epoch_end(self, epoch, logs=None):
        self.weight *= 0.9

decay = Decay()

def weighted_loss(y_true, y_pred):
    return decay.weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)  # <-
""",
        """\
import tensorflow as tf

SETTINGS = {"penalty": 0.1}

def set_penalty(value):
    SETTINGS["penalty"] = value

def penalised_loss(y_true, y_pred):
    penalty = SETTINGS["penalty"]  # <-
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error + penalty * tf.reduce_mean(tf.abs(y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import keras
import tensorflow as tf

class Decay(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(1.0, trainable=False)

    def on_epoch_end(self, epoch, logs=None):
        self.weight.assign(self.weight * 0.9)

decay = Decay()

def weighted_loss(y_true, y_pred):
    return decay.weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

SETTINGS = {}

def _load():
    SETTINGS["penalty"] = 0.1

_load()

def penalised_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error + SETTINGS["penalty"] * tf.reduce_mean(tf.abs(y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect the read of a global, an entry or an attribute that another function changes."""
        for read, line in changed_reads(source):
            message = f"line {line} changes `{read.name}`, and a graph keeps the value that it first read"
            yield self.suspicion(message, source.location(read.node))

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: by setting the value, where it can be named from outside the loss."""
        return self.repro if finding.evidence["is_reachable"] else NoScript("its value has no name outside")

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each value at the line that reads it."""
        lines: dict[Location, list[FrozenValue]] = {}
        for value in prober.frozen().values:
            lines.setdefault(value.read or prober.loss.location, []).append(value)
        for place, values in lines.items():
            first = values[0]
            names = ", ".join(f"`{value.name}`" for value in values)
            yield self.finding(
                f"{names} is read once, while the loss is traced, and `{first.function}` changes it in line"
                f" {first.writer.line}: with another value the eager loss goes from {first.before:.3g} to"
                f" {first.after:.3g}, the traced one stays",
                place,
                modes=(Mode.GRAPH, Mode.FIT),
                writers=[value.writer.line for value in values],
                name=first.name,
                is_reachable=_is_reachable(first.name, prober),
            )


def _is_reachable(name: str, prober: Prober) -> bool:
    """Whether other code can write the name: that of an attribute of the loss or of a global's part."""
    function = getattr(prober.loss.function, "__func__", prober.loss.function)
    root = re.split(r"[.\[]", name)[0]
    return _PATH.fullmatch(name) is not None and root in ("self", *getattr(function, "__globals__", ()))
