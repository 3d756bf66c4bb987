"""The values that names have inside a loss: attributes, closures, defaults, globals of its module."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import CodeType
from typing import Any

from losscheck.loss import LoadedLoss


def bound_values(loss: LoadedLoss) -> dict[str, Any]:
    """Name → value; the object knows best, then a partial and a closure, then a default, then the module."""
    values: dict[str, Any] = {}
    for thing in (loss.compiled, loss.function):
        for names in _of_function(thing):
            values |= names
    return values | _of_object(loss.compiled)


def _of_object(thing: Any) -> dict[str, Any]:
    """The attributes of an instance, and those that Keras keeps for the function that it wraps."""
    own = getattr(thing, "__dict__", {})
    kept = own.get("_fn_kwargs")
    plain = {name.lstrip("_"): value for name, value in own.items()}
    return {**plain, **(kept if isinstance(kept, dict) else {})}


def _of_function(thing: Any) -> Iterator[dict[str, Any]]:
    """What a function, a method, a `partial` or a `tf.function` binds; the nearest last."""
    given = getattr(thing, "keywords", None)
    inner = getattr(thing, "func", thing)
    inner = getattr(inner, "python_function", inner)
    inner = getattr(inner, "__func__", inner)
    code = getattr(inner, "__code__", None)
    if isinstance(code, CodeType):
        yield {name: value for name, value in inner.__globals__.items() if isinstance(value, (int, float))}
        names = code.co_varnames[: code.co_argcount]
        yield dict(zip(reversed(names), reversed(inner.__defaults__ or ()), strict=False))
        yield inner.__kwdefaults__ or {}
        yield dict(_cells(code.co_freevars, inner.__closure__ or ()))
    if isinstance(given, dict):
        yield given


def _cells(names: tuple[str, ...], cells: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(names, cells, strict=False):
        with contextlib.suppress(ValueError):  # the cell is still empty
            yield name, cell.cell_contents
