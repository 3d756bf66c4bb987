"""What to write in place of an operation that XLA refuses; the tests compile every replacement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Replacement:
    """How a loss gets by without some operations."""

    ops: tuple[str, ...]  #: types, as TensorFlow names them
    words: str  #: the cure, in the imperative
    code: str  #: an expression of ``y_true`` and ``y_pred``, both (B, 1), that XLA compiles


_LOOP = Replacement(
    ("While", "StatelessWhile", "TensorListReserve", "EmptyTensorList", "TensorListPushBack"),
    "Work on the whole batch, use `tf.vectorized_map`, or give `tf.while_loop` its `maximum_iterations`",
    "tf.vectorized_map(lambda row: tf.reduce_sum(tf.square(row)), y_pred) + tf.while_loop("
    "lambda x: tf.reduce_max(x) > 0.1, lambda x: (0.5 * x,), [y_pred], maximum_iterations=9)[0][:, 0]",
)

REPLACEMENTS = (
    Replacement(
        ("StringFormat", "PrintV2", "Print"),
        "Take the `tf.print` out once it has told you what you wanted; for training, report through a metric",
        "tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)",
    ),
    Replacement(
        ("PyFunc", "PyFuncStateless", "EagerPyFunc"),
        "Write the Python function with TensorFlow operations, such as `tf.where` in place of an `if`",
        "tf.reduce_mean(tf.where(y_true > 0.5, tf.square(1 - y_pred), tf.abs(y_pred)), axis=-1)",
    ),
    Replacement(
        ("AsString", "StringLength", "StringJoin", "StringToNumber", "StringToHashBucketFast"),
        "Compare numbers, not strings",
        "tf.cast(tf.equal(y_true, tf.round(y_true)), tf.float32) * y_pred",
    ),
    Replacement(
        ("SegmentSum", "SegmentMean", "SegmentMax", "SegmentMin", "SegmentProd"),
        "Use `tf.math.unsorted_segment_sum` (or `_mean`, `_max`, …) with a constant `num_segments`",
        "tf.math.unsorted_segment_sum(y_pred[:, 0], tf.cast(y_true[:, 0], tf.int32), num_segments=2)",
    ),
    Replacement(
        ("HistogramFixedWidth", "UniqueWithCounts", "UniqueWithCountsV2"),
        "Count with one-hot rows: `tf.reduce_sum(tf.one_hot(bins, count), axis=0)`",
        "tf.reduce_sum(tf.one_hot(tf.cast(y_true[:, 0], tf.int32), 2), axis=0) * tf.reduce_mean(y_pred)",
    ),
    Replacement(
        ("RaggedTensorToTensor", "RaggedTensorFromVariant", "RaggedTensorToVariant", "RaggedGather"),
        "Keep rows padded and mask them: `tf.where(tf.sequence_mask(lengths, width), x, 0.0)`",
        "tf.where(tf.sequence_mask(tf.cast(y_true[:, 0], tf.int32), 3), tf.tile(y_pred, [1, 3]), 0.0)",
    ),
    Replacement(
        ("SparseReduceSum", "SparseToDense", "SparseTensorDenseMatMul", "SparseSegmentSum"),
        "Use dense tensors and a mask",
        "tf.reduce_sum(tf.where(y_true > 0.5, y_pred, 0.0), axis=-1)",
    ),
    Replacement(
        ("DenseToDenseSetOperation", "DenseToSparseSetOperation", "SparseToSparseSetOperation", "SetSize"),
        "Compare all pairs: `tf.reduce_any(tf.equal(a[:, None], b[None, :]), axis=1)`",
        "tf.where(tf.reduce_any(tf.equal(y_true, tf.transpose(y_true)), axis=1), y_pred[:, 0], 0.0)",
    ),
    Replacement(
        ("LookupTableFindV2", "LookupTableFind", "HashTableV2"),
        "Look the values up in a tensor: `tf.gather(table, ids)`",
        "tf.gather(tf.constant([1.0, 2.0]), tf.cast(y_true[:, 0], tf.int32)) * y_pred[:, 0]",
    ),
    Replacement(
        ("CTCLoss", "CTCLossV2"),
        "Use `tf.nn.ctc_loss` with dense labels",
        "tf.nn.ctc_loss(tf.ones_like(y_true, tf.int32), tf.tile(y_pred[:, None], [1, 4, 3]),"
        " tf.ones_like(y_true[:, 0], tf.int32), 4 * tf.ones_like(y_true[:, 0], tf.int32),"
        " logits_time_major=False)",
    ),
    Replacement(
        ("EditDistance",),
        "Report it as a metric, and train on `tf.nn.ctc_loss` or on the steps one by one: it has no gradient",
        "tf.nn.sparse_softmax_cross_entropy_with_logits("
        "tf.cast(y_true, tf.int32), tf.stack([y_pred, 1 - y_pred], axis=-1))",
    ),
    Replacement(
        ("MatrixDeterminant",),
        "Use `tf.linalg.logdet` for a positive definite matrix, or the product of `tf.linalg.eigvalsh`",
        "tf.linalg.logdet(tf.eye(2) + tf.square(tf.reduce_mean(y_pred)))",
    ),
    Replacement(
        ("MatrixSquareRoot", "Eig"),
        "Use `tf.linalg.eigh` of the symmetric matrix",
        "tf.sqrt(tf.linalg.eigvalsh(tf.linalg.diag([1.0, 2.0]) + tf.reduce_mean(tf.square(y_pred))))",
    ),
    Replacement(
        ("LogUniformCandidateSampler", "UniformCandidateSampler", "LearnedUnigramCandidateSampler"),
        "Draw the candidates outside the loss, or use the full softmax cross-entropy",
        "tf.nn.sparse_softmax_cross_entropy_with_logits("
        "tf.cast(y_true[:, 0], tf.int32), tf.concat([y_pred, 1 - y_pred], axis=1))",
    ),
    Replacement(
        ("MaxPoolWithArgmax",),
        "Use `tf.nn.max_pool2d`",
        "tf.nn.max_pool2d(tf.reshape(tf.tile(y_pred, [1, 16]), [-1, 4, 4, 1]), 2, 2, 'SAME')",
    ),
    Replacement(
        ("Dilation2D", "Erosion2D"),
        "Use `tf.nn.max_pool2d` with stride 1 for a flat structuring element",
        "tf.nn.max_pool2d(tf.reshape(tf.tile(y_pred, [1, 16]), [-1, 4, 4, 1]), 2, 1, 'SAME')",
    ),
    Replacement(
        ("CropAndResize",),
        "Gather the pixels of the boxes, or resize the whole image with `tf.image.resize`",
        "tf.image.resize(tf.reshape(tf.tile(y_pred, [1, 16]), [-1, 4, 4, 1]), [2, 2])",
    ),
    Replacement(
        ("Timestamp",),
        "Pass the time in through a `tf.Variable` that a callback assigns",
        "tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)",
    ),
    _LOOP,
)


def replacement(op: str) -> str:
    """The cure for a loss with this operation; empty where none is known."""
    if op.startswith("TensorList"):
        return _LOOP.words
    return next((entry.words for entry in REPLACEMENTS if op in entry.ops), "")
