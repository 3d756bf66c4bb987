"""What a live object is: the user's own, or a library's, and the Python function behind a callable."""

from __future__ import annotations

import sys
from argparse import Namespace
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

from losscheck.probes.frames import UserFiles

#: Decorators, partials and bound methods around a function; more than these is no loss.
_MAX_LAYERS = 6


def source_of(cls: type) -> str:
    """The file that defines a class; empty for built-in ones."""
    default = "<stdin>" if cls.__module__ == "__main__" else ""  # what is typed at a prompt has no file
    return str(getattr(sys.modules.get(cls.__module__), "__file__", None) or default)


def is_of_user(value: Any, files: UserFiles) -> bool:
    """Whether it is an object of a class that the user wrote, or a plain holder of attributes."""
    return (
        not isinstance(value, (type, FunctionType, ModuleType))
        and hasattr(value, "__dict__")
        and (isinstance(value, (SimpleNamespace, Namespace)) or source_of(type(value)) in files)
    )


def is_of_keras(value: Any) -> bool:
    """Whether it is an object of a class of Keras, or of one that is made of it."""
    return any(cls.__module__.partition(".")[0] in ("keras", "tf_keras") for cls in type(value).__mro__)


def outer_function(function: Any) -> FunctionType | None:
    """A decorator's wrapper itself; of anything else the Python function behind it."""
    return function if isinstance(function, FunctionType) else plain_function(function)


def plain_function(function: Any) -> FunctionType | None:
    """The Python function behind a bound method, a `tf.function`, a partial or a decorator's wrapper."""
    for _ in range(_MAX_LAYERS):
        if isinstance(function, FunctionType) and not hasattr(function, "__wrapped__"):
            return function
        names = ("__func__", "python_function", "func", "__wrapped__")
        inner = next((i for i in (getattr(function, name, None) for name in names) if i is not None), None)
        if inner is None or not callable(inner):
            break
        function = inner
    return function if isinstance(function, FunctionType) else None


def code_names(code: CodeType) -> set[str]:
    """The globals and attributes that a piece of code names, functions inside it included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= code_names(constant)
    return names
