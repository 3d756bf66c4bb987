"""From NumPy to TensorFlow and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from losscheck.observation import Returned, Shape


def to_tensor(array: np.ndarray, dtype: str | None = None) -> Any:
    """A TensorFlow tensor with the array's numbers; ``dtype`` where NumPy has no such type."""
    import tensorflow as tf

    return tf.convert_to_tensor(np.array(array), dtype=dtype)


def static_shape(tensor: Any) -> Shape | None:
    """The shape as plain numbers; None where the rank is unknown."""
    shape = tensor.shape
    rank = getattr(shape, "rank", None)
    return None if rank is None else tuple(shape)


def constant_number(tensor: Any) -> float | None:
    """The number that a constant of one element holds; None for text and for several elements."""
    import tensorflow as tf

    if tensor.dtype == tf.string or tensor.shape.num_elements() != 1:
        return None
    value = tf.get_static_value(tensor)
    return None if value is None or np.iscomplexobj(value) else float(np.ravel(value)[0])


def traced_shape(array: Any, known_batch: bool) -> list[int | None]:
    """The shape to trace with; the first axis is None where the batch size shall be unknown."""
    return [None if axis == 0 and not known_batch else int(size) for axis, size in enumerate(array.shape)]


def is_tensor(value: Any) -> bool:
    """Whether TensorFlow counts it as a tensor that has numbers (a `tf.Variable` too)."""
    import tensorflow as tf

    if is_keras_tensor(value):
        return False
    return isinstance(value, tf.Variable) or (tf.is_tensor(value) and hasattr(value, "dtype"))


def is_keras_tensor(value: Any) -> bool:
    """Whether it is Keras's placeholder for a tensor; found by name, as its module differs by version."""
    cls = type(value)
    return cls.__name__ == "KerasTensor" and "keras" in cls.__module__.partition(".")[0]


def describe(value: Any) -> Returned:
    """What a loss returned, in plain words."""
    import tensorflow as tf

    if isinstance(value, (tf.IndexedSlices, tf.SparseTensor, tf.RaggedTensor)):
        return Returned(type(value).__name__, value.dtype.name)
    if is_tensor(value):
        return Returned("tensor", tf.as_dtype(value.dtype).name, static_shape(value))
    if isinstance(value, (np.ndarray, np.generic)):
        return Returned(type(value).__name__, str(value.dtype), np.shape(value))
    return Returned(type(value).__name__)


def to_array(value: Any) -> np.ndarray | None:
    """The numbers of an eager tensor; None where it holds none that NumPy knows."""
    import tensorflow as tf

    if not is_tensor(value) or isinstance(value, (tf.IndexedSlices, tf.SparseTensor, tf.RaggedTensor)):
        return None
    value = tf.convert_to_tensor(value)
    if value.dtype in (tf.string, tf.variant, tf.resource):
        return None
    if value.dtype == tf.bfloat16:
        value = tf.cast(value, tf.float32)
    return np.asarray(value.numpy())
