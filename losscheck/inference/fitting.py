"""Sizes that an error speaks of: what a constant of the loss, or a slice of one side, asks of the other."""

from __future__ import annotations

import re
from dataclasses import replace

from losscheck.inference.search import Search, sized
from losscheck.inputs.batches import default_batch_size
from losscheck.inputs.specs import BATCH_AXIS, InputSpec
from losscheck.inputs.tasks import TASKS, Task

_SHAPES = re.compile(r"\[(\d+(?:,\d+)*)\] vs\. \[(\d+(?:,\d+)*)\]")
#: What Keras says of the input of a model.
_MODEL = re.compile(r"[Ee]xpected shape[= ]\(None, ((?:\d+|None)(?:, (?:\d+|None))*)\)")
#: Each try may show the size of one more axis.
_MAX_TRIES = 3
#: Widths of a last axis of which a slice that counts from its end, or from an attribute, leaves something.
_WIDTHS = (8, 24, 72, 160)
#: The largest window over a signal of which a few are tried.
_MAX_WINDOW = 1024


def try_fitted(search: Search, task: Task) -> Task:
    """After a try that raised: the task with the axes that a constant of the loss has, grids and anchors.

    Where the constant has rows of its own, the batch has as many. The answer is what was tried last.
    """
    rows = default_batch_size(task)
    for _ in range(_MAX_TRIES):
        wanted = _wanted(search)
        if wanted is not None and not search.fits:
            fitted = replace(task, y_true=_shaped(task.y_true, wanted), y_pred=_shaped(task.y_pred, wanted))
            if fitted == task or search.attempt(fitted) is None:
                return task
            task = fitted
            continue
        shapes = _shapes(search)
        if shapes is None or search.fits:
            return task
        ours, constant = shapes if shapes[0][0] == rows else shapes[::-1]
        if ours[0] != rows or ours[1:] == constant[1:] or constant[0] == rows:
            return task
        sizes = [
            {a: b} if a != b and 1 not in (a, b) else {} for a, b in zip(ours[1:], constant[1:], strict=True)
        ]
        rows = constant[0] if constant[0] > 1 else rows
        fitted = replace(task, y_true=_resized(task.y_true, sizes), y_pred=_resized(task.y_pred, sizes))
        if fitted == task or search.attempt(fitted, rows) is None:
            return task
        task = fitted
    return task


def try_wider(search: Search) -> None:
    """Where slices leave nothing of ``y_pred``: wider ones, with ``y_true`` as wide as what it goes with."""
    largest = max((n for n in search.facts.integers if n <= _MAX_WINDOW), default=0)
    for width in (*_WIDTHS, *((4 * largest,) if 4 * largest > _WIDTHS[-1] else ())):
        task = sized(TASKS["regression"], {"D": width})
        search.attempt(task)
        shapes = _shapes(search)
        if search.is_unfit and shapes is not None:
            pair = [shape[1:] for shape in shapes]
            if (width,) in pair:
                other = pair[1 - pair.index((width,))]
                search.attempt(replace(task, y_true=replace(task.y_true, dims=(BATCH_AXIS, *other))))
        if not search.is_unfit:
            return


def _wanted(search: Search) -> tuple[int | None, ...] | None:
    """The shape that a model inside the loss takes, by its error, the batch axis left out."""
    raised = search.attempts[-1].observation.raised if search.attempts else None
    found = _MODEL.search(raised.message) if raised is not None else None
    if found is None:
        return None
    return tuple(None if size == "None" else int(size) for size in found[1].split(", "))


def _shaped(spec: InputSpec, wanted: tuple[int | None, ...]) -> InputSpec:
    """The spec in the shape that a model takes, if it has as many axes."""
    if len(spec.dims) != len(wanted) + 1:
        return spec
    sizes = zip(spec.dims[1:], wanted, strict=True)
    return replace(spec, dims=(BATCH_AXIS, *(own if size is None else size for own, size in sizes)))


def _shapes(search: Search) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The two shapes of equal rank that the last try could not bring together."""
    raised = search.attempts[-1].observation.raised if search.attempts else None
    found = _SHAPES.search(raised.message) if raised is not None else None
    if found is None:
        return None
    left, right = (tuple(map(int, shape.split(","))) for shape in found.groups())
    return (left, right) if len(left) == len(right) else None


def _resized(spec: InputSpec, sizes: list[dict[int, int]]) -> InputSpec:
    """The spec with other sizes for the axes at the same places; boxes and columns keep their width."""
    if spec.domain.name in ("parts", "boxes"):
        sizes = sizes[: len(spec.dims) - 2]
    known = [{}, *sizes, *({} for _ in spec.dims)]
    dims = (known[axis].get(dim, dim) if isinstance(dim, int) else dim for axis, dim in enumerate(spec.dims))
    return replace(spec, dims=tuple(dims))
