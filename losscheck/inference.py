"""Which task does this loss take? Told by the user, or found by reading the source and by trying."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from losscheck.exceptions import SpecError
from losscheck.inputs.batches import Batches
from losscheck.inputs.specs import InputSpec, parse_comment, parse_spec
from losscheck.inputs.tasks import TASKS, Task, told_task
from losscheck.loss import LoadedLoss, SourceFacts
from losscheck.prober import Attempt
from losscheck.report import TaskChoice, TaskSource
from losscheck.search import Call, HasEmpty, Search, other_sizes, sized


@dataclass(frozen=True)
class Inferred:
    """The inputs that were chosen, and what was seen on the way."""

    choice: TaskChoice
    batches: Batches
    attempts: tuple[Attempt, ...]
    is_callable: bool  #: the chosen inputs do not raise eagerly
    named_rows: int | None  #: the only batch size that works


def told_inputs(
    loss: LoadedLoss,
    y_true: str | np.ndarray | None,
    y_pred: str | np.ndarray | None,
    task: str | None,
) -> tuple[Task, TaskSource] | None:
    """The task that the user gave by options or by a comment; None if nobody said anything.

    Raises:
        SpecError: a spec or a task cannot be read, or one of the two specs is missing.

    """
    if y_true is None and y_pred is None and task is None:
        comment = parse_comment(loss.spec_comment)
        if not comment:
            return None
        found = told_inputs(loss, comment.get("y_true"), comment.get("y_pred"), comment.get("task"))
        return None if found is None else (found[0], TaskSource.COMMENT)
    if task is not None and task not in TASKS:
        raise SpecError(f"unknown task `{task}`; use one of {', '.join(TASKS)}")
    named = TASKS[task] if task else None
    specs = []
    sides = ("y_true", y_true, named and named.y_true), ("y_pred", y_pred, named and named.y_pred)
    for name, given, default in sides:
        if isinstance(given, str):
            specs.append(parse_spec(given))
        elif given is not None:
            specs.append(_spec_of(name, given))
        elif default:
            specs.append(default)
        else:
            raise SpecError("give both `y_true` and `y_pred`, or a task")
    source = TaskSource.OPTION if isinstance(y_pred, str) or y_pred is None else TaskSource.ARRAYS
    chosen = told_task(*specs)
    if named and y_true is None and y_pred is None:
        chosen = replace(named, is_told=True)
    return sized(chosen, {}), source


def infer(
    loss: LoadedLoss,
    call: Call,
    told: tuple[Task, TaskSource] | None = None,
    arrays: tuple[np.ndarray, np.ndarray] | None = None,
    has_empty: HasEmpty = lambda batch: False,
) -> Inferred:
    """Choose the inputs of a loss.

    Args:
        loss: the loss.
        call: calls it eagerly on a batch.
        told: the inputs that the user gave.
        arrays: the user's own arrays.
        has_empty: whether some tensor of the loss is empty on a batch: then the kind does not fit.

    """
    search = Search(loss.source, call, has_empty)
    if told is not None:
        return _infer_told(search, *told, arrays)
    ranked = ranked_tasks(loss.source, loss.name)
    for task in ranked:
        search.attempt(sized(task, {}))
        for other in other_sizes(task, loss.source, search):
            search.attempt(other)
        if search.best_rank == 0 or search.is_exhausted:
            break
    if search.best is None:
        search.try_rows_of_errors(ranked)
    if search.best is None:
        search.try_named_rows(ranked)
    task = search.best or sized(ranked[0], {})
    evidence = (*search.log(), *_reasons(task, loss))
    return _result(search, task, TaskSource.INFERRED, evidence)


def ranked_tasks(facts: SourceFacts, name: str) -> list[Task]:
    """The tasks in the order in which they are worth trying: those first that the source speaks of."""
    words = _words(facts, name)
    scored = [(len(task.words & words), -index, task) for index, task in enumerate(TASKS.values())]
    scored = [entry for entry in scored if entry[2].is_common or entry[0]]
    if _reduces_image_axes(facts):
        scored = [(s + 2 * ("H" in map(str, t.y_pred.dims)), i, t) for s, i, t in scored]
    return [task for _, _, task in sorted(scored, key=lambda entry: (entry[0], entry[1]), reverse=True)]


def _infer_told(
    search: Search, task: Task, source: TaskSource, arrays: tuple[np.ndarray, np.ndarray] | None
) -> Inferred:
    if arrays is not None:
        batches = Batches(task, search.facts, arrays=arrays)
        seen = search.call(batches["typical"])
        attempt = Attempt(task.name, str(task.y_true), str(task.y_pred), batches["typical"].size, seen)
        choice = TaskChoice(task.name, str(task.y_true), str(task.y_pred), source, ("you gave the arrays",))
        return Inferred(choice, batches, (attempt,), seen.raised is None, None)
    search.attempt(task)
    if search.best is None:
        search.try_named_rows([task])
    return _result(search, task, source, (f"you gave the inputs by {source.value}",))


def _spec_of(name: str, array: np.ndarray) -> InputSpec:
    """The spec of the user's own array; its domain is read off its numbers."""
    values = np.asarray(array)
    if values.ndim == 0:
        raise SpecError(f"`{name}` is a scalar: give an array with a batch axis")
    dims = ("B", *values.shape[1:])
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    domain = "real"
    if values.dtype.kind in "iu" and finite.size and finite.min() >= 0:
        domain = f"labels<{int(finite.max()) + 1}" if finite.max() > 1 else "binary"
    elif finite.size and finite.min() >= 0 and finite.max() <= 1:
        domain = "binary" if set(np.unique(finite).tolist()) <= {0, 1} else "prob"
        if values.ndim > 1 and values.shape[-1] > 1 and np.allclose(values.sum(-1), 1, atol=1e-4):
            domain = "onehot" if domain == "binary" else "simplex"
    return parse_spec(f"{values.dtype.name}[{', '.join(map(str, dims))}] {domain}")


def _words(facts: SourceFacts, name: str) -> frozenset[str]:
    """Identifiers of the source and the parts of them, lower case."""
    names = {*facts.names, name, *re.findall(r"[A-Za-z_]\w+", facts.docstring)}
    parts = {part for item in names for part in re.split(r"[^a-z0-9]+", _snake(item)) if part}
    return frozenset(parts | {item.lower() for item in names} | {_snake(item) for item in names})


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _reduces_image_axes(facts: SourceFacts) -> bool:
    return bool(re.search(r"axis\s*=\s*[\[(]\s*1\s*,\s*2\s*(,\s*3\s*)?[\])]", facts.text))


def _reasons(task: Task, loss: LoadedLoss) -> tuple[str, ...]:
    spoken = sorted(task.words & _words(loss.source, loss.name))
    return (f"the source speaks of {', '.join(spoken[:4])}",) if spoken else ()


def _result(search: Search, task: Task, source: TaskSource, evidence: tuple[str, ...]) -> Inferred:
    choice = TaskChoice(task.name, str(task.y_true), str(task.y_pred), source, evidence)
    batches = Batches(task, search.facts, batch_size=search.named_rows)
    return Inferred(choice, batches, tuple(search.attempts), search.best is not None, search.named_rows)
