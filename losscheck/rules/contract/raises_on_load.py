"""LC010: the file of the loss raises when it is imported."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import ImportRaises
from losscheck.rule import Rule, first_line


class RaisesOnLoad(Rule):
    """Importing the module, or building the loss with its defaults, raises.

    ## What it does
    Imports the file as `python path.py` would find its modules, and builds a class or a factory with its
    own defaults. A syntax error counts.

    ## Why is this bad?
    Nothing in the file can be used.

    ## References
    - https://docs.python.org/3/reference/import.html
    """

    code = "LC010"
    name = "raises-on-load"
    severity = Severity.ERROR
    hint = 'Make the file importable; put what trains or reads data under `if __name__ == "__main__":`'
    is_fallback = True
    repro = ImportRaises()

    BAD = (
        """\
import tensorflow as tf

WEIGHTS = {"a": 1.0}["b"]  # <-

def weighted_loss(y_true, y_pred):
    return WEIGHTS * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

WEIGHTS = {"a": 1.0}.get("b", 2.0)

def weighted_loss(y_true, y_pred):
    return WEIGHTS * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect nothing but what is sure: the file is no Python."""
        if source.error is not None:
            place = Location(source.loss.path, source.error.lineno or 1)
            yield self.suspicion(f"the file is no Python: {source.error.msg}", place)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report what the import raised, with the traceback cut to the user's frames."""
        seen = prober.evidence.load
        if seen is None or seen.raised is None:
            return
        raised = seen.raised
        name = prober.loss.name
        what = {
            "import": "importing the file",
            "slice": f"running what `{name}` needs of its file",
        }.get(seen.stage, f"building `{name}`")
        frames = [f"{f.path}:{f.line} in {f.function}" for f in raised.frames if f.is_user]
        yield self.finding(
            f"{what} raises `{raised.type}`: {first_line(raised)}",
            raised.location or prober.loss.location,
            traceback=frames,
        )
