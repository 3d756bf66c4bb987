"""Which task does this loss take? Told by the user, or found by reading the source and by trying."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from losscheck.exceptions import SpecError
from losscheck.inputs.batches import Batch, Batches, default_batch_size
from losscheck.inputs.specs import InputSpec, parse_comment, parse_spec
from losscheck.inputs.tasks import DEFAULT_SIZES, TASKS, Task, told_task
from losscheck.loss import LoadedLoss, SourceFacts
from losscheck.observation import EagerObservation
from losscheck.prober import Attempt
from losscheck.report import TaskChoice, TaskSource

#: A call takes a few milliseconds; the search must stay well under half a second.
_MAX_ATTEMPTS = 90
#: Sizes of the class and feature axes that are worth a try; more would cost more than it finds.
_MAX_SIZE = 128
#: Errors of the loss itself: no other input cures them.
_HOPELESS = ("AttributeError", "NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "SystemExit")
#: A batch of the user's size is tried up to here.
_MAX_ROWS = 512
_NUMBER = re.compile(r"(?<![\w.])\d{1,4}(?![\w.])")

Call = Callable[[Batch], EagerObservation]


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
    for given, default in ((y_true, named and named.y_true), (y_pred, named and named.y_pred)):
        if isinstance(given, str):
            specs.append(parse_spec(given))
        elif given is not None:
            specs.append(_spec_of(given))
        elif default:
            specs.append(default)
        else:
            raise SpecError("give both `y_true` and `y_pred`, or a task")
    source = TaskSource.OPTION if isinstance(y_pred, str) or y_pred is None else TaskSource.ARRAYS
    chosen = told_task(*specs)
    if named and y_true is None and y_pred is None:
        chosen = replace(named, is_told=True)
    return _sized(chosen, {}), source


def infer(
    loss: LoadedLoss,
    call: Call,
    told: tuple[Task, TaskSource] | None = None,
    arrays: tuple[np.ndarray, np.ndarray] | None = None,
) -> Inferred:
    """Choose the inputs of a loss.

    Args:
        loss: the loss.
        call: calls it eagerly on a batch.
        told: the inputs that the user gave.
        arrays: the user's own arrays.

    """
    search = _Search(loss.source, call)
    if told is not None:
        return _infer_told(search, *told, arrays)
    for task in ranked_tasks(loss.source, loss.name):
        if search.is_exhausted:
            break
        search.attempt(_sized(task, {}))
        search.try_rows_of_error(_sized(task, {}))
        for sized in _other_sizes(task, loss.source, search):
            search.attempt(sized)
        if search.best is not None and search.best_rank == 0:
            break
    if search.best is None:
        search.try_named_rows(ranked_tasks(loss.source, loss.name))
    task = search.best or _sized(next(iter(ranked_tasks(loss.source, loss.name))), {})
    evidence = (*search.log(), *_reasons(task, loss))
    return search.result(task, TaskSource.INFERRED, evidence)


def ranked_tasks(facts: SourceFacts, name: str) -> list[Task]:
    """The tasks in the order in which they are worth trying: those first that the source speaks of."""
    words = _words(facts, name)
    scored = [(len(task.words & words), -index, task) for index, task in enumerate(TASKS.values())]
    scored = [entry for entry in scored if entry[2].is_common or entry[0]]
    if _reduces_image_axes(facts):
        scored = [(s + 2 * ("H" in map(str, t.y_pred.dims)), i, t) for s, i, t in scored]
    return [task for _, _, task in sorted(scored, key=lambda entry: (entry[0], entry[1]), reverse=True)]


class _Search:
    """The tries so far; the best one is the first that is finite, else the first that runs."""

    def __init__(self, facts: SourceFacts, call: Call) -> None:
        self.attempts: list[Attempt] = []
        self.best: Task | None = None
        self.best_rank = 9
        self.named_rows: int | None = None
        self._facts = facts
        self._call = call
        self._tried: set[tuple[str, str, int]] = set()

    @property
    def is_exhausted(self) -> bool:
        """Whether more tries are pointless."""
        return len(self.attempts) >= _MAX_ATTEMPTS or self._is_hopeless

    @property
    def _is_hopeless(self) -> bool:
        """Whether three unlike inputs raised the same error of the loss itself."""
        raised = [attempt.observation.raised for attempt in self.attempts]
        if len(raised) < 3 or any(error is None for error in raised):
            return False
        kinds = {(error.type, error.message, error.location) for error in raised if error}
        return len(kinds) == 1 and next(iter(kinds))[0] in _HOPELESS

    def attempt(self, task: Task, rows: int | None = None) -> EagerObservation | None:
        """Try one sized task; None if it was tried before, or the rows are the size of another axis.

        Where two axes are equal by chance, a matrix product or a broadcast passes by chance.
        """
        rows = rows or default_batch_size(task)
        key = (str(task.y_true), str(task.y_pred), rows)
        if key in self._tried or rows in (*task.y_true.dims, *task.y_pred.dims) or self.is_exhausted:
            return None
        self._tried.add(key)
        batch = Batches(task, self._facts, batch_size=rows)["typical"]
        seen = self._call(batch)
        self.attempts.append(Attempt(task.name, key[0], key[1], rows, seen))
        rank = _rank(seen, rows)
        if rank < self.best_rank:
            self.best, self.best_rank = task, rank
            self.named_rows = None if rows == default_batch_size(task) else rows
        return seen

    def try_named_rows(self, tasks: list[Task]) -> None:
        """Where nothing fits: the batch sizes that the source or the errors name."""
        if self._is_hopeless:
            return
        named = [n for n in dict.fromkeys((*self._facts.integers, *self.numbers())) if 2 <= n <= _MAX_ROWS]
        for task in tasks[:4]:
            for rows in named[:8]:
                self.attempt(_sized(task, {}), rows)
                if self.best_rank == 0:
                    return

    def try_rows_of_error(self, task: Task) -> None:
        """Where an error sets the batch size against another number: try that number of rows."""
        error = self.attempts[-1].observation.raised if self.attempts else None
        if self.best_rank == 0 or self.is_exhausted or error is None:
            return
        numbers = [int(n) for n in _NUMBER.findall(error.message)]
        for rows in _rows_meant(numbers, self.attempts[-1].rows)[:2]:
            self.attempt(task, rows)
            if self.best_rank == 0:
                return

    def numbers(self) -> list[int]:
        """The sizes that the errors so far speak of."""
        messages = [a.observation.raised.message for a in self.attempts if a.observation.raised]
        return list(dict.fromkeys(int(n) for text in messages[-12:] for n in _NUMBER.findall(text)))

    def log(self) -> tuple[str, ...]:
        """A line for each try, the failed ones with their error."""
        return tuple(_log_line(attempt) for attempt in self.attempts)

    def result(self, task: Task, source: TaskSource, evidence: tuple[str, ...]) -> Inferred:
        choice = TaskChoice(task.name, str(task.y_true), str(task.y_pred), source, evidence)
        batches = Batches(task, self._facts, batch_size=self.named_rows)
        return Inferred(choice, batches, tuple(self.attempts), self.best is not None, self.named_rows)


def _infer_told(
    search: _Search, task: Task, source: TaskSource, arrays: tuple[np.ndarray, np.ndarray] | None
) -> Inferred:
    if arrays is not None:
        batches = Batches(task, search._facts, arrays=arrays)
        seen = search._call(batches["typical"])
        attempt = Attempt(task.name, str(task.y_true), str(task.y_pred), batches["typical"].size, seen)
        choice = TaskChoice(task.name, str(task.y_true), str(task.y_pred), source, ("you gave the arrays",))
        return Inferred(choice, batches, (attempt,), seen.raised is None, None)
    search.attempt(task)
    if search.best is None:
        search.try_named_rows([task])
    return search.result(task, source, (f"you gave the inputs by {source.value}",))


def _rank(seen: EagerObservation, rows: int) -> int:
    """0: finite, of the batch's shape; 1: it runs and gives a tensor; 2: it runs; 9: it raises."""
    if seen.raised is not None:
        return 9
    if seen.returned is None or not seen.returned.is_float_tensor or seen.value is None:
        return 2 if seen.returned is not None and seen.returned.kind != "function" else 3
    fits = seen.value.shape == () or seen.value.shape[0] == rows
    is_pairwise = seen.value.shape[:2] == (rows, rows)
    if seen.is_finite and fits and not is_pairwise and seen.value.size:
        return 0
    return 1


