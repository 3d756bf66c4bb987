"""TensorFlow's own random state in eager mode: the one place that needs a private TensorFlow name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def restoring_tensorflow_seed() -> Callable[[], None]:
    """Remember the global seed and the numbers drawn from it; the function that it gives puts them back.

    There is no public way to read either. Where the private names are missing nothing is restored, and
    random operations of the caller go on from where the loss left them.
    """
    try:
        from tensorflow.python.eager.context import context
    except ImportError:
        return lambda: None
    eager: Any = context()
    seed, generator = getattr(eager, "_seed", None), getattr(eager, "_rng", None)
    state = generator.getstate() if generator is not None else None

    def restore() -> None:
        if hasattr(eager, "_seed") and hasattr(eager, "_rng"):
            eager._seed, eager._rng = seed, generator
            if generator is not None:
                generator.setstate(state)

    return restore
