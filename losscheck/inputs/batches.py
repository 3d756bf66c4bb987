"""The arrays that a loss is fed with: seeded, read-only, and named after what they show."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from losscheck.inputs.draw import draw, edge_values, perfect_prediction
from losscheck.inputs.limits import further_limits
from losscheck.inputs.specs import BATCH_AXIS, InputSpec
from losscheck.inputs.tasks import Task
from losscheck.inputs.variants import VARIANTS
from losscheck.loss import SourceFacts

#: Batch sizes, in the order of preference; one that another axis has is passed over, so that a shape
#: which holds it twice is an accidental outer product.
_BATCH_SIZES = (7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61)
#: float32 overflows in exp at 88.7: a saturated logit of 100 shows what an unguarded exp does.
LARGE_LOGIT = 100.0
#: Domains that say what the entries of one row are to each other: a constant row is outside of them.
_OF_A_ROW = ("simplex", "boxes", "parts")


@dataclass(frozen=True)
class Batch:
    """One input of a loss."""

    name: str  #: ``typical``, ``perfect``, …
    words: str  #: the input in words, as it stands in a message
    y_true: np.ndarray
    y_pred: np.ndarray
    is_edge: bool = False  #: a limit that training reaches, not an ordinary input
    is_far: bool = False  #: an edge that training seldom reaches

    def __post_init__(self) -> None:
        for array in (self.y_true, self.y_pred):
            array.flags.writeable = False

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.y_pred)

    def as_float32(self) -> Batch:
        """The batch as `fit` passes it: both arrays cast to float32."""
        return Batch(
            self.name,
            self.words,
            self.y_true.astype(np.float32),
            self.y_pred.astype(np.float32),
            self.is_edge,
        )

    def aligned(self) -> Batch:
        """The batch as `fit` passes it to a function: cast, and the ranks made the same.

        Source: ``squeeze_or_expand_to_same_rank`` in keras/src/losses/loss.py.
        """
        batch = self.as_float32()
        y_true, y_pred = batch.y_true, batch.y_pred
        if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
            if y_pred.ndim == 1:
                y_pred = y_pred[..., None]
            else:
                y_true = y_true[..., 0]
        elif y_true.ndim + 1 == y_pred.ndim and y_pred.shape[-1] == 1:
            if y_true.ndim == 1:
                y_true = y_true[..., None]
            else:
                y_pred = y_pred[..., 0]
        return Batch(self.name, self.words, y_true, y_pred, self.is_edge)


class Batches:
    """The batches of one task, made when first asked for.

    Args:
        task: the inputs; its named axes must have sizes.
        facts: what the source compares and clips with: more edges to try.
        batch_size: rows of the typical batch; None: a number that no other axis has.
        arrays: the user's own ``(y_true, y_pred)``, which then are the typical batch.

    """

    def __init__(
        self,
        task: Task,
        facts: SourceFacts,
        batch_size: int | None = None,
        arrays: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self.task = task
        self._facts = facts
        taken = {dim for spec in (task.y_true, task.y_pred) for dim in spec.dims}
        free = [size for size in _BATCH_SIZES if size not in taken]
        self.typical_size = batch_size or (len(arrays[1]) if arrays else free[0])
        self.other_size = (
            next(size for size in free if size > self.typical_size)
            if (self.typical_size < free[-1])
            else free[0]
        )
        taken |= {self.typical_size, self.other_size}
        self.partial_size = next(size for size in itertools.count(2) if size not in taken)
        taken |= {self.partial_size, self.partial_size // 2}
        self.even_size = next(size for size in itertools.count(8, 2) if not {size, size // 2} & taken)
        self._made: dict[str, Batch] = {}
        self._further: tuple[str, ...] | None = None
        if arrays:
            y_true, y_pred = (np.array(array) for array in arrays)
            self._made["typical"] = Batch("typical", "your arrays", y_true, y_pred)

    def __getitem__(self, name: str) -> Batch:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def sized(self, rows: int) -> Batch:
        """A typical batch of this many rows."""
        return self[f"rows {rows}"]

    def edges(self) -> Iterator[Batch]:
        """The limits that training reaches, in the order of how ordinary they are."""
        for name, words, y_true, y_pred in self._edge_arrays():
            if name not in self._made:
                self._made[name] = Batch(name, words, y_true, y_pred, is_edge=True)
            yield self._made[name]

    def further_edges(self) -> Iterator[Batch]:
        """More limits, for a loss that holds an operation which can blow up."""
        if self._further is None:
            typical = self["typical"]
            limits = further_limits(self.task, typical.y_true, typical.y_pred, LARGE_LOGIT)
            made = [Batch(*limit[:4], is_edge=True, is_far=limit[4]) for limit in limits]
            self._further = tuple(batch.name for batch in made)
            self._made.update((batch.name, batch) for batch in made)
        yield from (self._made[name] for name in self._further)

    def is_further(self, batch: Batch) -> bool:
        """Whether a batch is one of the further edges."""
        return self._further is not None and batch.name in self._further

    def keep(self, batch: Batch) -> None:
        """Make a batch that was found by running the loss known by its name."""
        self._made[batch.name] = batch

    def _make(self, name: str) -> Batch:
        rows = {
            "typical": self.typical_size,
            "other_size": self.other_size,
            "partial": self.partial_size,
            "one": 1,
            "even": self.even_size,
        }
        if name in rows:
            words = {"one": "a batch of one"}.get(name, f"an ordinary batch of {rows[name]}")
            return self._drawn(name, words, rows[name])
        if name.startswith("rows "):
            size = int(name.split()[1])
            return self._drawn(name, f"an ordinary batch of {size}", size)
        if name.startswith(("typical ", "column ")):  # so many of its first rows
            kind, _, number = name.partition(" ")
            whole, count = self[kind], int(number)
            words = "a batch of one" if count == 1 else f"the first {count} rows of a batch"
            return Batch(name, words, whole.y_true[:count], whole.y_pred[:count])
        if name.startswith("scaled "):
            return self._scaled(name, float(name.split()[1]))
        if name in ("flat", "column"):
            return self._single_column(name)
        if name in VARIANTS:
            return Batch(name, *VARIANTS[name](self, self["typical"]))
        raise KeyError(name)

    def _drawn(self, name: str, words: str, rows: int) -> Batch:
        seed = zlib.crc32(name.encode())
        return Batch(
            name,
            words,
            draw(self.task.y_true, rows, seed),
            draw(self.task.y_pred, rows, seed + 1),
        )

    def _scaled(self, name: str, factor: float) -> Batch:
        typical = self["typical"]
        if self.task.y_pred.domain.name in ("real", "logits", "positive"):
            y_pred = (typical.y_pred * np.float32(factor)).astype(typical.y_pred.dtype)
        else:
            y_pred = draw(self.task.y_pred, typical.size, zlib.crc32(name.encode()))
        return Batch(name, f"an ordinary batch, y_pred times {factor:g}", typical.y_true, y_pred)

    def _single_column(self, name: str) -> Batch:
        """One column of predictions; ``flat``: the labels without, ``column``: with that axis."""
        dims = (BATCH_AXIS, 1)
        y_true, y_pred = (
            draw(InputSpec(spec.dtype, dims, spec.domain.of_one_column), self.typical_size, seed)
            for seed, spec in enumerate((self.task.y_true, self.task.y_pred))
        )
        if name == "flat":
            return Batch(name, "labels of shape (B,), predictions of shape (B, 1)", y_true[:, 0], y_pred)
        return Batch(name, "labels and predictions of shape (B, 1)", y_true, y_pred)

    def _edge_arrays(self) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
        typical = self["typical"]
        y_true, y_pred = typical.y_true, typical.y_pred
        perfect = perfect_prediction(self.task, y_true)
        if perfect is not None:
            yield "perfect", "y_pred equal to y_true", y_true, perfect
        for spec, words, values in edge_values(self.task, self._facts, y_true, y_pred, LARGE_LOGIT):
            if spec == "y_pred":
                yield f"y_pred {words}", f"y_pred {words}", y_true, values
            else:
                yield f"y_true {words}", f"y_true {words}", values, y_pred
        domains = self.task.y_true.domain.name, self.task.y_pred.domain.name
        if domains in (("binary", "prob"), ("prob", "prob"), ("real", "real")) and not self.task.is_embedding:
            yield "all zero", "y_true and y_pred all zero", np.zeros_like(y_true), np.zeros_like(y_pred)
        if y_pred.ndim > 1 and y_pred.shape[-1] > 1 and self.task.y_pred.domain.name not in _OF_A_ROW:
            constant = np.repeat(y_pred[..., :1], y_pred.shape[-1], axis=-1)
            yield "constant rows", "each row of y_pred constant", y_true, constant
        equal = np.repeat(y_pred[:1], len(y_pred), axis=0)
        yield "equal rows", "all rows of y_pred equal", y_true, equal


def default_batch_size(task: Task) -> int:
    """The number of rows of the typical batch: one that no other axis has."""
    taken = {dim for spec in (task.y_true, task.y_pred) for dim in spec.dims}
    return next(size for size in _BATCH_SIZES if size not in taken)


def is_same_value(left: np.ndarray, right: np.ndarray, tolerance: float = 1e-4) -> bool:
    """Whether two losses agree up to float32 noise; NaN agrees with NaN.

    The tolerance is relative: a sum of a thousand float32 terms is off by about 1e-5 of its size.
    """
    if left.shape != right.shape:
        return False
    finite = np.abs(np.ravel(left))[np.isfinite(np.ravel(left))]
    scale = max(1.0, float(np.max(finite, initial=0.0)))
    return bool(np.allclose(left, right, rtol=tolerance, atol=tolerance * scale, equal_nan=True))
