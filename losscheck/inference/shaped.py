"""The tasks that have the shapes which the source writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from losscheck.inference.search import sized
from losscheck.inference.written import Dims, Written
from losscheck.inputs.specs import Domain, InputSpec
from losscheck.inputs.tasks import TASKS, Task

#: Axes whose names say that they have more than one entry.
_SEVERAL = tuple("CTHWZE")


def written_tasks(written: Written, ranked: Iterable[Task]) -> Iterator[Task]:
    """The tasks that have the shapes written, the likeliest first; at last any numbers of these shapes."""
    ranked = list(ranked)
    tasks = [*ranked, *(task for task in TASKS.values() if task not in ranked)]
    for is_exact in (True, False):
        for task in tasks:
            if (sizes := _sizes(task, written, is_exact)) is not None:
                yield _sized(task, sizes, written)
            elif is_exact and task.name == "regression":
                yield _numbers(written)


def agrees(task: Task, written: Written) -> bool:
    """Whether no size that is written is another one in the task."""
    pairs = ((task.y_true.dims, written.y_true), (task.y_pred.dims, written.y_pred))
    return all(_has_sizes(dims, said) for dims, said in pairs if said is not None)


def _sizes(task: Task, written: Written, is_exact: bool) -> dict[str, int] | None:
    """The sizes of a task's named axes that make its shapes those written; None if none do."""
    sizes: dict[str, int] = {}
    several: set[int | str] = set("CE")  # axes of more than one entry
    for spec, said in ((task.y_true, written.y_true), (task.y_pred, written.y_pred)):
        if said is None:
            continue
        if len(spec.dims) != len(said):
            return None
        for own, size in zip(spec.dims[1:], said[1:], strict=True):
            if isinstance(size, str):
                several.add(own)
            elif isinstance(own, str):
                if sizes.setdefault(own, size) != size:
                    return None
            elif own != size:
                return None
    is_number = any(isinstance(axis, int) for axis in several)
    if any(1 in (axis, sizes.get(str(axis))) for axis in several) or (is_exact and is_number):
        return None
    return sizes


def _has_sizes(dims: Dims, said: Dims) -> bool:
    sizes = zip(dims, said, strict=False)
    return len(dims) == len(said) and all(own == size for own, size in sizes if isinstance(size, int))


def _numbers(written: Written) -> Task:
    """Any numbers of the shapes written; of the shape of the other side where nothing is said of one."""
    y_true, y_pred = (InputSpec("float32", dims, Domain("real")) for dims in written.both)
    return _sized(Task("written", y_true, y_pred), {}, written)


def _sized(task: Task, sizes: dict[str, int], written: Written) -> Task:
    last = [dims[-1] for dims in (written.y_true, written.y_pred) if dims]
    has_columns = any(size in _SEVERAL or (isinstance(size, int) and size > 1) for size in last)
    return replace(sized(task, sizes), has_columns=has_columns)
