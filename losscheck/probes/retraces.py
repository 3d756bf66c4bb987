"""Which `tf.function`s of the user's an eager call traces again, and for which argument."""

from __future__ import annotations

import ast
import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from losscheck.finding import Location
from losscheck.observation import Effect, EffectKind
from losscheck.probes.definitions import node_location
from losscheck.probes.frames import UserFiles, caller_location
from losscheck.probes.syntax import parsed
from losscheck.probes.tensors import is_tensor

Record = Callable[[Effect], None]


@contextlib.contextmanager
def recorded_retraces(files: UserFiles, record: Record, call: Callable[[], int]) -> Iterator[None]:
    """Record each trace of a `tf.function` that an earlier call of the loss has traced already.

    Args:
        files: which files are the user's.
        record: takes an `Effect` for each such trace; its detail says which argument differs.
        call: the number of the present call of the loss.

    """
    import tensorflow as tf

    kind = type(tf.function(lambda: None))
    original = kind.__call__
    seen: dict[int, tuple[Any, int, dict[str, Any]]] = {}  #: id → function, first call, last arguments

    def traced_call(function: Any, *args: Any, **kwargs: Any) -> Any:
        count = getattr(function, "experimental_get_tracing_count", None)
        if count is None or not tf.executing_eagerly():
            return original(function, *args, **kwargs)
        before = count()
        try:
            return original(function, *args, **kwargs)
        finally:
            values = _arguments(function, args, kwargs)
            _, first, last = seen.get(id(function), (function, call(), values))
            if count() > before and first < call():
                name, detail = _difference(last, values)
                place = caller_location(files, sys._getframe(1))
                if place is not None:
                    place = _argument(place, function, name, files) or place
                record(Effect(EffectKind.RETRACE, detail, call(), place))
            seen[id(function)] = (function, first, values)

    kind.__call__ = traced_call
    try:
        yield
    finally:
        kind.__call__ = original


def _arguments(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, as far as the signature tells."""
    try:
        bound = inspect.signature(function.python_function).bind(*args, **kwargs)
    except (TypeError, ValueError, AttributeError):
        return {**{f"argument {number}": value for number, value in enumerate(args)}, **kwargs}
    return dict(bound.arguments)


def _argument(place: Location, function: Any, name: str, files: UserFiles) -> Location | None:
    """Where the call on a line hands over an argument; None where the source does not tell."""
    python = getattr(function, "python_function", None)
    calls = [
        node
        for node in ast.walk(parsed(place.path))
        if isinstance(node, ast.Call)
        and node.lineno <= place.line <= (node.end_lineno or node.lineno)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) == getattr(python, "__name__", None)
    ]
    if len(calls) != 1:
        return None
    given = next((keyword.value for keyword in calls[0].keywords if keyword.arg == name), None)
    names = [other for other in inspect.signature(python).parameters if other != "self"]  # type: ignore[arg-type]
    if given is None and name in names[: len(calls[0].args)]:
        given = calls[0].args[names.index(name)]
    return None if given is None else node_location(place.path, given, files)


def _difference(last: dict[str, Any], now: dict[str, Any]) -> tuple[str, str]:
    """The argument that makes TensorFlow trace again: its name, and what differs in words."""
    for name, value in now.items():
        old = last.get(name)
        if is_tensor(value) or value is old:
            continue
        if isinstance(value, (bool, int, float, str)):
            if value != old:
                was = f"`{name}` is {value!r} now and was {old!r}"
                return name, f"{was}: a Python value is a part of the signature"
        else:
            return name, f"`{name}` is another `{type(value).__name__}` object in each call"
    return "", "an argument differs"
