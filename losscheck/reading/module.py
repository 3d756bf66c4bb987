"""The file around a loss: its imports, its global names, the class of the loss."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from losscheck.loading.definitions import Definitions
from losscheck.loading.subject import class_chain
from losscheck.probes.statements import imports_of


@dataclass(frozen=True)
class ModuleView:
    """What a loss can refer to."""

    tree: ast.Module
    definitions: Definitions
    imports: Mapping[str, str]  #: name in the file → dotted name of what it stands for
    classes: tuple[ast.ClassDef, ...] = ()  #: the class of the loss and its bases in the file, nearest first
    methods: Mapping[str, ast.FunctionDef] = field(default_factory=dict)  #: of these classes
    attributes: Mapping[str, ast.expr] = field(
        default_factory=dict
    )  #: of ``self``, as ``__init__`` sets them


def view_module(tree: ast.Module, definitions: Definitions, owner: ast.ClassDef | None) -> ModuleView:
    """The file as the loss of a class, or a function, sees it."""
    classes = tuple(class_chain(definitions, owner)) if owner is not None else ()
    methods: dict[str, ast.FunctionDef] = {}
    for class_ in reversed(classes):
        methods.update((node.name, node) for node in class_.body if isinstance(node, ast.FunctionDef))
    init = methods.get("__init__")
    attributes = dict(_attributes(init)) if init is not None else {}
    return ModuleView(tree, definitions, imports_of(tree), classes, methods, attributes)


def _attributes(init: ast.FunctionDef) -> list[tuple[str, ast.expr]]:
    defaults = {
        argument.arg: default
        for argument, default in zip(reversed(init.args.args), reversed(init.args.defaults), strict=False)
    }
    found = []
    for node in ast.walk(init):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if (
                isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id == "self"
            ):
                value = node.value
                if isinstance(value, ast.Name):  # `self.smooth = smooth`: what it is unless somebody says
                    value = defaults.get(value.id, value)
                found.append((target.attr, value))
    return found
