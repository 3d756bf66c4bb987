"""Makes a loss of the object that a target names in the user's module."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from losscheck.exceptions import TargetError
from losscheck.finding import Location
from losscheck.loading.address import Address, shown_path, split_target
from losscheck.loading.arguments import Given, bare, given_for
from losscheck.loading.comments import spec_comment
from losscheck.loading.definitions import read_definitions
from losscheck.loading.expression import base_name, evaluate, parse_expression
from losscheck.loading.facts import factory_returns_loss, facts_of, read_facts
from losscheck.loading.live import attribute, find_live, unwrapped
from losscheck.loading.names import names_of
from losscheck.loading.naming import is_camel_case
from losscheck.loading.objects import described, is_callable_class, loss_base
from losscheck.loading.rebuilding import rebuilt
from losscheck.loading.running import LoadFailed, LoadMode, RunModule, guarded
from losscheck.loading.source import parse, read_text
from losscheck.loading.target import missing_name
from losscheck.loading.usages import lambda_at
from losscheck.loss import FoundLoss, Kind, LoadedLoss

__all__ = ["LoadFailed", "LoadMode", "load", "loaded_from_object"]


def load(found: FoundLoss, mode: LoadMode = LoadMode.AUTO) -> LoadedLoss:
    """The loss itself: its module is run, its expression evaluated, a class or factory is called.

    What the user's code raises becomes a `LoadFailed`; an object that is no loss is a `TargetError`. The
    folders that the module needs stay on ``sys.path``, since the loss may import when it is called.
    """
    address = split_target(found.target)
    if found.name == f"lambda at line {found.line}":
        return _load_lambda(found, address, mode)
    expression = parse_expression(found.name)
    base = base_name(expression)
    path = Path(found.path if address.is_module else address.place)
    ran = RunModule(address, path, mode, (base,))
    try:
        start = ran.get(base)
    except AttributeError:
        raise missing_name(base, _place(found), vars(ran.module)) from None
    title = f"`{found.name}` in {_place(found)}"
    beside: tuple[Any, ...] = ()
    if isinstance(expression, ast.Subscript) and isinstance(expression.value, ast.Call):
        made = _evaluated(expression.value, start, title)
        thing = _evaluated(ast.Subscript(ast.Name(base), expression.slice), made, title)
        if isinstance(made, (list, tuple, dict)):
            beside = tuple(made.values() if isinstance(made, dict) else made)
    else:
        thing = _evaluated(expression, start, title)
    text = read_text(Path(found.path)) if Path(found.path).is_file() else ""
    is_plain = base == found.name
    is_alias = is_plain and isinstance(thing, type) and thing.__name__ != base and not is_camel_case(base)
    is_factory = is_plain and factory_returns_loss(text, base)
    given = Given() if is_alias else given_for(thing, found.target, is_factory)
    kind, compiled, function = _turned(thing, found.target, title, is_alias, is_factory)
    source = read_facts(text, found.name)
    is_called = is_factory or (isinstance(thing, type) and not is_alias)
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
        rebuilt=rebuilt(expression, start, given.values if is_called else None),
        spec_config=found.spec_config,
        left_out=ran.left_out,
        beside=beside,
    )


def _load_lambda(found: FoundLoss, address: Address, mode: LoadMode) -> LoadedLoss:
    """A lambda that has no name, such as one in ``compile(loss=…)``: it alone is evaluated."""
    path = Path(address.place)
    tree = parse(read_text(path))
    node = lambda_at(tree, found.line)
    if node is None:
        raise TargetError(f"no lambda at line {found.line} of {found.path}")
    names = sorted(names_of(ast.copy_location(ast.Expr(node), node)).later - set(dir(builtins)))
    definitions = read_definitions(tree)
    missing = [name for name in names if definitions.get(name) is None]
    if missing and not definitions.is_open:
        raise TargetError(
            f"the lambda at line {found.line} of {found.path} uses `{missing[0]}`, which is no name of the"
            " module: make it a function there"
        )
    ran = RunModule(address, path, mode, names)
    function = ran.evaluate(node)
    return LoadedLoss(
        target=found.target,
        name=found.name,
        kind=found.kind,
        location=Location(found.path, found.line),
        compiled=function,
        function=function,
        source=facts_of(function),
        left_out=ran.left_out,
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
        return guarded("build", lambda: evaluate(expression, start))
    except LoadFailed as failed:
        runs_code = any(isinstance(node, ast.Call) for node in ast.walk(expression))
        if not runs_code and isinstance(failed.__cause__, (LookupError, AttributeError, TypeError)):
            raise TargetError(f"no {title}") from None
        raise


def _built(thing: Callable[..., Any], target: str, given: Given) -> Any:
    """What the class or factory makes; where it dislikes what was only guessed, the user must tell."""
    try:
        return guarded("build", lambda: thing(**given.values))
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
    _refuse_endless_wrapper(thing, title)
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


def _refuse_endless_wrapper(thing: Any, title: str) -> None:
    if callable(thing):
        try:
            inspect.unwrap(thing)
        except ValueError:
            raise TargetError(f"{title} is a wrapper of itself: its `__wrapped__` leads back to it") from None


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
