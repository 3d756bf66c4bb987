"""Where the user wrote a method of a class, and where in it something stands; nothing is run."""

from __future__ import annotations

import ast
from types import FunctionType
from typing import Any

from losscheck.finding import Location, source_line
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.syntax import parsed

#: Where Keras itself is checked, its files are the user's; its methods are still Keras's own.
_KERAS = ("keras", "tf_keras", "tensorflow")


def own_method(thing: Any, name: str, files: UserFiles) -> FunctionType | None:
    """The method of an object's class, where the user wrote it and not Keras."""
    for cls in type(thing).__mro__:
        member: Any = vars(cls).get(name)
        member = getattr(member, "__func__", member)
        while hasattr(member, "__wrapped__"):
            member = member.__wrapped__
        if isinstance(member, FunctionType):
            is_keras = (member.__module__ or "").partition(".")[0] in _KERAS
            return member if member.__code__.co_filename in files and not is_keras else None
    return None


def def_location(function: FunctionType, files: UserFiles) -> Location:
    """The def line; Python's own number is that of the first decorator."""
    node = _node(function)
    line = node.lineno if node is not None else function.__code__.co_firstlineno
    return statement_location(function.__code__.co_filename, line, files)


def return_location(function: FunctionType, files: UserFiles) -> Location:
    """The last ``return`` of a function, else its def line."""
    node = _node(function)
    lines = [inner.lineno for inner in ast.walk(node) if isinstance(inner, ast.Return)] if node else []
    if not lines:
        return def_location(function, files)
    return statement_location(function.__code__.co_filename, max(lines), files)


def entry_location(function: FunctionType, key: str, files: UserFiles) -> Location | None:
    """Where a function writes an entry of a dict: ``{"key": …}``, ``config["key"]`` or ``dict(key=…)``."""
    node = _node(function)
    for inner in ast.walk(node) if node else ():
        said = inner.value if isinstance(inner, ast.Constant) else getattr(inner, "arg", None)
        if said == key and isinstance(inner, (ast.Constant, ast.keyword)):
            return statement_location(function.__code__.co_filename, inner.lineno, files)
    return None


def keyword_location(function: FunctionType, keyword: str, files: UserFiles) -> Location | None:
    """The call in a function that hands an argument on: ``super().__init__(reduction=…)``."""
    node = _node(function)
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)] if node else []
    lines = [
        given.value.lineno
        for call in calls
        for given in call.keywords
        if given.arg == keyword and isinstance(given.value, ast.Constant)
    ]
    return statement_location(function.__code__.co_filename, lines[0], files) if lines else None


def node_location(path: str, node: ast.expr, files: UserFiles) -> Location:
    """The code of an expression; Python counts its columns in bytes."""
    end_line = node.end_lineno or node.lineno
    start, end = (
        len(source_line(path, line).encode()[:offset].decode(errors="ignore")) + 1
        for line, offset in ((node.lineno, node.col_offset), (end_line, node.end_col_offset or 0))
    )
    return Location(files.shown(path), node.lineno, start, end_line, end)


def calls_by_hand(path: str, name: str, *, is_class: bool) -> bool:
    """Whether a file calls a `Loss` object on ``y_true`` and ``y_pred``.

    Args:
        path: the file.
        name: of the object, or of the class that it is built of.
        is_class: which of the two.

    """
    tree = parsed(path)
    names = set() if is_class else {name}
    for node in ast.walk(tree):
        value = node.value if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(value, ast.Call) and _last_name(value.func) == name:
            names.update(_last_name(target) for target in node.targets)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return any(_last_name(call.func) in names and len(call.args) in (2, 3) for call in calls)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _node(function: FunctionType) -> ast.FunctionDef | None:
    code = function.__code__
    for node in ast.walk(parsed(code.co_filename)):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None
