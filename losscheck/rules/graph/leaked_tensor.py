"""LC308: a tensor of the graph is kept where it can no longer be used."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.observation import EffectKind, Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import Raises, Recipe, SideEffect, WhileTracing
from losscheck.rule import Rule, first_line


class LeakedTensor(Rule):
    """A symbolic tensor is kept after the trace, or used outside the loop or branch that made it.

    ## What it does
    Traces the loss from the state it was loaded with, and then looks for tensors of the graph in globals,
    closures, attributes and containers; reports errors that speak of a tensor out of scope.

    ## Why is this bad?
    The tensor has no value: it is a name in a graph that is finished. The next trace that touches it
    raises `InaccessibleTensorError`, and a list of losses holds one dead entry after the whole training.

    ## References
    - https://www.tensorflow.org/guide/function#all_outputs_of_a_tffunction_must_be_return_values
    """

    code = "LC308"
    name = "leaked-tensor"
    severity = Severity.ERROR
    hint = "Return the tensor, or `assign` it to a `tf.Variable`; keep nothing of the graph in Python"
    requires = ("callable",)
    supersedes = ("LC102", "LC104", "LC315", "LC317", "LC601")
    silences_at_line = ("LC307",)
    repro = WhileTracing(SideEffect.LEAK)

    BAD = (
        """\
import tensorflow as tf

history = []

def recorded_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    history.append(error)  # <-
    return error
""",
        """\
import tensorflow as tf

_CACHE = {}

def cached_loss(y_true, y_pred):
    if "weight" not in _CACHE:
        _CACHE["weight"] = tf.linspace(0.5, 1.0, y_pred.shape[-1])  # <-
    return tf.reduce_mean(_CACHE["weight"] * tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

history = []

def recorded_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    if tf.executing_eagerly():
        history.append(error)
    return error
""",
        """\
import numpy as np
import tensorflow as tf

_CACHE = {}

def cached_loss(y_true, y_pred):
    if "weight" not in _CACHE:
        _CACHE["weight"] = np.linspace(0.5, 1.0, y_pred.shape[-1], dtype="float32")
    return tf.reduce_mean(_CACHE["weight"] * tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a tensor that is put where it outlives the call."""
        for write in source.writes():
            is_container = write.how in ("append", "extend", "insert", "name", "attribute", "item")
            is_container = is_container or write.owner.kind is Kind.SEQUENCE
            if write.value.kind is Kind.TENSOR and is_container and not write.owner.is_tensor:
                message = "a tensor is kept after the call: in a graph it has no value, and none outside"
                yield self.suspicion(message, source.location(write.node))

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: the graph outlives its trace, or the call raises."""
        return self.repro if "still reachable" in finding.message else Raises()

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report what is kept after the trace, else what is used out of its scope."""
        found: dict[tuple[str, int], tuple[Location, list[str]]] = {}
        for effect in prober.trace().effects:
            if effect.kind is EffectKind.LEAK:
                place = effect.location or prober.loss.location
                found.setdefault((place.path, place.line), (place, []))[1].append(effect.detail)
        for place, details in found.values():
            more = f", and {len(details) - 1} more" if len(details) > 1 else ""
            yield self.finding(
                f"a symbolic tensor is still reachable after the trace: {details[0]}{more}",
                place,
                modes=(Mode.GRAPH, Mode.FIT),
            )
        if not found:
            yield from self._used_out_of_scope(prober)

    def _used_out_of_scope(self, prober: Prober) -> Iterator[Finding]:
        failed = [(mode, raised) for mode, raised in prober.failures() if _is_out_of_scope(raised)]
        if failed:
            raised = failed[0][1]
            yield self.finding(
                f"uses a tensor outside of the function, loop or branch that made it: {first_line(raised)}",
                raised.location or prober.loss.location,
                modes=tuple(dict.fromkeys(mode for mode, _ in failed)),
                hint="Collect the rows with `tf.map_fn` or a `tf.TensorArray`, or do it without a loop",
            )


def _is_out_of_scope(raised: Raised) -> bool:
    told = ("out of scope", "outside of the function", "outside its scope", "captured an external symbolic")
    return raised.is_a("InaccessibleTensorError") or any(words in raised.message for words in told)
