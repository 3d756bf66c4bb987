"""What a statement of the user's does with its value: kept, handed on, or thrown away. Nothing is run."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from losscheck.probes.syntax import parsed

#: What reads names without naming them.
_READS_ALL = ("locals", "vars", "eval", "exec")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Statement:
    """One statement inside a function."""

    node: ast.stmt
    function: _Function  #: the innermost function around it
    block: tuple[ast.stmt, ...]  #: the statements of its own block, itself included


def statement_at(path: str, line: int) -> Statement | None:
    """The innermost statement on a line of a file; None outside functions."""
    found = None
    for statement in _statements(path):
        if statement.node.lineno <= line <= (statement.node.end_lineno or line):
            found = statement  # the inner ones come later
    return found


def is_never_read(statement: Statement) -> bool:
    """Whether a statement binds names only, and none of them is read before it is bound again."""
    node = statement.node
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)) and node.value is not None:
        targets = [node.target]
    else:
        return False
    if node.value is not None and _is_about_shape(node.value):
        return False
    names = [name for target in targets for name in _bound(target)]
    return bool(names) and all(name is not None and _is_unread(name, statement) for name in names)


def call_line(path: str, *names: str) -> int | None:
    """The first line of a file that calls a function with one of these last names."""
    calls = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    lines = [node.lineno for node in calls if called_name(node).rpartition(".")[2] in names]
    return min(lines, default=None)


def called_name(node: ast.expr) -> str:
    """The dotted name of what an expression calls, ``tf.math.log``; empty where it calls nothing named."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
        return ""
    return ast.unparse(node.func)


@functools.lru_cache(maxsize=64)
def imported_names(path: str) -> dict[str, str]:
    """The names that a file's imports bind, with the modules or attributes that they stand for."""
    return imports_of(parsed(path))


def imports_of(tree: ast.Module) -> dict[str, str]:
    """The same for a file that is at hand as a tree."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    for node in tree.body:  # `K = tf.keras.backend`
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Attribute):
            continue
        if isinstance(node.targets[0], ast.Name):
            root, _, rest = ast.unparse(node.value).partition(".")
            if root in found:
                found[node.targets[0].id] = f"{found[root]}.{rest}"
    return found


def _is_about_shape(value: ast.expr) -> bool:
    """Whether an expression is a Python fact of a tensor: ``x.shape[0]``, ``x.get_shape().as_list()``."""
    while isinstance(value, ast.Subscript):
        value = value.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return value.func.attr in ("get_shape", "as_list", "numpy")
    return isinstance(value, ast.Attribute)


def _bound(target: ast.expr) -> Iterator[str | None]:
    """The names that a target binds; None for an attribute or an item, which others can read."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _bound(part)
    elif isinstance(target, ast.Starred):
        yield from _bound(target.value)
    else:
        yield None


def _is_unread(name: str, statement: Statement) -> bool:
    nodes = list(ast.walk(statement.function))
    if any(isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names for node in nodes):
        return False
    if any(isinstance(node, ast.Name) and node.id in _READS_ALL for node in nodes):
        return False
    if not any(_reads(node, name) for node in nodes):
        return True
    after = statement.block[statement.block.index(statement.node) + 1 :]
    following = next((s for s in after if any(_mentions(node, name) for node in ast.walk(s))), None)
    return (
        isinstance(following, ast.Assign)
        and [name] == [bound for target in following.targets for bound in _bound(target)]
        and not any(_reads(node, name) for node in ast.walk(following))
    )


def _mentions(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _reads(node: ast.AST, name: str) -> bool:
    return _mentions(node, name) and not isinstance(getattr(node, "ctx", None), ast.Store)


@functools.lru_cache(maxsize=64)
def _statements(path: str) -> tuple[Statement, ...]:
    return tuple(statements_in(parsed(path)))


def statements_in(node: ast.AST, function: _Function | None = None) -> Iterator[Statement]:
    """The statements below a node, outer ones first."""
    inner = node if isinstance(node, _Function) else function
    for _, value in ast.iter_fields(node):
        if not isinstance(value, list):
            continue
        block = tuple(item for item in value if isinstance(item, ast.stmt))
        for item in value:
            if isinstance(item, ast.stmt) and inner is not None:
                yield Statement(item, inner, block)
            if isinstance(item, (ast.stmt, ast.ExceptHandler)):
                yield from statements_in(item, inner)
