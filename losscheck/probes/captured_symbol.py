"""The captured-symbol probe: the line at which a loss that is called on tensors reads a ``KerasTensor``."""

from __future__ import annotations

import ast
import functools
import gc
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from losscheck.finding import Location
from losscheck.inputs.batches import Batch
from losscheck.keras_observation import CapturedSymbolObservation
from losscheck.loss import LoadedLoss
from losscheck.observation import Raised
from losscheck.probes.definitions import node_location
from losscheck.probes.frames import UserFiles
from losscheck.probes.objects import is_of_keras
from losscheck.probes.raising import raised_from
from losscheck.probes.session import functions_inlined, isolated
from losscheck.probes.syntax import parsed
from losscheck.probes.tensors import describe, is_keras_tensor, to_tensor
from losscheck.probes.watch import Watch

#: A loop over many rows reads the same names again and again.
_MAX_TRACED_LINES = 2000
#: What can be asked of a ``KerasTensor`` without using its values.
_STATIC = ("shape", "dtype", "ndim", "name", "sparse", "ragged")

_Read = tuple[Location, str]


def run_captured_symbol(loss: LoadedLoss, batch: Batch, files: UserFiles) -> CapturedSymbolObservation:
    """Call the loss on tensors, line by line, and look at what each line of the user's reads."""
    start = time.perf_counter()
    y_true, y_pred = to_tensor(batch.y_true), to_tensor(batch.y_pred)
    found: list[_Read] = []
    raised: Raised | None = None
    result: Any = None

    def call() -> Any:
        outside = {id(thing) for thing in gc.get_objects() if is_keras_tensor(thing)}
        before = sys.gettrace()
        sys.settrace(_tracer(files, outside, found))
        try:
            return loss.function(y_true, y_pred)
        finally:
            sys.settrace(before)

    with isolated(), functions_inlined():
        try:
            result = Watch(loss.function, files).run(call)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = raised_from(error, files)
    place, name = found[0] if found else (None, "")
    return CapturedSymbolObservation(
        batch.name,
        raised,
        describe(result) if raised is None else None,
        seconds=time.perf_counter() - start,
        place=place,
        name=name,
    )


def _tracer(files: UserFiles, outside: set[int], found: list[_Read]) -> Callable[..., Any]:
    """Look at each line before it runs for a ``KerasTensor`` that was there before the call."""
    left = _MAX_TRACED_LINES

    def on_line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if found or left <= 0:
            return None
        if event == "line":
            left -= 1
            path, line = frame.f_code.co_filename, frame.f_lineno
            node = next(_captured(frame, _reads(path).get(line, ()), outside, files), None)
            if node is not None:
                found.append((node_location(path, node, files), ast.unparse(node)))
        return on_line

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        return on_line if frame.f_code.co_filename in files else None

    return on_call


def _captured(
    frame: FrameType, nodes: tuple[ast.expr, ...], outside: set[int], files: UserFiles
) -> Iterator[ast.expr]:
    names = {**frame.f_globals, **frame.f_locals}
    for node in nodes:
        value = _evaluated(node, names, files)
        values = value if isinstance(value, (list, tuple)) else [value]
        if any(is_keras_tensor(item) and id(item) in outside for item in values):
            yield node


def _reads(path: str) -> dict[int, tuple[ast.expr, ...]]:
    """The names, attributes and items that each line reads, the longest first."""
    return _reads_of(parsed(path))


@functools.lru_cache(maxsize=64)
def _reads_of(tree: ast.Module) -> dict[int, tuple[ast.expr, ...]]:
    found: dict[int, list[ast.expr]] = {}
    queue: list[ast.AST] = [tree]
    while queue:
        node = queue.pop(0)
        if isinstance(node, ast.Attribute) and node.attr in _STATIC:
            continue
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Load):
            found.setdefault(node.lineno, []).append(node)
        queue += ast.iter_child_nodes(node)
    return {line: tuple(nodes) for line, nodes in found.items()}


def _evaluated(node: ast.expr, names: dict[str, Any], files: UserFiles) -> Any:
    """What an expression gives, or None; nothing of the user's is run for it."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        return _attribute(_evaluated(node.value, names, files), node.attr, files)
    if isinstance(node, ast.Subscript):
        owner = _evaluated(node.value, names, files)
        try:
            return owner[ast.literal_eval(node.slice)] if isinstance(owner, (list, tuple, dict)) else None
        except (ValueError, LookupError, TypeError):
            return None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_layer":
        owner = _evaluated(node.func.value, names, files)
        try:
            given = [ast.literal_eval(argument) for argument in node.args]
            return owner.get_layer(*given) if is_of_keras(owner) else None
        except (ValueError, TypeError, AttributeError):
            return None
    return None


def _attribute(owner: Any, name: str, files: UserFiles) -> Any:
    member = inspect.getattr_static(type(owner), name, None)
    code = getattr(getattr(member, "fget", None), "__code__", None)
    is_plain = name in getattr(owner, "__dict__", {}) or isinstance(owner, type)
    if not is_plain and (code is None or code.co_filename in files or not is_of_keras(owner)):
        return None
    try:
        return getattr(owner, name, None)
    except Exception:  # a layer that was never called has no output, and says so in many ways
        return None
