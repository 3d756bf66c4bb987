"""The places in which Python keeps what a loss can reach: globals, cells, attributes, entries."""

from __future__ import annotations

import collections
import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from losscheck.probes.frames import UserFiles
from losscheck.probes.objects import code_names, is_of_user, outer_function, source_of

_MAX_DEPTH = 6
_MAX_ITEMS = 200
_MAX_SLOTS = 3000

MISSING = object()


@dataclass(frozen=True, eq=False)
class Slot:
    """One place that holds a value, and that other code can fill with another one."""

    path: str  #: as a user would write it: ``self.cache["p"]``
    holder: Any  #: the dict (globals too), list, cell or object
    key: Any  #: key, index, name of the attribute or of the closure variable
    kind: str  #: ``item``, ``attribute`` or ``cell``
    reader: FunctionType | None = None  #: for a cell: a function that closes over it

    def get(self) -> Any:
        """What it holds now; `is_empty` tells where that is nothing."""
        try:
            if self.kind == "cell":
                return self.holder.cell_contents
            return vars(self.holder)[self.key] if self.kind == "attribute" else self.holder[self.key]
        except (KeyError, IndexError, ValueError, TypeError):
            return MISSING

    @property
    def is_empty(self) -> bool:
        """Whether there is no such entry any more."""
        return self.get() is MISSING

    def put(self, value: Any) -> None:
        """Rebind it, as an assignment in the user's code would."""
        if self.kind == "cell":
            self.holder.cell_contents = value
        elif self.kind == "attribute":
            setattr(self.holder, self.key, value)
        else:
            self.holder[self.key] = value

    def read(self) -> Any:
        """What a read of it gives: for an attribute that the object lacks, its class's; None for nothing."""
        value = self.get()
        if value is MISSING:
            return getattr(self.holder, self.key, None) if self.kind == "attribute" else None
        return value

    @contextlib.contextmanager
    def holding(self, value: Any) -> Iterator[None]:
        """Hold another value for a while."""
        before = self.get()
        self.put(value)
        try:
            yield
        finally:
            if before is not MISSING:
                self.put(before)
            elif self.kind == "attribute":
                delattr(self.holder, self.key)
            else:
                del self.holder[self.key]


@dataclass
class Reach:
    """What a loss can reach."""

    slots: list[Slot] = field(default_factory=list)
    objects: list[Any] = field(default_factory=list)  #: of the user's classes
    containers: list[Any] = field(default_factory=list)  #: lists, dicts, sets, deques
    functions: list[FunctionType] = field(default_factory=list)  #: the user's own
    caches: list[Any] = field(default_factory=list)  #: those of `functools.lru_cache` around such functions


def find_reach(function: Callable[..., Any], files: UserFiles) -> Reach:
    """Walk from a loss through the user's functions, objects and containers, nearest first."""
    return _Walk(files).run(function)


