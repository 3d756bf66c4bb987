"""The ways to look for inputs: as literal slices allow, as shapes are written, task after task."""

from __future__ import annotations

from itertools import islice

from losscheck.inference.domains import read_domains
from losscheck.inference.doubts import doubts
from losscheck.inference.fitting import try_fitted
from losscheck.inference.packed import packed_tasks, with_real_columns
from losscheck.inference.search import FITS, PAIRS, Read, Search, other_sizes, sized
from losscheck.inference.shaped import agrees, written_tasks
from losscheck.inference.written import Written
from losscheck.inputs.batches import Batches
from losscheck.inputs.specs import Domain
from losscheck.inputs.tasks import Task
from losscheck.observation import EagerObservation

#: More conventions for the shapes that are written cost more than they find.
_MAX_WRITTEN = 12

#: Sizes for a loss that goes through all permutations, of speakers or of slots.
_FEW = {"T": 2, "N": 2}


def try_packed(search: Search, read: Read, written: Written | None) -> tuple[str, ...]:
    """Try what literal slices allow; of those that fit, keep the one that least speaks against."""
    least: int | None = None
    best: Task | None = None
    rows: int | None = None
    why = ""
    for candidate in packed_tasks(search.facts, written):
        task = sized(candidate.task, {})
        search.settle(None)
        if search.attempt(task) is not None:
            task = try_fitted(search, task)
            for other in (Domain("positive"), Domain("interval", 0.1, 0.9)):
                seen = search.attempts[-1].observation
                if seen.raised is not None or seen.is_finite:
                    break
                size = search.attempts[-1].rows
                if search.is_raw:
                    search.attempt(with_real_columns(task, other, in_both=False), size)
                search.attempt(with_real_columns(task, other), size)
        if search.best is None:
            continue
        task = search.best
        is_said = written is not None and agrees(task, written)
        if search.best_rank > (PAIRS if is_said else FITS):
            continue
        batches = Batches(task, search.facts, batch_size=search.named_rows)
        against = 0 if is_said else doubts(read(batches["typical"]), batches.typical_size)
        if least is None or against < least:
            least, best, rows, why = against, task, search.named_rows, candidate.why
        if against == 0:
            break
    search.settle(best, rows)
    return (why,) if why else ()


def try_written(search: Search, written: Written, ranked: list[Task], read: Read) -> tuple[str, ...]:
    """Try the shapes that are written; it is meant for them whatever it makes of them, if only it runs."""
    runs: Task | None = None
    for task in islice(written_tasks(written, ranked), _MAX_WRITTEN):
        seen = _try_one(search, task, read)
        if search.fits or search.is_exhausted:
            break
        if runs is None and seen is not None and seen.raised is None and seen.is_finite:
            runs = task
    if not search.fits and runs is not None:
        search.settle(runs)
    return (written.words,) if search.fits else ()


def _try_one(search: Search, task: Task, read: Read) -> EagerObservation | None:
    seen = search.attempt(task)
    if seen is not None and seen.raised is None and not seen.is_finite and not search.fits:
        # its shapes fit: ask the graph which numbers it wants
        found = read_domains(task, read(Batches(task, search.facts)["typical"]))
        if found is not None:
            search.attempt(found[0])
    return seen


def try_ranked(search: Search, tasks: list[Task], read: Read) -> None:
    """Try the tasks in their order, each with the sizes that the source and the errors speak of."""
    few = _FEW if "permutations" in search.facts.names else {}
    for task in tasks:
        _try_one(search, sized(task, few), read)
        try_fitted(search, sized(task, few))
        for other in other_sizes(task, search.facts, search):
            search.attempt(other)
        if search.fits or search.is_exhausted:
            break
