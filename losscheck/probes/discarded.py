"""The discard probe: which statements make operations that nothing ever reads."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from losscheck.finding import Location
from losscheck.graph_observation import Discarded, DiscardedObservation, FlowObservation
from losscheck.inputs.batches import Batch
from losscheck.probes.flow import Traced
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.op_places import op_location
from losscheck.probes.statements import (
    Statement,
    called_name,
    imported_names,
    is_never_read,
    statement_at,
)

_PROBES = str(Path(__file__).resolve().parent)
#: They hand something on, say its size or check it (eagerly they do): nothing that anybody would miss.
_TRIVIAL = (
    *("Placeholder", "Const", "NoOp", "Identity", "ReadVariableOp", "Shape", "Size", "Rank"),
    *("EnsureShape", "CheckNumerics"),
)
#: TensorFlow says that they have a state, but nobody sees it.
_STATE_UNSEEN = ("ReadVariableOp", "VarHandleOp", "ResourceGather", "Placeholder", "Random", "Truncated")
_LIBRARIES = ("tensorflow", "keras", "tf_keras", "tensorflow_probability", "tensorflow_addons")
#: In the names of a library's functions that are called for what they do.
_DOES_SOMETHING = ("summary", "debugging", "print", "assert", "logging", "profiler", "config")


def run_discarded(
    traced: Traced, flow: FlowObservation, batch: Batch, files: UserFiles
) -> DiscardedObservation:
    """Find the operations without a reader, and hold the statement of each against the source.

    Args:
        traced: the traced loss.
        flow: the rows of the same graph.
        batch: its input.
        files: which files are the user's.

    """
    start = time.perf_counter()
    found: dict[Location, Discarded] = {}
    if traced.output is not None:
        effects = list(_lines_with_effects(traced.wrapped.graph, files))
        for op in _dead_ends(traced.wrapped.graph, flow):
            place = _discarding(op, effects, files)
            if place is not None:
                found.setdefault(place, Discarded(op.type, place))
    return DiscardedObservation(
        batch.name, seconds=time.perf_counter() - start, discarded=tuple(found.values())
    )


def _dead_ends(graph: Any, flow: FlowObservation) -> Iterator[Any]:
    """The operations on the inputs or on a variable that nothing reads or waits for.

    Operations of inner graphs are left out: what a branch or a loop hands on is not seen there.
    """
    from_variable: set[int] = set()
    for row in flow.ops:
        if row.type in ("ReadVariableOp", "ResourceGather") or from_variable & set(row.inputs):
            from_variable.add(row.index)
        if row.reaches_output or row.type in _TRIVIAL:
            continue
        if not (row.from_y_true or row.from_y_pred or row.index in from_variable):
            continue
        try:
            op = graph.get_operation_by_name(row.name)
        except (KeyError, ValueError):
            continue
        is_read = any(tensor.consumers() for tensor in op.outputs) or bool(
            getattr(op, "_control_outputs", [])
        )
        if op.outputs and not is_read and not op.op_def.is_stateful:
            yield op


def _lines_with_effects(graph: Any, files: UserFiles) -> Iterator[tuple[str, int]]:
    """The user's lines below which something prints, asserts, assigns or calls Python."""
    for op in graph.get_operations():
        if op.op_def.is_stateful and not op.type.startswith(_STATE_UNSEEN):
            yield from ((path, line) for path, line, _ in _own_frames(op, files))


def _own_frames(op: Any, files: UserFiles) -> Iterator[tuple[str, int, str]]:
    """File, line and function of the user's frames that made an operation, the innermost first."""
    for frame in reversed(op.traceback or ()):
        path, line, function = tuple(frame)[:3]
        if path.startswith(_PROBES):
            return
        if path in files:
            yield path, line, function


def _discarding(op: Any, effects: list[tuple[str, int]], files: UserFiles) -> Location | None:
    """The statement that throws the operation's result away; None where something may still hold it."""
    returned_by = ""
    for path, line, function in _own_frames(op, files):
        if function in ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"):
            continue
        statement = statement_at(path, line)
        if function == "<lambda>" or (statement is not None and isinstance(statement.node, ast.Return)):
            returned_by = function
            continue
        if statement is None or statement.function.name != function:
            return None
        node = statement.node
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if any((path, number) in effects for number in lines) or _is_argument(node, op, path, line, files):
            return None
        is_discarded = _is_without_effect(statement, returned_by, path) or is_never_read(statement)
        return statement_location(path, node.lineno, files) if is_discarded else None
    return None


def _is_argument(node: ast.stmt, op: Any, path: str, line: int, files: UserFiles) -> bool:
    """Whether the statement calls something with the operation's result, which may keep it."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    maker = op_location(op.type, (path, line), 0, files)
    return (maker.line, maker.column) > (node.lineno, node.col_offset + 1)


def _is_without_effect(statement: Statement, returned_by: str, path: str) -> bool:
    """Whether it is an expression whose value is the operation's result, or is made of it.

    Args:
        statement: the statement.
        returned_by: the user's function that returned the result; empty where the statement itself made it.
        path: its file.

    """
    if not isinstance(statement.node, ast.Expr):
        return False
    value = statement.node.value
    if isinstance(value, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript)):
        return True
    name = called_name(value)
    if returned_by:
        return name.rpartition(".")[2] == returned_by
    home = imported_names(path).get(name.partition(".")[0], "")
    return home.partition(".")[0] in _LIBRARIES and not any(word in name for word in _DOES_SOMETHING)
