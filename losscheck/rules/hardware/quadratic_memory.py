"""LC705: a tensor grows with the square of the batch."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Op
from losscheck.prober import Prober
from losscheck.rule import Rule

#: A batch size at which memory matters.
_LARGE = 1024


class QuadraticMemory(Rule):
    """A tensor of the loss has the batch axis twice: its memory grows with the square of the batch.

    ## What it does
    Traces the loss at two batch sizes that no other axis has, and looks for tensors that hold it twice in
    both.

    ## Why is this bad?
    Often it is meant: each row is compared with each other one. But twice the batch takes four times the
    memory, and a third factor (`(B, B, D)`) fills a GPU early; the gradient keeps it as well.

    ## References
    - https://www.tensorflow.org/guide/gpu_performance_analysis
    """

    code = "LC705"
    name = "quadratic-memory"
    severity = Severity.NOTE
    hint = "Where the pairs are meant, use `tf.matmul` instead of `(B, B, D)` differences, or a smaller batch"
    requires = ("graph",)

    BAD = (
        """\
import tensorflow as tf

def spread_loss(y_true, y_pred):
    gaps = y_pred[:, None, :] - y_pred[None, :, :]  # <-
    spread = tf.reduce_mean(tf.square(gaps), axis=[1, 2])
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + 0.1 * spread
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def grid_loss(y_true, y_pred):  # losscheck: y_true=float32[B,11,11] y_pred=float32[B,11,11]
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=[1, 2])
""",
        """\
import tensorflow as tf

def column_loss(y_true, y_pred):
    gaps = y_pred[:, :, None] - y_pred[:, None, :]
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1) + tf.reduce_mean(gaps, axis=[1, 2])
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the shapes at two batch sizes."""
        inputs = prober.inputs
        rows, others = inputs.typical_size, inputs.other_size
        square = [op for op in prober.flow().ops if op.reaches_output and _is_square(op, rows)]
        if not square:
            return
        axes = {op.name: _axes(op, others) for op in prober.flow("other_size").ops}
        square = [op for op in square if axes.get(op.name) == _axes(op, rows)]
        if not square:
            return
        largest = max(square, key=lambda op: _bytes(op, rows))
        shape = ", ".join("B" if size == rows else str(size) for size in largest.shape or ())
        yield self.finding(
            f"`{largest.type}` gives a tensor of shape ({shape}): {_words(_bytes(largest, rows))} at"
            f" B = {_LARGE}, {_words(4 * _bytes(largest, rows))} at twice that",
            square[0].location or prober.loss.location,
            modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
        )


def _is_square(op: Op, rows: int) -> bool:
    return (op.from_y_true or op.from_y_pred) and len(_axes(op, rows)) > 1


def _axes(op: Op, rows: int) -> tuple[int, ...]:
    """The axes of an operation's output that have the size of the batch."""
    return tuple(axis for axis, size in enumerate(op.shape or ()) if size == rows)


def _bytes(op: Op, rows: int) -> int:
    """The memory of an operation's output at a large batch."""
    import numpy as np

    width = 2 if op.dtype == "bfloat16" else np.dtype(op.dtype).itemsize
    total = width
    for size in op.shape or ():
        total *= _LARGE if size == rows else size or 1
    return total


def _words(count: float) -> str:
    """A number of bytes, such as ``4 MiB``; it is one of a million numbers at least."""
    power = 3 if count >= 1024**3 else 2
    return f"{count / 1024**power:.3g} {'GiB' if power == 3 else 'MiB'}"
