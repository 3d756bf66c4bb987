"""Imports the user's module and makes a loss of the object that the target names.

The one module of this package that runs the user's code.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

from losscheck.exceptions import TargetError
from losscheck.finding import Location
from losscheck.loading.address import shown_path, split_target
from losscheck.loading.arguments import Given, bare, given_for
from losscheck.loading.comments import spec_comment
from losscheck.loading.expression import base_name, evaluate, parse_expression
from losscheck.loading.facts import factory_returns_loss, facts_of, read_facts
from losscheck.loading.live import attribute, find_live, unwrapped
from losscheck.loading.naming import is_camel_case
from losscheck.loading.objects import described, is_callable_class, loss_base
from losscheck.loading.placement import Placement, is_same_file, place
from losscheck.loading.source import read_text
from losscheck.loading.target import missing_name
from losscheck.loss import FoundLoss, Kind, LoadedLoss

_Result = TypeVar("_Result")


class LoadFailed(Exception):  # noqa: N818 - reads as the event it is
    """The user's code raised while it was loaded; ``__cause__`` is what it raised."""

    def __init__(self, stage: str) -> None:
        super().__init__(f"the user's code raised at the stage {stage}")
        self.stage = stage  #: ``import`` or ``build``


def load(found: FoundLoss) -> LoadedLoss:
    """The loss itself: its module is imported, its expression evaluated, a class or factory is called.

    What the user's code raises becomes a `LoadFailed`; an object that is no loss is a `TargetError`. The
    folders that the module needs stay on ``sys.path``, since the loss may import when it is called.
    """
    address = split_target(found.target)
    module = _module(address.place) if address.is_module else _file(Path(address.place).absolute())
    expression = parse_expression(found.name)
    base = base_name(expression)
    try:
        start = getattr(module, base)
    except AttributeError:
        raise missing_name(base, _place(found), vars(module)) from None
    thing = _evaluated(expression, start, f"`{found.name}` in {_place(found)}")
    text = read_text(Path(found.path)) if Path(found.path).is_file() else ""
    is_plain = base == found.name
    is_alias = is_plain and isinstance(thing, type) and thing.__name__ != base and not is_camel_case(base)
    is_factory = is_plain and factory_returns_loss(text, base)
    given = Given() if is_alias else given_for(thing, found.target, is_factory)
    kind, compiled, function = _turned(
        thing, found.target, f"`{found.name}` in {_place(found)}", is_alias, is_factory
    )
    source = read_facts(text, found.name)
    return LoadedLoss(
        target=found.target,
        name=found.name,
        kind=kind,
        location=Location(found.path, found.line),
        compiled=compiled,
        function=function,
        source=source if source.text else facts_of(compiled),
        spec_comment=found.spec_comment,
        given=given.words,
    )


def loaded_from_object(thing: Any, name: str | None = None) -> LoadedLoss:
    """The loss that a live object is: for notebooks, the REPL and tests."""
    live = find_live(thing)
    bare = unwrapped(thing)
    own_name = attribute(bare, "__name__") or type(bare).__name__
    shown = name or (own_name if callable(thing) else repr(thing)[:40])
    is_factory = (
        live is not None
        and live.subject is not None
        and thing is bare
        and inspect.isfunction(thing)
        and factory_returns_loss(live.text, own_name)
        and live.definitions is not None
        and live.definitions.function(own_name) is live.subject.function
    )
    given = given_for(thing, shown, is_factory)
    kind, compiled, function = _turned(thing, shown, f"`{shown}`", False, is_factory)
    if is_factory:
        live = find_live(compiled) or live
    comment = ""
    if live is not None and live.subject is not None:
        comment = spec_comment(live.text, live.subject.statement)
    path = shown_path(live.path) if live is not None else "<unknown>"
    return LoadedLoss(
        target=f"{path}:{shown}" if path.endswith(".py") else shown,
        name=shown,
        kind=kind,
        location=Location(path, live.line if live is not None else 1),
        compiled=compiled,
        function=function,
        source=facts_of(compiled),
        spec_comment=comment,
        given=given.words,
    )


def _evaluated(expression: ast.expr, start: Any, title: str) -> Any:
    try:
        return _guarded("build", lambda: evaluate(expression, start))
    except LoadFailed as failed:
        runs_code = any(isinstance(node, ast.Call) for node in ast.walk(expression))
        if not runs_code and isinstance(failed.__cause__, (LookupError, AttributeError, TypeError)):
            raise TargetError(f"no {title}") from None
        raise


