"""LC311: the loss reads the clock once, while it is traced."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import EffectKind
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import SideEffect, WhileTracing
from losscheck.rule import Rule

#: What a source side looks for.
_CLOCKS = (
    *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "perf_counter", "process_time")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
)


class FrozenClock(Rule):
    """The loss reads the clock while it is traced: the moment of the trace stands for the whole training.

    ## What it does
    Watches which functions of `time` and `datetime` the user's lines call while `fit` traces the loss.

    ## Why is this bad?
    The graph keeps the number that Python read. A weight that should grow with the hours stays where it
    was at the first step, and a measured duration is that of the trace.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/timestamp
    """

    code = "LC311"
    name = "frozen-clock"
    severity = Severity.WARNING
    hint = "Set a `tf.Variable` in a callback; `tf.timestamp()` runs in each step, but not where XLA compiles"
    requires = ("callable",)
    supersedes = ("LC007", "LC315", "LC702")
    repro = WhileTracing(SideEffect.CLOCK)

    BAD = (
        """\
import time
import tensorflow as tf

START = time.time()

def decaying_loss(y_true, y_pred):
    hours = (time.time() - START) / 3600.0  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) / (1.0 + hours)
""",
        """\
from datetime import datetime
import tensorflow as tf

def _night_factor():
    return 0.5 if datetime.now().hour < 6 else 1.0  # <-

def nightly_loss(y_true, y_pred):
    return _night_factor() * tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import time
import tensorflow as tf

START = time.time()
HOURS = tf.Variable(0.0, trainable=False)

def note_time():
    HOURS.assign((time.time() - START) / 3600.0)

def decaying_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) / (1.0 + HOURS)
""",
        """\
import datetime
import tensorflow as tf

CREATED = datetime.datetime.now().isoformat()

def stamped_loss(y_true, y_pred):
    with tf.name_scope("made_" + CREATED[:4]):
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a look at the clock."""
        for call in source.calls():
            if call.name in _CLOCKS:
                message = f"`{call.shown}()` is read once, while the loss is traced, for the whole training"
                yield self.suspicion(message, source.location(call.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each line that reads a clock in the trace."""
        reads = [effect for effect in prober.trace().effects if effect.kind is EffectKind.CLOCK]
        for place in dict.fromkeys(effect.location for effect in reads if effect.location):
            names = dict.fromkeys(effect.detail for effect in reads if effect.location == place)
            shown = ", ".join(f"`{name}`" for name in names)
            yield self.finding(
                f"reads {shown} while the loss is traced; every later step computes with that moment",
                place,
                modes=(Mode.GRAPH, Mode.FIT),
            )
