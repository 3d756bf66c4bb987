"""Finds the losses that a file uses without naming them so: given to ``compile``, or kept in a container."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from losscheck.loading.containers import Kept, find_kept, returned_elements
from losscheck.loading.definitions import Definitions
from losscheck.loading.expression import dotted, is_allowed
from losscheck.loading.names import names_of
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
    used = [one for expression in losses for one in _used(expression, definitions)]
    used += [one for kept in find_kept(tree, definitions) for one in _used(kept.value, definitions, kept)]
    names = {expression.id for expression in losses if isinstance(expression, ast.Name)}
    return Usages(
        tuple({(u.typed, u.line): u for u in used}.values()),
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


def _used(node: ast.expr, definitions: Definitions, kept: Kept | None = None) -> Iterator[Used]:
    """The losses that an expression stands for; none for built-in ones and where reading cannot say."""
    typed = kept.typed if kept else ""
    if isinstance(node, ast.Lambda):
        reads = names_of(ast.copy_location(ast.Expr(node), node)).later - set(dir(builtins))
        reads -= kept.bound if kept else set()
        is_whole = all(definitions.get(name) for name in reads)  # it uses nothing of a function around it
        if takes_two(node) and is_whole:
            yield Used(typed, node, node.lineno)
    elif isinstance(node, ast.Name):
        found = definitions.get(node.id)
        subject = find_subject(definitions, node)
        if found is not None and subject is not None and subject.function is not None:
            yield Used(node.id, node, found.line)
    elif isinstance(node, ast.Call):
        yield from _made(node, definitions, typed)


def _made(node: ast.Call, definitions: Definitions, typed: str) -> Iterator[Used]:
    """What a factory, a class or a `partial` of the file's own makes."""
    called = dotted(node.func)
    if called[-1:] == ("partial",) and node.args:
        if typed and find_subject(definitions, node.args[0]) is not None:
            yield Used(typed, node, node.lineno)
        return
    made = definitions.get(called[0]) if len(called) == 1 else None
    if made is None or not isinstance(made.node, (ast.FunctionDef, ast.ClassDef)):
        return
    if typed:
        yield Used(typed, node, node.lineno)
    elif isinstance(made.node, ast.FunctionDef) and required_parameters(made.node) and is_allowed(node):
        text = ast.unparse(node)
        if count := returned_elements(made.node):
            yield from (Used(f"{text}[{index}]", node, made.line) for index in range(count))
        else:
            yield Used(text, node, made.line)
