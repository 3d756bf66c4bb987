"""Other values for what a loss reads: put in its place for a while, then put back."""

from __future__ import annotations

import collections
import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from losscheck.probes.saved_state import copied, refill
from losscheck.probes.slots import Slot

Change = Callable[[], contextlib.AbstractContextManager[None]]


def rebindings(slot: Slot, constants: tuple[object, ...] = ()) -> Iterator[Change]:
    """The place holds another value, as after an assignment; first the constants of the user's code."""
    value = slot.read()
    given = [constant for constant in constants if constant != value and constant is not None]
    for other in [*given, *others(value)]:
        yield functools.partial(slot.holding, other)


def inner_changes(value: Any) -> Iterator[Change]:
    """What a value holds is changed where it stands: a variable, an array, a list, a dict."""
    if is_variable(value):
        for other in others(np.asarray(value)):
            yield functools.partial(_assigned, value, other)
    elif isinstance(value, np.ndarray) and value.flags.writeable:
        for other in others(value):
            yield functools.partial(_overwritten, value, other)
    elif isinstance(value, (list, dict, collections.deque)):
        for other in [*others(value), *_longer(value)]:
            yield functools.partial(_refilled, value, other)


def is_variable(value: Any) -> bool:
    """Whether it is a variable of TensorFlow or Keras."""
    kind = type(value)  # an object may say that it has every attribute
    return hasattr(kind, "assign") and hasattr(kind, "dtype") and hasattr(kind, "shape")


def others(value: Any) -> list[Any]:
    """Values of the same kind that differ from this one, the likelier first; empty for a kind not known."""
    import tensorflow as tf

    if isinstance(value, (bool, np.bool_)):
        return [not value]
    if isinstance(value, (int, np.integer)):
        return [value + 1, value + 3, value * 0]
    if isinstance(value, (float, np.floating)):
        inside = [(value + 1) / 2, value / 2] if 0 <= value <= 1 else []
        return [type(value)(other) for other in [*inside, value * 1.5 + 0.25, 0.0] if other != value]
    if value is None:
        return [0.5, True]
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return [(~value if value.dtype.kind == "b" else (value * 2 + 1)).astype(value.dtype)]
    if is_variable(value):
        return [tf.Variable(other, dtype=value.dtype) for other in others(np.asarray(value))]
    if tf.is_tensor(value) and hasattr(value, "numpy"):
        return [tf.constant(other, dtype=value.dtype) for other in others(np.asarray(value))]
    if isinstance(value, (list, tuple, dict)):
        return _other_container(value)
    return []


def _other_container(value: Any) -> list[Any]:
    entries = value if isinstance(value, dict) else dict(enumerate(value))
    changed = {key: (others(item) if item is not None else []) for key, item in entries.items()}
    if not any(changed.values()):
        return []
    new = {key: found[0] if (found := changed[key]) else item for key, item in entries.items()}
    if isinstance(value, dict):
        return [new]
    return [] if hasattr(value, "_fields") else [type(value)(new.values())]


def _longer(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [{}] if value else []
    numbers = [item for item in value if isinstance(item, (int, float))]
    return [[*value, (numbers[-1] if numbers else 0) + 1.5], [*value, value[-1]]] if len(value) else [[1.5]]


@contextlib.contextmanager
def _assigned(variable: Any, other: np.ndarray) -> Iterator[None]:
    before = np.array(variable)
    variable.assign(other)
    try:
        yield
    finally:
        variable.assign(before)


@contextlib.contextmanager
def _overwritten(array: np.ndarray, other: np.ndarray) -> Iterator[None]:
    before = array.copy()
    array[...] = other
    try:
        yield
    finally:
        array[...] = before


@contextlib.contextmanager
def _refilled(container: Any, other: Any) -> Iterator[None]:
    before = copied(container)
    refill(container, other)
    try:
        yield
    finally:
        refill(container, before)
