"""Turns the definitions of a file that was read into the losses that it lists."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from pathlib import Path

from losscheck.loading.comments import spec_comment
from losscheck.loading.definitions import Definition, Definitions, read_definitions
from losscheck.loading.expression import base_name, dotted, parse_expression
from losscheck.loading.lines import shown_line
from losscheck.loading.methods import find_methods
from losscheck.loading.naming import has_loss_word, is_camel_case, says_metrics
from losscheck.loading.prefilter import may_hold_loss
from losscheck.loading.scan import scan
from losscheck.loading.usages import Usages, Used, find_usages
from losscheck.loss import FoundLoss, Kind


@dataclass(frozen=True)
class Module:
    """A file that has been read."""

    place: str  #: how a target names it
    path: str  #: how it is shown
    text: str
    definitions: Definitions


def scanned(place: str, path: str, text: str, tree: ast.Module) -> tuple[FoundLoss, ...]:
    """The losses that a scan of a file lists."""
    if not may_hold_loss(text):
        return ()
    module = Module(place, path, text, read_definitions(tree))
    usages = find_usages(tree, module.definitions)
    found = [
        (definition.line, found_loss(module, definition, ast.Name(definition.name), definition.name))
        for definition in scan(module.definitions, text)
        if has_loss_word(definition.name) or not _is_metric(definition, usages, Path(path))
    ]
    found += [(used.line, _used_loss(module, used)) for used in usages.losses]
    found += [(line, _method_loss(module, typed, line)) for typed, line in find_methods(module.definitions)]
    by_name: dict[str, tuple[int, FoundLoss]] = {}
    for line, loss in found:
        by_name.setdefault(loss.name, (line, loss))
    return tuple(loss for _, loss in sorted(by_name.values(), key=lambda entry: entry[0]))


def _is_metric(definition: Definition, usages: Usages, path: Path) -> bool:
    """Whether a function is given to ``compile`` as a metric, or lives among metrics."""
    lives_there = isinstance(definition.node, ast.FunctionDef) and says_metrics(path)
    return lives_there or definition.name in usages.metrics


def _used_loss(module: Module, used: Used) -> FoundLoss:
    if used.typed:
        expression = parse_expression(used.typed)
        definition = module.definitions.get(base_name(expression))
        return replace(found_loss(module, definition, expression, used.typed), line=used.line)
    return lambda_loss(module, used.line)


def lambda_loss(module: Module, line: int) -> FoundLoss:
    """The loss that a lambda without a name is; its line names it."""
    return FoundLoss(
        target=f"{module.place}:{shown_line(line, Path(module.path))}",
        path=module.path,
        name=f"lambda at line {line}",
        line=line,
        kind=Kind.FUNCTION,
    )


def _method_loss(module: Module, typed: str, line: int) -> FoundLoss:
    return FoundLoss(f"{module.place}:{typed}", module.path, typed, line, Kind.FUNCTION)


def found_loss(module: Module, found: Definition | None, expression: ast.expr, typed: str) -> FoundLoss:
    """The loss that an expression names; ``found`` is the binding of the name that it starts from."""
    return FoundLoss(
        target=f"{module.place}:{typed}",
        path=module.path,
        name=typed,
        line=found.line if found else 1,
        kind=_kind(module.definitions, found, expression),
        spec_comment=spec_comment(module.text, found.node) if found else "",
    )


def _kind(definitions: Definitions, found: Definition | None, expression: ast.expr, steps: int = 8) -> Kind:
    if isinstance(expression, ast.Call):
        parts = dotted(expression.func)
        is_class = bool(parts) and (
            is_camel_case(parts[-1]) or definitions.class_(".".join(parts)) is not None
        )
        return Kind.INSTANCE if is_class else Kind.FUNCTION
    if isinstance(expression, ast.Attribute):
        return Kind.CLASS if is_camel_case(expression.attr) else Kind.FUNCTION
    if not isinstance(expression, ast.Name) or found is None or steps == 0:
        return Kind.FUNCTION
    if isinstance(found.node, ast.ClassDef):
        return Kind.CLASS
    if found.value is None:
        imported = isinstance(found.node, ast.ImportFrom) and is_camel_case(found.name)
        return Kind.CLASS if imported else Kind.FUNCTION
    following = definitions.get(found.value.id) if isinstance(found.value, ast.Name) else None
    return _kind(definitions, following, found.value, steps - 1)


def broken(place: str, shown: str, typed: str, path: Path, error: SyntaxError) -> FoundLoss:
    """A stand-in for the losses of a file that cannot be parsed: loading it tells why."""
    target = f"{place}:{typed}" if typed else place
    return FoundLoss(target, shown, typed or path.stem, error.lineno or 1, Kind.FUNCTION)
