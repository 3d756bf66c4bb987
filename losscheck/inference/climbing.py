"""The widths of the two sides, one at a time: each error may name one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from losscheck.attempts import Attempt
from losscheck.inference.search import NUMBER, Search, sized
from losscheck.inference.written import LETTERS
from losscheck.inputs.specs import Domain, InputSpec
from losscheck.inputs.tasks import Task

#: Tries for each number of axes; each takes a few milliseconds.
_MAX_TRIES = 20
#: The axes of the likeliest tasks that are worth it.
_MAX_RANKS = 2
_MAX_WIDTH = 256


def climb(search: Search, ranked: list[Task]) -> None:
    """Where nothing fits: any numbers, with widths that the errors name, from the try that got farthest."""
    ranks = [axes for axes in dict.fromkeys(task.axes for task in ranked) if axes in LETTERS]
    for axes in ranks[:_MAX_RANKS]:
        _climb(search, axes)
        if search.fits:
            return


def _climb(search: Search, axes: int) -> None:
    spec = InputSpec("float32", (*LETTERS[axes][:-1], "D"), Domain("real"))
    start = sized(Task("columns", spec, spec), {})
    search.attempt(start)
    first = search.last_of(start)
    waiting = [(start, first)] if first is not None else []
    last = len(search.attempts) + _MAX_TRIES
    while waiting:
        task, attempt = waiting.pop(max(range(len(waiting)), key=lambda i: _progress(waiting[i][1])))
        for other in _neighbours(task, attempt, search.facts.rows):
            if search.attempt(other) is not None:
                waiting.append((other, search.attempts[-1]))
            if search.fits or search.is_exhausted or len(search.attempts) >= last:
                return


def _progress(attempt: Attempt) -> int:
    """The line that a try came to."""
    raised = attempt.observation.raised
    return raised.location.line if raised is not None and raised.location is not None else 0


def _neighbours(task: Task, attempt: Attempt, rows: tuple[int, ...]) -> Iterator[Task]:
    """The task with one of its widths, or both, as the error says; ``rows``: numbers that are batch sizes.

    With the size of another axis a matrix product would pass by chance.
    """
    raised = attempt.observation.raised
    if raised is None:
        return
    numbers = [int(number) for number in NUMBER.findall(raised.message)]
    if 0 in numbers:  # a slice has left nothing: one side holds as much again as the other
        numbers.append(2 * int(task.y_pred.dims[-1]))
    taken = (attempt.rows, *rows, *task.y_true.dims[:-1], *task.y_pred.dims[:-1])
    for width in [n for n in dict.fromkeys(numbers) if 0 < n <= _MAX_WIDTH and n not in taken]:
        y_true, y_pred = _wide(task.y_true, width), _wide(task.y_pred, width)
        yield replace(task, y_pred=y_pred)
        yield replace(task, y_true=y_true)
        yield replace(task, y_true=y_true, y_pred=y_pred)


def _wide(spec: InputSpec, width: int) -> InputSpec:
    return replace(spec, dims=(*spec.dims[:-1], width))
