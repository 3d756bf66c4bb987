"""The domains that the traced graph asks for, against those that the words of the source suggested."""

from __future__ import annotations

from dataclasses import replace

from losscheck.graph_observation import FlowObservation
from losscheck.inference.uses import Uses, uses
from losscheck.inputs.specs import Domain, InputSpec
from losscheck.inputs.tasks import TASKS, Task

#: Of counts and shares: in `x log x` a zero counts as zero.
_FROM_ZERO = Domain("interval", 0.0, 3.0)


def read_domains(task: Task, flow: FlowObservation) -> tuple[Task, str] | None:
    """The task with the domains that the graph asks for, and the reason; None where it asks for no other."""
    if flow.raised is not None or not flow.ops:
        return None
    true, pred = uses(flow, of_y_pred=False), uses(flow, of_y_pred=True)
    if true.is_matched and (embedding := _embedding(task)) is not None:
        return embedding, "y_true is compared with itself, row by row"
    y_pred, why = _domain_of_y_pred(task, pred, true)
    y_true, why_true = _domain_of_y_true(task, y_pred, true, pred)
    if (y_pred, y_true) == (task.y_pred, task.y_true):
        return None
    return _renamed(replace(task, y_true=y_true, y_pred=y_pred)), why or why_true


def _embedding(task: Task) -> Task | None:
    """The task with class ids of embeddings; None where its shapes are others, or it says so already."""
    shape = len(task.y_true.dims), task.y_true.dims[-1], len(task.y_pred.dims)
    known = {(1, "B", 2): TASKS["embedding"], (2, 1, 2): TASKS["embedding_column"]}.get(shape)
    if known is None or task.is_embedding or task.y_pred.dims[-1] == 1:
        return None
    y_true = replace(known.y_true, dims=task.y_true.dims)
    return replace(known, y_true=y_true, y_pred=replace(known.y_pred, dims=task.y_pred.dims))


def _domain_of_y_pred(task: Task, use: Uses, true: Uses) -> tuple[InputSpec, str]:
    spec = task.y_pred
    now, is_wide = spec.domain.name, spec.dims[-1] not in (1, "B")
    if now == "parts" or not spec.is_float or task.is_embedding:
        return spec, ""
    is_clipped = use.is_clipped
    if use.arc and not use.logits:
        return _with(spec, Domain("interval", -1.0, 1.0)), f"`{use.arc}` reads y_pred as a cosine"
    if use.logits and not use.log and not is_clipped:
        return _with(spec, Domain("logits")), f"`{use.logits}` reads y_pred as logits"
    if use.logits or not (use.log or is_clipped):
        return spec, ""
    if now in ("prob", "simplex", "positive", "interval"):
        return spec, ""
    how = "is clipped to 0 to 1" if is_clipped else "goes into a logarithm"
    if is_clipped or use.log_of_complement or use.complement:
        is_class = task.y_true.domain.name in ("onehot", "labels") or (
            # both are clipped, and neither is turned round: two distributions
            true.is_clipped and not use.complement
        )
        is_class |= use.log and not use.log_of_complement  # nothing is said for a label of 0
        sums_to_one = is_wide and (use.is_divisor or is_class)
        is_simplex = sums_to_one and not use.log_of_complement
        return _with(spec, Domain("simplex" if is_simplex else "prob")), f"y_pred {how}"
    if is_wide and task.y_true.domain.name in ("onehot", "labels"):
        return _with(spec, Domain("simplex")), f"y_pred {how}"
    return _with(spec, Domain("positive")), f"y_pred {how}"


def _domain_of_y_true(task: Task, y_pred: InputSpec, use: Uses, pred: Uses) -> tuple[InputSpec, str]:
    spec = task.y_true
    if spec.domain.name == "positive" and spec.is_float and use.own_log and not use.log_of_complement:
        return _with(spec, _FROM_ZERO), "y_true is multiplied by its own logarithm"
    if spec.domain.name != "real" or not spec.is_float or task.is_embedding:
        return spec, ""
    is_id = len(spec.dims) < len(y_pred.dims) or spec.dims[-1] == 1  # else one of several columns is one
    if use.ids and is_id and isinstance(y_pred.dims[-1], int) and y_pred.dims[-1] > 1:
        classes = y_pred.dims[-1]
        ids = InputSpec("int32", spec.dims, Domain("labels", classes=classes))
        return ids, f"`{use.ids}` reads y_true as class ids"
    if use.is_clipped and spec.dims == y_pred.dims and y_pred.domain.name in ("prob", "simplex"):
        return _with(spec, y_pred.domain), "y_true is clipped to 0 to 1"
    if use.log:
        name = "prob" if use.log_of_complement or (use.high or 9) <= 1 else "positive"
        if y_pred.domain.name in ("prob", "simplex") and spec.dims == y_pred.dims:
            name = y_pred.domain.name  # two distributions
        if name == "positive" and use.own_log:
            return _with(spec, _FROM_ZERO), "y_true is multiplied by its own logarithm"
        return _with(spec, Domain(name)), "y_true goes into a logarithm"
    if spec.dims != y_pred.dims or y_pred.domain.name == task.y_pred.domain.name:
        return spec, ""
    if pred.logits.startswith(("Softmax", "LogSoftmax")) or y_pred.domain.name == "simplex":
        return _with(spec, Domain("onehot" if spec.dims[-1] != 1 else "binary")), ""
    if y_pred.domain.name in ("prob", "logits"):
        return _with(spec, Domain("binary")), ""
    if y_pred.domain.name == "positive":
        return _with(spec, Domain("positive")), ""
    return spec, ""


def _with(spec: InputSpec, domain: Domain) -> InputSpec:
    return InputSpec(spec.dtype, spec.dims, domain)


def _renamed(task: Task) -> Task:
    """The task under the name of the convention that it now follows."""
    for known in TASKS.values():
        is_same = all(
            ours.domain.name == theirs.domain.name
            and len(ours.dims) == len(theirs.dims)
            and (ours.dims[-1] == 1) == (theirs.dims[-1] == 1)
            for ours, theirs in ((task.y_true, known.y_true), (task.y_pred, known.y_pred))
        )
        if is_same and known.is_common:
            return replace(task, name=known.name, words=known.words)
    return task
