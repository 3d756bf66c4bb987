"""Finds the file of a dotted module path, and the file that a name comes from, without importing either."""

from __future__ import annotations

import ast
import importlib.util
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from losscheck.exceptions import TargetError
from losscheck.loading.definitions import Definition, Definitions, read_definitions
from losscheck.loading.source import parse, read_text

_MAX_STEPS = 10  # a chain of re-exports that is longer goes in a circle


def locate_module(name: str, root: Path | None = None) -> Path | None:
    """The source file of a module, or the folder of a package without ``__init__.py``; None if not found."""
    spec = _find_spec(name, root)
    if spec is None:
        return None
    if spec.origin is not None and spec.has_location:
        path = Path(spec.origin)
        return path if path.suffix == ".py" and path.is_file() else None
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]) if folders else None


def module_exists(name: str, root: Path | None = None) -> bool:
    """Whether Python would find the module, with or without source."""
    return _find_spec(name, root) is not None


def nearest_package(name: str, root: Path | None = None) -> Path | None:
    """The file of the nearest enclosing package that can be found."""
    while name := name.rpartition(".")[0]:
        path = locate_module(name, root)
        if path is not None:
            return path
    return None


def is_importable_without(name: str, root: Path | None) -> bool:
    """Whether Python finds the top-level module with the working directory alone, without ``root``."""
    return root is None or _find_spec(name.partition(".")[0], None) is not None


def follow_imports(
    module: str, definitions: Definitions, name: str, path: Path, root: Path | None = None
) -> tuple[Path, Definition] | None:
    """The file and the definition that ``name`` of a module comes from, through ``from x import y``."""
    return _follow(module, definitions, name, path, root=root, steps=_MAX_STEPS)


def _follow(
    module: str, definitions: Definitions, name: str, path: Path, *, root: Path | None, steps: int
) -> tuple[Path, Definition] | None:
    found = definitions.get(name)
    if found is not None and not isinstance(found.node, (ast.Import, ast.ImportFrom)):
        return path, found
    if steps == 0:
        return None
    sources: list[tuple[ast.ImportFrom, str]] = []
    if found is not None and isinstance(found.node, ast.ImportFrom):
        original = next(a.name for a in found.node.names if (a.asname or a.name) == name)
        sources.append((found.node, original))
    elif found is None:
        sources.extend((star, name) for star in definitions.stars)
    for node, original in sources:
        origin = _absolute(module, node, is_package=path.name == "__init__.py")
        target = locate_module(origin, root)
        if target is None or not target.is_file():
            continue
        try:
            inner = read_definitions(parse(read_text(target)))
        except (SyntaxError, TargetError):
            continue
        resolved = _follow(origin, inner, original, target, root=root, steps=steps - 1)
        if resolved is not None:
            return resolved
    return None


def _absolute(module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    """The absolute name of the module that a ``from`` statement reads."""
    if node.level == 0:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, node.module] if node.module else parts)


def _find_spec(name: str, root: Path | None) -> ModuleSpec | None:
    folders = [str(Path.cwd()), *([str(root)] if root is not None else []), *filter(None, sys.path)]
    spec: ModuleSpec | None = None
    qualified = ""
    for part in name.split("."):
        if not part:
            return None
        if not qualified:
            spec = PathFinder.find_spec(part, folders) or _find_top(part)
        else:
            assert spec is not None
            inside = list(spec.submodule_search_locations or ())
            spec = PathFinder.find_spec(f"{qualified}.{part}", inside) if inside else None
        if spec is None:
            return None
        qualified = f"{qualified}.{part}" if qualified else part
    return spec


def _find_top(name: str) -> ModuleSpec | None:
    """A top-level module that another finder knows (editable installs); such a search runs no module."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
