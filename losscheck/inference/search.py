"""The search for inputs that a loss takes: bounded tries, with sizes that the source or an error names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from losscheck.attempts import Attempt
from losscheck.graph_observation import FlowObservation
from losscheck.inference.words import cuts_rows, says_raw
from losscheck.inputs.batches import Batch, Batches, default_batch_size
from losscheck.inputs.tasks import DEFAULT_SIZES, Task
from losscheck.loss import SourceFacts
from losscheck.observation import EagerObservation

#: A call takes a few milliseconds; the search must stay well under half a second.
_MAX_ATTEMPTS = 120
#: Sizes of the class and feature axes that are worth a try; more would cost more than it finds.
_MAX_SIZE = 128
#: Errors of the loss itself: no other input cures them.
_HOPELESS = ("AttributeError", "NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "SystemExit")
#: What Keras says where it cannot download the weights of a network.
_NO_NETWORK = "URL fetch failure"
#: Seconds for the tries of a loss that loops over entries in Python: half of what it has for everything.
_MAX_SECONDS = 15.0
#: Numbers in a batch from which the time of a call says how long it takes on a larger one.
_MANY = 10_000
#: A batch of the user's size is tried up to here.
_MAX_ROWS = 2048
_MULTIPLE = re.compile(r"multiple of ([1-9]\d*)")
_OUT_OF_RANGE = "is not in [0,"
NUMBER = re.compile(r"(?<![\w.])\d{1,4}(?![\w.])")

Call = Callable[[Batch], EagerObservation]
Read = Callable[[Batch], FlowObservation]
IsUnfit = Callable[[Batch, Task], bool]


class Search:
    """The tries so far; the best one is the first that is finite, else the first that runs."""

    def __init__(self, facts: SourceFacts, call: Call, is_unfit: IsUnfit = lambda batch, task: False) -> None:
        self.attempts: list[Attempt] = []
        self.best: Task | None = None
        self.best_rank = _RAISES
        self.named_rows: int | None = None
        self.flattened: Task | None = None  #: the first images or the like that the loss makes one row of
        self.facts = facts
        self.call = call
        self._is_unfit = is_unfit
        self.is_raw = says_raw(facts)  #: ``y_pred`` is any number, whatever the loss makes of it
        self._tried: set[tuple[str, str, int]] = set()
        self._paces: list[float] = []  # seconds for each number of a large batch on which it raised

    @property
    def fits(self) -> bool:
        """Whether inputs were found on which the loss is finite and has the shape of the batch."""
        return self.best_rank == FITS

    @property
    def is_exhausted(self) -> bool:
        """Whether more tries are pointless."""
        return len(self.attempts) >= _MAX_ATTEMPTS or self._is_hopeless

    @property
    def is_unfit(self) -> bool:
        """Whether the best that was found runs, and computes nothing that the loss can mean."""
        return self.best is not None and self.best_rank == _UNFIT

    @property
    def _is_hopeless(self) -> bool:
        """Whether three unlike inputs raised the same error of the loss itself."""
        raised = [attempt.observation.raised for attempt in self.attempts]
        if len(raised) < 3 or any(error is None for error in raised):
            return False
        kinds = {(error.type, error.message, error.location) for error in raised if error}
        kind, message, _ = next(iter(kinds))
        return len(kinds) == 1 and (kind in _HOPELESS or message.startswith(_NO_NETWORK))

    def _is_too_slow(self, numbers: int) -> bool:
        """Whether a large batch would take too long, as two that it raised on have shown.

        The first call of an operation takes its time, whatever the size; so one batch shows nothing.
        """
        if numbers < _MANY or len(self._paces) < 2:
            return False
        spent = sum(attempt.observation.seconds for attempt in self.attempts)
        return spent + numbers * min(self._paces) > _MAX_SECONDS

    def attempt(self, task: Task, rows: int | None = None) -> EagerObservation | None:
        """Try one sized task; None if it was tried before, or the rows are the size of another axis.

        Where two axes are equal by chance, a matrix product or a broadcast passes by chance.
        """
        rows = rows or default_batch_size(task)
        key = (str(task.y_true), str(task.y_pred), rows)
        if key in self._tried or rows in (*task.y_true.dims, *task.y_pred.dims) or self.is_exhausted:
            return None
        if not task.is_told and cuts_rows(self.facts, task):
            return None
        self._tried.add(key)
        batch = Batches(task, self.facts, batch_size=rows)["typical"]
        numbers = batch.y_true.size + batch.y_pred.size
        if self._is_too_slow(numbers):
            return None
        seen = self.call(batch)
        if seen.raised is not None and numbers >= _MANY:
            self._paces.append(seen.seconds / numbers)
        self.attempts.append(Attempt(task.name, key[0], key[1], rows, seen))
        rank = _rank(seen, rows)
        if rank == _TENSOR and self.is_raw and not seen.is_finite and self._is_of_sign(batch):
            rank = FITS  # the source says that it gets such predictions: this is what it makes of them
        if rank < _UNFIT and self._is_unfit(batch, task):
            rank = _UNFIT
        if self.flattened is None and rank == _TENSOR and task.axes > 2 and _is_flat(seen, batch):
            self.flattened = task
        if rank < self.best_rank:
            self.best, self.best_rank = task, rank
            self.named_rows = None if rows == default_batch_size(task) else rows
        return seen

    def _is_of_sign(self, batch: Batch) -> bool:
        """Whether the loss is not finite because predictions are negative, whatever sign the labels have."""
        positive = self.call(replace(batch, y_pred=np.abs(batch.y_pred)))
        labelled = self.call(replace(batch, y_true=np.abs(batch.y_true)))
        return positive.value is not None and positive.is_finite and not labelled.is_finite

    def last_of(self, task: Task) -> Attempt | None:
        """The last try of a sized task."""
        specs = str(task.y_true), str(task.y_pred)
        return next((a for a in reversed(self.attempts) if (a.y_true, a.y_pred) == specs), None)

    def settle(self, task: Task | None, rows: int | None = None) -> None:
        """Take a task that was tried before as the best one; None: go on as if nothing fitted."""
        self.best, self.best_rank, self.named_rows = task, _RAISES if task is None else FITS, rows

    def try_named_rows(self, tasks: list[Task]) -> None:
        """Where nothing fits: the batch sizes that the source or the errors name."""
        if self._is_hopeless:
            return
        named = [n for n in dict.fromkeys((*self.facts.integers, *self.numbers())) if 2 <= n <= _MAX_ROWS]
        for task in tasks[:4]:
            for rows in named[:8]:
                self.attempt(sized(task, {}), rows)
                if self.fits:
                    return

    def try_rows_of_errors(self, tasks: list[Task]) -> None:
        """Where nothing fits: the batch sizes that the errors set against the one that was tried."""
        meant: dict[tuple[str, int], None] = {}
        for attempt in self.attempts:
            if attempt.observation.raised is not None:
                numbers = [int(n) for n in NUMBER.findall(attempt.observation.raised.message)]
                meant.update(dict.fromkeys((attempt.task, n) for n in _rows_meant(numbers, attempt.rows)[:2]))
        for task in tasks:
            for rows in [rows for name, rows in meant if name == task.name][:4]:
                self.attempt(sized(task, {}), rows)
                if self.fits:
                    return

    def numbers(self) -> list[int]:
        """The sizes that the errors so far speak of."""
        messages = [a.observation.raised.message for a in self.attempts if a.observation.raised]
        return list(dict.fromkeys(int(n) for text in messages[-12:] for n in NUMBER.findall(text)))

    def log(self) -> tuple[str, ...]:
        """A line for each try, the failed ones with their error."""
        return tuple(_log_line(attempt) for attempt in self.attempts)


#: How well inputs fit: what the loss gives is finite and has the batch's shape; has a number for each pair of
#: rows; is a tensor; is something else; the loss cannot mean these inputs; it gives nothing; it raises.
FITS, PAIRS, _TENSOR, _OTHER, _UNFIT, _NOTHING, _RAISES = 0, 1, 2, 3, 4, 5, 9


def _rank(seen: EagerObservation, rows: int) -> int:
    if seen.raised is not None:
        return _RAISES
    if seen.returned is None or not seen.returned.is_float_tensor or seen.value is None:
        return _OTHER if seen.returned is not None and seen.returned.kind != "function" else _NOTHING
    fits = seen.value.shape == () or seen.value.shape[0] == rows
    if not seen.is_finite or not fits or not seen.value.size:
        return _TENSOR
    return PAIRS if seen.value.shape[:2] == (rows, rows) else FITS


def _is_flat(seen: EagerObservation, batch: Batch) -> bool:
    """Whether the loss is finite and has a number for each entry of ``y_pred``, all of them in one row."""
    return seen.value is not None and seen.is_finite and seen.value.shape == (batch.y_pred.size,)


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


def other_sizes(task: Task, facts: SourceFacts, search: Search) -> Iterator[Task]:
    """The task with the sizes that the source or the last error speaks of."""
    free = [name for name in dict.fromkeys((*task.y_true.names(), *task.y_pred.names())) if name in "DCE"]
    if not free or search.fits or not search.attempts:
        return
    error = search.attempts[-1].observation.raised
    if error is None or error.type in _HOPELESS:
        return
    columns = [n for n in (facts.y_pred.columns, facts.y_true.columns) if n > 0]
    named = facts.integers
    if _OUT_OF_RANGE in error.message:  # a smaller axis may hold, by chance, the entries that are picked
        named = named[::-1]
    if divisor := _MULTIPLE.search(error.message):  # a row is reshaped to rows of several sizes
        products = (a * b for a, b in combinations(facts.integers, 2) if min(a, b) > 1)
        columns += [size for size in products if size % int(divisor[1]) == 0]
    sizes = [*columns, *named, *(int(n) for n in NUMBER.findall(error.message))]
    # a size that another axis has would let a matrix product pass by chance
    taken = {DEFAULT_SIZES.get(str(d), d) for d in (*task.y_true.dims, *task.y_pred.dims) if d not in free}
    taken |= set(facts.rows)
    for size in [n for n in dict.fromkeys(sizes) if 1 < n <= _MAX_SIZE and n not in taken][:5]:
        if not search.fits:
            yield sized(task, dict.fromkeys(free, size))


def sized(task: Task, sizes: dict[str, int]) -> Task:
    """The task with a number for each named axis: from ``sizes``, else the usual one."""
    names = dict.fromkeys((*task.y_true.names(), *task.y_pred.names()))
    default = {name: DEFAULT_SIZES.get(name, 5) for name in names}
    every = {**default, **sizes}
    return replace(task, y_true=task.y_true.with_sizes(every), y_pred=task.y_pred.with_sizes(every))


def _log_line(attempt: Attempt) -> str:
    inputs = f"{attempt.task}: {attempt.y_true}, {attempt.y_pred}, B = {attempt.rows}"
    seen = attempt.observation
    if seen.raised is not None:
        first = seen.raised.message.splitlines()[0][:120] if seen.raised.message else ""
        return f"{inputs}: {seen.raised.type}: {first}"
    if seen.value is not None and not seen.is_finite:
        return f"{inputs}: runs, gives NaN or Inf"
    return f"{inputs}: fits"
