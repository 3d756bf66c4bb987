"""LC011: a comment `# losscheck: ignore[…]` silences nothing."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Severity
from losscheck.prober import Prober
from losscheck.recipe import NoScript
from losscheck.rule import Rule


class UnusedIgnore(Rule):
    """A comment `# losscheck: ignore[…]` silences nothing.

    ## What it does
    Looks at the comments inside the loss, once all rules have run: each must name a rule that has a finding
    on the lines that it covers (its statement; the whole function or class at a `def` or `class` line). A
    rule that did not run is not judged.

    ## Why is this bad?
    It hides the next defect of this kind that somebody writes here, and it tells the reader of a problem
    that is not there. A comment without a rule, or with a mistyped one, does not do what its author thinks.

    ## References
    - https://docs.astral.sh/ruff/rules/unused-noqa/
    """

    code = "LC011"
    name = "unused-ignore"
    severity = Severity.WARNING
    hint = "Delete the comment, or name the rule that it is meant for: `# losscheck: ignore[LC105] reason`"
    is_last = True
    repro = NoScript("it is about a comment, not about what the loss does")

    BAD = (
        """\
import tensorflow as tf

def squared_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)  # losscheck: ignore[LC105]  # <-
""",
        """\
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    # losscheck: ignore[LC9999] the mean over everything is meant  # <-
    return tf.reduce_mean(error, axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def whole_batch_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    return tf.reduce_mean(error)  # losscheck: ignore[LC105] one number is meant
""",
        """\
import tensorflow as tf

# losscheck: ignore[batch-reduced] one number is meant
def summed_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred))
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Speak of each comment that silences nothing."""
        for comment in prober.idle_comments:
            yield self.finding(f"the comment {comment.problem}", comment.location)
