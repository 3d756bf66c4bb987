"""Computes the numbers that stand in source text: literals, module constants and arithmetic over them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping

from losscheck.loading.definitions import Definitions
from losscheck.loading.expression import dotted
from losscheck.loading.subject import Code

Number = int | float
Constants = Mapping[str, Number]

_EPSILON = 1e-7  # the value of `keras.config.epsilon()` unless the user sets another
_MAX_EXPONENT = 64  # 2 ** 10**9 would never end
_LARGEST_SIZE = 4096  # no batch, class count or axis of a loss is larger
_OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
#: calls that give their first argument back
_SAME_VALUE = frozenset(
    {
        "constant",
        "cast",
        "float",
        "int",
        "float16",
        "float32",
        "float64",
        "int32",
        "int64",
        "convert_to_tensor",
    }
)
_COMPARISONS = frozenset({"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"})
_BOUNDS = frozenset({"clip_by_value", "clip", "maximum", "minimum"})
#: a comparison with one of these is about the rank or size of a tensor, not about its entries
_ABOUT_SHAPES = frozenset({"len", "shape", "ndim", "ndims", "rank", "int_shape", "dims", "size"})


def fold(node: ast.expr | None, constants: Constants) -> Number | None:
    """The number that the expression gives, or None where it is none or cannot be computed by reading."""
    if isinstance(node, ast.Constant):
        is_number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        return node.value if is_number else None  # type: ignore[return-value]
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = fold(node.operand, constants)
        return -value if value is not None and isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = fold(node.left, constants), fold(node.right, constants)
        if left is None or right is None or (isinstance(node.op, ast.Pow) and abs(right) > _MAX_EXPONENT):
            return None
        try:
            result = _OPERATORS[type(node.op)](left, right)
        except (ArithmeticError, ValueError):
            return None
        return result if isinstance(result, (int, float)) else None  # (-1) ** 0.5 is complex
    if isinstance(node, ast.Call):
        name = (dotted(node.func) or ("",))[-1]
        if name == "epsilon" and not node.args:
            return _EPSILON
        if name in _SAME_VALUE and node.args:
            return fold(node.args[0], constants)
        if name == "len" and len(node.args) == 1 and isinstance(node.args[0], ast.Name):
            return constants.get(f"len({node.args[0].id})")
    if isinstance(node, ast.Subscript) and isinstance(node.value, (ast.Tuple, ast.List)):
        index = fold(node.slice, constants)
        elements = node.value.elts
        if isinstance(index, int) and -len(elements) <= index < len(elements):
            return fold(elements[index], constants)
    return None


def module_constants(definitions: Definitions) -> dict[str, Number]:
    """Numbers bound at module level, and lengths of literal sequences under ``len(NAME)``."""
    constants: dict[str, Number] = {}
    for found in definitions.by_name.values():
        _bind(found.name, found.value, constants)
    return constants


def local_constants(function: Code, constants: Constants) -> dict[str, Number]:
    """The module's constants with those of a function: defaults and names that it assigns once."""
    own = dict(constants)
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for argument in (*positional, *arguments.kwonlyargs):
        own.pop(argument.arg, None)
    defaulted = positional[len(positional) - len(arguments.defaults) :]
    defaults = [*zip(defaulted, arguments.defaults, strict=True)]
    defaults += [
        (argument, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    ]
    for argument, default in defaults:
        _bind(argument.arg, default, own)
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            _bind(node.targets[0].id, node.value, own)
    return own


def integers(nodes: Iterable[ast.AST], constants: Constants) -> Iterator[int]:
    """Integer constants, results of arithmetic over them, and lengths of literal lists of numbers."""
    for root in nodes:
        slices = {id(node.slice) for node in ast.walk(root) if isinstance(node, ast.Subscript)}
        for node in ast.walk(root):
            value: Number | None = None
            if isinstance(node, (ast.Constant, ast.BinOp)) or (
                isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            ):
                value = fold(node, constants)
            elif (
                isinstance(node, (ast.List, ast.Tuple))
                and id(node) not in slices
                and _is_numeric(node, constants)
            ):
                value = len(node.elts)
            if isinstance(value, int) and 1 <= value <= _LARGEST_SIZE:
                yield value


def row_counts(root: ast.AST, names: Iterable[str], constants: Constants) -> Iterator[int]:
    """Numbers that stand for the batch: the first of a shape to which something of ``names`` is reshaped."""
    wanted = set(names)
    for node in ast.walk(root):
        if not isinstance(node, ast.Call) or _last(node) != "reshape":
            continue
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        shapes = [
            value for value in values if isinstance(value, (ast.List, ast.Tuple)) and len(value.elts) > 1
        ]
        read = {inner.id for value in values for inner in ast.walk(value) if isinstance(inner, ast.Name)}
        rows = fold(shapes[0].elts[0], constants) if shapes and read & wanted else None
        if isinstance(rows, int) and rows > 1:
            yield rows


def compared(root: ast.AST, constants: Constants) -> Iterator[float]:
    """Numbers that the entries of something are compared with."""
    for node in ast.walk(root):
        operands: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and _last(node) in _COMPARISONS:
            operands = list(node.args)
        values = [fold(operand, constants) for operand in operands]
        others = [operand for operand, value in zip(operands, values, strict=True) if value is None]
        if others and not any(_is_about_shapes(other) for other in others):
            yield from (float(value) for value in values if value is not None)


def bounds(root: ast.AST, constants: Constants) -> Iterator[float]:
    """Numbers that something is clipped to."""
    for node in ast.walk(root):
        if isinstance(node, ast.Call) and _last(node) in _BOUNDS:
            keywords = (
                keyword.value for keyword in node.keywords if keyword.arg not in {"axis", "name", "dtype"}
            )
            for argument in (*node.args, *keywords):
                value = fold(argument, constants)
                if value is not None:
                    yield float(value)


def _bind(name: str, value: ast.expr | None, constants: dict[str, Number]) -> None:
    number = fold(value, constants)
    constants.pop(name, None)
    if number is not None:
        constants[name] = number
    elif isinstance(value, (ast.List, ast.Tuple)):
        constants[f"len({name})"] = len(value.elts)


def _is_numeric(node: ast.List | ast.Tuple, constants: Constants) -> bool:
    return isinstance(node.ctx, ast.Load) and all(
        fold(element, constants) is not None for element in node.elts
    )


def _is_about_shapes(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):  # a string or None
        return True
    return any(
        (isinstance(inner, ast.Name) and inner.id in _ABOUT_SHAPES)
        or (isinstance(inner, ast.Attribute) and inner.attr in _ABOUT_SHAPES)
        for inner in ast.walk(node)
    )


def _last(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else (dotted(node.func) or ("",))[-1]
