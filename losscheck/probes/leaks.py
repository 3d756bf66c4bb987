"""Symbolic tensors of a graph that are still reachable from Python after the trace."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

from losscheck.probes.frames import UserFiles
from losscheck.probes.objects import is_of_keras
from losscheck.probes.slots import find_reach

Leaks = dict[str, Any]


def find_leaks(function: Callable[..., Any], files: UserFiles) -> Leaks:
    """Path (``history[0]``, ``self.cache["p"]``) → symbolic tensor, for each that the loss can reach."""
    found: Leaks = {}
    reach = find_reach(function, files)
    for cache in reach.caches:
        for path, tensor in _symbolic(cached(cache), f"the cache of {cache.__name__}"):
            found.setdefault(path, tensor)
    for slot in reach.slots:
        if slot.kind == "attribute" and str(slot.key).startswith("_") and is_of_keras(slot.holder):
            continue  # Keras keeps the losses of a layer there until the next call
        for path, tensor in _symbolic(slot.get(), slot.path):
            found.setdefault(path, tensor)
    return found


def new_leaks(before: Leaks, after: Leaks) -> list[str]:
    """The paths that hold a symbolic tensor which they did not hold before."""
    return [path for path, tensor in after.items() if before.get(path) is not tensor]


def cached(cache: Any) -> tuple[Any, ...]:
    """The tensors that a `functools.lru_cache` keeps, which has no name for them."""
    import tensorflow as tf

    kept: list[Any] = []
    for item in gc.get_referents(cache):
        kept += item.values() if isinstance(item, dict) else [item]
    return tuple(item for item in kept if any(map(tf.is_tensor, tf.nest.flatten(item))))


def _symbolic(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    import tensorflow as tf

    if isinstance(value, (tuple, set, frozenset)):
        for number, item in enumerate(value):
            yield from _symbolic(item, f"{path}[{number}]")
    elif isinstance(value, tf.Tensor):
        if hasattr(value, "graph"):  # an eager tensor raises here
            yield path, value
    elif isinstance(value, (tf.SparseTensor, tf.RaggedTensor, tf.IndexedSlices)):
        parts = tf.nest.flatten(value, expand_composites=True)
        yield from [(path, value)] * any(hasattr(part, "graph") for part in parts)
