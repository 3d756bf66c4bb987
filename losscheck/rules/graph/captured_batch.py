"""LC320: the loss combines the batch with an array as long as one batch or data set."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import PROVED_ON, Raises, Recipe, Values, Way
from losscheck.rule import Rule, first_line


class CapturedBatch(Rule):
    """The loss combines each batch with an array from outside that has one row per sample.

    ## What it does
    Gives the arrays that the loss reads other rows: if it raises on a longer batch until an array has as
    many rows, that array is tied to one batch. Then it calls the loss on the same rows in another order: if
    their losses follow only when an array is put in that order too, that array is paired by position.

    ## Why is this bad?
    `fit` shuffles and cuts the data into batches, the array stays as it is. The last, smaller batch raises,
    or each sample meets the row of another one, silently.

    ## References
    - https://keras.io/api/models/model_training_apis/#fit-method
    """

    code = "LC320"
    name = "captured-batch"
    severity = Severity.ERROR
    hint = "Pass it with the data: as columns of `y_true`, or as `sample_weight`; draw noise inside the loss"
    requires = ("callable",)
    silences_at_line = ("LC101", "LC108")
    supersedes = ("LC102", "LC103", "LC107", "LC601", "LC608", "LC704")
    repro = Values("not np.allclose(first, second, rtol=1e-3)", ways=(Way.EAGER, Way.REVERSED))

    BAD = (
        """\
import numpy as np
import tensorflow as tf

OFFSETS = np.linspace(-1.0, 1.0, 24, dtype="float32").reshape(8, 3)

def shifted_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true + OFFSETS - y_pred), axis=-1)  # <-
""",
        """\
import numpy as np
import tensorflow as tf

IMPORTANCE = tf.constant(np.random.default_rng(0).uniform(0.5, 2.0, size=400), tf.float32)

def weighted_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error * IMPORTANCE[: tf.shape(error)[0]]  # <-
""",
    )
    GOOD = (
        """\
import numpy as np
import tensorflow as tf

CLASS_WEIGHTS = np.array([0.5, 1.0, 2.0], dtype="float32")

def weighted_loss(y_true, y_pred):
    return tf.reduce_mean(CLASS_WEIGHTS * tf.square(y_true - y_pred), axis=-1)
""",
        """\
import numpy as np
import tensorflow as tf

TABLE = np.random.default_rng(0).uniform(0.5, 2.0, size=400).astype("float32")

def weighted_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    place = tf.cast(tf.clip_by_value(error * 100.0, 0.0, 399.0), tf.int32)
    return error * tf.gather(TABLE, place)
""",
    )

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: another number of rows raises, or another order gives other values."""
        return self.repro if finding.evidence["batch"] == "typical" else Raises(PROVED_ON)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the array that the batch is tied to."""
        if prober.eager().raised is not None:
            return
        seen = prober.captured()
        if not seen.name:
            return
        if seen.raised is not None:
            message = (
                f"`{seen.name}` has {seen.rows} rows: the loss works on a batch of {seen.rows} and raises on"
                f" one of {seen.other_rows}: {first_line(seen.raised)}"
            )
        else:
            message = (
                f"`{seen.name}` has {seen.rows} rows and is paired with the batch by position: in another"
                f" order the same rows get {seen.after:.3g}, not {seen.before:.3g}"
            )
        yield self.finding(
            message,
            seen.place or prober.loss.location,
            modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
            batch=f"rows {seen.other_rows}" if seen.raised is not None else "typical",
        )
