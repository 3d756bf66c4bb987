"""Arrays as Python source: small ones in full, large ones as the seeded draw that gives the same numbers."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.inputs.draw import MARGIN
from losscheck.inputs.specs import InputSpec
from losscheck.inputs.tasks import Task
from losscheck.recipe import WrittenBatch

#: Entries that are written out in any case: they fit on a few lines.
_SHORT = 32
#: Entries that no script can hold.
_LONG = 20_000
#: Names of batches whose arrays are drawn, or made of drawn ones.
_DRAWN = ("typical", "other_size", "partial", "one", "even", "relabelled", "repredicted", "away")
#: What variants make of a drawn array.
_TWICE = "np.concatenate(2 * [{}])"
_MADE = ("{}", "1 - {}", "-{}", "np.roll({}, 1, axis=0)", "np.roll({}, 2, axis=0)", _TWICE)


def written(batch: Batch, task: Task) -> WrittenBatch | None:
    """The batch as Python source; None where it is too large for that."""
    specs = (task.y_true, task.y_pred)
    y_true, y_pred = (_arguments(array, specs, batch.name) for array in (batch.y_true, batch.y_pred))
    return WrittenBatch(batch.words, y_true, y_pred) if y_true and y_pred else None


def _arguments(array: np.ndarray, specs: Sequence[InputSpec], name: str) -> str:
    """What gives the array to ``tf.constant``: values and dtype."""
    if array.size and array.size > 1 and _is_one_number(array):
        return f'np.full({array.shape}, {_number(array.ravel()[0])}), "{array.dtype.name}"'
    if array.size <= _SHORT:
        return _literal(array)
    for candidate in itertools.chain.from_iterable(_candidates(array, spec, name) for spec in specs):
        if _gives(candidate, array):
            return candidate
    return _literal(array) if array.size <= _LONG else ""


def _is_one_number(array: np.ndarray) -> bool:
    return bool((array == array.flat[0]).all() or np.isnan(array.astype(np.float64)).all())


def _literal(array: np.ndarray) -> str:
    is_default = array.dtype == np.float32 and not np.isnan(array).any()  # what TensorFlow makes of it
    return _nested(array) + (f', "{array.dtype.name}"' * (not is_default))


def _nested(array: np.ndarray) -> str:
    if array.ndim == 0:
        return _number(array[()])
    return f"[{', '.join(map(_nested, array))}]"


def _number(value: Any) -> str:
    """The shortest text that gives the same number in its own dtype."""
    if isinstance(value, np.floating) and not np.isfinite(value):
        return f"np.{'nan' if np.isnan(value) else 'inf' if value > 0 else 'inf * -1'}"
    if isinstance(value, np.floating):
        return (
            np.format_float_positional(value, unique=True, trim="0")
            if 1e-4 <= abs(value) < 1e6
            else ("0.0" if value == 0 else np.format_float_scientific(value, unique=True, trim="0"))
        )
    return repr(value.item())


def _candidates(array: np.ndarray, spec: InputSpec, name: str) -> Iterator[str]:
    """Seeded draws, and what is made of them, that may give the array."""
    for drawn in dict.fromkeys((name, *_DRAWN)):
        for seed in (zlib.crc32(drawn.encode()), zlib.crc32(drawn.encode()) + 1):
            for made in _MADE:
                rows = len(array) // 2 if made == _TWICE else len(array)
                text = _draw(spec, tuple(int(size or 0) for size in spec.shape(rows)), seed)
                if not text:
                    return
                yield f'{made.format(text)}, "{array.dtype.name}"'


def _draw(spec: InputSpec, shape: tuple[int, ...], seed: int) -> str:
    """The source of what `losscheck.inputs.draw` does; empty where that takes more than a line."""
    rng, domain = f"np.random.default_rng({seed})", spec.domain
    size = int(np.prod(shape, dtype=int))
    if domain.has_nan or domain.parts:
        return ""
    if domain.name == "labels":
        return f"{rng}.permutation(np.arange({size}) % {domain.classes}).reshape({shape})"
    if domain.name == "binary":
        return f"{rng}.permutation(np.arange({size}) % 2).reshape({shape})"
    if domain.name == "onehot":
        ids = f"{rng}.permutation(np.arange({size // shape[-1]}) % {shape[-1]})"
        return f"np.eye({shape[-1]})[{ids}.reshape({shape[:-1]})]"
    if domain.name == "prob":
        return f"{rng}.uniform({MARGIN}, {1 - MARGIN}, {shape})"
    if domain.name == "positive" and spec.is_float:
        return f"{rng}.uniform(0.2, 3.0, {shape})"
    if domain.name == "simplex":
        normal = f"{rng}.normal(size={shape})"
        return f"(np.exp({normal}) / np.exp({normal}).sum(axis=-1, keepdims=True))"
    return f"{rng}.normal(size={shape})" if domain.name in ("real", "logits") and spec.is_float else ""


def _gives(arguments: str, array: np.ndarray) -> bool:
    """Whether the arguments of ``tf.constant``, our own text, give just this array."""
    values, dtype = eval(arguments, {"np": np})
    return np.dtype(dtype) == array.dtype and np.array_equal(values.astype(dtype), array)
