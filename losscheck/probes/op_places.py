"""The expression of a line that made an operation."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

from losscheck.finding import Location
from losscheck.probes.frames import UserFiles, column_of, statement_location
from losscheck.probes.syntax import parsed

#: Operators of Python and the operations that TensorFlow makes of them.
_OPERATORS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Add: ("AddV2", "Add"), ast.Sub: ("Sub",), ast.Mult: ("Mul",), ast.Div: ("RealDiv",),
    ast.Pow: ("Pow", "Square"), ast.MatMult: ("MatMul", "BatchMatMulV2"), ast.FloorDiv: ("FloorDiv",),
    ast.Mod: ("FloorMod",), ast.Gt: ("Greater",), ast.GtE: ("GreaterEqual",), ast.Lt: ("Less",),
    ast.LtE: ("LessEqual",), ast.Eq: ("Equal",), ast.NotEq: ("NotEqual",), ast.USub: ("Neg",),
}  # fmt: skip
#: Calls whose operation has another name.
_CALLS = {
    "reducemean": "Mean", "reducesum": "Sum", "reducemax": "Max", "reducemin": "Min", "reduceprod": "Prod",
    "multiply": "Mul", "divide": "RealDiv", "subtract": "Sub", "add": "AddV2", "negative": "Neg",
    "onehot": "OneHot", "expanddims": "ExpandDims", "numpyfunction": "PyFunc", "pyfunction": "EagerPyFunc",
    "maximum": "Maximum", "minimum": "Minimum", "where": "SelectV2", "norm": "Sqrt", "cast": "Cast",
    "clipbyvalue": "Maximum", "clip": "Maximum", "reduceany": "Any", "reduceall": "All",
}  # fmt: skip


def _makes(node: ast.expr, op_type: str) -> bool:
    if isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        flat = name.replace("_", "").lower()
        return _CALLS.get(flat) == op_type or flat == re.sub(r"V\d$", "", op_type).lower()
    if isinstance(node, (ast.BinOp, ast.UnaryOp)):
        return op_type in _OPERATORS.get(type(node.op), ())
    if isinstance(node, ast.Compare):
        return op_type in _OPERATORS.get(type(node.ops[0]), ())
    return isinstance(node, ast.Subscript) and op_type == "StridedSlice"


def _expressions(path: str) -> dict[int, tuple[ast.expr, ...]]:
    """The calls and operators of a file by the line on which they start, in the order of evaluation."""
    return _expressions_of(parsed(path))


@functools.lru_cache(maxsize=64)
def _expressions_of(tree: ast.Module) -> dict[int, tuple[ast.expr, ...]]:
    found: dict[int, list[ast.expr]] = {}
    for node in _evaluated(tree):
        if isinstance(node, (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript)):
            found.setdefault(node.lineno, []).append(node)
    return {line: tuple(nodes) for line, nodes in found.items()}


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one, operands before what uses them."""
    for child in ast.iter_child_nodes(node):
        yield from _evaluated(child)
    yield node


def op_location(op_type: str, place: tuple[str, int], number: int, files: UserFiles) -> Location:
    """The expression that made an operation, else the whole statement.

    Args:
        op_type: TensorFlow's name of it, ``ArgMax``.
        place: file and line.
        number: how many operations of this type the line has made before.
        files: which files are the user's.

    """
    path, line = place
    makers = [node for node in _expressions(path).get(line, ()) if _makes(node, op_type)]
    if not makers:
        return statement_location(path, line, files)
    node = makers[number % len(makers)]
    end_line = node.end_lineno or line
    start, end = column_of(path, line, node.col_offset), column_of(path, end_line, node.end_col_offset)
    return Location(files.shown(path), line, start or 1, end_line, end)
