"""LC102: the loss works for one batch size only."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import PROVED_ON, NoScript, Raises, Recipe, Values
from losscheck.rule import Rule, first_line, return_location


class FixedBatchSize(Rule):
    """The loss works for one batch size and raises, or means something else, for another.

    ## What it does
    Calls the loss on batches of several sizes, those that the source names included, and compares the
    per-sample loss of the same rows alone and with other rows after them.

    ## Why is this bad?
    The last batch of an epoch is usually smaller than the others, so `fit` raises at the end of the first
    epoch. Evaluation and prediction use other batch sizes too.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/shape
    """

    code = "LC102"
    name = "fixed-batch-size"
    severity = Severity.ERROR
    hint = "Take the batch size from the tensor: `tf.shape(y_pred)[0]`, or -1 in a reshape"
    requires = ("callable",)
    supersedes = ("LC107", "LC108", "LC601", "LC608", "LC704")
    repro = Values(
        "first.shape[:1] == (len(y_pred),) and not np.allclose(first, second[: len(first)], rtol=1e-3)",
        ("typical", PROVED_ON),
    )

    BAD = (
        """\
import tensorflow as tf

def column_loss(y_true, y_pred):
    pred = tf.reshape(y_pred, [32, 3])  # <-
    return tf.reduce_mean(tf.square(tf.reshape(y_true, [-1, 3]) - pred), axis=-1)
""",
        """\
import tensorflow as tf

def averaged_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    return error / tf.cast(tf.shape(y_pred)[0], tf.float32)  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def column_loss(y_true, y_pred):
    pred = tf.reshape(y_pred, [-1, 3])
    return tf.reduce_mean(tf.square(tf.reshape(y_true, [-1, 3]) - pred), axis=-1)
""",
        """\
import tensorflow as tf

def centred_loss(y_true, y_pred):
    pred = y_pred - tf.reduce_mean(y_pred, axis=0, keepdims=True)
    return tf.reduce_mean(tf.square(y_true - pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a reshape whose first axis, the batch, is a literal number."""
        for call in source.calls("reshape"):
            axes = call.argument(1, "shape", "newshape").items
            rows = axes[0].number if len(axes) > 1 else None
            if call.argument(0).has_rows and not call.context.is_row and rows is not None and rows > 1:
                yield self.suspicion(f"this holds for a batch of {rows} alone", source.location(call.node))

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: another number of rows raises, or gives the same rows another loss."""
        if finding.evidence.get("is_torn"):
            return NoScript("it raises nothing, and its one number looks like any other")
        return self.repro if finding.evidence["batch"] == "extended" else Raises(PROVED_ON)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare batch sizes."""
        typical = prober.eager()
        if typical.raised is not None:
            return
        rows = prober.inputs.typical_size
        for name in ("other_size", "partial"):
            raised = prober.eager(name).raised
            if raised is not None and self._takes_multiples(prober):
                yield self.finding(
                    f"needs a multiple of {rows} rows: works on {rows}, {2 * rows} and {3 * rows}, raises on"
                    f" {prober.inputs[name].size}: {first_line(raised)}",
                    raised.location or prober.loss.location,
                    modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
                    severity=Severity.WARNING,
                    hint="Drop the last partial batch (`dataset.batch(n, drop_remainder=True)`)",
                    batch=name,
                )
                return
            if raised is not None:
                modes = (Mode.EAGER, Mode.GRAPH, *((Mode.FIT,) if prober.fit().raised else ()))
                yield self.finding(
                    f"works on a batch of {rows} and raises on one of {prober.inputs[name].size}:"
                    f" {first_line(raised)}",
                    raised.location or prober.loss.location,
                    modes=modes,
                    batch=name,
                )
                return
        if prober.evidence.named_rows is not None and prober.flow().torn(rows) is None:
            for name in ("other_size", "partial"):
                size = prober.inputs[name].size
                if (op := prober.flow(name).torn(size)) is not None:
                    yield self.finding(
                        f"works on a batch of {rows}; one of {size} is reshaped to {op.shape}, which puts"
                        " parts of one row into several groups",
                        op.location or prober.loss.location,
                        modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
                        batch=name,
                        is_torn=True,
                    )
                    return
        yield from self._check_same_rows(prober, rows)

    @staticmethod
    def _takes_multiples(prober: Prober) -> bool:
        """Whether the rows come in groups of the one size that works."""
        rows = prober.evidence.named_rows
        return rows is not None and all(prober.eager(f"rows {n * rows}").raised is None for n in (2, 3))

    def _check_same_rows(self, prober: Prober, rows: int) -> Iterator[Finding]:
        """The same rows must keep their loss when other rows stand after them, whatever these hold.

        A loss that depends on what the other rows hold is batch statistics, and no finding.
        """
        import numpy as np

        from losscheck.inputs.batches import is_same_value

        alone, more, others = (prober.eager(n).value for n in ("typical", "extended", "extended again"))
        again = prober.gradient().value
        if alone is None or more is None or others is None or again is None or alone.shape[:1] != (rows,):
            return
        longer = prober.inputs["extended"].size
        if more.shape != (longer, *alone.shape[1:]) or not np.array_equal(alone, again, equal_nan=True):
            return
        if is_same_value(more[:rows], others[:rows]) and not is_same_value(alone, more[:rows], 1e-3):
            yield self.finding(
                f"the first row's loss is {alone.ravel()[0]:.3g} in a batch of {rows} and"
                f" {more.ravel()[0]:.3g} in one of {longer}, whatever the other rows hold",
                return_location(prober),
                modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
                hint="Return the loss of each sample; Keras averages over the batch itself",
                batch="extended",
            )
