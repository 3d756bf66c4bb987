"""The choice of the inputs of a loss, with the evidence for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from losscheck.attempts import Attempt, telling_attempt
from losscheck.exceptions import UndrawableInputsError
from losscheck.graph_observation import FlowObservation
from losscheck.inference.bound import bound_values
from losscheck.inference.climbing import climb
from losscheck.inference.domains import read_domains
from losscheck.inference.doubts import holds_nothing, is_unfit
from losscheck.inference.fitting import try_wider
from losscheck.inference.search import Call, Read, Search, sized
from losscheck.inference.trying import try_packed, try_ranked, try_written
from losscheck.inference.words import ranked_tasks, source_words, switch_in_force
from losscheck.inference.written import read_written
from losscheck.inputs.batches import Batches
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.tasks import TASKS, Task
from losscheck.loss import LoadedLoss, SourceFacts
from losscheck.report import TaskChoice, TaskSource

#: The shape of a tensor without entries, in an error.
_EMPTY = re.compile(r"\[0,|\[(?:\d+,)+0[,\]]|\btensor with 0 (?:values|elements)")
_NOTHING_LEFT = (
    "of each of the inputs that were tried the loss cuts everything away; say what they are:"
    " `# losscheck: y_true=float32[B,4] y_pred=float32[B,4]`"
)


@dataclass(frozen=True)
class Inferred:
    """The inputs that were chosen, and what was seen on the way."""

    choice: TaskChoice
    batches: Batches
    attempts: tuple[Attempt, ...]
    is_callable: bool  #: the chosen inputs do not raise eagerly
    named_rows: int | None  #: the only batch size that works


def infer(
    loss: LoadedLoss,
    call: Call,
    told: tuple[Task, TaskSource] | None = None,
    arrays: tuple[np.ndarray, np.ndarray] | None = None,
    read: Read = lambda batch: FlowObservation(batch.name),
) -> Inferred:
    """Choose the inputs of a loss.

    Args:
        loss: the loss.
        call: calls it eagerly on a batch.
        told: the inputs that the user gave.
        arrays: the user's own arrays.
        read: reads its graph as traced for a batch.

    Raises:
        UndrawableInputsError: nobody gave them, and the source asks for a number for each pair of rows, or
            leaves nothing of what was tried.

    """
    search = Search(loss.source, call, lambda batch, task: is_unfit(read(batch), task, batch.size))
    if told is not None:
        return _said(loss, _infer_told(search, *told, arrays))
    ranked = ranked_tasks(loss.source, loss.name, from_logits=switch_in_force(loss))
    written = read_written(loss.source, bound_values(loss))
    if written is not None and written.is_pairwise:
        raise UndrawableInputsError(f"{written.words}: losscheck draws no number for each pair of rows")
    why = try_packed(search, read, written)
    if not search.fits and written is not None:
        why += try_written(search, written, ranked, read)
    if not search.fits:
        try_ranked(search, ranked, read)
    if search.best is None or search.is_unfit:
        climb(search, ranked)
    if search.best is None:
        search.try_rows_of_errors(ranked)
    if search.best is None or search.is_unfit:
        search.try_named_rows(ranked)
    if search.best is None:
        try_ranked(search, _others(ranked), read)
    if search.is_unfit:
        try_wider(search)
    if _leaves_nothing(search, read):
        raise UndrawableInputsError(_NOTHING_LEFT)
    _prefer_named(search, source_words(SourceFacts(), loss.name))
    task = search.best or _telling(search) or sized(ranked[0], {})
    if search.best is not None and search.fits:
        task, how = _refined(search, task, read)
        why += how
    evidence = (*why, *_reasons(task, loss), *search.log())
    return _said(loss, _result(search, task, TaskSource.INFERRED, evidence))


def _leaves_nothing(search: Search, read: Read) -> bool:
    """Whether of the best of the inputs, or of those that raised the telling error, no entry was left."""
    if search.best is None:
        attempt = telling_attempt(search.attempts)
        raised = attempt.observation.raised if attempt is not None else None
        return raised is not None and _EMPTY.search(raised.message) is not None
    batches = Batches(search.best, search.facts, batch_size=search.named_rows)
    return search.is_unfit and holds_nothing(read(batches["typical"]))


def _telling(search: Search) -> Task | None:
    """Where nothing fits: the first inputs that raised what most of them did, not what none of them means."""
    attempt = telling_attempt(search.attempts)
    if attempt is None:
        return None
    y_true, y_pred = parse_spec(attempt.y_true), parse_spec(attempt.y_pred)
    known = TASKS.get(attempt.task, Task(attempt.task, y_true, y_pred))
    return replace(known, y_true=y_true, y_pred=y_pred)


def _prefer_named(search: Search, said: frozenset[str]) -> None:
    """Prefer the images that the loss's name speaks of to a column, which does not show that it flattens."""
    best, flattened = search.best, search.flattened
    if best is not None and flattened is not None and flattened.words & said and not best.words & said:
        search.settle(flattened)


def _others(ranked: list[Task]) -> list[Task]:
    """The tasks that no word speaks of; those first whose domains are the likeliest."""
    first = ranked[0].y_true.domain, ranked[0].y_pred.domain
    others = [task for task in TASKS.values() if task not in ranked]
    return sorted(others, key=lambda task: (task.y_true.domain, task.y_pred.domain) != first)


def _refined(search: Search, task: Task, read: Read) -> tuple[Task, tuple[str, ...]]:
    """The task with the domains that the graph asks for, if the loss is finite on these too."""
    rows = search.named_rows
    found = read_domains(task, read(Batches(task, search.facts, batch_size=rows)["typical"]))
    if found is None:
        return task, ()
    search.settle(None)
    search.attempt(found[0], rows)
    if not search.fits:
        search.settle(task, rows)
        return task, ()
    return found[0], (found[1],) if found[1] else ()


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


def _said(loss: LoadedLoss, found: Inferred) -> Inferred:
    """With the arguments that nobody gave as the first evidence."""
    if not loss.given:
        return found
    choice = replace(found.choice, evidence=(loss.given, *found.choice.evidence))
    return replace(found, choice=choice)


def _reasons(task: Task, loss: LoadedLoss) -> tuple[str, ...]:
    spoken = sorted(task.words & source_words(loss.source, loss.name))
    return (f"the source speaks of {', '.join(spoken[:4])}",) if spoken else ()


def _result(search: Search, task: Task, source: TaskSource, evidence: tuple[str, ...]) -> Inferred:
    choice = TaskChoice(task.name, str(task.y_true), str(task.y_pred), source, evidence)
    batches = Batches(task, search.facts, batch_size=search.named_rows)
    return Inferred(choice, batches, tuple(search.attempts), search.best is not None, search.named_rows)
