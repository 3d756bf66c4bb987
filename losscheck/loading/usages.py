"""Finds the losses that a file uses without naming them so: given to ``compile``, or kept in a container."""

from __future__ import annotations

import ast
import builtins
import json
from collections.abc import Iterator
from dataclasses import dataclass

from losscheck.loading.definitions import Definitions
from losscheck.loading.expression import dotted, is_allowed
from losscheck.loading.names import names_of
from losscheck.loading.naming import has_loss_word
from losscheck.loading.subject import find_subject, required_parameters, takes_two


@dataclass(frozen=True)
class Used:
    """A loss that is used."""

    typed: str  #: expression that a target may hold; empty for a lambda, which its line names
    node: ast.expr
    line: int


@dataclass(frozen=True)
class Usages:
    """What a file does with its functions."""

    losses: tuple[Used, ...]
    metrics: frozenset[str]  #: names given to ``compile`` as metrics and never as a loss


def find_usages(tree: ast.Module, definitions: Definitions) -> Usages:
    """The losses and metrics of all ``compile`` calls, and the losses in containers called so."""
    losses: list[ast.expr] = []
    metrics: list[ast.expr] = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "compile"
        ):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if "loss" in given or len(node.args) > 1:
                losses += _elements(given.get("loss") or node.args[1])
            if "metrics" in given:
                metrics += _elements(given["metrics"])
    used = [_used(expression, definitions) for expression in losses]
    used += [_used(expression, definitions, typed) for expression, typed in _kept(definitions)]
    names = {expression.id for expression in losses if isinstance(expression, ast.Name)}
    return Usages(
        tuple({(u.typed, u.line): u for u in used if u is not None}.values()),
        frozenset(m.id for m in metrics if isinstance(m, ast.Name) and m.id not in names),
    )


def lambda_at(tree: ast.Module, line: int) -> ast.Lambda | None:
    """The first lambda of two parameters on a line."""
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda) and n.lineno == line and takes_two(n)]
    return min(found, key=lambda node: node.col_offset, default=None)


def _elements(node: ast.expr) -> list[ast.expr]:
    """The expression itself, or those in a literal list or dict, one for each output."""
    if isinstance(node, (ast.List, ast.Tuple)):
        return [inner for element in node.elts for inner in _elements(element)]
    if isinstance(node, ast.Dict):
        return [inner for element in node.values for inner in _elements(element)]
    return [node]


def _kept(definitions: Definitions) -> Iterator[tuple[ast.expr, str]]:
    """The elements of containers such as ``LOSSES = {"dice": …}``, with how a target names them."""
    for found in definitions.by_name.values():
        if not has_loss_word(found.name) or found.name.startswith("_"):
            continue
        if isinstance(found.value, ast.Dict):
            for key, value in zip(found.value.keys, found.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, (str, int)):
                    yield value, f"{found.name}[{json.dumps(key.value, ensure_ascii=False)}]"
        elif isinstance(found.value, (ast.List, ast.Tuple)):
            for index, value in enumerate(found.value.elts):
                yield value, f"{found.name}[{index}]"


def _used(node: ast.expr, definitions: Definitions, typed: str = "") -> Used | None:
    """The loss that an expression stands for; None for built-in ones and where reading cannot say."""
    if isinstance(node, ast.Lambda):
        reads = names_of(ast.copy_location(ast.Expr(node), node)).later - set(dir(builtins))
        is_whole = all(definitions.get(name) for name in reads)  # it uses nothing of a function around it
        return Used(typed, node, node.lineno) if takes_two(node) and is_whole else None
    if isinstance(node, ast.Name):
        found = definitions.get(node.id)
        subject = find_subject(definitions, node)
        if found is None or subject is None or subject.function is None:
            return None
        return Used(node.id, node, found.line)
    if isinstance(node, ast.Call):
        if dotted(node.func)[-1:] == ("partial",) and node.args:
            inside = find_subject(definitions, node.args[0])
            return Used(typed, node, node.lineno) if typed and inside is not None else None
        made = definitions.get(dotted(node.func)[0]) if len(dotted(node.func)) == 1 else None
        if made is None or not isinstance(made.node, (ast.FunctionDef, ast.ClassDef)):
            return None
        if typed:
            return Used(typed, node, node.lineno)
        needs = isinstance(made.node, ast.FunctionDef) and bool(required_parameters(made.node))
        return Used(ast.unparse(node), node, made.line) if is_allowed(node) and needs else None
    return None
