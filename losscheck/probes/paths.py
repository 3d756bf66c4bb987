"""Paths through the rows of a traced graph: what reaches what, and where the gradient stops."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from losscheck.graph_observation import Op


def with_reach(ops: list[Op], y_true: int, y_pred: int, output: int | None) -> list[Op]:
    """Fill in from which argument each operation is reachable, and which reach the output."""
    from_true, from_pred = {y_true}, {y_pred}
    for op in ops:
        if any(i in from_true for i in op.inputs):
            from_true.add(op.index)
        if any(i in from_pred for i in op.inputs):
            from_pred.add(op.index)
    reaching = set() if output is None else _ancestors(ops, output)
    return [
        replace(
            op,
            from_y_true=op.index in from_true,
            from_y_pred=op.index in from_pred,
            reaches_output=op.index in reaching,
        )
        for op in ops
    ]


def _ancestors(ops: list[Op], start: int) -> set[int]:
    seen = {start}
    queue = [start]
    while queue:
        for i in ops[queue.pop()].inputs:
            if i not in seen:
                seen.add(i)
                queue.append(i)
    return seen


def find_cut(ops: list[Op], output: int | None) -> int | None:
    """The operation at which the gradient stops on a path from ``y_pred`` to the output.

    It is the first whose output has a gradient and none of whose inputs on the path has one; where these
    hold integers or booleans, the operation that made them of floats is the culprit (`ArgMax`, not the
    `Cast` that follows it).
    """
    if output is None:
        return None
    on_path = {op.index for op in ops if op.from_y_pred and op.reaches_output}
    for op in ops:
        if op.index not in on_path or not (op.has_gradient or op.index == output):
            continue
        inputs = [i for i in op.inputs if i in on_path]
        if not inputs or any(ops[i].has_gradient for i in inputs):
            continue
        return _maker_of_integers(ops, op.index, on_path)
    return None


def _maker_of_integers(ops: list[Op], index: int, on_path: set[int]) -> int:
    """Walk back over integers and booleans to the operation that made them of floats."""
    while True:
        inputs = [i for i in ops[index].inputs if i in on_path]
        if not inputs or any(i in ops[index].float_inputs for i in inputs):
            return index
        index = inputs[0]


def path_through(ops: list[Op], source: int, cut: int | None, output: int | None) -> tuple[int, ...]:
    """A shortest path from ``y_pred`` through the cut to the output."""
    if output is None:
        return ()
    if cut is None:
        return _shortest(ops, source, output)
    return _shortest(ops, source, cut) + _shortest(ops, cut, output)[1:]


def _shortest(ops: list[Op], source: int, target: int) -> tuple[int, ...]:
    readers: dict[int, list[int]] = {}
    for op in ops:
        for i in op.inputs:
            readers.setdefault(i, []).append(op.index)
    came_from: dict[int, int] = {source: source}
    queue = deque([source])
    while queue:
        here = queue.popleft()
        if here == target:
            return _walk_back(came_from, source, target)
        for reader in readers.get(here, ()):
            if reader not in came_from:
                came_from[reader] = here
                queue.append(reader)
    return ()


def _walk_back(came_from: dict[int, int], source: int, target: int) -> tuple[int, ...]:
    path = [target]
    while path[-1] != source:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))
