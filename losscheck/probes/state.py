"""The Python state that a loss can reach, as comparable plain data."""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import random
import warnings
from collections.abc import Callable, Iterator
from types import FunctionType, GeneratorType, ModuleType
from typing import Any

import numpy as np

from losscheck.probes.frames import UserFiles
from losscheck.probes.objects import code_names, is_of_user, outer_function, source_of

#: A loss may reach a data set or a web of objects: what lies deeper or further is compared by its type.
_MAX_DEPTH = 6
_MAX_ITEMS = 500
_MAX_NODES = 2000
_MAX_ELEMENTS = 20_000

Snapshot = dict[str, Any]


def snapshot(function: Callable[..., Any], files: UserFiles) -> Snapshot:
    """Names that a loss can reach, each with a value that compares equal as long as nothing changed.

    Looks into globals, closure cells, defaults, function attributes and the attributes of the user's
    objects. Tensors and variables count as constants here: `tf.Variable.assign` is no Python state.
    """
    reader = _Fingerprints(files)
    return {name: reader.of(value) for name, value in reversed(_roots(function, files))}


def variables(function: Callable[..., Any], files: UserFiles) -> list[Any]:
    """The small variables that a loss can reach by name or in the attributes of an object."""
    found: dict[int, Any] = {}
    for _, value in _roots(function, files):
        inner = list(vars(value).values()) if is_of_user(value, files) else [value]
        for item in inner:
            if hasattr(item, "assign") and hasattr(item, "numpy") and hasattr(item, "shape"):
                found[id(item)] = item
    return [item for item in found.values() if np.prod(tuple(item.shape), dtype=float) <= _MAX_ELEMENTS]


@contextlib.contextmanager
def restoring_variables(found: list[Any]) -> Iterator[None]:
    """Give variables their values back: a loss may move them on in each step."""
    values = [(variable, variable.numpy()) for variable in found]
    try:
        yield
    finally:
        for variable, value in values:
            if not np.array_equal(variable.numpy(), value, equal_nan=True):
                variable.assign(value)


def changed_names(before: Snapshot, after: Snapshot) -> list[str]:
    """The names whose value differs, in a fixed order."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def random_state() -> tuple[Any, ...]:
    """The states of Python's and NumPy's global random generators, comparable."""
    return random.getstate(), repr(_plain_state(np.random.get_state(legacy=False)))


def restoring_random_state() -> Callable[[], None]:
    """Remember both global generators; the function that it gives puts them back."""
    python, numpy = random.getstate(), np.random.get_state(legacy=False)

    def restore() -> None:
        random.setstate(python)
        np.random.set_state(numpy)

    return restore


def generators(function: Callable[..., Any], files: UserFiles) -> list[Any]:
    """The random generators of NumPy and Python that a loss can reach by name and that have a state."""
    kinds = (np.random.Generator, np.random.RandomState, random.Random)
    found = [value for _, value in _roots(function, files) if isinstance(value, kinds)]
    return [value for value in found if not isinstance(value, random.SystemRandom)]


def generator_states(found: list[Any]) -> list[Any]:
    """The states of such generators, comparable."""
    states = []
    for generator in found:
        if isinstance(generator, np.random.Generator):
            states.append(repr(_plain_state(generator.bit_generator.state)))
        elif isinstance(generator, np.random.RandomState):
            states.append(repr(_plain_state(generator.get_state(legacy=False))))
        else:
            states.append(generator.getstate())
    return states


def _roots(function: Any, files: UserFiles) -> list[tuple[str, Any]]:
    """The named values that a function can reach, through the user's functions that it calls."""
    found: list[tuple[str, Any]] = []
    seen: set[int] = set()
    queue = [function]
    while queue and len(seen) < _MAX_ITEMS:
        here = queue.pop(0)
        if id(here) in seen:
            continue
        seen.add(id(here))
        for name, value in (*_owned(here, files), *_named_in_code(here, files)):
            if isinstance(value, ModuleType):
                continue
            if callable(value) and not is_of_user(value, files):
                queue.append(value)
            else:
                found.append((name, value))
                queue += [value] if callable(value) else []
                queue += [type(value)] if is_of_user(value, files) else []
    return found


