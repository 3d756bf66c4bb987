"""The inputs that the user gave, by options, by arrays or by a comment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from losscheck.exceptions import SpecError
from losscheck.inference.search import sized
from losscheck.inputs.specs import InputSpec, parse_comment, parse_spec
from losscheck.inputs.tasks import TASKS, Task, told_task
from losscheck.loss import LoadedLoss
from losscheck.report import TaskSource


def told_inputs(
    loss: LoadedLoss,
    y_true: str | np.ndarray | None,
    y_pred: str | np.ndarray | None,
    task: str | None,
) -> tuple[Task, TaskSource] | None:
    """The task that the user gave by options or by a comment; None if nobody said anything.

    Raises:
        SpecError: a spec or a task cannot be read, or one of the two specs is missing.

    """
    if y_true is None and y_pred is None and task is None:
        comment = parse_comment(loss.spec_comment)
        if not comment:
            return None
        found = told_inputs(loss, comment.get("y_true"), comment.get("y_pred"), comment.get("task"))
        return None if found is None else (found[0], TaskSource.COMMENT)
    if task is not None and task not in TASKS:
        raise SpecError(f"unknown task `{task}`; use one of {', '.join(TASKS)}")
    named = TASKS[task] if task else None
    specs = []
    sides = ("y_true", y_true, named and named.y_true), ("y_pred", y_pred, named and named.y_pred)
    for name, given, default in sides:
        if isinstance(given, str):
            specs.append(parse_spec(given))
        elif given is not None:
            specs.append(_spec_of(name, given))
        elif default:
            specs.append(default)
        else:
            raise SpecError("give both `y_true` and `y_pred`, or a task")
    source = TaskSource.OPTION if isinstance(y_pred, str) or y_pred is None else TaskSource.ARRAYS
    chosen = told_task(*specs)
    if named and y_true is None and y_pred is None:
        chosen = replace(named, is_told=True)
    return sized(chosen, {}), source


def _spec_of(name: str, array: np.ndarray) -> InputSpec:
    """The spec of the user's own array; its domain is read off its numbers."""
    values = np.asarray(array)
    if values.ndim == 0:
        raise SpecError(f"`{name}` is a scalar: give an array with a batch axis")
    dims = ("B", *values.shape[1:])
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    domain = "real"
    if values.dtype.kind in "iu" and finite.size and finite.min() >= 0:
        domain = f"labels<{int(finite.max()) + 1}" if finite.max() > 1 else "binary"
    elif finite.size and finite.min() >= 0 and finite.max() <= 1:
        domain = "binary" if set(np.unique(finite).tolist()) <= {0, 1} else "prob"
        if values.ndim > 1 and values.shape[-1] > 1 and np.allclose(values.sum(-1), 1, atol=1e-4):
            domain = "onehot" if domain == "binary" else "simplex"
    return parse_spec(f"{values.dtype.name}[{', '.join(map(str, dims))}] {domain}")
