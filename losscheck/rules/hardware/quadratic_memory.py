"""LC705: a tensor grows with the square of the batch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import Op
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Operations
from losscheck.rule import Rule

if TYPE_CHECKING:
    from losscheck.observation import Shape

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
    repro = Operations("any(x.shape.rank and list(x.shape).count(len(y_pred)) > 1 for x in op.outputs)")

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

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect an operator between the batch as rows and the batch as columns."""
        for event in source.arithmetic():
            if isinstance(event.node, ast.BinOp):
                axes = [_new_axis(event.node.left), _new_axis(event.node.right)]
                if sorted(axes) == [0, 1] and event.left.is_of_batch and event.right.is_of_batch:
                    yield self.suspicion(
                        "this holds each pair of the batch's rows", source.location(event.node)
                    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the shapes at two batch sizes."""
        rows, others = prober.inputs.typical_size, prober.inputs.other_size
        suspects = [op for op in prober.flow().ops if _may_grow(op, rows)]
        if not suspects:
            return
        shapes = {op.name: op.shape for op in prober.flow("other_size", shapes_only=True).ops}
        grown = []
        for op in suspects:
            shape = _with_batch_axes(op.shape, shapes.get(op.name), rows, others)
            if shape.count(None) > 1:
                grown.append((op, shape))
        if not grown:
            return
        largest, shape = max(grown, key=lambda pair: _bytes(pair[0], rows, pair[1]))
        count = _bytes(largest, rows, shape)
        axes = [
            str(size) if axis is not None else "B" if size == rows else f"{(size or 0) // rows} B"
            for size, axis in zip(largest.shape or (), shape, strict=True)
        ]
        yield self.finding(
            f"`{largest.type}` gives a tensor of shape ({', '.join(axes)}): {_words(count)} at B = {_LARGE},"
            f" {_words(4 * count)} at twice that",
            grown[0][0].location or prober.loss.location,
            modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
        )


def _may_grow(op: Op, rows: int) -> bool:
    """Whether two axes could be made of the batch; only a second batch size tells."""
    is_of_inputs = op.reaches_output and (op.from_y_true or op.from_y_pred)
    return is_of_inputs and sum(bool(size) and not (size or 1) % rows for size in op.shape or ()) > 1


def _with_batch_axes(shape: Shape | None, other: Shape | None, rows: int, others: int) -> Shape:
    """The shape with None for each axis that grows with the batch."""
    if not shape or not other or len(shape) != len(other):
        return ()
    pairs = zip(shape, other, strict=True)
    return tuple(None if a != b and (a or 0) * others == (b or 0) * rows else a for a, b in pairs)


def _bytes(op: Op, rows: int, shape: Shape) -> int:
    """The memory of an operation's output at a large batch; ``shape`` has None for the axes that grow."""
    import numpy as np

    total = 2 if op.dtype == "bfloat16" else np.dtype(op.dtype).itemsize
    for size, axis in zip(op.shape or (), shape, strict=True):
        total *= (size or 0) * _LARGE // rows if axis is None else axis
    return total


def _words(count: float) -> str:
    """A number of bytes, such as ``4 MiB``; it is one of a million numbers at least."""
    power = 3 if count >= 1024**3 else 2
    return f"{count / 1024**power:.4g} {'GiB' if power == 3 else 'MiB'}"


def _new_axis(node: ast.expr) -> int:
    """The place of the axis that ``x[:, None]`` (1) or ``x[None]`` (0) adds; -1 for other expressions."""
    if not isinstance(node, ast.Subscript):
        return -1
    places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    added = [i for i, p in enumerate(places) if ast.unparse(p) in ("None", "tf.newaxis")]
    return added[0] if len(added) == 1 else -1
