"""Finds functions that a loop makes and keeps, and that read the loop's variable when they are called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.loading.subject import Code, parameters

_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def late_names(tree: ast.Module, function: Code) -> list[str]:
    """Variables of the loops around a function that it reads late: all of them have their last value then."""
    read = _reads(function)
    return sorted({name for targets in _loops(tree, function) for name in targets} & read)


def _reads(function: Code) -> set[str]:
    own = set(parameters(function))
    own |= {node.arg for node in (function.args.vararg, function.args.kwarg) if node is not None}
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    names = [node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)]
    own |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return {node.id for node in names} - own


def _loops(tree: ast.Module, function: Code) -> Iterator[set[str]]:
    for node in ast.walk(tree):
        if isinstance(node, _Comprehension):
            elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            if any(_holds(element, function) for element in elements):
                yield {name for part in node.generators for name in _stored(part.target)}
        elif isinstance(node, ast.For) and _holds(node, function) and _is_kept(node, function):
            yield set(_stored(node.target))


def _holds(node: ast.AST, function: Code) -> bool:
    return any(inner is function for inner in ast.walk(node))


def _is_kept(loop: ast.For, function: Code) -> bool:
    """Whether the loop puts the function into a container."""
    name = getattr(function, "name", "")
    for node in ast.walk(loop):
        values: list[ast.expr] = []
        if isinstance(node, ast.Assign) and any(isinstance(target, ast.Subscript) for target in node.targets):
            values = [node.value]
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"
        ):
            values = node.args
        if any(value is function or (isinstance(value, ast.Name) and value.id == name) for value in values):
            return True
    return False


def _stored(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
