"""Says what a live object is; runs nothing of the user's and imports no Keras."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

_KERAS = frozenset({"keras", "tf_keras", "tensorflow", "keras_core"})


def loss_base(class_: type) -> Any:
    """Keras's own ``Loss`` among the base classes; found by name, so that nothing is imported for it."""
    for base in class_.__mro__:
        if base.__name__ == "Loss" and base.__module__.partition(".")[0] in _KERAS:
            return base
    return None


def is_callable_class(class_: type) -> bool:
    """Whether its instances can be called."""
    return any("__call__" in vars(base) for base in class_.__mro__)


def required_arguments(thing: Callable[..., Any]) -> list[str]:
    """Names of the arguments that must be given."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        name
        for name, parameter in signature.parameters.items()
        if parameter.default is inspect.Parameter.empty and parameter.kind not in variable
    ]


def described(thing: Any) -> str:
    """``an int``, ``a list``, ``None``."""
    if thing is None:
        return "None"
    name = type(thing).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
