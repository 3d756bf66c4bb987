"""How many columns of a parameter a loss reads: the literal indices on its last axis."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.loading.expression import dotted
from losscheck.loading.folding import Constants, fold
from losscheck.loading.subject import Code, parameters

#: calls that keep the shape of their first argument
_SAME_SHAPE = frozenset(
    {
        "cast",
        "convert_to_tensor",
        "identity",
        "stop_gradient",
        "as_tensor",
        "asarray",
        "float",
        "clip_by_value",
    }
    | {"clip", "sigmoid", "softmax", "exp", "log", "abs", "square", "relu", "tanh", "round"}
)
_MAX_CALLS = 4  # helpers that call helpers deeper than this are not followed


def columns(function: Code, parameter: str, helpers: dict[str, Code], constants: Constants) -> int:
    """Largest literal index + 1 on the last axis of the parameter, through renames and helpers; 0 if none."""
    return _Columns(helpers, constants).of(function, parameter, _MAX_CALLS)


class _Columns:
    def __init__(self, helpers: dict[str, Code], constants: Constants) -> None:
        self._helpers = helpers
        self._constants = constants

    def of(self, function: Code, parameter: str, calls: int) -> int:
        aliases = {parameter}
        local: dict[str, Code] = {}
        body: list[ast.stmt] = (
            [ast.Expr(function.body)] if isinstance(function, ast.Lambda) else function.body
        )
        widest = 0
        for node in _in_order(body):
            if isinstance(node, ast.FunctionDef):
                local[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                local.update((t.id, node.value) for t in node.targets if isinstance(t, ast.Name))
            for inner in _own_expressions(node):
                widest = max(widest, self._read(inner, aliases, {**self._helpers, **local}, calls))
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    widest = max(widest, self._unpacked(target, node.value, aliases))
                    _rename(target, node.value, aliases)
        return widest

    def _read(self, node: ast.AST, aliases: set[str], helpers: dict[str, Code], calls: int) -> int:
        if isinstance(node, ast.Subscript) and _is_alias(node.value, aliases):
            return self._of_index(node.slice)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and calls > 0:
            helper = helpers.get(node.func.id)
            if helper is not None:
                pairs = zip(node.args, parameters(helper), strict=False)
                return max(
                    (self.of(helper, name, calls - 1) for value, name in pairs if _is_alias(value, aliases)),
                    default=0,
                )
        return 0

    def _of_index(self, index: ast.expr) -> int:
        """Columns that ``[:, 5]``, ``[..., 4:6]`` or ``[:, 2:]`` takes for granted."""
        if not isinstance(index, ast.Tuple) or len(index.elts) < 2:
            return 0
        last = index.elts[-1]
        if isinstance(last, ast.Slice):
            end = fold(last.upper, self._constants)
            if isinstance(end, int) and end > 0:
                return end
            last = last.lower or ast.Constant(-1)
        value = fold(last, self._constants)
        return value + 1 if isinstance(value, int) and value >= 0 else 0

    def _unpacked(self, target: ast.expr, value: ast.expr, aliases: set[str]) -> int:
        """Columns of ``a, b = tf.unstack(y_pred, axis=-1)`` and ``a, b = tf.split(y_pred, 2, axis=-1)``."""
        is_call = isinstance(value, ast.Call) and (dotted(value.func) or ("",))[-1] in {"split", "unstack"}
        if not (is_call and isinstance(value, ast.Call) and value.args and _is_alias(value.args[0], aliases)):
            return 0
        axes = [
            fold(k.value, self._constants) for k in value.keywords if k.arg in {"axis", "num_or_size_splits"}
        ]
        axes += [fold(argument, self._constants) for argument in value.args[1:]]
        if not isinstance(target, (ast.Tuple, ast.List)) or -1 not in axes:
            return 0
        return len(target.elts)


def _in_order(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for field in ("body", "orelse", "finalbody"):
                yield from _in_order(getattr(statement, field, []))


def _own_expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement, without those of the statements and functions inside it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt):
            yield from ast.walk(child)


def _is_alias(node: ast.expr, aliases: set[str]) -> bool:
    """Whether the expression is the parameter itself, maybe cast or mapped entry by entry."""
    while isinstance(node, ast.Call) and node.args and (dotted(node.func) or ("",))[-1] in _SAME_SHAPE:
        node = node.args[0]
    return isinstance(node, ast.Name) and node.id in aliases


def _rename(target: ast.expr, value: ast.expr, aliases: set[str]) -> None:
    if isinstance(target, ast.Name):
        if _is_alias(value, aliases):
            aliases.add(target.id)
        else:
            aliases.discard(target.id)
    elif (
        isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    ):
        before = set(aliases)
        for one, other in zip(target.elts, value.elts, strict=True):
            if isinstance(one, ast.Name):
                aliases.discard(one.id)
                if _is_alias(other, before):
                    aliases.add(one.id)
    elif isinstance(target, ast.Tuple):
        for one in target.elts:
            if isinstance(one, ast.Name):
                aliases.discard(one.id)
