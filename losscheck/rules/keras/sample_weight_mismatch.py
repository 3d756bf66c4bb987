"""LC608: a weight of zero is not the same as leaving the row out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.recipe import Recipe, Special
from losscheck.rule import Rule, return_location
from losscheck.rules.keras.weights import RECIPES, mask_misfit, row_misfits

#: float32 noise of a sum over some thousand terms, relative to the largest value.
_TOLERANCE = 1e-3


class SampleWeightMismatch(Rule):
    """There is a loss for each sample, yet a `sample_weight` of zero does not take the sample out.

    ## What it does
    Computes the loss of each row, and that of a batch from which two rows were left out. Up to a common
    factor (the normaliser) the other rows must have the loss that they had. A loss in which rows depend on
    each other by design (contrastive, ranking) is a note. Where nothing is reduced, one weight for a row
    meets all the entries of it: what that raises is a warning, and a note for predictions of two axes. Where
    one value stands for all steps of a sequence, it calls the loss with a mask of the steps, which is a
    weight for each: what that raises is a note.

    ## Why is this bad?
    Keras multiplies the i-th value with the i-th weight. Where the values stand in another order, or each of
    them is the mean of the batch, the weights act on the wrong samples, or on none, without a word.

    ## References
    - https://keras.io/api/losses/#usage-of-losses-with-compile-amp-fit
    """

    code = "LC608"
    name = "sample-weight-mismatch"
    severity = Severity.WARNING
    hint = "Return the loss of sample i at place i, computed from row i alone"
    requires = ("value",)
    repro = Special("weighted rows")

    BAD = (
        """\
import tensorflow as tf

def forecast_loss(y_true, y_pred):  # losscheck: y_true=float32[B,6,3]:real y_pred=float32[B,6,3]:real
    return tf.square(y_true - y_pred)  # <-
""",
        """\
import tensorflow as tf

def sorted_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return tf.sort(error, direction="DESCENDING")  # <-
""",
        """\
import tensorflow as tf

def repeated_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred))
    return error * tf.ones_like(y_pred[:, 0])  # <-
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def focused_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error / (1.0 + tf.stop_gradient(error))
""",
        """\
import tensorflow as tf

def normalised_loss(y_true, y_pred):
    error = tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
    return error / (tf.reduce_mean(tf.abs(y_true)) + 1e-6)
""",
        """\
import tensorflow as tf

def sequence_loss(y_true, y_pred):
    steps = tf.square(tf.cumsum(y_true, axis=1) - tf.cumsum(y_pred, axis=1))
    return tf.reduce_mean(steps, axis=2)
""",
    )

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: what the weights of rows meet, else rows left out."""
        return next((RECIPES[key] for key in RECIPES if key in finding.evidence), self.repro)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the rows that are kept with the batch of them alone; try a mask of their steps."""
        place = return_location(prober)
        for found in (*mask_misfit(prober), *(() if prober.is_random else row_misfits(prober))):
            yield self.finding(
                found.message,
                place,
                modes=(Mode.FIT,),
                severity=found.severity,
                hint=found.hint,
                **found.evidence,
            )
        if prober.is_random:
            return
        seen = prober.weighted()
        full, alone = seen.value, seen.of_kept
        rows = len(seen.kept)
        if full is None or alone is None or full.ndim == 0 or alone.shape != (rows, *full.shape[1:]):
            return
        if len(full) != prober.inputs.typical_size or not (
            np.isfinite(full).all() and np.isfinite(alone).all()
        ):
            return
        full, alone = full.astype(np.float64), alone.astype(np.float64)  # whose squares may overflow
        kept = full[list(seen.kept)]
        is_constant = np.allclose(full, full[:1], rtol=_TOLERANCE) and not np.allclose(full[0], alone[0])
        if not is_constant and _is_multiple(kept, alone):
            return
        left_out = len(full) - rows
        message = (
            f"with {left_out} of {len(full)} rows weighted by zero the others sum to {kept.sum():.4g};"
            f" without these rows they sum to {alone.sum():.4g}"
        )
        severity, why = Severity.NOTE, "the loss of a row depends on the other rows"
        if is_constant:
            severity, why = Severity.WARNING, "each row has the same value, that of the whole batch"
        elif _is_reordered(full, alone):
            severity, why = Severity.WARNING, "the values stand in another order than the rows"
        yield self.finding(f"{message}: {why}", place, modes=(Mode.FIT,), severity=severity)


def _is_multiple(kept: np.ndarray, alone: np.ndarray) -> bool:
    """Whether the rows have the loss that they have alone, times one common factor."""
    scale = float(np.abs(alone).max(initial=0.0))
    if scale == 0.0:
        return not kept.any()
    factor = float((kept * alone).sum() / (alone * alone).sum())
    return factor > 0 and bool(
        np.allclose(kept, factor * alone, rtol=_TOLERANCE, atol=_TOLERANCE * factor * scale)
    )


def _is_reordered(full: np.ndarray, alone: np.ndarray) -> bool:
    """Whether the values of the smaller batch are among those of the whole one, at other places."""
    rows = [row.ravel() for row in full]
    return all(any(np.allclose(row.ravel(), other, rtol=_TOLERANCE) for other in rows) for row in alone)
