"""LC206: a `GradientTape` is opened and never asked for a gradient."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import EffectKind
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule


class UnusedGradientTape(Rule):
    """A `GradientTape` is opened during the call and never asked for a gradient.

    ## What it does
    Watches the tapes that the loss opens in an eager call, and whether `gradient`, `jacobian` or
    `batch_jacobian` is called on each.

    ## Why is this bad?
    The tape records every operation for nothing. Keras opens the tape that trains the model itself; a tape
    does not "evaluate" symbolic tensors either.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/GradientTape
    """

    code = "LC206"
    name = "unused-gradient-tape"
    severity = Severity.WARNING
    hint = "Remove the `with`: Keras takes the gradient of the loss itself"
    requires = ("callable",)
    repro = Special("unused tape")

    BAD = (
        """\
import tensorflow as tf

def taped_loss(y_true, y_pred):
    with tf.GradientTape() as tape:  # <-
        loss = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return loss
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def slope_loss(y_true, y_pred):
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        curve = tf.square(y_pred - y_true)
    slope = tape.gradient(curve, y_pred)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + tf.reduce_mean(tf.square(slope), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a tape that is watched at most."""
        for function in source.functions:
            for node in (node for node in ast.walk(function) if isinstance(node, ast.With)):
                for item in node.items:
                    if source.name_of(item.context_expr) == "tensorflow.GradientTape" and _is_idle(
                        item, function
                    ):
                        message = "a `GradientTape` is opened and never asked for a gradient"
                        yield self.suspicion(message, source.location(node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report each line that opens a tape for nothing."""
        seen = prober.eager()
        lines = {e.location for e in seen.effects if e.kind is EffectKind.TAPE and e.location and e.call == 0}
        for place in sorted(lines, key=lambda place: place.line):
            yield self.finding(
                "a `GradientTape` is opened and never asked for a gradient", place, modes=(Mode.EAGER,)
            )


def _is_idle(item: ast.withitem, function: ast.AST) -> bool:
    """Whether a tape is only told what to watch; one that is handed on may be asked elsewhere."""
    name = item.optional_vars.id if isinstance(item.optional_vars, ast.Name) else ""
    reads = [
        n
        for n in ast.walk(function)
        if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
    ]
    watches = [n for n in ast.walk(function) if isinstance(n, ast.Attribute) and n.value in reads]
    return len(watches) == len(reads) and all(n.attr in ("watch", "stop_recording", "reset") for n in watches)
