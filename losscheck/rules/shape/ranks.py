"""Labels with and without their last axis: batches that show the difference, and what `fit` makes of it."""

from __future__ import annotations

from losscheck.graph_observation import FlowObservation, Op
from losscheck.prober import Prober


def unlike_ranks(prober: Prober) -> tuple[str, str] | None:
    """The batch with unlike ranks and the same batch aligned; None where the question does not arise."""
    task = prober.inputs.task
    true, pred = task.y_true.dims, task.y_pred.dims
    if task.is_told:
        if len(true) + 1 == len(pred) and pred[-1] == 1:
            return "typical", "expanded labels"
        if len(true) == len(pred) and true[-1] == 1 and pred[-1] != 1 and len(true) > 1:
            return "typical", "squeezed labels"
        return None
    has_classes = task.y_true.domain.name in ("onehot", "simplex") or task.y_pred.domain.name == "simplex"
    if true == pred and len(true) == 2 and not (has_classes or task.has_columns):
        return "flat", "column"
    if len(true) + 1 == len(pred) and (task.y_true.is_label or len(true) == 1):
        return "expanded labels", "typical"
    if len(true) == len(pred) == 2 and true[-1] == 1 and not task.y_true.is_label:
        return "typical", "squeezed labels"
    return None


def outer_product(flow: FlowObservation, rows: int) -> Op | None:
    """The first operation of both arguments whose output holds the batch axis twice."""
    for op in flow.ops:
        twice = op.shape is not None and op.shape.count(rows) > 1
        if twice and op.from_y_true and op.from_y_pred and op.reaches_output:
            return op
    return None


def differs_in_fit(prober: Prober, unlike: str, aligned: str) -> bool:
    """Whether `fit` gets it wrong too; it is run only where its own alignment does not settle the matter."""
    import numpy as np

    from losscheck.inputs.batches import is_same_value

    fed, meant = prober.inputs[unlike].aligned(), prober.inputs[aligned]
    is_same = fed.y_true.shape == meant.y_true.shape and fed.y_pred.shape == meant.y_pred.shape
    if is_same and not prober.loss.is_keras_loss:
        return False
    wrong, right = prober.fit(unlike), prober.fit(aligned)
    if wrong.raised is not None:
        return right.raised is None
    if wrong.first_loss is None or right.first_loss is None:
        return False
    return not is_same_value(np.asarray(wrong.first_loss), np.asarray(right.first_loss))
