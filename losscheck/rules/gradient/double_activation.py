"""LC209: probabilities of `y_pred` go through a softmax or sigmoid again."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import Op
from losscheck.inputs.batches import is_same_value
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import DIFFER, Operations, Recipe, Values, Way
from losscheck.rule import Rule, return_location


class DoubleActivation(Rule):
    """A softmax or sigmoid of `y_pred` goes through a softmax or sigmoid again.

    ## What it does
    Runs the traced loss and tells its softmaxes and sigmoids by their numbers, however they are written:
    what comes out of one, reshaped or clipped, must not be what the next one, or a loss that takes logits,
    takes in. A `y_pred` that you told is `prob` or `simplex` counts as such an output.

    ## Why is this bad?
    Probabilities lie between 0 and 1: read as logits they say next to nothing. The gradient is small
    everywhere, the loss of a perfect model stays high, and nothing raises. Keras skips the first of the two
    in a graph where it finds it, so that a direct call gives another loss than `fit`.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/nn/softmax_cross_entropy_with_logits
    """

    code = "LC209"
    name = "double-activation"
    severity = Severity.WARNING
    hint = "Leave one of the two out: hand the logits over as they are, or use the loss for probabilities"
    requires = ("graph",)
    silences_at_line = ("LC207", "LC315", "LC502")
    repro = Operations("op.type == {second} and {first} in above[op.name]")

    BAD = (
        """\
import tensorflow as tf

def class_loss(y_true, y_pred):
    probabilities = tf.nn.softmax(y_pred)
    return tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=probabilities)  # <-
""",
        """\
import tensorflow as tf

def pixel_loss(y_true, y_pred):  # losscheck: y_true=float32[B,4]:binary y_pred=float32[B,4]:prob
    p = tf.sigmoid(y_pred)  # <-
    return tf.reduce_mean(tf.square(y_true - p), axis=-1)
""",
        """\
import keras
import tensorflow as tf

def class_loss(y_true, y_pred):
    probabilities = tf.nn.softmax(y_pred)
    return keras.losses.categorical_crossentropy(y_true, probabilities, from_logits=True)  # <-
""",
    )
    GOOD = (
        """\
import keras
import tensorflow as tf

def class_loss(y_true, y_pred):
    return keras.losses.categorical_crossentropy(y_true, tf.nn.softmax(y_pred))
""",
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    right = tf.reduce_sum(y_true * tf.nn.softmax(y_pred), axis=-1)
    error = tf.nn.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    return (1.0 - right) * error
""",
        """\
import tensorflow as tf

def step_loss(y_true, y_pred):  # losscheck: y_true=float32[B,4]:binary y_pred=float32[B,4]:prob
    hard = tf.sigmoid(20.0 * (y_pred - 0.5))
    return 1.0 - tf.reduce_mean(y_true * hard, axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a softmax or sigmoid of the result of one, and a loss for logits that is handed it."""
        for call in source.calls():
            is_second = call.operation in ("softmax", "log_softmax", "sigmoid", "log_sigmoid")
            handed = call.given[:1] if is_second else call.given
            asks = isinstance(call.node, ast.Call) and any(
                k.arg == "from_logits" and isinstance(k.value, ast.Constant) and k.value.value
                for k in call.node.keywords
            )
            if (is_second or asks or call.operation.endswith(("_with_logits", "ctc_loss"))) and any(
                v.activation for v in handed
            ):
                first = next(value.activation for value in handed if value.activation)
                yield self.suspicion(
                    f"this takes logits, and is handed a {first}", source.location(call.node)
                )

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: the activations in the graph, or one that Keras leaves out there."""
        if "second" not in finding.evidence:
            return Values(DIFFER, ways=(Way.EAGER, Way.GRAPH))
        return self.repro if finding.evidence["first"] else Operations("op.type == {second}")

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each operation that takes probabilities for logits."""
        task = prober.inputs.task
        is_told = task.is_told and task.y_pred.domain.name in ("prob", "simplex")
        seen = prober.activations(is_probability=is_told)
        modes = (Mode.EAGER, Mode.GRAPH, Mode.FIT)
        for found in seen.doubled:
            what = "`y_pred` as told" if found.first is None else f"the output of `{found.first.type}`"
            yield self.finding(
                f"`{found.second.type}` takes probabilities for logits: {what} lies between"
                f" {found.low:.2f} and {found.high:.2f}",
                found.second.location or return_location(prober),
                modes=modes,
                first=found.first.type if found.first else None,
                second=found.second.type,
            )
        if seen.undone is not None:
            yield from self._skipped_in_graphs(prober, seen.undone)

    def _skipped_in_graphs(self, prober: Prober, op: Op) -> Iterator[Finding]:
        """Report a Keras loss that skips the activation before it, where a direct call does not."""
        eager, graph = prober.eager().value, prober.graph().value
        if eager is None or graph is None or is_same_value(eager, graph):
            return
        index = int(np.argmax(np.abs(np.ravel(eager - graph))))
        yield self.finding(
            f"a direct call applies the activation twice: the loss is {np.ravel(eager)[index]:.4g}, and"
            f" {np.ravel(graph)[index]:.4g} in a graph, where Keras leaves the first one out",
            op.location or return_location(prober),
            modes=(Mode.EAGER,),
        )
