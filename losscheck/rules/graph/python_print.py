"""LC306: the loss prints or logs while it is traced, and never again."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.observation import EffectKind
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import SideEffect, WhileTracing
from losscheck.rule import Rule, code_at

_LEVELS = ("debug", "info", "warning", "warn", "error", "critical", "exception", "log")


class PythonPrint(Rule):
    """The loss writes to the terminal or a log while it is traced, and not on later steps.

    ## What it does
    Traces the loss as `fit` does, runs two steps, and compares what was written in each.

    ## Why is this bad?
    The line shows once, with a symbolic tensor in place of numbers, and then training is silent: it looks
    as if the loss were called a single time.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/print
    """

    code = "LC306"
    name = "python-print"
    severity = Severity.WARNING
    hint = "Use a metric, or `tf.print` while you look for something: XLA, and so `fit` on a GPU, refuses it"
    requires = ("callable",)
    repro = WhileTracing(SideEffect.OUTPUT)

    BAD = (
        """\
import tensorflow as tf

def chatty_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    print("error", error)  # <-
    return error
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def chatty_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    if tf.executing_eagerly():
        print("error", float(tf.reduce_mean(error)))
    return error
""",
        """\
import tensorflow as tf

print("TensorFlow", tf.__version__)

def shown(y_true, y_pred):
    print("errors", (y_true - y_pred).numpy())

def silent_loss(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a `print` or a line of a log; a note where it stands in a branch that may never run."""
        for call in source.calls():
            is_log = call.name.startswith("logging.") and call.name != "logging.getLogger"
            is_logger = call.receiver.made_by == "logging.getLogger" and call.method in _LEVELS
            if call.name in ("print", "sys.stdout.write", "sys.stderr.write") or is_log or is_logger:
                severity = Severity.NOTE if call.context.is_conditional else Severity.WARNING
                message = f"`{call.shown}` runs while the loss is traced, and not on later steps"
                yield self.suspicion(message, source.location(call.node), severity)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare what the trace wrote with what the steps wrote."""
        seen = prober.graph(known_batch=False, as_fit=True, autograph=False)
        if seen.raised is not None or seen.calls < 2:
            return
        written = [e for e in seen.effects if e.kind is EffectKind.OUTPUT and e.location]
        later = {e.location for e in written if e.call > 0}
        first: dict[Location, str] = {}
        for effect in written:
            if effect.location is not None and effect.call == 0 and effect.location not in later:
                first.setdefault(effect.location, effect.detail)
        for place, text in first.items():
            call = code_at(place).split("(", maxsplit=1)[0].strip() or "print"
            yield self.finding(
                f"`{call}` runs once, while the loss is traced, and in none of the {seen.calls - 1} steps"
                " after",
                place,
                modes=(Mode.GRAPH, Mode.FIT),
                written=text,
            )
