"""The Python state that a loss can reach, as comparable plain data."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from losscheck.probes.frames import UserFiles

_MAX_DEPTH = 5
_MAX_ITEMS = 500

Snapshot = dict[str, Any]


def snapshot(function: Callable[..., Any], files: UserFiles) -> Snapshot:
    """Names that a loss can reach, each with a value that compares equal as long as nothing changed.

    Looks into globals, closure cells, defaults, function attributes and the attributes of the user's
    objects. Tensors and variables count as constants here: `tf.Variable.assign` is no Python state.
    """
    found: Snapshot = {}
    for name, value in _roots(function, files, set()):
        found.setdefault(name, _fingerprint(value, files, 0))
    return found


def changed_names(before: Snapshot, after: Snapshot) -> list[str]:
    """The names whose value differs, in a fixed order."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def random_state() -> tuple[Any, ...]:
    """The states of Python's and NumPy's global random generators."""
    return random.getstate(), _hashable(np.random.get_state(legacy=False))


def restore_random_state(state: tuple[Any, ...]) -> None:
    """Put back what `random_state` gave."""
    random.setstate(state[0])
    np.random.set_state(_unhashable(state[1]))


def generators(function: Callable[..., Any], files: UserFiles) -> list[Any]:
    """The random generators of NumPy and Python that a loss can reach by name."""
    found = [value for _, value in _roots(function, files, set())]
    return [
        value
        for value in found
        if isinstance(value, (np.random.Generator, np.random.RandomState, random.Random))
    ]


def generator_states(found: list[Any]) -> list[Any]:
    """The states of such generators, comparable."""
    states = []
    for generator in found:
        if isinstance(generator, np.random.Generator):
            states.append(repr(generator.bit_generator.state))
        elif isinstance(generator, np.random.RandomState):
            states.append(repr(_hashable(generator.get_state(legacy=False))))
        else:
            states.append(generator.getstate())
    return states


def _roots(function: Any, files: UserFiles, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """The named values that a function can reach, through the user's functions that it calls."""
    if id(function) in seen or len(seen) > _MAX_ITEMS:
        return
    seen.add(id(function))
    inner = _plain_function(function)
    owner = getattr(function, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType):
        for name, value in list(getattr(owner, "__dict__", {}).items()):
            yield f"self.{name}", value
        yield from ((f"{type(owner).__name__}.{n}", v) for n, v in _class_state(type(owner), files))
    if inner is None:
        for name, value in list(getattr(function, "__dict__", {}).items()):
            yield name, value
        call = vars(type(function)).get("__call__")
        if isinstance(call, FunctionType):
            yield from _roots(call, files, seen)
        return
    for name, value in list(vars(inner).items()):
        yield f"{inner.__name__}.{name}", value
    for index, value in enumerate(inner.__defaults__ or ()):
        yield f"default {index} of {inner.__name__}", value
    if inner.__code__.co_filename not in files:
        return
    cells = zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=False)
    named = [(name, cell.cell_contents) for name, cell in cells if _is_filled(cell)]
    names = _code_names(inner.__code__)
    named += [(name, inner.__globals__[name]) for name in sorted(names) if name in inner.__globals__]
    for name, value in named:
        if isinstance(value, ModuleType):
            if getattr(value, "__file__", None) and str(value.__file__) in files:
                yield from ((f"{name}.{n}", v) for n, v in vars(value).items() if n in names)
        elif isinstance(value, type):
            yield from ((f"{name}.{n}", v) for n, v in _class_state(value, files))
        else:
            yield name, value
            if callable(value):
                yield from _roots(value, files, seen)


def _class_state(owner: type, files: UserFiles) -> Iterator[tuple[str, Any]]:
    for cls in owner.__mro__:
        module = sys.modules.get(cls.__module__)
        if getattr(module, "__file__", None) and str(getattr(module, "__file__", "")) in files:
            yield from (
                (name, value)
                for name, value in list(vars(cls).items())
                if not name.startswith("__") and not callable(value) and not hasattr(value, "__get__")
            )


def _plain_function(function: Any) -> FunctionType | None:
    """The Python function behind a bound method, a `tf.function`, a partial or a wrapper."""
    for attribute in ("__func__", "python_function", "func", "__wrapped__"):
        inner = getattr(function, attribute, None)
        if inner is not None and not isinstance(function, FunctionType):
            return _plain_function(inner)
    if isinstance(function, FunctionType):
        return function
    return None


def _code_names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _code_names(constant)
    return names


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _fingerprint(value: Any, files: UserFiles, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if depth > _MAX_DEPTH:
        return type(value).__name__
    if isinstance(value, (list, tuple)):
        items = [_fingerprint(item, files, depth + 1) for item in value[:_MAX_ITEMS]]
        return (type(value).__name__, len(value), tuple(items))
    if isinstance(value, dict):
        pairs = list(value.items())[:_MAX_ITEMS]
        shown = [
            (repr(type(k)), _fingerprint(k, files, depth + 1), _fingerprint(v, files, depth + 1))
            for k, v in pairs
        ]
        return (type(value).__name__, len(value), tuple(shown))
    if isinstance(value, (set, frozenset)):
        return (type(value).__name__, len(value))
    if isinstance(value, np.ndarray):
        return ("ndarray", value.shape, value.tobytes() if value.size <= _MAX_ITEMS * 20 else id(value))
    if type(value).__name__ in ("count", "deque", "Counter", "defaultdict"):
        return repr(value)[:2000]
    source = getattr(sys.modules.get(type(value).__module__), "__file__", "") or ""
    if source in files and hasattr(value, "__dict__"):
        attributes = sorted(vars(value).items())[:_MAX_ITEMS]
        return (type(value).__name__, tuple((n, _fingerprint(v, files, depth + 1)) for n, v in attributes))
    return type(value).__name__


def _hashable(state: Any) -> tuple[Any, ...]:
    inner = state["state"]
    return (
        state["bit_generator"],
        tuple(inner["key"].tolist()),
        inner["pos"],
        state["has_gauss"],
        state["gauss"],
    )


def _unhashable(state: tuple[Any, ...]) -> dict[str, Any]:
    name, key, position, has_gauss, gauss = state
    inner = {"key": np.array(key, dtype=np.uint32), "pos": position}
    return {"bit_generator": name, "state": inner, "has_gauss": has_gauss, "gauss": gauss}