def _rows_meant(numbers: list[int], rows: int) -> list[int]:
    """The batch sizes that the numbers of an error may mean, when it was raised for ``rows`` rows.

    Either the rows stand against another number (``[16] vs. [7]``), or the size of the whole tensor does
    (a reshape of 21 values to 96, with 7 rows: 96 / (21 / 7) = 32).
    """
    meant = [n for n in numbers if n != rows] if rows in numbers else []
    for size in numbers:
        if size % rows == 0 and size > rows:
            meant += [n // (size // rows) for n in numbers if n != size and n % (size // rows) == 0]
    return [n for n in dict.fromkeys(meant) if n != rows and 2 <= n <= _MAX_ROWS]


def _other_sizes(task: Task, facts: SourceFacts, search: _Search) -> Iterator[Task]:
    """The task with the sizes that the source or the last error speaks of."""
    free = [name for name in dict.fromkeys((*task.y_true.names(), *task.y_pred.names())) if name in "DCE"]
    if not free or search.best_rank == 0 or not search.attempts:
        return
    error = search.attempts[-1].observation.raised
    if error is None or error.type in _HOPELESS:
        return
    columns = [n for n in (facts.y_pred_columns, facts.y_true_columns) if n > 0]
    sizes = [*columns, *facts.integers, *(int(n) for n in _NUMBER.findall(error.message))]
    # a size that another axis has would let a matrix product pass by chance
    taken = {DEFAULT_SIZES.get(str(d), d) for d in (*task.y_true.dims, *task.y_pred.dims) if d not in free}
    for size in [n for n in dict.fromkeys(sizes) if 1 < n <= _MAX_SIZE and n not in taken][:5]:
        if search.best_rank > 0:
            yield _sized(task, dict.fromkeys(free, size))


def _sized(task: Task, sizes: dict[str, int]) -> Task:
    names = dict.fromkeys((*task.y_true.names(), *task.y_pred.names()))
    default = {name: DEFAULT_SIZES.get(name, 5) for name in names}
    every = {**default, **sizes}
    return replace(task, y_true=task.y_true.with_sizes(every), y_pred=task.y_pred.with_sizes(every))


def _spec_of(array: np.ndarray) -> InputSpec:
    """The spec of the user's own array; its domain is read off its numbers."""
    values = np.asarray(array)
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


def _log_line(attempt: Attempt) -> str:
    inputs = f"{attempt.task}: {attempt.y_true}, {attempt.y_pred}, B = {attempt.rows}"
    seen = attempt.observation
    if seen.raised is not None:
        first = seen.raised.message.splitlines()[0][:120] if seen.raised.message else ""
        return f"{inputs}: {seen.raised.type}: {first}"
    if seen.value is not None and not seen.is_finite:
        return f"{inputs}: runs, gives NaN or Inf"
    return f"{inputs}: fits"
