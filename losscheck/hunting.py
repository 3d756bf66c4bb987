"""The hunt for bad numbers: at which inputs, in which order, and how loud a find is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscheck.finding import Mode, Severity
from losscheck.observation import GradientObservation

if TYPE_CHECKING:
    from losscheck.graph_observation import XlaObservation
    from losscheck.inputs.batches import Batch
    from losscheck.prober import Prober

ORDINARY = ("typical", "other_size")
#: A loop that Python unrolls makes thousands of operations; each more trace of them takes seconds.
_MAX_OPS = 500
#: Operations that are not finite, or have no finite slope, at some finite argument.
SINGULAR_OPS = frozenset({
    "Log", "Log1p", "Sqrt", "Rsqrt", "RealDiv", "Div", "Reciprocal", "Inv", "Pow", "Acos", "Asin", "Acosh",
    "Atanh", "Atan2", "Tan", "Exp", "Expm1", "Cosh", "Sinh", "Xlogy", "Xlog1py", "Xdivy", "Cumprod", "Lgamma",
    "Digamma", "Erfinv", "Ndtri", "Cholesky", "MatrixInverse", "MatrixSolve", "MatrixDeterminant",
    "LogMatrixDeterminant", "MatrixLogarithm", "SelfAdjointEigV2", "Eig", "Svd", "Qr", "EuclideanNorm",
    "DynamicPartition", "Where", "FFT", "ComplexAbs", "Angle",
})  # fmt: skip


def can_blow_up(prober: Prober) -> bool:
    """Whether the graph holds an operation that can give NaN or infinity at ordinary sizes."""
    flow = prober.flow()
    return bool(flow.skipped) or any(op.type in SINGULAR_OPS and op.reaches_output for op in flow.ops)


def is_large(prober: Prober) -> bool:
    """Whether the graph is so large that only the edges are looked at."""
    return len(prober.flow().ops) > _MAX_OPS


def edges(prober: Prober) -> Iterator[Batch]:
    """The edges that training reaches; more of them where an operation can blow up."""
    yield from prober.edges()
    if can_blow_up(prober) and not is_large(prober):
        yield from prober.inputs.further_edges()


def seen_at(prober: Prober, batch: Batch) -> list[tuple[Mode, GradientObservation]]:
    """The loss and its gradient at an edge, in the graph and eagerly.

    Where the graph is finite at one of the further edges, the eager call, which takes longer, is left out.
    """
    in_graph = prober.gradient(batch.name, in_graph=True)
    if prober.inputs.is_further(batch) and in_graph.raised is None and not is_bad(in_graph):
        return [(Mode.FIT, in_graph)]
    return [(Mode.GRADIENT, prober.gradient(batch.name)), (Mode.FIT, in_graph)]


def is_bad(seen: GradientObservation) -> bool:
    """Whether the loss or its gradient is not finite."""
    return (seen.value is not None and not seen.is_finite) or has_bad_gradient(seen)


def has_bad_gradient(seen: GradientObservation | XlaObservation) -> bool:
    """Whether the loss is finite and its gradient is not."""
    import numpy as np

    return seen.is_finite and seen.gradient is not None and not bool(np.isfinite(seen.gradient).all())


def edge_severity(batch: Batch) -> Severity:
    """A warning at what training reaches, a note at what it seldom reaches."""
    return Severity.NOTE if batch.is_far else Severity.WARNING


def walked_to(prober: Prober, *, of_gradient: bool) -> tuple[Batch, int, Severity] | None:
    """The bad point that a short walk finds, the operation there, and how loud it is; None without one.

    It walks only where no edge shows a bad number. A point inside is a note unless the domain was told, or
    is that of probabilities: of other guesses nobody knows how far they reach.
    """
    from losscheck.inputs.batches import Batch

    if not can_blow_up(prober) or is_large(prober):
        return None
    if any(is_bad(seen) for edge in _all(prober) for _, seen in seen_at(prober, edge)):
        return None
    task = prober.inputs.task
    found = prober.singular(domains=(task.y_true.domain, task.y_pred.domain))
    if found.op is None or found.y_pred is None or found.is_loss_bad == of_gradient:
        return None
    batch = Batch("walked", "a point inside the domain", prober.inputs["typical"].y_true, found.y_pred, True)
    prober.inputs.keep(batch)
    is_sure = task.is_told or task.y_pred.domain.name in ("prob", "simplex")
    return batch, found.op, Severity.WARNING if is_sure and found.is_region else Severity.NOTE


def _all(prober: Prober) -> Iterator[Batch]:
    yield from (prober.inputs[name] for name in ORDINARY)
    yield from edges(prober)


def smallest_words(prober: Prober, batch: Batch, *, of_gradient: bool, in_graph: bool) -> str:
    """The smallest part of a batch that shows the bad number, as it ends a message; empty if none does."""
    if is_large(prober):
        return ""
    words = prober.smallest(batch.name, of_gradient=of_gradient, in_graph=in_graph).words
    return f"; {words}" if words else ""
