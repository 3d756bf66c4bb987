"""Finds the losses that a target string names, by reading files; nothing is run or imported."""

from __future__ import annotations

import ast
import difflib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from losscheck.exceptions import TargetError
from losscheck.loading.address import exists, shown_path, split_target
from losscheck.loading.definitions import Definition, read_definitions
from losscheck.loading.expression import base_name, parse_expression
from losscheck.loading.lines import named_line
from losscheck.loading.listing import Module, broken, found_loss, lambda_loss, scanned
from losscheck.loading.methods import holder
from losscheck.loading.modules import (
    follow_imports,
    is_importable_without,
    locate_module,
    module_exists,
    nearest_package,
)
from losscheck.loading.notebook import SUFFIX, is_notebook, read_notebook
from losscheck.loading.prefilter import may_hold_loss
from losscheck.loading.source import parse, read_text
from losscheck.loading.usages import lambda_at
from losscheck.loss import FoundLoss, Kind

_SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "venv", "env", "site-packages", "node_modules", "build", "dist"}
)  # hidden folders are skipped too


_SUFFIXES = (".py", SUFFIX)


@dataclass(frozen=True)
class Found:
    """What a target names."""

    losses: tuple[FoundLoss, ...]  #: in the order of files and lines
    files: int  #: how many files were read
    problems: tuple[str, ...] = ()  #: what of them could not be read, a sentence each


def find_losses(target: str, *, root: Path | None = None) -> Found:
    """The losses that a target names: a file, a folder or a module, with or without ``:expression``.

    ``root`` is a further folder in which module paths are looked up. A target that names nothing is a
    `TargetError`; a file without a loss is none.
    """
    address = split_target(target)
    if not address.is_module and (line := named_line(address.expression, Path(address.place))) is not None:
        return _at_line(Path(address.place), address.expression, line)
    expression = parse_expression(address.expression) if address.expression else None
    if address.is_module:
        return _in_module(address.place, expression, address.expression, root)
    path = Path(address.place)
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise TargetError(f"cannot read `{address.place}`: {error.strerror or error}") from None
    if is_folder:
        if expression is not None:
            example = shown_path(path / "losses.py")
            raise TargetError(f"`{address.place}` is a folder: name a file, `{example}:{address.expression}`")
        return _in_folder(path)
    _require_file(path)
    return _in_file(path, shown_path(path), expression, address.expression)


