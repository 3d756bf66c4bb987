"""LC009: the loss ends the process that calls it."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.events import Call
from losscheck.reading.source import Source
from losscheck.recipe import NoScript
from losscheck.rule import Rule

_TOO_LARGE = (
    "Look for a tensor or a list that grows with each call; raise `--memory` if the loss needs that much"
)


class KillsProcess(Rule):
    """The loss ends the process that calls it.

    ## What it does
    Runs each loss in a process of its own and looks at how that process ended: an exit status, a signal
    such as SIGSEGV, a `SystemExit` that the loss raised, or more memory than `--memory` allows.

    ## Why is this bad?
    Training ends in the middle, often without a message, and what was not saved is lost. A loss that fills
    the memory takes other programs with it.

    ## References
    - https://docs.python.org/3/library/os.html#os._exit
    """

    code = "LC009"
    name = "kills-process"
    severity = Severity.ERROR
    hint = "Raise an ordinary exception instead; for a crash, look at the native library that the loss calls"
    needs_process = True
    supersedes = ("LC001",)
    repro = NoScript("what ends its process would end the script as well")

    BAD = (
        """\
import os
import tensorflow as tf

def fatal_loss(y_true, y_pred):  # <-
    os._exit(3)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import sys
import tensorflow as tf

def leaving_loss(y_true, y_pred):  # <-
    sys.exit("no labels")
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def strict_loss(y_true, y_pred):
    if y_true.shape.rank is None:
        raise ValueError("the rank of y_true must be known")
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a call that ends the process."""
        for call in (event for event in source.events if isinstance(event, Call)):
            if call.name in ("os._exit", "os.abort", "os.kill", "sys.exit", "exit", "quit"):
                yield self.suspicion(f"`{call.shown}` ends the process", source.def_location())

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report how the process ended, or an exit that was caught."""
        ended = prober.evidence.process
        if ended is not None and ended.timed_out is None and ended.mode is None:
            where = f"; the last line of it that ran is {ended.location.line}" if ended.location else ""
            is_large = ended.out_of_memory is not None
            yield self.finding(
                f"the process {ended.words} while the loss was probed{where}",
                prober.loss.location,
                hint=_TOO_LARGE if is_large else None,
                signal=None if is_large else ended.signal,
                exit_code=ended.exit_code,
                memory=ended.out_of_memory,
            )
        exits = [] if prober.batches is None else [r for _, r in prober.failures() if r.is_a("SystemExit")]
        if exits:
            place = exits[0].location
            yield self.finding(
                f"raises `SystemExit`{f' in line {place.line}' if place else ''}, which ends the process",
                prober.loss.location,
                modes=(Mode.EAGER, Mode.FIT),
            )
