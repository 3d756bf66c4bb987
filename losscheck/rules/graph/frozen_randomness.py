"""LC309: Python or NumPy draws random numbers once, while the loss is traced."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import PYTHON_RANDOM, EffectKind
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import SideEffect, WhileTracing
from losscheck.rule import Rule

_GENERATORS = ("numpy.random.default_rng", "numpy.random.RandomState")
#: Functions of these modules that draw nothing.
_NO_DRAWS = ("seed", "default_rng", "get_state", "set_state", "getstate", "setstate")


class FrozenRandomness(Rule):
    """The loss draws from Python's or NumPy's random generator: one draw for the whole training.

    ## What it does
    Compares the states of the random generators before and after each eager call, and finds the line
    that moves them.

    ## Why is this bad?
    The draw happens while the loss is traced and becomes a constant of the graph. Noise, dropout or label
    smoothing that should differ in each step is the same in all of them.

    ## References
    - https://www.tensorflow.org/guide/random_numbers
    """

    code = "LC309"
    name = "frozen-randomness"
    severity = Severity.WARNING
    hint = (
        "Draw in the graph: `tf.random.normal`, `tf.random.uniform`, or `keras.random` with a SeedGenerator"
    )
    requires = ("callable",)
    repro = WhileTracing(SideEffect.RANDOM)

    BAD = (
        """\
import numpy as np
import tensorflow as tf

def noisy_loss(y_true, y_pred):
    noise = np.random.normal(scale=0.1)  # <-
    return tf.reduce_mean(tf.square(y_true + noise - y_pred), axis=-1)
""",
        """\
import random
import tensorflow as tf

def dropped_loss(y_true, y_pred):
    keep = 1.0 if random.random() > 0.1 else 0.5  # <-
    return keep * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def noisy_loss(y_true, y_pred):
    noise = tf.random.normal(tf.shape(y_true), stddev=0.1)
    return tf.reduce_mean(tf.square(y_true + noise - y_pred), axis=-1)
""",
        """\
import numpy as np
import tensorflow as tf

PROJECTION = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")

def projected_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(tf.matmul(y_true - y_pred, PROJECTION)), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a draw from the generators of Python or NumPy."""
        for call in source.calls():
            module, _, function = call.name.rpartition(".")
            is_drawn = module in ("random", "numpy.random") and function[:1].islower()
            is_kept = call.receiver.made_by in _GENERATORS and call.receiver.is_global and bool(call.method)
            if (is_drawn and function not in _NO_DRAWS) or is_kept:
                message = f"`{call.shown}` draws once, while the loss is traced, for the whole training"
                yield self.suspicion(message, source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each generator that moves in every eager call."""
        seen = prober.eager()
        moved = [e for e in seen.effects if e.kind is EffectKind.RANDOM]
        lines = set()
        if any(effect.kind is EffectKind.VARIABLE for effect in seen.effects):
            moved = [e for e in moved if e.detail != PYTHON_RANDOM]  # an initializer draws its seed from it
        for name in dict.fromkeys(effect.detail for effect in moved):
            same = [effect for effect in moved if effect.detail == name]
            place = next((e.location for e in same if e.location), None) or prober.loss.location
            if len({effect.call for effect in same}) < seen.calls or place.line in lines:
                continue
            lines.add(place.line)
            yield self.finding(
                f"draws from {name} in each of {seen.calls} eager calls; in a graph it draws once, while"
                " traced, and never again",
                place,
                modes=(Mode.GRAPH, Mode.FIT),
            )
