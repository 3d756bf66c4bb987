"""LC307: the loss changes Python state while it is traced, and never again."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.observation import EffectKind, Observation
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import SideEffect, WhileTracing
from losscheck.rule import Rule


class PythonStateMutation(Rule):
    """A counter, list, dict, attribute or global changes in the trace and not on later steps.

    ## What it does
    Compares the Python state that the loss can reach before and after each call. What changes in every
    eager call, changes in the trace and does not change in the steps after it is reported.

    ## Why is this bad?
    The statement runs once for the whole training: a step counter stays at 1, a schedule never moves, a
    list of losses holds one dead symbolic tensor.

    ## References
    - https://www.tensorflow.org/guide/function#executing_python_side_effects
    """

    code = "LC307"
    name = "python-state-mutation"
    severity = Severity.WARNING
    hint = "Keep the state in a `tf.Variable` and use `assign_add`, or move it into a callback"
    requires = ("callable",)
    repro = WhileTracing(SideEffect.STATE)

    BAD = (
        """\
import tensorflow as tf

STEP = 0

def warming_loss(y_true, y_pred):
    global STEP
    STEP += 1  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) * min(1.0, STEP / 100)
""",
        """\
import tensorflow as tf

history = []

def recorded_loss(y_true, y_pred):
    history.append(y_pred.dtype.name)  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import itertools
import tensorflow as tf

WEIGHTS = itertools.cycle([0.5, 1.0, 2.0])

def alternating_loss(y_true, y_pred):
    weight = next(WEIGHTS)  # <-
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

STEP = tf.Variable(0.0, trainable=False)

def warming_loss(y_true, y_pred):
    STEP.assign_add(1.0)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) * tf.minimum(1.0, STEP / 100)
""",
        """\
import numpy as np
import tensorflow as tf

_CACHE = {}

def weighted_loss(y_true, y_pred):
    if "weight" not in _CACHE:
        _CACHE["weight"] = np.float32(2.0)
    return _CACHE["weight"] * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a counter, list or dict that outlives the call and is changed in it."""
        for write in source.writes():
            is_kept = write.owner.is_tensor or write.value.is_tensor  # LC304, LC308, or a variable
            is_change = write.is_update or write.how in ("append", "extend", "insert")
            if write.how == "item" and not write.context.is_conditional:
                is_change = True
            if is_change and not is_kept and not write.value.is_of_batch:
                message = "this runs while the loss is traced, and not on later steps"
                yield self.suspicion(message, source.location(write.node))
        for call in source.calls():
            if call.name == "next" and call.argument(0).is_global:
                message = "the iterator moves on while the loss is traced, and not on later steps"
                yield self.suspicion(message, source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare eager calls, the trace and the steps after it."""
        eager = prober.eager()
        traced = prober.graph(known_batch=False, as_fit=True)
        if traced.raised is not None:
            traced = prober.graph()
        if eager.raised is not None or traced.raised is not None:
            return
        always = set.intersection(*(_changed(eager, call) for call in range(eager.calls)))
        later = set().union(*(_changed(traced, call) for call in range(1, traced.calls)))
        lines: dict[Location, list[str]] = {}
        for name in sorted((always & _changed(traced, 0)) - later):
            lines.setdefault(_line(eager, name) or prober.loss.location, []).append(name)
        for place, names in lines.items():
            shown = ", ".join(f"`{name}`" for name in names)
            yield self.finding(
                f"{shown} change{'s' * (len(names) == 1)} while the loss is traced, and in none of the"
                f" {traced.calls - 1} steps after",
                place,
                modes=(Mode.GRAPH, Mode.FIT),
                names=names,
            )


def _changed(seen: Observation, call: int) -> set[str]:
    return {e.detail for e in seen.effects if e.kind is EffectKind.STATE and e.call == call}


def _line(seen: Observation, name: str) -> Location | None:
    found = [
        e.location for e in seen.effects if e.kind is EffectKind.STATE and e.detail == name and e.location
    ]
    return found[0] if found else None