def _guarded(stage: str, run: Callable[[], _Result]) -> _Result:
    try:
        return run()
    except (KeyboardInterrupt, TargetError):
        raise
    except BaseException as error:  # the user's code may raise anything, `SystemExit` too
        raise LoadFailed(stage) from error


def _built(thing: Callable[..., Any], target: str, given: Given) -> Any:
    """What the class or factory makes; where it dislikes what was only guessed, the user must tell."""
    try:
        return _guarded("build", lambda: thing(**given.values))
    except LoadFailed as failed:
        if not given.values:
            raise
        error = f"{type(failed.__cause__).__name__}: {failed.__cause__}".partition("\n")[0]
        raise TargetError(
            f"`{bare(target)}` needs arguments and raises `{error}` with obvious ones:"
            f" write `{given.call(target)}` with the right ones"
        ) from failed


def _turned(
    thing: Any, target: str, title: str, is_alias: bool, is_factory: bool
) -> tuple[Kind, Any, Callable[..., Any]]:
    """Kind, what is compiled, and the function of ``(y_true, y_pred)`` of an object."""
    if isinstance(thing, type):
        return _turned_class(thing, target, title, is_alias)
    if is_factory and callable(thing):
        made = _built(thing, target, given_for(thing, target, is_factory))
        return _turned(made, target, f"what {title} returns", False, False)
    base = loss_base(type(thing))
    if base is not None:
        overrides = type(thing).__call__ is not base.__call__
        return Kind.INSTANCE, thing, thing if overrides else thing.call
    if not callable(thing):
        raise TargetError(f"{title} is {described(thing)}, no loss")
    return Kind.FUNCTION, thing, thing


def _turned_class(
    class_: type, target: str, title: str, is_alias: bool
) -> tuple[Kind, Any, Callable[..., Any]]:
    if loss_base(class_) is None and (not is_callable_class(class_) or issubclass(class_, BaseException)):
        raise TargetError(f"{title} is a class, but no `Loss` subclass")
    if is_alias:
        return Kind.CLASS, class_, class_
    built = _built(class_, target, given_for(class_, target, is_factory=False))
    kind, built, function = _turned(built, target, title, False, False)
    return (Kind.CLASS if kind is Kind.INSTANCE else kind), built, function


def _place(found: FoundLoss) -> str:
    """The file or module as the target names it."""
    address = split_target(found.target)
    return address.place if address.is_module else found.path


def _module(name: str) -> ModuleType:
    _prepend(str(Path.cwd()))
    try:
        return _guarded("import", lambda: importlib.import_module(name))
    except LoadFailed as failed:
        cause = failed.__cause__
        if isinstance(cause, ModuleNotFoundError) and cause.name and f"{name}.".startswith(f"{cause.name}."):
            raise TargetError(f"no module `{name}`") from None
        raise


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        raise TargetError(f"no such file: {shown_path(path)}")
    placement = place(path)
    loaded = sys.modules.get(placement.module)
    if loaded is None or not is_same_file(loaded, path):
        loaded = next((m for m in list(sys.modules.values()) if _is_ours(m) and is_same_file(m, path)), None)
    if loaded is not None:
        return loaded
    for folder in reversed(placement.first):
        _prepend(folder)
    sys.path.extend(folder for folder in placement.last if folder not in sys.path)
    importlib.invalidate_caches()
    if placement.package:
        _guarded("import", lambda: importlib.import_module(placement.package))
        loaded = sys.modules.get(placement.module)
        if is_same_file(loaded, path) and loaded is not None:
            return loaded  # its package has imported it
    return _guarded("import", lambda: _run(placement, path))


def _is_ours(module: Any) -> bool:
    return isinstance(module, ModuleType) and module.__name__.rpartition(".")[2].startswith(
        "losscheck_target_"
    )


def _run(placement: Placement, path: Path) -> ModuleType:
    """Run a file as a module; if it raises, no trace of it stays in ``sys.modules``."""
    loader = _FreshLoader(placement.module, str(path))
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


class _FreshLoader(SourceFileLoader):
    """Reads the source each time and writes no ``__pycache__`` into the user's folder."""

    def get_code(self, fullname: str) -> CodeType | None:
        return self.source_to_code(self.get_data(self.path), self.path)
