"""Values that other code changes and that the traced loss no longer looks at: changed, called, put back."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Iterable, Iterator
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch, is_same_value
from losscheck.loss import LoadedLoss
from losscheck.probes.changing import Change, inner_changes, is_variable, rebindings
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.reads import read_location
from losscheck.probes.receivers import Receivers, namespace_of
from losscheck.probes.saved_state import SavedState
from losscheck.probes.session import functions_inlined, isolated
from losscheck.probes.slots import Reach, Slot, find_reach
from losscheck.probes.tensors import to_array, to_tensor
from losscheck.probes.tracing import TraceRun
from losscheck.probes.watch import Watch
from losscheck.probes.writers import Source, Write, first_line, read_source
from losscheck.state_observation import FrozenObservation, FrozenValue

#: More places than this are not tried: each costs two calls of the loss.
_MAX_PLACES = 24
_MAX_FILES = 12
#: More numbers than these are not tried as the end of a schedule; nor is one that may be a size in memory.
_MAX_LIMITS = 8
_LARGEST_LIMIT = 100_000


def run_frozen(loss: LoadedLoss, batch: Batch, files: UserFiles, run: TraceRun) -> FrozenObservation:
    """Change what other code of the user's files writes, and compare the eager loss with the traced one.

    Args:
        loss: the loss.
        batch: its input, as `fit` passes it.
        files: which files are the user's.
        run: the trace that goes on to be used.

    """
    start = time.perf_counter()
    reach = find_reach(loss.function, files)
    places = _places(reach, files, run.codes)
    if not places or run.concrete is None:
        return FrozenObservation(batch.name, seconds=time.perf_counter() - start)
    caller = _Caller(loss, batch, files, run.concrete)
    limits = _limits(reach, run.codes)
    saved = SavedState(loss.function, files)
    found: list[FrozenValue] = []
    with isolated(), functions_inlined():
        if caller.is_steady():
            for slot, writes in places[:_MAX_PLACES]:
                frozen = _frozen(slot, _changes(slot, writes, limits), caller, run.codes, files)
                if frozen is not None:
                    found.append(frozen)
                saved.restore()
    return FrozenObservation(batch.name, seconds=time.perf_counter() - start, values=tuple(found))


class _Caller:
    """Calls the loss eagerly and in the graph that was traced before."""

    def __init__(self, loss: LoadedLoss, batch: Batch, files: UserFiles, concrete: Any) -> None:
        self._loss = loss
        self._files = files
        self._concrete = concrete
        self._inputs = to_tensor(batch.y_true), to_tensor(batch.y_pred)
        self.value: np.ndarray | None = None  #: with nothing changed, eagerly
        self.traced: np.ndarray | None = None  #: the same from the graph

    def is_steady(self) -> bool:
        """Whether two calls with nothing changed give the same."""
        self.value, self.traced = self.eager(), self.graph()
        again = self.eager(), self.graph()
        pairs = ((self.value, again[0]), (self.traced, again[1]))
        return all(a is not None and b is not None and _is_equal(a, b) for a, b in pairs)

    def eager(self) -> np.ndarray | None:
        """The loss called eagerly; None if it raises."""
        return self._call(self._loss.function)

    def graph(self) -> np.ndarray | None:
        """The graph of the old trace run."""
        return self._call(self._concrete)

    def _call(self, function: Any) -> np.ndarray | None:
        try:
            return to_array(Watch(self._loss.function, self._files).run(lambda: function(*self._inputs)))
        except Exception:
            return None


def _is_equal(left: np.ndarray, right: np.ndarray) -> bool:
    return bool(np.array_equal(left, right, equal_nan=True))


def _frozen(
    slot: Slot,
    changes: Iterable[tuple[Change, Write]],
    caller: _Caller,
    codes: tuple[CodeType, ...],
    files: UserFiles,
) -> FrozenValue | None:
    """What the loss keeps of a place that other code changes; None if it keeps nothing, or follows."""
    assert caller.value is not None
    assert caller.traced is not None
    for change, write in changes:
        try:
            with change():
                value, traced = caller.eager(), caller.graph()
        except Exception:  # the object refuses such a value
            continue
        if value is None or traced is None or is_same_value(value, caller.value):
            continue
        if not is_same_value(traced, caller.traced):
            return None
        return FrozenValue(
            name=slot.path,
            read=read_location(slot, codes, files),
            writer=statement_location(write.path, write.line, files),
            function=getattr(write.function, "name", "<lambda>"),
            before=_first_difference(caller.value, value)[0],
            after=_first_difference(caller.value, value)[1],
        )
    return None


def _limits(reach: Reach, codes: tuple[CodeType, ...]) -> tuple[float, ...]:
    """The numbers beyond which the loss may take another branch: those of its code and of what it reads."""
    named = itertools.chain.from_iterable(code.co_consts for code in codes)
    numbers = dict.fromkeys(
        number
        for number in (*named, *(slot.get() for slot in reach.slots))
        if type(number) in (int, float) and 1 < number < _LARGEST_LIMIT
    )
    return tuple(numbers)[:_MAX_LIMITS]


def _changes(slot: Slot, writes: list[Write], limits: tuple[float, ...]) -> Iterator[tuple[Change, Write]]:
    """Other values for a place: as it is written, a step away, and past each number of the loss."""
    constants = tuple(dict.fromkeys(itertools.chain.from_iterable(write.values for write in writes)))
    bound = [write for write in writes if not write.is_inside or write.key is not None]
    inside = [write for write in writes if write.is_inside and write.key is None]
    if bound:
        yield from ((change, bound[0]) for change in rebindings(slot, constants))
        if type(value := slot.read()) in (int, float):
            beyond = (type(value)(limit + 1) for limit in limits if limit >= value)
            yield from ((functools.partial(slot.holding, other), bound[0]) for other in beyond)
    if inside and (is_variable(slot.read()) or not all(write.is_assign for write in inside)):
        yield from ((change, inside[0]) for change in inner_changes(slot.read()))


def _first_difference(left: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """The first entries that differ."""
    if left.shape != right.shape:
        return float(left.ravel()[0]), float(right.ravel()[0])
    number = int(np.argmax(~np.isclose(left.ravel(), right.ravel(), equal_nan=True)))
    return float(left.ravel()[number]), float(right.ravel()[number])


def _places(reach: Reach, files: UserFiles, codes: tuple[CodeType, ...]) -> list[tuple[Slot, list[Write]]]:
    """The places that code writes which is no part of the loss, each with the statements that do."""
    ran = frozenset((code.co_filename, code.co_firstlineno) for code in codes)
    found: dict[tuple[int, str], tuple[Slot, list[Write]]] = {}
    own: set[tuple[int, str]] = set()
    for source in _sources(reach, files):
        receivers = Receivers(source, namespace_of(source.path, reach), reach)
        for write in source.writes:
            is_own = (source.path, first_line(write.function)) in ran
            if not is_own and source.is_setup(write.function, ran):
                continue
            for slot in _written(receivers, write):
                place = (id(slot.holder), repr(slot.key))
                found.setdefault(place, (slot, []))[1].append(write)
                own |= {place} if is_own else set()
    return [entry for place, entry in found.items() if place not in own]


def _written(receivers: Receivers, write: Write) -> list[Slot]:
    """The places of a write; those of an ``.update(alpha=…)`` are the entries that it names."""
    slots = receivers.slots(write)
    if write.key is None:
        return slots
    holders = [slot.read() for slot in slots if isinstance(slot.read(), dict)]
    paths = [slot.path for slot in slots if isinstance(slot.read(), dict)]
    return [
        Slot(f'{path}["{write.key}"]', holder, write.key, "item")
        for path, holder in zip(paths, holders, strict=True)
    ]


def _sources(reach: Reach, files: UserFiles) -> Iterator[Source]:
    """The user's files that hold the loss, its helpers, and the modules that these import."""
    paths: dict[str, None] = {}
    for function in reach.functions:
        paths[function.__code__.co_filename] = None
    for function in reach.functions:
        for value in list(function.__globals__.values()):
            if isinstance(value, ModuleType) and str(getattr(value, "__file__", None) or "") in files:
                paths[str(value.__file__)] = None
    for path in list(paths)[:_MAX_FILES]:
        source = read_source(path)
        if source is not None:
            yield source
