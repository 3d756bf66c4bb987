"""Runs the user's module: whole, or as much of it as the loss needs.

The one module of this package that runs the user's files.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from losscheck.exceptions import TargetError
from losscheck.loading.address import Address, shown_path
from losscheck.loading.loaders import FreshLoader, SliceLoader, sliced
from losscheck.loading.notebook import is_notebook
from losscheck.loading.placement import Placement, is_same_file, loaded_privately, place
from losscheck.loading.slicing import Slicer
from losscheck.loading.source import parse, read_text
from losscheck.loading.work import has_work
from losscheck.probes.session import staying_here

_Result = TypeVar("_Result")


class LoadFailed(Exception):  # noqa: N818 - reads as the event it is
    """The user's code raised while it was loaded; ``__cause__`` is what it raised."""

    def __init__(self, stage: str) -> None:
        super().__init__(f"the user's code raised at the stage {stage}")
        self.stage = stage  #: ``import``, ``slice`` or ``build``


class LoadMode(str, enum.Enum):
    """How much of the user's file is run."""

    AUTO = "auto"  #: what the loss needs, where the file does work when it is imported; else all
    IMPORT = "import"  #: all of it
    SLICE = "slice"  #: what the loss needs


def guarded(stage: str, run: Callable[[], _Result]) -> _Result:
    """Run the user's code; whatever it raises becomes a `LoadFailed`."""
    try:
        with staying_here():
            return run()
    except (KeyboardInterrupt, TargetError):
        raise
    except BaseException as error:  # the user's code may raise anything, `SystemExit` too
        raise LoadFailed(stage) from error


class RunModule:
    """The user's module, of which the names run that are asked for.

    Args:
        address: how the target names the module.
        path: the file that defines the loss; it alone may be sliced.
        mode: how much of it to run.
        names: names that the loss is known to need.

    """

    def __init__(self, address: Address, path: Path, mode: LoadMode, names: Sequence[str]) -> None:
        self._path = path = path.absolute()
        self.slicer = _slicer(path, mode, names)
        self._stage = "import" if self.slicer is None else "slice"
        hook = contextlib.nullcontext() if self.slicer is None else sliced(path, self.slicer, names)
        with hook:
            if address.is_module:
                self.module = _import(address.place, self._stage)
            else:
                self.module = _file(path, self.slicer, names, self._stage)

    def get(self, name: str) -> object:
        """The value of a name; a name that the module has not is an `AttributeError`."""
        if self.slicer is None:
            return getattr(self.module, name)
        try:
            return guarded(self._stage, lambda: getattr(self.module, name))
        except LoadFailed as failed:
            cause = failed.__cause__
            if isinstance(cause, AttributeError) and cause.obj is self.module:
                raise cause from None
            raise

    def evaluate(self, node: ast.expr) -> Any:
        """The value of an expression of the file, in the module's names."""
        code = compile(ast.Expression(node), str(self._path), "eval", dont_inherit=True)
        return guarded(self._stage, lambda: eval(code, vars(self.module)))

    @property
    def left_out(self) -> str:
        """What of the file was not run, in a few words; empty if everything was."""
        loader = getattr(self.module.__spec__, "loader", None)
        slicer = loader.slicer if isinstance(loader, SliceLoader) else self.slicer
        return slicer.left_out() if slicer is not None else ""


def _slicer(path: Path, mode: LoadMode, names: Sequence[str]) -> Slicer | None:
    """What picks the statements to run; None where all of the file runs."""
    if is_notebook(path):
        if mode is LoadMode.IMPORT:
            raise TargetError(f"`{shown_path(path)}` is a notebook, which cannot be imported whole")
    elif mode is LoadMode.IMPORT or not path.is_file():
        return None
    try:
        tree = parse(read_text(path))
        if not is_notebook(path) and mode is LoadMode.AUTO and not has_work(tree.body):
            return None
        slicer = Slicer(tree)
    except SyntaxError:  # importing the file says what is wrong with it
        return None
    if mode is LoadMode.AUTO and not is_notebook(path):
        return slicer if all(map(slicer.binds, names)) else None
    return slicer


def _import(name: str, stage: str) -> ModuleType:
    _prepend(str(Path.cwd()))
    try:
        return guarded(stage, lambda: importlib.import_module(name))
    except LoadFailed as failed:
        cause = failed.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name and f"{name}.".startswith(f"{cause.name}."):
            raise TargetError(f"no module `{name}`") from None
        raise


def _file(path: Path, slicer: Slicer | None, names: Sequence[str], stage: str) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"no such file: {shown_path(path)}")
    placement = place(path)
    loaded = sys.modules.get(placement.module)
    if loaded is None or not is_same_file(loaded, path):
        loaded = loaded_privately(path)
    if loaded is not None:
        return loaded
    for folder in reversed(placement.first):
        _prepend(folder)
    sys.path.extend(folder for folder in placement.last if folder not in sys.path)
    importlib.invalidate_caches()
    if placement.package:
        guarded("import", lambda: importlib.import_module(placement.package))
        loaded = sys.modules.get(placement.module)
        if is_same_file(loaded, path) and loaded is not None:
            return loaded  # its package has imported it
    loader = FreshLoader(placement.module, str(path))
    if slicer is not None:
        loader = SliceLoader(placement.module, path, slicer, names)
    return guarded(stage, lambda: _run(placement, path, loader))


def _run(placement: Placement, path: Path, loader: SourceFileLoader) -> ModuleType:
    """Run a file as a module; if it raises, no trace of it stays in ``sys.modules``."""
    folders = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(
        placement.module, path, loader=loader, submodule_search_locations=folders
    )
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[placement.module] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(placement.module, None)
        raise
    return sys.modules.get(placement.module, module)


def _prepend(folder: str) -> None:
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