class _Walk:
    def __init__(self, files: UserFiles) -> None:
        self._files = files
        self._reach = Reach()
        self._seen: dict[int, Any] = {}  # holds what it has seen, so that no id is used twice
        self._places: set[tuple[int, Any]] = set()
        self._queue: collections.deque[tuple[Any, str, int]] = collections.deque()

    def run(self, function: Any) -> Reach:
        self._queue.append((function, "self", 0))
        while self._queue and len(self._reach.slots) < _MAX_SLOTS:
            value, path, depth = self._queue.popleft()
            if id(value) in self._seen or depth > _MAX_DEPTH:
                continue
            self._seen[id(value)] = value
            self._visit(value, path, depth)
        return self._reach

    def _visit(self, value: Any, path: str, depth: int) -> None:
        if isinstance(value, (dict, list, tuple, set, frozenset, collections.deque)):
            self._container(value, path, depth)
        elif is_of_user(value, self._files):
            self._object(value, path, depth)
        elif isinstance(value, type):
            self._class(value, depth)
        elif callable(value):
            self._callable(value, depth)

    def _container(self, value: Any, path: str, depth: int) -> None:
        if not isinstance(value, (tuple, frozenset)):
            self._reach.containers.append(value)
        if isinstance(value, dict):
            entries: list[tuple[Any, Any]] = list(value.items())[:_MAX_ITEMS]
        else:
            entries = list(enumerate(value))[:_MAX_ITEMS]
        for key, item in entries:
            shown = f"{path}[{_quoted(key)}]"
            if isinstance(value, (dict, list, collections.deque)):
                self._add(Slot(shown, value, key, "item"))
            self._queue.append((item, shown, depth + 1))

    def _object(self, value: Any, path: str, depth: int) -> None:
        self._reach.objects.append(value)
        for name, item in list(vars(value).items())[:_MAX_ITEMS]:
            self._add(Slot(f"{path}.{name}", value, name, "attribute"))
            self._queue.append((item, f"{path}.{name}", depth + 1))
        self._class(type(value), depth)

    def _class(self, owner: type, depth: int) -> None:
        """The class variables of the user's classes, and their methods."""
        for cls in owner.__mro__:
            if source_of(cls) not in self._files:
                continue
            for name, item in list(vars(cls).items()):
                if name.startswith("__") and name != "__call__":
                    continue
                inner = getattr(item, "__func__", None) or getattr(item, "fget", None) or item
                if isinstance(inner, FunctionType) or _is_cache(inner):
                    self._queue.append((inner, name, depth))
                elif not hasattr(item, "__get__"):
                    self._add(Slot(f"{cls.__name__}.{name}", cls, name, "attribute"))
                    self._queue.append((item, f"{cls.__name__}.{name}", depth + 1))

    def _callable(self, value: Any, depth: int) -> None:
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, ModuleType):
            self._queue.append((owner, "self", depth))
        if hasattr(value, "func"):  # a partial
            self._queue.append((value.func, "", depth))
            self._queue.append((getattr(value, "args", ()), "arguments", depth))
            for key, item in list(getattr(value, "keywords", {}).items()):
                self._add(Slot(key, value.keywords, key, "item"))
                self._queue.append((item, key, depth))
        if isinstance(value, FunctionType) and hasattr(value, "__wrapped__"):
            self._queue.append((value.__wrapped__, "", depth))
        inner = outer_function(value)
        if inner is not None and inner.__code__.co_filename in self._files:
            self._function(inner, depth)
            self._reach.caches += [value] if _is_cache(value) else []

    def _function(self, function: FunctionType, depth: int) -> None:
        self._reach.functions.append(function)
        for key, item in list(vars(function).items()):
            self._add(Slot(f"{function.__name__}.{key}", vars(function), key, "item"))
            self._queue.append((item, f"{function.__name__}.{key}", depth + 1))
        defaults = (*enumerate(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items())
        for parameter, item in defaults:
            self._queue.append((item, f"default {parameter} of {function.__name__}", depth + 1))
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
        for name, cell in cells:
            slot = Slot(name, cell, name, "cell", function)
            if not slot.is_empty:
                self._add(slot)
                self._queue.append((slot.get(), name, depth))
        names = sorted(code_names(function.__code__))
        for name in names:
            value = function.__globals__.get(name, MISSING)
            if isinstance(value, ModuleType):
                self._module(value, name, names, depth)
            elif value is not MISSING:
                self._add(Slot(name, function.__globals__, name, "item"))
                self._queue.append((value, name, depth))

    def _module(self, module: ModuleType, shown: str, names: list[str], depth: int) -> None:
        if str(getattr(module, "__file__", None) or "") not in self._files:
            return
        for key in names:
            if key in vars(module):
                self._add(Slot(f"{shown}.{key}", vars(module), key, "item"))
                self._queue.append((vars(module)[key], f"{shown}.{key}", depth))

    def _add(self, slot: Slot) -> None:
        place = (id(slot.holder), slot.key if isinstance(slot.key, (str, int)) else repr(slot.key))
        if place not in self._places:
            self._places.add(place)
            self._reach.slots.append(slot)


def _is_cache(value: Any) -> bool:
    return isinstance(value, functools._lru_cache_wrapper)


def _quoted(key: Any) -> str:
    return f'"{key}"' if isinstance(key, str) else repr(key)
