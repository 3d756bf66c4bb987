"""Class ids that a cast changes."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.inputs.batches import Batch
from losscheck.probes.casts import run_casts
from losscheck.probes.flow import read_flow, trace

from .conftest import code_of


def lossy(written, highest):
    ids = np.arange(highest, highest - 5, -1, dtype=np.int32)
    batch = Batch("highest labels", "ids", ids, np.full((5, 4), 0.25, np.float32))
    traced = trace(written.loss, batch, written.files)
    return run_casts(traced, read_flow(traced, batch, written.files), batch).lossy


@pytest.mark.parametrize(
    ("dtype", "highest", "changes"),
    [
        ("uint8", 299, (299, 43)),
        ("uint8", 255, None),
        ("int8", 199, (199, -57)),
        ("float16", 2049, (2049, 2048)),
        ("float16", 2048, None),
        ("bfloat16", 257, (257, 256)),
        ("int16", 3000, None),
    ],
)
def test_the_highest_id_that_changes_is_told(write, dtype, highest, changes):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            ids = tf.cast(y_true, tf.{dtype})
            return tf.reduce_mean(y_pred, -1) * tf.cast(ids, tf.float32)
        """
    )
    found = lossy(written, highest)

    assert [(cast.before, cast.after) for cast in found] == ([changes] if changes else [])
    assert [code_of(cast.op.location) for cast in found] == [f"tf.cast(y_true, tf.{dtype})"] * len(found)


@pytest.mark.parametrize(
    ("use", "count"),
    [
        ("tf.reduce_sum(tf.one_hot(tf.cast(flag, tf.int32), 4) * y_pred, -1)", 1),
        ("tf.gather(y_pred, tf.cast(flag, tf.int32), axis=1, batch_dims=1)", 1),
        ("tf.reduce_sum(y_pred, -1) * tf.cast(flag, tf.float32)", 0),
        ("tf.where(flag, y_pred[:, 0], y_pred[:, 1])", 0),
    ],
)
def test_a_bool_counts_only_where_it_is_used_as_an_id(write, use, count):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            flag = tf.cast(y_true, tf.bool)
            return {use}
        """
    )

    assert len(lossy(written, 4)) == count
