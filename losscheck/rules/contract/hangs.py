"""LC008: the loss gives no answer within the time limit."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import NoScript
from losscheck.rule import Rule


class Hangs(Rule):
    """The loss gives no answer within the time limit.

    ## What it does
    Runs each loss in a process of its own; one that has not answered within `--timeout` seconds is ended,
    and the line that it was in is read from its stack.

    ## Why is this bad?
    Training would stop at the first step. A loss that is merely slow can be given more time.

    ## References
    - https://docs.python.org/3/library/faulthandler.html
    """

    code = "LC008"
    name = "hangs"
    severity = Severity.ERROR
    hint = "Find what the loss waits for; raise `--timeout` if the loss is only slow"
    needs_process = True
    repro = NoScript("what hangs would hang the script as well")

    BAD = (
        """\
import time
import tensorflow as tf

def patient_loss(y_true, y_pred):  # <-
    time.sleep(3600)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def quick_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a call that waits, and a `while True` that nothing leaves."""
        for call in source.calls():
            if call.name in ("time.sleep", "input"):
                yield self.suspicion(f"`{call.shown}` waits", source.def_location())
        for node in source.nodes:
            is_endless = (
                isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value
            )
            if is_endless and not any(
                isinstance(inner, (ast.Break, ast.Return, ast.Raise)) for inner in ast.walk(node)
            ):
                yield self.suspicion("nothing leaves its `while True`", source.def_location())

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a process that ran out of time."""
        ended = prober.evidence.process
        if ended is None or ended.timed_out is None or ended.mode is not None:
            return
        place = ended.location
        yield self.finding(
            f"gave no answer within {ended.timed_out:g} s"
            + (f"; it was in line {place.line} of {place.path}" if place else ""),
            prober.loss.location,
            seconds=ended.timed_out,
            stuck_at=f"{place.path}:{place.line}" if place else None,
        )
