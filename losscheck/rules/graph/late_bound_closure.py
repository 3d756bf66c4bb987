"""LC319: losses made in a loop all read the loop's variable when they are called."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.late import late_names
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule


class LateBoundClosure(Rule):
    """Losses made in a loop read the loop's variable when they are called: all of them use its last value.

    ## What it does
    Looks for other functions that the same `def` or lambda made, sees whether they share the variable of
    the loop, and calls all of them on the same batch.

    ## Why is this bad?
    Python looks a variable up when the function runs, and by then the loop is over. Three quantile losses
    for 0.1, 0.5 and 0.9 are three losses for 0.9.

    ## References
    - https://docs.python.org/3/faq/programming.html#why-do-lambdas-defined-in-a-loop-with-different-values-all-return-the-same-result
    """

    code = "LC319"
    name = "late-bound-closure"
    severity = Severity.WARNING
    hint = "Bind the value when the function is made: `lambda y_true, y_pred, q=q: ...`, or a factory"
    requires = ("callable",)
    repro = Special("siblings")

    BAD = (
        """\
import tensorflow as tf

def scaled(weight, y_true, y_pred):
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

scaled_losses = [lambda y_true, y_pred: scaled(w, y_true, y_pred) for w in (0.1, 1.0, 10.0)]  # <-
light_loss, plain_loss, heavy_loss = scaled_losses
""",
        """\
import tensorflow as tf

LOSSES = {}
for name, weight in (("near", 1.0), ("far", 0.1)):
    def weighted_loss(y_true, y_pred):  # <-
        return weight * tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)

    LOSSES[name] = weighted_loss
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def scaled(weight, y_true, y_pred):
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

scaled_losses = [lambda y_true, y_pred, w=w: scaled(w, y_true, y_pred) for w in (0.1, 1.0, 10.0)]
light_loss, plain_loss, heavy_loss = scaled_losses
""",
        """\
import tensorflow as tf

def make_loss(weight=1.0):
    def weighted_loss(y_true, y_pred):
        return weight * tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    return weighted_loss

LOSSES = {name: make_loss(weight) for name, weight in (("near", 1.0), ("far", 0.1))}
near_loss, far_loss = LOSSES.values()
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a function that is kept by the loop that makes it, and reads the loop's variable."""
        function = source.function
        names = late_names(source.module.tree, function) if function is not None else []
        if function is not None and names:
            message = f"all losses of this loop read the last `{names[0]}`"
            yield self.suspicion(message, source.location(function))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the losses of the loop."""
        seen = prober.siblings()
        if seen.made_at is None or seen.value is None:
            return
        yield self.finding(
            f"{seen.count} losses made in the loop give the same {seen.value.ravel()[0]:.3g} on the same"
            f" batch: they read `{seen.variable}` when they are called, and it is {seen.last} then",
            seen.made_at,
            modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
        )
