"""Decides under which name a file is imported and which folders must be importable for it."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Placement:
    """How a file is imported."""

    module: str  #: name in ``sys.modules``
    package: str  #: package that it belongs to, imported first; empty for a plain file
    first: tuple[str, ...]  #: folders at the front of ``sys.path``
    last: tuple[str, ...] = ()  #: folders at its end, where they shadow nothing


def place(path: Path) -> Placement:
    """The placement of a file; ``path`` is absolute."""
    here = str(Path.cwd())
    if path.suffix != ".py":  # a notebook is in no package, whatever its folder holds
        return Placement(_private(path.stem), "", (str(path.parent), here))
    packages: list[str] = []
    folder = path.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        packages.insert(0, folder.name)
        folder = folder.parent
    if packages and not _is_taken(packages[0], folder / packages[0] / "__init__.py"):
        package = ".".join(packages)
        if path.name == "__init__.py":
            return Placement(package, package.rpartition(".")[0], (str(folder), here))
        stem = path.stem if path.stem.isidentifier() else _private(path.stem)
        # the file's own folder goes last: a module next to it called `types` must not hide Python's
        return Placement(f"{package}.{stem}", package, (str(folder), here), (str(path.parent),))
    own = str(path.parent)
    if path.stem.isidentifier() and not _is_shadowed(path.stem, path):
        return Placement(path.stem, "", (own, here))
    hides = _is_installed(path.stem, own)
    return Placement(_private(path.stem), "", (here,) if hides else (own, here), (own,) if hides else ())


def is_same_file(module: ModuleType | None, path: Path) -> bool:
    """Whether the module was made from that file."""
    file = getattr(module, "__file__", None) or getattr(getattr(module, "__spec__", None), "origin", None)
    if not isinstance(file, str):
        return False
    try:
        return Path(file).samefile(path)
    except OSError:
        return False


def _is_taken(package: str, init: Path) -> bool:
    """Whether another package has the name for good: Python's own, or imported already.

    One that is merely installed gives way to the user's checkout.
    """
    if package in sys.modules:
        return not is_same_file(sys.modules[package], init)
    return package in sys.stdlib_module_names


def _is_shadowed(name: str, path: Path) -> bool:
    """Whether the name belongs to a module other than this file: imported already, or installed."""
    if name in sys.modules:
        return not is_same_file(sys.modules[name], path)
    return _is_installed(name, str(path.parent))


def _is_installed(name: str, own: str) -> bool:
    if name in sys.stdlib_module_names or name == "__main__":
        return True
    ours = {Path(own).resolve(), Path(own).resolve().parent, Path.cwd().resolve()}
    others = [entry for entry in sys.path if entry and Path(entry).resolve() not in ours]
    return name.isidentifier() and PathFinder.find_spec(name, others) is not None


def loaded_privately(path: Path) -> ModuleType | None:
    """The module that was made from a file under a name that nothing else has; None if there is none.

    It looks names up: to walk through all modules writes to the memory of each, which a forked process then
    has to copy.
    """
    names = itertools.takewhile(sys.modules.__contains__, _private_names(path.stem))
    return next((sys.modules[name] for name in names if is_same_file(sys.modules[name], path)), None)


def _private(stem: str) -> str:
    """A module name that nothing else has."""
    return next(name for name in _private_names(stem) if name not in sys.modules)


def _private_names(stem: str) -> Iterator[str]:
    base = "losscheck_target_" + re.sub(r"\W", "_", stem)
    yield base
    yield from (f"{base}_{number}" for number in itertools.count(2))
