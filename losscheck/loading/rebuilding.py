"""The loss as an expression that a script of its own can evaluate in the names of its module."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from typing import Any


def rebuilt(expression: ast.expr, base: Any, arguments: Mapping[str, Any] | None) -> str:
    """Python source that gives the object which a target names.

    Args:
        expression: the target's own expression.
        base: the value of its first name.
        arguments: what the class or factory was called with afterwards; None: it was not called.

    Returns:
        The source; empty where an argument has no literal.

    """
    text = ast.unparse(_with_objects(expression, base))
    if arguments is None:
        return text
    if not all(map(_is_literal, arguments.values())):
        return ""
    return f"{text}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


def _with_objects(node: ast.expr, base: Any) -> ast.expr:
    """The expression with ``Losses().dice`` for ``Losses.dice`` and ``make()`` for ``make.inner``."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return node
    member = inspect.getattr_static(base, node.attr, None)
    is_method = isinstance(base, type) and inspect.isfunction(member) and node.attr != "__call__"
    if is_method:
        return ast.Attribute(ast.Call(node.value, [], []), node.attr, ast.Load())
    if member is None and inspect.isfunction(base):
        return ast.Call(node.value, [], [])
    return node


def _is_literal(value: Any) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False
