"""The project's files that a file imports, by reading its import statements; nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from losscheck.exceptions import TargetError
from losscheck.loading.source import parse, read_text

_INIT = "__init__.py"


@dataclass(frozen=True)
class _Home:
    """Where a file lies: what its import statements are read against."""

    package: tuple[str, ...]  #: that it is part of; empty for a plain file
    roots: tuple[Path, ...]  #: folders in which a module is looked for, in this order


def imported_files(path: Path) -> frozenset[Path] | None:
    """The files of the project that a file imports itself, in any of its statements; absolute.

    Where a module is in none of the project's folders, the places where it would be: it may be about to be
    written. None if the file cannot be read or parsed as it is.
    """
    path = path.absolute()
    try:
        tree = parse(read_text(path))
    except (SyntaxError, TargetError):
        return None
    home = _home(path)
    found = {folder / _INIT for folder in list(path.parents)[: len(home.package)]}
    for node in ast.walk(tree):
        for module in _modules(node, home.package):
            found.update(_places(module, home.roots))
    return frozenset(found - {path})


def _home(path: Path) -> _Home:
    package: list[str] = []
    folder = path.parent
    while (folder / _INIT).is_file():
        package.insert(0, folder.name)
        folder = folder.parent
    here = Path.cwd()
    roots = (folder, path.parent, here, here / "src")
    return _Home(tuple(package), tuple(dict.fromkeys(roots)))


def _modules(node: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The dotted names that a statement may import, absolute and taken apart."""
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level <= len(package):
        base = package[: len(package) + 1 - node.level] if node.level else ()
        base += tuple(node.module.split(".")) if node.module else ()
        yield base
        yield from ((*base, alias.name) for alias in node.names if alias.name != "*")


def _places(module: tuple[str, ...], roots: tuple[Path, ...]) -> Iterator[Path]:
    """The files that importing a module runs: those of its packages, and its own."""
    if not module:
        return
    root = next((root for root in roots if _is_there(root, module[0])), None)
    if root is None:
        yield from (root / f"{module[0]}.py" for root in roots[:1])
        return
    for count in range(1, len(module) + 1):
        place = root.joinpath(*module[:count])
        yield from (file for file in (place.with_suffix(".py"), place / _INIT) if file.is_file())


def _is_there(root: Path, name: str) -> bool:
    return (root / f"{name}.py").is_file() or (root / name).is_dir()
