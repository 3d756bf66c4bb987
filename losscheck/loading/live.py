"""Finds the source of a live object: through what wraps it, down to its def, class or lambda."""

from __future__ import annotations

import ast
import functools
import linecache
import sys
import types
from dataclasses import dataclass
from typing import Any

from losscheck.loading.definitions import Definitions, read_definitions
from losscheck.loading.source import parse
from losscheck.loading.subject import Subject, holder_of, method, parameters, returned_loss

_MAX_WRAPPERS = 20  # a chain of wrappers that is longer goes in a circle


@dataclass(frozen=True)
class LiveSource:
    """Where a live object was written."""

    path: str  #: file, or the name that a notebook or REPL gives a cell
    line: int  #: line of the def, class or lambda
    text: str = ""  #: text of the whole file or cell; empty if it is not to be had
    definitions: Definitions | None = None  #: names of the module; None without text
    subject: Subject | None = None  #: its code; None without text


def unwrapped(thing: Any) -> Any:
    """The function inside ``tf.function``, ``functools.partial``, bound methods and decorated functions."""
    for _ in range(_MAX_WRAPPERS):
        if isinstance(thing, functools.partial):
            thing = thing.func
            continue
        if isinstance(thing, types.MethodType):
            thing = thing.__func__
            continue
        inner = None
        if not isinstance(thing, type):
            inner = attribute(thing, "python_function") or attribute(thing, "__wrapped__")
        if not callable(inner):
            return thing
        thing = inner
    return thing


def find_live(thing: Any) -> LiveSource | None:
    """Where the object was written, or None if it was not written in Python."""
    thing = unwrapped(thing)
    if isinstance(thing, types.FunctionType):
        return _of_function(thing)
    return _of_class(thing if isinstance(thing, type) else type(thing))


def _of_function(function: types.FunctionType) -> LiveSource:
    code = function.__code__
    path, line = code.co_filename, code.co_firstlineno
    read = _read(path, function.__globals__)
    if read is None:
        return LiveSource(path, line)
    text, tree, definitions = read
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name and _first_line(node) == line:
            owner = holder_of(_owner(tree, node), node)
            factory = _factory(definitions, tree, node) if owner is None else None
            subject = Subject(node, node, owner=owner, factory=factory)
            return LiveSource(path, node.lineno, text, definitions, subject)
        if isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and node.lineno == line:
            wanted = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            statement = _statement(tree, node)
            if parameters(node) == wanted and statement is not None:
                return LiveSource(path, node.lineno, text, definitions, Subject(node, statement))
    return LiveSource(path, line)


def _of_class(class_: type) -> LiveSource | None:
    functions = [unwrapped(member) for member in vars(class_).values()]
    codes = [
        member.__code__
        for member in functions
        if isinstance(member, types.FunctionType)
        and member.__qualname__.startswith(f"{class_.__qualname__}.")
    ]
    module = sys.modules.get(class_.__module__)
    path = codes[0].co_filename if codes else getattr(module, "__file__", None)
    if not isinstance(path, str):
        return None
    first = min((code.co_firstlineno for code in codes), default=None)
    read = _read(path, vars(module) if module is not None else {})
    if read is None:
        return LiveSource(path, first or 1)
    text, tree, definitions = read
    best: ast.ClassDef | None = None
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef) or node.name != class_.__name__:
            continue
        if first is None or node.lineno <= first <= (node.end_lineno or node.lineno):
            best = node
    if best is None:
        return LiveSource(path, first or 1)
    call = method(definitions, best, "call", "__call__")
    return LiveSource(path, best.lineno, text, definitions, Subject(call, best, owner=best))


def _read(path: str, module_globals: dict[str, Any]) -> tuple[str, ast.Module, Definitions] | None:
    linecache.checkcache(path)
    text = "".join(linecache.getlines(path, module_globals))
    if not text:
        return None
    try:
        tree = parse(text)
    except SyntaxError:  # the file has changed since, or the cell has `%magic` lines
        return None
    return text, tree, read_definitions(tree)


def _first_line(node: ast.FunctionDef) -> int:
    """The line that Python counts as the function's first: that of its first decorator."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _statement(tree: ast.Module, node: ast.expr) -> ast.stmt | None:
    """The innermost statement that holds an expression."""
    found: ast.stmt | None = None
    for statement in ast.walk(tree):  # outer statements come first
        if isinstance(statement, ast.stmt) and any(inner is node for inner in ast.walk(statement)):
            found = statement
    return found


def _owner(tree: ast.Module, node: ast.FunctionDef) -> ast.ClassDef | None:
    """The class that a method belongs to."""
    classes = (candidate for candidate in ast.walk(tree) if isinstance(candidate, ast.ClassDef))
    return next((class_ for class_ in classes if node in class_.body), None)


def _factory(definitions: Definitions, tree: ast.Module, node: ast.FunctionDef) -> ast.FunctionDef | None:
    """The function that makes and returns this one."""
    for candidate in ast.walk(tree):
        if isinstance(candidate, ast.FunctionDef) and node in candidate.body:
            made = returned_loss(definitions, candidate)
            if made is not None and made.function is node:
                return candidate
    return None


def attribute(thing: Any, name: str) -> Any:
    """The attribute, or None if there is none or the object's own ``__getattr__`` fails."""
    try:
        return getattr(thing, name, None)
    except Exception:  # the user's `__getattr__` may raise anything
        return None
