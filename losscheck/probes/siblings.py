"""Losses made in one loop: whether they share the variable of the loop, and so are all the same loss."""

from __future__ import annotations

import ast
import functools
import time
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from losscheck.finding import Location
from losscheck.inputs.batches import Batch, is_same_value
from losscheck.loss import LoadedLoss
from losscheck.probes.changing import rebindings
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.objects import code_names, is_of_user, plain_function
from losscheck.probes.session import isolated
from losscheck.probes.slots import Slot
from losscheck.probes.tensors import to_array, to_tensor
from losscheck.probes.watch import Watch
from losscheck.probes.writers import FUNCTIONS, read_source
from losscheck.state_observation import SiblingsObservation

_LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_MAX_DEPTH = 4
_MAX_ITEMS = 2000


def run_siblings(loss: LoadedLoss, batch: Batch, files: UserFiles) -> SiblingsObservation:
    """Find the functions that the same loop made, and compare their values.

    Args:
        loss: the loss.
        batch: its input.
        files: which files are the user's.

    """
    start = time.perf_counter()
    function = plain_function(loss.function)
    seen = SiblingsObservation(batch.name)
    if function is None or function.__code__.co_filename not in files:
        return seen
    made = _made_in_loop(function)
    if made is None:
        return seen
    node, names = made
    siblings = list(_siblings(function, loss.beside, files))
    with isolated():
        for slot, is_target in _shared(function, names, siblings):
            value = _same_value(loss, siblings, batch, files)
            call = functools.partial(_call, loss, loss.function, batch, files)
            if value is not None and _matters(call, slot, is_target, value):
                seen = SiblingsObservation(
                    batch.name,
                    value=value,
                    seconds=time.perf_counter() - start,
                    variable=slot.path,
                    last=_short(slot.get()),
                    count=len(siblings) + 1,
                    made_at=_location(function.__code__.co_filename, node, files),
                )
                break
    return seen


def _made_in_loop(function: FunctionType) -> tuple[ast.expr | ast.stmt, dict[str, bool]] | None:
    """The `def` or lambda with the names that a loop around it binds; True: the loop's own variable."""
    code = function.__code__
    source = read_source(code.co_filename)
    if source is None:
        return None
    for node, around in _functions(source.tree, ()):
        if not _is_code_of(code, node):
            continue
        names: dict[str, bool] = {}
        for outer in reversed(around):
            if isinstance(outer, _LOOPS):
                names = {**_bound_by(outer), **names}
        return (node, names) if names else None
    return None


def _functions(node: ast.AST, around: tuple[ast.AST, ...]) -> Iterator[tuple[Any, tuple[ast.AST, ...]]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            yield child, around
        yield from _functions(child, (*around, child))


def _is_code_of(code: CodeType, node: Any) -> bool:
    lines = [node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))]
    arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    if code.co_firstlineno not in lines or code.co_name != getattr(node, "name", "<lambda>"):
        return False
    if arguments != list(code.co_varnames[: code.co_argcount]):
        return False
    positions = [p for p in getattr(code, "co_positions", list)() if p[2] is not None and p[0] == p[1]]
    inside = [p[2] for p in positions if p[0] == node.lineno]
    is_lambda = isinstance(node, ast.Lambda)  # several may stand on one line
    return not (is_lambda and inside) or node.col_offset <= max(inside) <= (node.end_col_offset or 0)


def _bound_by(loop: Any) -> dict[str, bool]:
    if isinstance(loop, ast.For):
        body = ast.Module(loop.body, [])
        return {**dict.fromkeys(_stored(body), False), **dict.fromkeys(_stored(loop.target), True)}
    if isinstance(loop, ast.While):
        return dict.fromkeys(_stored(ast.Module(loop.body, [])), True)
    targets = [generator.target for generator in loop.generators]
    return dict.fromkeys((name for target in targets for name in _stored(target)), True)


def _stored(node: ast.AST) -> Iterator[str]:
    """The names that a piece of code binds, functions inside it left out."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            yield from _stored(child)


def _siblings(function: FunctionType, beside: tuple[Any, ...], files: UserFiles) -> Iterator[FunctionType]:
    """The other functions of the same code that were made with it, or that the module's names lead to."""
    queue: list[tuple[Any, int]] = [(value, 0) for value in (*beside, *function.__globals__.values())]
    seen = {id(function)}
    while queue and len(seen) < _MAX_ITEMS:
        value, depth = queue.pop(0)
        if id(value) in seen or depth > _MAX_DEPTH:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            queue += [(item, depth + 1) for item in list(value.values())]
        elif isinstance(value, (list, tuple, set)):
            queue += [(item, depth + 1) for item in value]
        elif is_of_user(value, files):
            queue += [(item, depth + 1) for item in list(vars(value).values())]
        elif callable(value) and not isinstance(value, type):
            inner = plain_function(value)
            if inner is not None and inner.__code__ is function.__code__ and inner is not function:
                seen.add(id(inner))
                yield inner


def _shared(
    function: FunctionType, names: dict[str, bool], siblings: list[FunctionType]
) -> Iterator[tuple[Slot, bool]]:
    """The places of the loop's names that the loss and its siblings all read; with what `names` says."""
    if not siblings:
        return
    for name, is_target in names.items():
        cell = _cell(function, name)
        if cell is not None:
            if all(_cell(other, name) is cell for other in siblings):
                yield Slot(name, cell, name, "cell", function), is_target
        elif name in code_names(function.__code__) and name in function.__globals__:
            yield Slot(name, function.__globals__, name, "item"), is_target


def _cell(function: FunctionType, name: str) -> Any:
    free = function.__code__.co_freevars
    return (function.__closure__ or ())[free.index(name)] if name in free else None


def _same_value(
    loss: LoadedLoss, siblings: list[FunctionType], batch: Batch, files: UserFiles
) -> np.ndarray | None:
    """What all of them give; None if they differ or one raises."""
    first = _call(loss, loss.function, batch, files)
    for other in siblings:
        value = _call(loss, other, batch, files)
        if first is None or value is None or not np.array_equal(first, value, equal_nan=True):
            return None
    return first


def _matters(call: Callable[[], np.ndarray | None], slot: Slot, is_target: bool, value: np.ndarray) -> bool:
    """Whether the loss depends on the variable; where no other value is known, the loop's own one does."""
    is_known = False
    for change in rebindings(slot):
        is_known = True
        with change():
            other = call()
        if other is not None and not is_same_value(other, value):
            return True
    return is_target and not is_known


def _call(loss: LoadedLoss, function: Any, batch: Batch, files: UserFiles) -> np.ndarray | None:
    inputs = to_tensor(batch.y_true), to_tensor(batch.y_pred)
    try:
        return to_array(Watch(loss.function, files).run(lambda: function(*inputs)))
    except Exception:
        return None


def _short(value: Any) -> str:
    shown = getattr(value, "__name__", None) or repr(value)
    return shown if len(shown) <= 40 else type(value).__name__


def _location(path: str, node: Any, files: UserFiles) -> Location:
    if not isinstance(node, ast.Lambda) or node.end_lineno != node.lineno or node.end_col_offset is None:
        return statement_location(path, node.lineno, files)
    return Location(files.shown(path), node.lineno, node.col_offset + 1, node.lineno, node.end_col_offset + 1)
