"""Which names a module binds at its top level, and where; by reading alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
#: calls that can bind names which no reader sees
_RUN_TIME_BINDERS = frozenset({"globals", "locals", "vars", "exec", "setattr"})


@dataclass(frozen=True)
class Definition:
    """One name that a module binds."""

    name: str
    node: ast.stmt  #: the statement that binds it
    line: int  #: line of the def, class or statement, never of a decorator
    value: ast.expr | None = None  #: what is assigned; for ``a, b = x`` the parts ``x[0]`` and ``x[1]``


@dataclass(frozen=True)
class Definitions:
    """The names of a module, the last binding of each."""

    by_name: dict[str, Definition]
    is_open: bool  #: further names may appear when the module is run
    stars: tuple[ast.ImportFrom, ...] = ()  #: its ``from x import *``

    def get(self, name: str) -> Definition | None:
        """The binding of a name."""
        return self.by_name.get(name)

    def function(self, name: str) -> ast.FunctionDef | None:
        """The function of that name."""
        found = self.by_name.get(name)
        return found.node if found and isinstance(found.node, ast.FunctionDef) else None

    def class_(self, name: str) -> ast.ClassDef | None:
        """The class of that name."""
        found = self.by_name.get(name)
        return found.node if found and isinstance(found.node, ast.ClassDef) else None


def read_definitions(tree: ast.Module) -> Definitions:
    """Every name that the module binds at its top level, inside ``if``, ``try``, ``for`` and ``with`` too."""
    by_name: dict[str, Definition] = {}
    stars: list[ast.ImportFrom] = []
    for statement in _statements(tree.body):
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            stars.append(statement)
            continue
        for definition in bound_by(statement):
            earlier = by_name.get(definition.name)
            # `loss = tf.function(loss)` wraps what was defined above: its def stays the line to show
            if not (earlier and definition.value and _mentions(definition.value, definition.name)):
                by_name[definition.name] = definition
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                by_name.setdefault(name, Definition(name, node, node.lineno))
    is_open = bool(stars) or "__getattr__" in by_name or _binds_at_run_time(tree)
    return Definitions(by_name, is_open, tuple(stars))


def is_main_guard(node: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__":``, which never runs on import."""
    return (
        isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and _mentions(node.test, "__name__")
    )


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Top-level statements in order, those inside compound statements included."""
    for statement in body:
        if is_main_guard(statement):
            assert isinstance(statement, ast.If)
            yield from _statements(statement.orelse)
            continue
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for field in ("body", "handlers", "orelse", "finalbody", "cases"):
            for inner in getattr(statement, field, ()):
                if isinstance(inner, ast.stmt):
                    yield from _statements([inner])
                else:  # an except handler or a match case
                    yield from _statements(inner.body)


def bound_by(statement: ast.stmt) -> Iterator[Definition]:
    """The names that a statement binds itself; ``*`` for those that nobody can list."""
    line = statement.lineno
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield Definition(statement.name, statement, line)
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield Definition(alias.asname or alias.name.partition(".")[0], statement, line)
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _unpacked(target, statement.value, statement)
    elif isinstance(statement, ast.AnnAssign):
        if statement.value is not None:
            yield from _unpacked(statement.target, statement.value, statement)
    else:
        for name in _stored_names(statement):
            yield Definition(name, statement, line)


def _unpacked(target: ast.expr, value: ast.expr, statement: ast.stmt) -> Iterator[Definition]:
    if isinstance(target, ast.Name):
        yield Definition(target.id, statement, statement.lineno, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for index, element in enumerate(target.elts):
            if isinstance(element, ast.Starred):
                for name in _stored_names(element):
                    yield Definition(name, statement, statement.lineno)
            else:
                yield from _unpacked(element, _part(value, index), statement)


def _part(value: ast.expr, index: int) -> ast.expr:
    """What unpacking takes from a value: the element itself where the value is a literal."""
    before = value.elts[: index + 1] if isinstance(value, (ast.Tuple, ast.List)) else []
    if len(before) == index + 1 and not any(isinstance(element, ast.Starred) for element in before):
        return before[index]
    return ast.Subscript(value=value, slice=ast.Constant(index), ctx=ast.Load())


def _stored_names(node: ast.AST) -> Iterator[str]:
    """Names that the node binds outside functions, classes, comprehensions and inner statements."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*_SCOPES, ast.stmt, ast.ExceptHandler)):
            yield from _stored_names(child)


def _mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node))


def _binds_at_run_time(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in _RUN_TIME_BINDERS
        ):
            return True
    return False
