"""Recognises the tests that tell a graph from plain Python: ``tf.executing_eagerly()`` and its like."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from losscheck.reading.naming import full_name, is_foreign


def eager_test(test: ast.expr, imports: Mapping[str, str]) -> bool | None:
    """Whether a test is true only where there is no graph (True), only in one (False), or else (None)."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = eager_test(test.operand, imports)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        found = [eager_test(part, imports) for part in test.values]
        wanted = isinstance(test.op, ast.And)
        return wanted if wanted in found else None
    if not isinstance(test, ast.Call):
        return None
    name = full_name(test.func, imports).rpartition(".")[2] or getattr(test.func, "id", "")
    if name in ("executing_eagerly", "executing_eagerly_outside_functions"):
        return True
    if name == "inside_function":
        return False
    if name == "hasattr" and len(test.args) == 2 and isinstance(test.args[1], ast.Constant):
        return True if test.args[1].value == "numpy" else None
    if name == "isinstance" and len(test.args) == 2:
        return True if is_foreign(full_name(test.args[1], imports)) else None
    return None
