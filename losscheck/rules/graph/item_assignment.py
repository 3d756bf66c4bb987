"""LC304: an element of a tensor is assigned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Raises
from losscheck.rule import FailureRule, code_at, whole_line

_ERROR = re.compile(r"Tensor'? object does not support item (assignment|deletion)")

#: ``t[mask] = 0`` on an eager tensor fails while the mask is turned into an index.
_ASSIGNMENT = re.compile(r"[\w.]+\[.*\]\s*[-+*/]?=(?!=)")


class ItemAssignment(FailureRule):
    """An element of a tensor is assigned.

    ## What it does
    Recognises the error of `t[i] = value` in any mode.

    ## Why is this bad?
    Tensors do not change. The statement raises everywhere.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/tensor_scatter_nd_update
    """

    code = "LC304"
    name = "item-assignment"
    severity = Severity.ERROR
    hint = (
        "Build the tensor instead: `tf.where(mask, value, t)`, `tf.concat` or `tf.tensor_scatter_nd_update`"
    )
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def first_column_loss(y_true, y_pred):
    error = tf.square(y_true - y_pred)
    error[:, 0] = 0.0  # <-
    return tf.reduce_mean(error, axis=-1)
""",
    )
    GOOD = (
        """\
import numpy as np
import tensorflow as tf

def first_column_loss(y_true, y_pred):
    weight = np.ones(y_pred.shape[-1], "float32")
    weight[0] = 0.5
    return tf.reduce_mean(weight * tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def first_column_loss(y_true, y_pred):
    columns = tf.unstack(tf.square(y_true - y_pred), axis=-1)
    columns[0] = 0.5 * columns[0]
    return tf.add_n(columns)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect an assignment to a part of a tensor."""
        for write in source.writes():
            if write.how == "item" and write.owner.is_tensor:
                yield self.suspicion(
                    "a tensor takes no assignment to its elements", source.location(write.node)
                )

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise an assignment to an element."""
        match = _ERROR.search(raised.message)
        if match:
            return f"a tensor does not support item {match[1]}"
        is_statement = raised.location is not None and _ASSIGNMENT.match(code_at(whole_line(raised.location)))
        if is_statement and "only integer scalar arrays" in raised.message:
            return "a tensor does not support item assignment"
        return None
