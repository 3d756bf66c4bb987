"""What becomes of the expressions of a statement: their names, and the functions they are handed to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.loading.expression import dotted

#: calls that keep the shape of their first argument
SAME_SHAPE = frozenset(
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
    | {"clip", "sigmoid", "softmax", "softplus", "exp", "log", "abs", "square", "relu", "tanh", "round"}
    | {"print_tensor", "ensure_shape", "check_numerics", "cast_to_floatx"}
)


def names_of_values(statement: ast.stmt) -> dict[int, str]:
    """The name that each expression of an assignment gets, by the expression's id."""
    names: dict[int, str] = {}
    if not isinstance(statement, ast.Assign):
        return names
    for target in statement.targets:
        values = [(target, statement.value)]
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            values = list(zip(target.elts, statement.value.elts, strict=False))
        for one, value in values:
            if isinstance(one, ast.Name):
                names.update((id(node), one.id) for node in _spine(value))
    return names


def handed_over(statement: ast.stmt) -> Iterator[tuple[int | str, str]]:
    """Each expression (by its id) and name that is handed to a function, and the name of that function."""
    for call in own_expressions(statement):
        if not isinstance(call, ast.Call):
            continue
        made = (
            call.func if isinstance(call.func, ast.Call) else call
        )  # `BinaryCrossentropy()(y_true, y_pred)`
        name = (dotted(made.func) or ("",))[-1]
        if name in SAME_SHAPE:
            continue
        options = (*made.keywords, *call.keywords)
        if any(option.arg == "from_logits" and _is_true(option.value) for option in options):
            name += " logits"
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            for node in _spine(argument):
                yield node.id if isinstance(node, ast.Name) else id(node), name


def _spine(value: ast.expr) -> Iterator[ast.expr]:
    """The expression, and what shape-keeping calls around it hold."""
    yield value
    while isinstance(value, ast.Call) and value.args:
        value = value.args[0]
        yield value


def own_expressions(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement, without those of the statements and functions inside it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt):
            yield from ast.walk(child)


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
