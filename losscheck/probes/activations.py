"""The activations probe: probabilities of ``y_pred`` that go through a softmax or sigmoid once more.

An operation is told by its numbers: what equals the softmax or sigmoid of another tensor on ordinary input
is one, however it is written.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from losscheck.graph_observation import ActivationsObservation, Doubled, FlowObservation, Op
from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.probes.fetching import fetch, float_tensors
from losscheck.probes.flow import Traced
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import as_fit_calls
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_tensor
from losscheck.probes.watch import Watch

#: What applies a softmax to its first input itself.
_LOGIT_LOSSES = (
    "SoftmaxCrossEntropyWithLogits",
    "SparseSoftmaxCrossEntropyWithLogits",
    "CTCLoss",
    "CTCLossV2",
)
#: The part of `tf.nn.ctc_loss` that computes its gradient itself, so that none passes its operations.
_OWN_GRADIENT = "ctc_loss_dense"
#: What a softmax, a sigmoid or the log of one is made of.
_ACTIVATING = ("Softmax", "LogSoftmax", "Sigmoid", "Exp", "Softplus", "Tanh", *_LOGIT_LOSSES)
#: Operations that hand probabilities on as they are, or clipped between constants.
_HANDING_ON = (
    "Identity", "Reshape", "Squeeze", "ExpandDims", "StridedSlice", "Cast", "Transpose", "Slice",
)  # fmt: skip
_CLIPPING = ("ClipByValue", "Maximum", "Minimum", "AddV2")
#: The noise of float32; the numbers compared are of size 1.
_NOISE = 1e-5
#: What is added to keep a logarithm finite leaves a probability a probability.
_EPSILON = 1e-3

Numbers = dict[int, np.ndarray]


def run_activations(
    loss: LoadedLoss,
    traced: Traced,
    flow: FlowObservation,
    batch: Batch,
    files: UserFiles,
    *,
    is_probability: bool,
) -> ActivationsObservation:
    """Look for probabilities that go through a softmax or sigmoid again.

    Args:
        loss: the loss.
        traced: the traced loss.
        flow: the rows of the same graph.
        batch: an ordinary input.
        files: which files are the user's.
        is_probability: whether the user told that ``y_pred`` holds probabilities.

    """
    start = time.perf_counter()
    acting = [op for op in flow.ops if op.from_y_pred and op.type in _ACTIVATING]
    if flow.output is None or len(acting) + is_probability < 2:
        return ActivationsObservation(batch.name)
    with isolated():
        values = fetch(traced, batch, float_tensors(traced, flow))
        values = {i: array.astype(np.float64) for i, array in values.items() if flow.ops[i].from_y_pred}
        doubled = tuple(_find_doubled(flow, values, is_probability=is_probability))
        undone = None if doubled else _undone(loss, flow, batch, files)
    return ActivationsObservation(
        batch.name, seconds=time.perf_counter() - start, doubled=doubled, undone=undone
    )


def _find_doubled(flow: FlowObservation, values: Numbers, *, is_probability: bool) -> Iterator[Doubled]:
    """The first logits operation of each probability."""
    roots: list[tuple[Op | None, int]] = []
    if is_probability:
        roots += [(None, flow.path[0])] if flow.path else []
    for op in flow.ops:
        if op.index in values and (source := _logits_of(flow, values, op)) is not None:
            roots.append((op, source))
    seen: set[int] = set()
    for first, start in roots:
        root = start if first is None else first.index
        second = _second(flow, values, root)
        if second is not None and second.index not in seen:
            seen.add(second.index)
            entering = values[root]
            yield Doubled(first, second, float(entering.min()), float(entering.max()))


def _logits_of(flow: FlowObservation, values: Numbers, op: Op) -> int | None:
    """The tensor whose softmax or sigmoid an operation gives; None where it gives neither."""
    value = values[op.index]
    if not (value > 0).all() or not (value < 1).all() or value.std() < _NOISE:
        return None
    for index in _ancestors(flow, op.index):
        source = values.get(index)
        if source is None or source.shape != value.shape:
            continue
        if any(_is_same(value, act(source)) for act in _activations(source.shape)):
            return index
    return None


def _second(flow: FlowObservation, values: Numbers, root: int) -> Op | None:
    """The first operation that takes a probability for logits."""
    family = {root}
    for op in flow.ops[root + 1 :]:
        is_trained = op.has_gradient or _OWN_GRADIENT in op.name
        if any(i in family for i in op.inputs[:1]) and op.type in _LOGIT_LOSSES and is_trained:
            return op
        if any(i in family for i in op.inputs) and (_hands_on(flow, op) or _joins(flow, op, family)):
            family.add(op.index)
        elif (
            op.index in values
            and is_trained
            and op.type != "StopGradient"
            and _takes_logits(values, op.index, family)
        ):
            return op
    return None


def _hands_on(flow: FlowObservation, op: Op) -> bool:
    if op.type in _HANDING_ON:
        return op.is_float
    constants = [flow.ops[i].constant for i in op.inputs if not flow.ops[i].from_y_pred]
    is_clip = op.type in _CLIPPING and bool(constants) and all(number is not None for number in constants)
    return is_clip and (op.type != "AddV2" or all(abs(number or 0.0) <= _EPSILON for number in constants))


def _joins(flow: FlowObservation, op: Op, family: set[int]) -> bool:
    """Whether it puts probabilities into another order, as `tf.nn.ctc_loss` does for the blank."""
    return op.type == "ConcatV2" and all(i in family for i in op.inputs if flow.ops[i].from_y_pred)


def _takes_logits(values: Numbers, index: int, family: set[int]) -> bool:
    value = values[index]
    for member in family & values.keys():
        source = values[member]
        if source.size < 2 or source.std() < _NOISE:
            continue
        if source.shape == value.shape and any(
            _is_same(value, function(source)) for function in _logit_functions(source.shape)
        ):
            return True
        is_simplex = source.ndim > 1 and source.shape[-1] > 1 and _is_same(source.sum(-1), 1.0)
        if is_simplex and value.size * source.shape[-1] == source.size:
            whole = np.log(np.exp(source).sum(-1))
            if _is_same(value.reshape(whole.shape), whole):
                return True
    return False


def _activations(shape: tuple[int, ...]) -> list[Callable[[np.ndarray], np.ndarray]]:
    """Softmax needs more than one column."""
    return [_sigmoid, _softmax] if shape and shape[-1] > 1 else [_sigmoid]


def _logit_functions(shape: tuple[int, ...]) -> list[Callable[[np.ndarray], np.ndarray]]:
    """What tells that a tensor is read as logits: activations, their logs, a part of the cross-entropy."""
    functions: list[Callable[[np.ndarray], np.ndarray]] = [
        *_activations(shape),
        lambda x: np.log1p(np.exp(-x)),  # -log(sigmoid(x))
        lambda x: -np.log1p(np.exp(-x)),
        lambda x: np.log1p(np.exp(-np.abs(x))),  # of tf.nn.sigmoid_cross_entropy_with_logits
    ]
    return [*functions, lambda x: np.log(_softmax(x))] if shape[-1] > 1 else functions


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x))


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def _is_same(left: np.ndarray, right: np.ndarray | float) -> bool:
    return bool(np.allclose(left, right, rtol=_NOISE, atol=_NOISE))


def _ancestors(flow: FlowObservation, index: int) -> list[int]:
    """What an operation is made of, nearest first."""
    seen: dict[int, None] = {}
    queue = list(flow.ops[index].inputs)
    while queue:
        here = queue.pop(0)
        if here not in seen:
            seen[here] = None
            queue += flow.ops[here].inputs
    return list(seen)


def _undone(loss: LoadedLoss, flow: FlowObservation, batch: Batch, files: UserFiles) -> Op | None:
    """The logits loss of Keras that skips the activation before it, which it does in a graph alone.

    Keras looks for the `Softmax` or `Sigmoid` operation that made what it takes for logits; an eager
    tensor does not tell. Source: ``_get_logits`` in keras/src/backend/tensorflow/nn.py.
    """
    for op in flow.ops:
        if op.type not in ("Softmax", "Sigmoid") or not op.from_y_pred:
            continue
        readers = [
            row
            for row in flow.ops[op.index + 1 :]
            if row.reaches_output and row.location is not None and set(row.inputs) & set(op.inputs)
        ]
        if readers and _is_warned_of(loss, batch, files):
            return next((row for row in readers if "CrossEntropy" in row.type), readers[0])
    return None


def _is_warned_of(loss: LoadedLoss, batch: Batch, files: UserFiles) -> bool:
    """Whether Keras says, while it is traced, that what it took for logits are probabilities."""
    import tensorflow as tf

    specs = [tf.TensorSpec.from_tensor(to_tensor(array)) for array in (batch.y_true, batch.y_pred)]
    function = tf.function(as_fit_calls(loss), autograph=False)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            Watch(loss.function, files).run(lambda: function.get_concrete_function(*specs))
        except Exception:
            return False
    return any("from_logits=True" in str(item.message) for item in caught)
