"""Rebuilds the statements of a module with some of them left out; every line number stays."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Mapping

from losscheck.loading.definitions import is_main_guard
from losscheck.loading.names import COMPOUND


def pruned(
    body: list[ast.stmt], pieces: Mapping[ast.stmt, list[ast.stmt]], heads: Collection[ast.stmt]
) -> list[ast.stmt]:
    """The statements that are kept.

    Args:
        body: all of them.
        pieces: what is kept of each simple statement; of an import of several names it may be one.
        heads: the compound statements that are kept, as far as what stands inside them is.

    """
    kept: list[ast.stmt] = []
    for statement in body:
        if is_main_guard(statement):
            assert isinstance(statement, ast.If)
            kept += pruned(statement.orelse, pieces, heads)
        elif not isinstance(statement, COMPOUND):
            kept += pieces.get(statement, [])
        elif statement in heads:
            kept.append(_compound(statement, pieces, heads))
    return kept


def _compound(
    statement: ast.stmt, pieces: Mapping[ast.stmt, list[ast.stmt]], heads: Collection[ast.stmt]
) -> ast.stmt:
    made = copy.copy(statement)
    for field in ("body", "orelse", "finalbody"):
        if hasattr(statement, field):
            setattr(made, field, pruned(getattr(statement, field), pieces, heads))
    if isinstance(made, ast.Try):
        made.handlers = [copy.copy(handler) for handler in made.handlers]
        for handler in made.handlers:
            handler.body = pruned(handler.body, pieces, heads) or [_nothing(handler)]
        if not made.handlers and not made.finalbody:
            made.finalbody = [_nothing(statement)]
    if not made.body:  # type: ignore[attr-defined]
        made.body = [_nothing(statement)]  # type: ignore[attr-defined]
    return made


def _nothing(node: ast.AST) -> ast.Pass:
    return ast.copy_location(ast.Pass(), node)
