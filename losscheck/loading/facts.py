"""Reads a loss's source: the words, numbers and lines that say where to look. Nothing is run."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from losscheck.exceptions import TargetError
from losscheck.loading.definitions import Definitions, read_definitions
from losscheck.loading.expression import parse_expression
from losscheck.loading.folding import (
    bounds,
    compared,
    integers,
    local_constants,
    module_constants,
    row_counts,
)
from losscheck.loading.layout import layout
from losscheck.loading.live import find_live
from losscheck.loading.remarks import comments, says_y_true_unused
from losscheck.loading.source import parse
from losscheck.loading.subject import (
    Code,
    Subject,
    class_chain,
    find_subject,
    own_statements,
    parameters,
    returned_loss,
)
from losscheck.loss import Layout, SourceFacts

_Root = ast.FunctionDef | ast.ClassDef | ast.Lambda


def read_facts(text: str, name: str) -> SourceFacts:
    """Facts of the loss ``name`` (a name or an expression) in a module's text; empty if it is not there."""
    try:
        definitions = read_definitions(parse(text))
        subject = find_subject(definitions, parse_expression(name))
    except (SyntaxError, TargetError):
        return SourceFacts()
    return facts_of_subject(text, definitions, subject) if subject is not None else SourceFacts()


def facts_of(thing: Any) -> SourceFacts:
    """Facts of a live callable; empty where its source is not to be had."""
    live = find_live(thing)
    if live is None or live.definitions is None or live.subject is None:
        return SourceFacts()
    return facts_of_subject(live.text, live.definitions, live.subject)


def factory_returns_loss(text: str, name: str) -> bool:
    """Whether the module's function ``name`` returns a function of its own that takes two parameters."""
    try:
        definitions = read_definitions(parse(text))
    except SyntaxError:
        return False
    function = definitions.function(name)
    return function is not None and returned_loss(definitions, function) is not None


def facts_of_subject(text: str, definitions: Definitions, subject: Subject) -> SourceFacts:
    """Facts of a loss whose code is known."""
    first_line, own_text = _lines(text, subject.statement)
    function = subject.function
    own_parameters = parameters(function) if function is not None else ()
    if subject.owner is not None:
        own_parameters = own_parameters[1:]
    roots, values = _reached(definitions, subject)
    constants = module_constants(definitions)
    helpers = _functions(roots)
    numbers: set[int] = set(integers(values, constants))
    sentinels: set[float] = set()
    limits: set[float] = set()
    for root in roots:
        functions = [node for node in ast.walk(root) if isinstance(node, (ast.FunctionDef, ast.Lambda))]
        known = dict(constants)
        for inner in functions:
            known = local_constants(inner, known)
        numbers.update(integers([root], known))
        sentinels.update(compared(root, known))
        limits.update(bounds(root, known))
    layouts = [Layout(), Layout()]
    is_unused = False
    rows: tuple[int, ...] = ()
    if function is not None:
        known = local_constants(function, constants)
        rows = tuple(dict.fromkeys(row_counts(function, own_parameters[:2], known)))
        for index, parameter in enumerate(own_parameters[:2]):
            layouts[index] = layout(function, parameter, helpers, known)
        remarks = (_docstring(subject), comments(own_text))
        is_unused = bool(own_parameters) and says_y_true_unused(function, own_parameters[0], remarks)
    return SourceFacts(
        text=own_text,
        first_line=first_line,
        docstring=_docstring(subject),
        helpers_say="\n\n".join(filter(None, map(ast.get_docstring, _called(roots, function)))),
        parameters=own_parameters,
        names=frozenset(name for root in roots for name in _names(root, definitions)),
        integers=tuple(sorted(numbers)),
        rows=rows,
        compared=tuple(sorted(sentinels)),
        bounds=tuple(sorted(limits)),
        returns=_returns(function),
        y_true=layouts[0],
        y_pred=layouts[1],
        remark_unused=is_unused,
    )


def _lines(text: str, statement: ast.stmt) -> tuple[int, str]:
    """First line and dedented text of a statement, its decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    last = statement.end_lineno or statement.lineno
    return first, textwrap.dedent("\n".join(text.split("\n")[first - 1 : last]))


def _docstring(subject: Subject) -> str:
    """What the docstrings say, that of ``__init__`` too: many classes describe themselves there."""
    nodes: list[ast.AST | None] = [subject.owner, subject.function, subject.factory]
    if isinstance(subject.owner, ast.ClassDef):
        nodes += [node for node in subject.owner.body if getattr(node, "name", "") == "__init__"]
    documented = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return "\n\n".join(dict.fromkeys(filter(None, map(ast.get_docstring, documented))))


def _called(roots: Iterable[ast.AST], function: Code | None) -> Iterator[ast.FunctionDef]:
    """The functions among what a loss reaches, itself left out."""
    return (root for root in roots if isinstance(root, ast.FunctionDef) and root is not function)


def _returns(function: Code | None) -> tuple[int, ...]:
    if isinstance(function, ast.Lambda):
        return (function.body.lineno,)
    if function is None:
        return ()
    return tuple(sorted({s.lineno for s in own_statements(function) if isinstance(s, ast.Return)}))


def _reached(definitions: Definitions, subject: Subject) -> tuple[list[_Root], list[ast.expr]]:
    """The code of the loss with what it uses of the file's functions and classes, and the values it reads."""
    pending: list[_Root] = []
    if subject.owner is not None:
        pending.extend(class_chain(definitions, subject.owner))
    pending.extend(node for node in (subject.factory, subject.function) if node is not None)
    roots: list[_Root] = []
    values: list[ast.expr] = []
    seen: set[str] = set()
    while pending:
        root = pending.pop(0)
        if any(root is known for known in roots):
            continue
        roots.append(root)
        for name in sorted({node.id for node in ast.walk(root) if isinstance(node, ast.Name)} - seen):
            seen.add(name)
            found = definitions.get(name)
            if found is None:
                continue
            if isinstance(found.node, (ast.FunctionDef, ast.ClassDef)):
                pending.append(found.node)
            elif isinstance(found.value, ast.Lambda):
                pending.append(found.value)
            elif found.value is not None:
                values.append(found.value)
                helper = find_subject(definitions, found.value)
                if helper is not None and helper.function is not None:
                    pending.append(helper.function)
    return roots, values


def _functions(roots: list[_Root]) -> dict[str, Code]:
    return {root.name: root for root in roots if isinstance(root, ast.FunctionDef)}


def _names(root: ast.AST, definitions: Definitions) -> Iterator[str]:
    for node in ast.walk(root):
        if isinstance(node, ast.Name):
            yield node.id
            found = definitions.get(node.id)
            if found is not None and isinstance(found.node, ast.ImportFrom):
                # `from keras.losses import binary_crossentropy as bce`
                yield from (a.name for a in found.node.names if a.asname == node.id)
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, (ast.arg, ast.keyword)):
            if node.arg is not None:
                yield node.arg
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield from (node.asname or node.name).split(".")