def _owned(function: Any, files: UserFiles) -> Iterator[tuple[str, Any]]:
    """What hangs on a callable itself: the attributes of its object, its defaults, a partial's arguments."""
    owner = getattr(function, "__self__", None)
    if owner is None and not isinstance(function, (FunctionType, type)) and is_of_user(function, files):
        owner = function
        call = getattr(type(function), "__call__", None)  # noqa: B004 - the function itself is wanted
        yield "__call__", call
    if owner is not None and not isinstance(owner, (ModuleType, type)):
        yield from ((f"self.{name}", value) for name, value in list(getattr(owner, "__dict__", {}).items()))
        yield from _class_state(type(owner), files)
    if isinstance(function, type):
        yield from _class_state(function, files)
    if isinstance(function, functools.partial):  # a class may have attributes of these names too
        yield from (
            (f"argument {number} of the partial", value) for number, value in enumerate(function.args)
        )
        yield "the partial's function", function.func
        yield from function.keywords.items()
    if isinstance(function, FunctionType) and hasattr(function, "__wrapped__"):
        yield "the decorated function", function.__wrapped__
    inner = outer_function(function)
    if inner is not None:
        name = inner.__name__
        yield from ((f"{name}.{key}", value) for key, value in list(vars(inner).items()))
        for number, value in enumerate(inner.__defaults__ or ()):
            yield f"default {number} of {name}", value
        for key, value in (inner.__kwdefaults__ or {}).items():
            yield f"default {key} of {name}", value


def _named_in_code(function: Any, files: UserFiles) -> Iterator[tuple[str, Any]]:
    """The closure cells and globals that a user's function names, those of the user's modules included."""
    inner = outer_function(function)
    if inner is None or inner.__code__.co_filename not in files:
        return
    for name, cell in zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=False):
        if _is_filled(cell):
            yield name, cell.cell_contents
    names = sorted(code_names(inner.__code__))
    for name in names:
        value = inner.__globals__.get(name)
        if isinstance(value, ModuleType):
            if getattr(value, "__file__", None) and str(value.__file__) in files:
                yield from ((f"{name}.{key}", vars(value)[key]) for key in names if key in vars(value))
        elif name in inner.__globals__:
            yield name, value


def _class_state(owner: type, files: UserFiles) -> Iterator[tuple[str, Any]]:
    for cls in owner.__mro__:
        if source_of(cls) in files:
            for name, value in list(vars(cls).items()):
                inner = getattr(value, "__func__", value)  # of a class method or static method
                if name.startswith("__"):
                    continue
                if isinstance(inner, FunctionType) or not (callable(value) or hasattr(value, "__get__")):
                    yield f"{cls.__name__}.{name}", inner


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


class _Fingerprints:
    """Turns values into comparable data; one budget of nodes serves a whole snapshot."""

    def __init__(self, files: UserFiles) -> None:
        self._files = files
        self._left = _MAX_NODES

    def of(self, value: Any, depth: int = 0) -> Any:
        """The value as comparable data."""
        self._left -= 1
        if value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
            return repr(value)
        if depth > _MAX_DEPTH or self._left < 0:
            return type(value).__name__
        if isinstance(value, (list, tuple, collections.deque)):
            items = itertools.islice(value, _MAX_ITEMS)
            return (type(value).__name__, len(value), tuple(self.of(item, depth + 1) for item in items))
        if isinstance(value, dict):
            pairs = itertools.islice(list(value.items()), _MAX_ITEMS)
            shown = tuple((self.of(k, depth + 1), self.of(v, depth + 1)) for k, v in pairs)
            return (type(value).__name__, len(value), shown)
        if isinstance(value, (set, frozenset)):
            shown_set = sorted(repr(self.of(item, depth + 1)) for item in itertools.islice(value, _MAX_ITEMS))
            return (type(value).__name__, len(value), tuple(shown_set))
        if type(value) is np.ndarray and value.dtype.kind in "biufc":
            return ("ndarray", value.shape, value.tobytes() if value.size <= _MAX_ELEMENTS else id(value))
        if isinstance(value, Iterator) and type(value).__module__ in ("builtins", "itertools"):
            return (type(value).__name__, self._position(value, depth + 1))
        if is_of_user(value, self._files):
            attributes = sorted(vars(value).items())[:_MAX_ITEMS]
            return (type(value).__name__, tuple((name, self.of(v, depth + 1)) for name, v in attributes))
        return type(value).__name__

    def _position(self, iterator: Any, depth: int) -> Any:
        """How far an iterator has come; None where it does not say."""
        if isinstance(iterator, GeneratorType):
            frame = iterator.gi_frame
            return None if frame is None else (frame.f_lasti, self.of(dict(frame.f_locals), depth))
        try:
            with warnings.catch_warnings():  # Python 3.12 means to give up this way of asking
                warnings.simplefilter("ignore", DeprecationWarning)
                return self.of(iterator.__reduce__()[1:], depth)
        except TypeError:
            return None


def _plain_state(state: Any) -> Any:
    """A generator's state with its arrays as bytes."""
    if isinstance(state, dict):
        return {key: _plain_state(value) for key, value in state.items()}
    return state.tobytes() if isinstance(state, np.ndarray) else state
