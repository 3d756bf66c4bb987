"""Finds losses inside other code: methods of a class, and functions that are made inside another one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.loading.definitions import Definitions
from losscheck.loading.expression import dotted
from losscheck.loading.naming import has_loss_word, is_camel_case, pair_strength, says_other
from losscheck.loading.subject import method, required_parameters

#: Bases whose methods Keras calls, or which are losses themselves.
_NO_HOLDERS = ("Loss", "LossFunctionWrapper", "Metric", "TestCase")


def find_methods(definitions: Definitions) -> Iterator[tuple[str, int]]:
    """Target expression and line of the methods that are losses of classes which need no arguments."""
    for found in definitions.by_name.values():
        class_ = found.node
        if not isinstance(class_, ast.ClassDef) or class_.name.startswith("_"):
            continue
        if any(base[-1].endswith(_NO_HOLDERS) for base in map(dotted, class_.bases) if base):
            continue
        init = method(definitions, class_, "__init__")
        needs_arguments = init is not None and len(required_parameters(init)) > 1
        for statement in class_.body:
            if isinstance(statement, ast.FunctionDef) and (bound := _tensors(statement)) is not None:
                is_free = bound == 0 or not needs_arguments
                is_public = not statement.name.startswith("_")
                if is_public and is_free and has_loss_word(statement.name) and not says_other(statement.name):
                    yield f"{class_.name}.{statement.name}", statement.lineno


def holder(tree: ast.Module, name: str) -> str:
    """The dotted name of a function that stands inside another or in a class; empty if none does."""
    for outer in tree.body:
        if isinstance(outer, (ast.FunctionDef, ast.ClassDef)):
            for inner in outer.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == name:
                    return f"{outer.name}.{name}"
    return ""


def _tensors(function: ast.FunctionDef) -> int | None:
    """How many parameters stand before truth and prediction, ``self`` or none; None if it takes others."""
    decorators = {dotted(decorator)[-1:] for decorator in function.decorator_list}
    if ("property",) in decorators or ("abstractmethod",) in decorators:
        return None
    bound = 0 if ("staticmethod",) in decorators else 1
    tensors = required_parameters(function)[bound:]
    if len(tensors) != 2 or is_camel_case(function.name):
        return None
    return bound if pair_strength(*tensors, vague=False) > 0 else None
