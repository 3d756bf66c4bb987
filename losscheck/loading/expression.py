"""The expressions that a target may hold: names, attributes, literal subscripts and literal calls."""

from __future__ import annotations

import ast
import inspect
from types import CodeType, FunctionType
from typing import Any

from losscheck.exceptions import TargetError
from losscheck.loading.objects import required_arguments

_ALLOWED = (
    'a name, `obj.attr`, `LOSSES["dice"]` or a call with literal arguments such as `make_focal(gamma=2)`'
)


def parse_expression(text: str) -> ast.expr:
    """The expression, or a `TargetError` if it is one that losscheck does not evaluate."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise TargetError(f"`{text}` is no Python expression: write {_ALLOWED}") from None
    if not is_allowed(node):
        raise TargetError(f"`{text}` cannot be a target: write {_ALLOWED}")
    return node


def base_name(node: ast.expr) -> str:
    """The module-level name that the expression starts from, ``LOSSES`` in ``LOSSES["dice"]``."""
    while not isinstance(node, ast.Name):
        assert isinstance(node, (ast.Attribute, ast.Subscript, ast.Call))
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id


def evaluate(node: ast.expr, base: Any) -> Any:
    """The value of an allowed expression whose `base_name` has the value ``base``."""
    if isinstance(node, ast.Attribute):
        return _member(evaluate(node.value, base), node)
    if isinstance(node, ast.Subscript):
        return evaluate(node.value, base)[ast.literal_eval(node.slice)]
    if isinstance(node, ast.Call):
        function = evaluate(node.func, base)
        positional = [ast.literal_eval(argument) for argument in node.args]
        keywords = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
        _require_fit(node, function, positional, keywords)
        return function(*positional, **keywords)
    return base


def _member(owner: Any, node: ast.Attribute) -> Any:
    """An attribute; a method of an object built with its defaults, a function that a factory makes."""
    member = inspect.getattr_static(owner, node.attr, None)
    written = ast.unparse(node.value)
    if isinstance(owner, type) and inspect.isfunction(member) and node.attr != "__call__":
        if missing := required_arguments(owner):
            given = ", ".join(f"{name}=..." for name in missing)
            raise TargetError(f"`{written}` needs arguments: write `{written}({given}).{node.attr}`")
        return getattr(owner(), node.attr)
    if member is None and inspect.isfunction(owner) and _makes(owner, node.attr):
        if missing := required_arguments(owner):
            given = ", ".join(f"{name}=..." for name in missing)
            raise TargetError(
                f"`{written}` makes `{node.attr}` and needs arguments: write `{written}({given})`"
            )
        made = owner()
        if getattr(made, "__name__", None) == node.attr:
            return made
        raise TargetError(f"`{written}()` does not return its `{node.attr}`")
    return getattr(owner, node.attr)


def _given(thing: Any) -> str:
    """The arguments that must be given, as the user would write them."""
    return ", ".join(f"{name}=..." for name in required_arguments(thing))


def _makes(function: FunctionType, name: str) -> bool:
    """Whether a function has an inner function of that name."""
    return any(isinstance(c, CodeType) and c.co_name == name for c in function.__code__.co_consts)


def dotted(node: ast.AST) -> tuple[str, ...]:
    """The parts of ``tf.keras.losses.Loss``; empty if the expression is no dotted name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ()
    return (node.id, *reversed(parts))


def _require_fit(node: ast.Call, function: Any, positional: list[Any], keywords: dict[str, Any]) -> None:
    """Raise a `TargetError` if the call has too few, too many or misspelt arguments, or none can be given."""
    if not callable(function):
        raise TargetError(f"`{ast.unparse(node.func)}` is no function and no class, so it cannot be called")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C: then the call itself says so
        return
    try:
        signature.bind(*positional, **keywords)
    except TypeError as error:
        raise TargetError(f"`{ast.unparse(node)}` cannot be called: {error}") from None


def is_allowed(node: ast.expr) -> bool:
    """Whether a target may hold the expression."""
    if isinstance(node, ast.Name):
        return True
    if isinstance(node, ast.Attribute):
        return is_allowed(node.value)
    if isinstance(node, ast.Subscript):
        return is_allowed(node.value) and _is_literal(node.slice)
    if isinstance(node, ast.Call) and not isinstance(node.func, ast.Call):
        named = all(keyword.arg is not None and _is_literal(keyword.value) for keyword in node.keywords)
        return named and all(map(_is_literal, node.args)) and is_allowed(node.func)
    return False


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True