def suggestion(name: str, candidates: Iterable[str]) -> str:
    """``; did you mean `dice_loss`?`` with the nearest of the candidates, or nothing."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    near = difflib.get_close_matches(name.lower(), by_lower, n=2)
    quoted = " or ".join(f"`{by_lower[match]}`" for match in near)
    return f"; did you mean {quoted}?" if quoted else ""


def missing_name(name: str, path: str, candidates: Iterable[str]) -> TargetError:
    """The error for a name that a file does not define."""
    return TargetError(f"no `{name}` in {path}{suggestion(name, candidates)}")


def _require_file(path: Path) -> None:
    if not path.exists():
        near = ""
        if path.parent.is_dir():
            names = [p.name for p in _listed(path.parent) if p.suffix in _SUFFIXES or p.is_dir()]
            matches = suggestion(path.name, names)
            near = matches.replace("`", f"`{shown_path(path.parent)}{os.sep}", 1) if matches else ""
            if path.parent == Path():
                near = matches
        raise TargetError(f"no such file: {path}{near}")
    if path.suffix not in _SUFFIXES or not path.is_file():
        raise TargetError(f"`{shown_path(path)}` is not a Python file (.py) or a notebook ({SUFFIX})")


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _in_folder(folder: Path) -> Found:
    losses: list[FoundLoss] = []
    files = 0
    for path in _python_files(folder):
        try:
            text = read_text(path)
        except TargetError:  # one unreadable file does not keep the others from being checked
            continue
        files += 1
        if not may_hold_loss(text):
            continue
        try:
            tree = parse(text)
        except SyntaxError as error:  # it speaks of a loss, and nobody can import it
            losses.append(broken(shown_path(path), shown_path(path), "", path, error))
            continue
        losses.extend(scanned(shown_path(path), shown_path(path), text, tree))
    return Found(tuple(losses), files)


def _python_files(folder: Path) -> Iterator[Path]:
    for current, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED_FOLDERS
            and not exists(Path(current, name, "pyvenv.cfg"))
        )
        yield from (Path(current, name) for name in sorted(files) if name.endswith(_SUFFIXES))


def _in_file(path: Path, place: str, expression: ast.expr | None, typed: str) -> Found:
    text = read_text(path)
    shown = shown_path(path)
    problems = _problems(path)
    try:
        tree = parse(text)
    except SyntaxError as error:
        return Found((broken(place, shown, typed, path, error),), 1)
    if expression is None:
        return Found(scanned(place, shown, text, tree), 1, problems)
    definitions = read_definitions(tree)
    name = base_name(expression)
    found = definitions.get(name)
    if found is None and problems:
        raise TargetError(f"{missing_name(name, shown, definitions.by_name)}; {'; '.join(problems)}")
    if found is None and (inside := holder(tree, name)):
        raise TargetError(f"no `{name}` at the top level of {shown}: write `{place}:{inside}`")
    if found is None and not definitions.is_open:
        raise missing_name(name, shown, definitions.by_name)
    return Found((found_loss(Module(place, shown, text, definitions), found, expression, typed),), 1)


def _at_line(path: Path, typed: str, line: int) -> Found:
    """The lambda on a line, or the loss in whose text the line stands."""
    _require_file(path)
    text, shown = read_text(path), shown_path(path)
    try:
        tree = parse(text)
    except SyntaxError as error:
        return Found((broken(shown, shown, typed, path, error),), 1)
    module = Module(shown, shown, text, read_definitions(tree))
    if lambda_at(tree, line) is not None:
        return Found((lambda_loss(module, line),), 1)
    for statement in tree.body:
        is_around = statement.lineno <= line <= (statement.end_lineno or line)
        if is_around and isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            return _in_file(path, shown, ast.Name(statement.name), statement.name)
    raise TargetError(f"no loss at `{typed}` in {shown}")


def _problems(path: Path) -> tuple[str, ...]:
    """The cells of a notebook that are no Python, a sentence each."""
    if not is_notebook(path):
        return ()
    notebook = read_notebook(path)
    if not notebook.cells:
        raise TargetError(f"`{notebook.path}` has no code cell")
    return tuple(
        f"cell {cell.number} of {notebook.path} is no Python: {cell.error}" for cell in notebook.broken
    )


def _in_module(module: str, expression: ast.expr | None, typed: str, root: Path | None) -> Found:
    path = locate_module(module, root)
    if path is None:
        return _unlocated(module, expression, typed, root)
    if path.is_dir():
        if expression is not None:
            raise TargetError(f"`{module}` is a folder of modules: name one, `{module}.losses:{typed}`")
        return _in_folder(path)
    # found in `root` alone: then only the path names it for whoever checks it alone
    place = module if is_importable_without(module, root) else shown_path(path)
    if expression is None:
        return _in_file(path, place, None, "")
    text = read_text(path)
    try:
        definitions = read_definitions(parse(text))
    except SyntaxError:
        return _in_file(path, place, expression, typed)
    name = base_name(expression)
    origin = follow_imports(module, definitions, name, path, root)
    if origin is not None:
        text = read_text(origin[0])
        found: Definition | None = origin[1]
        definitions, path = read_definitions(parse(text)), origin[0]
    else:
        found = None
        if definitions.get(name) is None and not definitions.is_open:
            raise missing_name(name, module, definitions.by_name)
    loss = found_loss(Module(place, shown_path(path), text, definitions), found, expression, typed)
    return Found((loss,), 1)


def _unlocated(module: str, expression: ast.expr | None, typed: str, root: Path | None) -> Found:
    """A module without a file: an error, unless its package may make it when it is imported."""
    package = nearest_package(module, root)
    if package is not None and package.is_file() and expression is not None:
        text = read_text(package)
        if "sys.modules" in text or "__path__" in text or "__getattr__" in text:
            return Found((FoundLoss(f"{module}:{typed}", shown_path(package), typed, 1, Kind.FUNCTION),), 1)
    if module_exists(module, root):
        raise TargetError(f"module `{module}` has no Python source to read")
    if package is not None:
        last, parent = module.rpartition(".")[2], module.rpartition(".")[0]
        folder = package if package.is_dir() else package.parent
        stems = [path.stem for path in _listed(folder) if path.suffix == ".py" or path.is_dir()]
        raise TargetError(f"no module `{last}` in `{parent}`{suggestion(last, stems)}")
    names = [path.name for path in _listed(Path.cwd()) if path.suffix == ".py" or path.is_dir()]
    raise TargetError(f"no file or module `{module}`{suggestion(module, names)}")
