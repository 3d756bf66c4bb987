"""LC005: the value does not change with `y_true`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.questions import never_reads, says_unused
from losscheck.reading.source import Source
from losscheck.recipe import SAME, Values
from losscheck.rule import Rule

_EMBEDDING_WORDS = ("triplet", "embedding", "anchor", "npair", "contrastive")


_RELABELLED = ("relabelled", "rotated labels", "flipped labels")


class IgnoredYTrue(Rule):
    """The value of the loss is the same for any `y_true`.

    ## What it does
    Calls the loss on the same predictions with four different `y_true` and compares the values exactly.

    ## Why is this bad?
    The model is trained without its labels. This is right for a penalty or an embedding loss, and a slip
    (a wrong name, a lost term) everywhere else.

    ## References
    - https://keras.io/api/losses/
    """

    code = "LC005"
    name = "ignored-y-true"
    severity = Severity.WARNING
    hint = "Use `y_true`, or say in the docstring that it is unused"
    requires = ("value",)
    repro = Values(SAME, ("typical", "relabelled"))

    BAD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):  # <-
    return tf.reduce_mean(tf.square(y_pred - y_pred * 0.5), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def smoothness_loss(y_true, y_pred):
    \"\"\"Penalty on the size of the prediction; y_true is unused.\"\"\"
    return tf.reduce_mean(tf.square(y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_pred - y_true), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a first parameter that the code never reads, where nobody says that this is meant."""
        if never_reads(source, 0) and not says_unused(source):
            message = f"`{source.parameters[0].arg}` is never read"
            names = {node.id for node in source.nodes if isinstance(node, ast.Name)}
            is_embedding = any(
                word in name.lower() for name in (source.loss.name, *names) for word in _EMBEDDING_WORDS
            )
            severity = Severity.NOTE if is_embedding else Severity.WARNING
            yield self.suspicion(message, source.def_location(), severity)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the values under three different `y_true`."""
        import numpy as np

        facts = prober.loss.source
        uses_prediction = any(op.from_y_pred and op.reaches_output for op in prober.flow().ops)
        if facts.remark_unused or not (uses_prediction or prober.flow().raised):
            return
        value = prober.eager().value
        others = [prober.eager(name).value for name in _RELABELLED]
        if value is None or any(v is None or not np.array_equal(value, v, equal_nan=True) for v in others):
            return
        repredicted = prober.eager("repredicted").value
        if repredicted is None or np.array_equal(value, repredicted, equal_nan=True):
            return  # it ignores both: the gradient rules say so
        is_embedding = prober.inputs.task.is_embedding or any(
            word in name.lower() for name in (prober.loss.name, *facts.names) for word in _EMBEDDING_WORDS
        )
        yield self.finding(
            "the value is the same for four different `y_true`",
            prober.loss.location,
            modes=(Mode.EAGER,),
            severity=Severity.NOTE if is_embedding else None,
        )
