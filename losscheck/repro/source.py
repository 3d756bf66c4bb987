"""The lines of a script that bring the user's loss, from its file or from a copy of what it needs."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path

from losscheck.loading.address import split_target
from losscheck.loading.expression import base_name
from losscheck.loading.notebook import is_notebook
from losscheck.loading.placement import place
from losscheck.loading.slicing import Slicer
from losscheck.loading.source import parse, read_text
from losscheck.report import LossReport
from losscheck.repro.layout import double_quoted

#: Names that the scripts use themselves.
_TAKEN = frozenset({
    "loss", "load", "y_true", "y_pred", "other_true", "other_pred", "third_true", "third_pred", "HERE",
    "np", "tf", "keras", "sys", "Path", "mock", "is_reproduced", "found", "module", "spec",
})  # fmt: skip


@dataclass(frozen=True)
class Copy:
    """A module of our own with the statements that a loss needs."""

    name: str  #: of the file, without ``.py``
    text: str


@dataclass(frozen=True)
class Source:
    """How a script gets at the loss."""

    lines: tuple[str, ...]  #: statements that import it and bind ``loss``
    copy: Copy | None = None  #: a module that must stand beside the script
    remark: str = ""  #: where the code comes from, in words, where that is not the file itself


def find_source(report: LossReport, folder: Path) -> Source | None:
    """The source of a loss for a script in a folder; None where it has none that a script can name."""
    expression = report.ingredients.built if report.ingredients is not None else report.name
    path = Path(report.path)
    if not expression or not path.is_file():
        return None
    if report.left_out or is_notebook(path):
        return _copied(path, expression)
    return Source(tuple(_imports(path, report.target, expression, folder)))


def _copied(path: Path, expression: str) -> Source | None:
    """What the loss needs of a script or notebook that trains when it is run."""
    base = base_name(ast.parse(expression, mode="eval").body)
    try:
        tree = Slicer(parse(read_text(path))).take([base])
    except SyntaxError:
        return None
    if tree is None:
        return None
    name = re.sub(r"\W", "_", f"{base}_of_{path.stem}")
    return Source(
        tuple(_bound(name, expression, "HERE")),
        Copy(name, ast.unparse(tree) + "\n"),
        f"what it needs of {path.name!r} is copied into {name}.py: change it there to see the effect",
    )


def _imports(path: Path, target: str, expression: str, folder: Path) -> list[str]:
    placement = place(path.resolve())
    address = split_target(target)
    module = address.place if address.is_module else placement.module
    if not address.is_module and placement.module.startswith("losscheck_target_"):
        name = placement.module.removeprefix("losscheck_target_") + "_module"
        return [
            f"spec = importlib.util.spec_from_file_location({double_quoted(name)}, {_path(path, folder)})",
            "module = importlib.util.module_from_spec(spec)",
            "sys.modules[spec.name] = module",
            "spec.loader.exec_module(module)",
            f"loss = module.{expression}",
        ]
    root = Path.cwd() if address.is_module else Path(placement.first[0])
    return _bound(module, expression, _path(root, folder))


def _bound(module: str, expression: str, root: str) -> list[str]:
    base = base_name(ast.parse(expression, mode="eval").body)
    lines = [f"sys.path.insert(0, str({root}))"]
    if base == expression:
        return [*lines, f"from {module} import {base}{' as loss' * (base != 'loss')}"]
    if base in _TAKEN:
        return [*lines, f"import {module} as module", "", f"loss = module.{expression}"]
    return [*lines, f"from {module} import {base}", "", f"loss = {expression}"]


def _path(path: Path, folder: Path) -> str:
    """An expression that gives the path: from the script's own folder where both lie in the project."""
    there, here = path.resolve(), Path.cwd().resolve()
    if there.is_relative_to(here) and folder.resolve().is_relative_to(here):
        relative = os.path.relpath(there, folder.resolve()).replace(os.sep, "/")
        return "HERE" if relative == "." else f"HERE / {double_quoted(relative)}"
    return double_quoted(str(there))
