"""The losses that a file keeps in lists and dicts, with how a target names them; by reading alone."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass

from losscheck.loading.definitions import Definition, Definitions
from losscheck.loading.naming import has_loss_word


@dataclass(frozen=True)
class Kept:
    """An element of a container."""

    value: ast.expr
    typed: str  #: how a target names it: ``LOSSES["dice"]``
    bound: frozenset[str] = frozenset()  #: names that the loop around it binds


def find_kept(tree: ast.Module, definitions: Definitions) -> Iterator[Kept]:
    """The elements of the containers that are called losses; of those that a loop makes, the first one."""
    for found in definitions.by_name.values():
        if has_loss_word(found.name) and not found.name.startswith("_"):
            yield from _written(found)
    for loop in tree.body:
        if isinstance(loop, ast.For):
            for kept in _filled(loop, definitions):
                if has_loss_word(kept.typed.partition("[")[0]):
                    yield kept


def returned_elements(function: ast.FunctionDef) -> int:
    """How many losses a function returns in a list or tuple, at least; 0: it returns something else."""
    lists = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.ListComp))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(function):
        value = node.value if isinstance(node, ast.Return) else None
        if isinstance(value, (ast.List, ast.Tuple)):
            return len(value.elts)
        if isinstance(value, ast.ListComp) or (isinstance(value, ast.Name) and value.id in lists):
            return 1
    return 0


def _written(found: Definition) -> Iterator[Kept]:
    """The elements of a literal, and the first one of a comprehension."""
    name, value = found.name, found.value
    if isinstance(value, ast.Dict):
        for key, element in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, (str, int)):
                yield Kept(element, _at(name, key.value))
    elif isinstance(value, (ast.List, ast.Tuple)):
        for index, element in enumerate(value.elts):
            yield Kept(element, _at(name, index))
    elif isinstance(value, ast.ListComp):
        yield Kept(value.elt, _at(name, 0), _targets(value))
    elif isinstance(value, ast.DictComp) and isinstance(value.key, ast.Name):
        (loop, *others) = value.generators
        first = None if others else _first_value(value.key.id, loop.target, loop.iter)
        if first is not None:
            yield Kept(value.value, _at(name, first), _targets(value))


def _filled(loop: ast.For, definitions: Definitions) -> Iterator[Kept]:
    """What a loop of the module puts into containers that were empty before it."""
    bound = frozenset(node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name))
    for statement in loop.body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            call = statement.value
            is_append = isinstance(call.func, ast.Attribute) and call.func.attr == "append" and call.args
            if is_append and (name := _empty(call.func.value, ast.List, definitions)):  # type: ignore[attr-defined]
                yield Kept(call.args[0], _at(name, 0), bound)
        elif isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Subscript):
            name = _empty(target.value, ast.Dict, definitions)
            if name and isinstance(target.slice, ast.Name):
                key = _first_value(target.slice.id, loop.target, loop.iter)
                if key is not None:
                    yield Kept(statement.value, _at(name, key), bound)


def _empty(node: ast.expr, kind: type[ast.List | ast.Dict], definitions: Definitions) -> str:
    """The name of a container that the module made empty."""
    found = definitions.get(node.id) if isinstance(node, ast.Name) else None
    if found is None or not isinstance(found.value, kind) or ast.literal_eval(found.value):
        return ""
    return found.name


def _first_value(name: str, target: ast.expr, iterated: ast.expr) -> str | int | None:
    """What a loop over a literal gives one of its names first."""
    is_items = isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Attribute)
    if is_items and iterated.func.attr == "items":  # type: ignore[attr-defined]
        iterated = iterated.func.value  # type: ignore[attr-defined]
        target = target.elts[0] if isinstance(target, ast.Tuple) and target.elts else target
    try:
        first = next(iter(ast.literal_eval(iterated)), None)
    except (ValueError, TypeError):
        return None
    if isinstance(target, ast.Tuple) and isinstance(first, tuple):
        names = [node.id if isinstance(node, ast.Name) else "" for node in target.elts]
        first = first[names.index(name)] if name in names and len(names) == len(first) else None
    elif not (isinstance(target, ast.Name) and target.id == name):
        return None
    return first if isinstance(first, (str, int)) else None


def _targets(value: ast.ListComp | ast.DictComp) -> frozenset[str]:
    loops = (ast.walk(generator.target) for generator in value.generators)
    return frozenset(node.id for loop in loops for node in loop if isinstance(node, ast.Name))


def _at(name: str, key: str | int) -> str:
    return f"{name}[{json.dumps(key, ensure_ascii=False)}]"
