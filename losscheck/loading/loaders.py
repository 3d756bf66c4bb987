"""Python's import machinery for the user's file: read afresh, or run as far as its names are asked for."""

from __future__ import annotations

import contextlib
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.abc import PathEntryFinder
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import CodeType, ModuleType

from losscheck.loading.notebook import is_notebook
from losscheck.loading.slicing import Slicer

_STANDARD = frozenset({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})


class FreshLoader(SourceFileLoader):
    """Reads the source each time and writes no ``__pycache__`` into the user's folder."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the file as it is now."""
        return self.source_to_code(self.get_data(self.path), self.path)


def import_projects_afresh() -> None:
    """Have `FreshLoader` load every module of this process that is not in a library's folder.

    Python's own loader tells an old ``__pycache__`` from a new one by size and whole seconds: too coarse for
    a file that is saved and checked twice in a second. Libraries keep theirs, without which they load slowly.
    """
    find = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (FreshLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

    def find_afresh(folder: str) -> PathEntryFinder:
        if _is_library(folder):
            raise ImportError(f"{folder} is left to Python's own loader")
        return find(folder)

    sys.path_hooks.insert(0, find_afresh)
    for folder in [known for known in sys.path_importer_cache if not _is_library(known)]:
        del sys.path_importer_cache[folder]


def _is_library(folder: str) -> bool:
    """Whether a folder holds Python's own modules or installed ones."""
    path = Path(folder)
    is_installed = not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
    return is_installed or any(path.is_relative_to(own) for own in _STANDARD)


class SliceLoader(FreshLoader):
    """Runs what the names need, and more of the file when somebody asks the module for another name."""

    def __init__(self, fullname: str, path: Path, slicer: Slicer, names: Sequence[str]) -> None:
        super().__init__(fullname, str(path))
        self.slicer = slicer
        self._names = [name for name in names if slicer.binds(name)]

    def exec_module(self, module: ModuleType) -> None:
        """Run what the known names need, and leave the module with a way to run more."""

        def missing(name: str) -> object:
            if self.slicer.binds(name):
                self._run(module, [name])
            try:
                return vars(module)[name]
            except KeyError:
                text = f"module {module.__name__!r} has no attribute {name!r}"
                raise AttributeError(text, name=name, obj=module) from None

        vars(module)["__getattr__"] = missing
        if is_notebook(self.path):
            # a notebook has none either, and with one AutoGraph would read the source from the disk
            del vars(module)["__file__"]
        self._run(module, self._names)

    def _run(self, module: ModuleType, names: Sequence[str]) -> None:
        tree = self.slicer.take(names)
        if tree is not None:
            exec(compile(tree, self.path, "exec", dont_inherit=True), vars(module))


class SliceFinder:
    """Finds one file before Python's own finders do, whatever name it is imported under."""

    def __init__(self, path: Path, slicer: Slicer, names: Sequence[str]) -> None:
        self._path = path
        self._slicer = slicer
        self._names = names
        self._last = path.parent.name if path.name == "__init__.py" else path.stem

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to load the file; None for every other module."""
        if fullname.rpartition(".")[2] != self._last:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None or Path(spec.origin).resolve() != self._path.resolve():
            return None
        spec.loader = SliceLoader(fullname, self._path, self._slicer, self._names)
        return spec


@contextlib.contextmanager
def sliced(path: Path, slicer: Slicer, names: Sequence[str]) -> Iterator[None]:
    """Whoever imports the file meanwhile gets the slice."""
    finder = SliceFinder(path, slicer, names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
