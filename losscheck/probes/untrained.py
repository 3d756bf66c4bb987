"""The untrained probe: trainable variables that the loss reads and that no Keras layer owns."""

from __future__ import annotations

import ast
import gc
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from losscheck.finding import Location
from losscheck.loss import LoadedLoss
from losscheck.probes.flow import Traced
from losscheck.probes.frames import UserFiles, statement_location, user_line
from losscheck.probes.op_places import op_location
from losscheck.probes.session import isolated
from losscheck.probes.slots import Reach, Slot, find_reach
from losscheck.probes.statements import called_name
from losscheck.probes.syntax import parsed
from losscheck.state_observation import UntrainedObservation, UntrainedVariable

_MAKERS = ("Variable", "add_weight", "get_variable", "variable")
#: A statement with one of these names and the variable's changes the variable, or has it trained.
_TRAINERS = frozenset((
    "assign", "assign_add", "assign_sub", "set_value", "update", "update_add", "update_sub", "gradient",
    "apply_gradients", "minimize", "trainable_variables", "trainable_weights",
))  # fmt: skip


def run_untrained(loss: LoadedLoss, traced: Traced, name: str, files: UserFiles) -> UntrainedObservation:
    """Find the trainable variables that the loss depends on and that nothing trains.

    Args:
        loss: the loss.
        traced: the traced loss, with its gradients.
        name: of the batch it was traced with.
        files: which files are the user's.

    """
    start = time.perf_counter()
    found: list[UntrainedVariable] = []
    with isolated():
        reads = list(_reads(traced))
        owned = _owned() if reads else set()
        reach = find_reach(loss.function, files) if reads else Reach()
    for variable, op in reads:
        slot = next((slot for slot in reach.slots if _inner(slot.read()) is variable), None)
        paths = {function.__code__.co_filename for function in reach.functions}
        key = _identifier(slot) if slot is not None else ""
        if id(variable) in owned or (key and _is_trained(key, paths)):
            continue
        place = _made_at(key, slot, paths, files) if slot is not None else None
        shown = slot.path if slot is not None else str(variable.name).partition(":")[0]
        shape = tuple(int(size) for size in variable.shape)
        is_setting = _is_setting(variable, loss.compiled) or _is_given(key, paths)
        found.append(UntrainedVariable(shown, shape, place or _read_at(op, files), is_setting))
    return UntrainedObservation(name, seconds=time.perf_counter() - start, variables=tuple(found))


def _reads(traced: Traced) -> Iterator[tuple[Any, Any]]:
    """The trainable variables that the loss has a gradient through, each with what reads it."""
    if traced.output is None:
        return
    graph = traced.wrapped.graph
    inner = {id(outside): inside for outside, inside in getattr(graph, "captures", ())}
    for variable in getattr(graph, "variables", ()):
        handle = inner.get(id(getattr(variable, "handle", None)))
        if not variable.trainable or not variable.dtype.is_floating or handle is None:
            continue
        for op in handle.consumers():
            if any(traced.gradients.get(tensor.name) is not None for tensor in op.outputs):
                yield variable, op
                break


def _owned() -> set[int]:
    """The variables of all Keras layers and models that are alive."""
    import keras

    owned: set[int] = set()
    for thing in gc.get_objects():
        if not isinstance(thing, keras.layers.Layer):
            continue
        for value in (*_weights(thing), *vars(thing).values()):
            owned.add(id(_inner(value)))
    return owned


def _weights(layer: Any) -> list[Any]:
    try:
        return list(layer.weights)
    except Exception:  # a layer that is not built may refuse
        return []


def _is_setting(variable: Any, compiled: Any) -> bool:
    """Whether the config of a `Loss` object names the variable's value: what its caller has set."""
    if variable.shape.rank != 0 or isinstance(compiled, type) or not hasattr(compiled, "get_config"):
        return False
    try:
        values = list(compiled.get_config().values())
    except Exception:  # the user's `get_config` may raise anything
        return False
    numbers = [float(value) for value in values if isinstance(value, (int, float, np.number))]
    return any(math.isclose(number, float(variable), rel_tol=1e-5) for number in numbers)


def _is_given(name: str, paths: set[str]) -> bool:
    """Whether a factory or a constructor makes the variable of an argument: what its caller has set."""
    for path in paths:
        for function in ast.walk(parsed(path)):
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            given = {argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)}
            for node in ast.walk(function):
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value and _gives(node, name):
                    calls = [n for n in ast.walk(node.value) if isinstance(n, ast.Call) and n.args]
                    if any(isinstance(call.args[0], ast.Name) and call.args[0].id in given for call in calls):
                        return True
    return False


def _inner(value: Any) -> Any:
    """The `tf.Variable` inside a variable of Keras 3; anything else as it is."""
    return getattr(value, "_value", value) if type(value).__module__.startswith("keras") else value


def _identifier(slot: Slot) -> str:
    """The name by which the source speaks of a place: of ``self.scales[0]`` that is ``scales``."""
    return slot.path.partition("[")[0].rpartition(".")[2]


def _is_trained(name: str, paths: set[str]) -> bool:
    """Whether a statement of the user's assigns to the variable or hands it to an optimizer."""
    for path in paths:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.stmt) and not hasattr(node, "body"):
                names = {str(getattr(n, "id", getattr(n, "attr", ""))) for n in ast.walk(node)}
                if name in names and names & _TRAINERS:
                    return True
    return False


def _made_at(name: str, slot: Slot, paths: set[str], files: UserFiles) -> Location | None:
    """The statement that makes a variable and gives it the name; in the class of its object if it has one."""
    owners = {cls.__name__ for cls in type(slot.holder).__mro__} if slot.kind == "attribute" else set()
    for path in sorted(paths):
        tree = parsed(path)
        classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name in owners]
        for root in (*classes, tree):
            for node in ast.walk(root):
                if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value and _gives(node, name):
                    return statement_location(path, node.lineno, files)
    return None


def _gives(node: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = {str(getattr(t, "id", getattr(t, "attr", ""))) for target in targets for t in ast.walk(target)}
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    return name in names and any(called_name(call).rpartition(".")[2] in _MAKERS for call in calls)


def _read_at(op: Any, files: UserFiles) -> Location | None:
    place = user_line([tuple(frame)[:2] for frame in op.traceback or ()], files)
    return None if place is None else op_location(op.type, place, 0, files)
