"""Which ``y_true`` goes with what a model gives: the tasks whose ``y_pred`` has its shape and its range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from losscheck.inference.choose import Inferred
from losscheck.inference.doubts import is_unfit
from losscheck.inference.search import Call, Read, Search, sized
from losscheck.inference.words import ranked_tasks, switch_in_force
from losscheck.inputs.batches import Batches
from losscheck.inputs.specs import Domain, InputSpec
from losscheck.inputs.tasks import Task
from losscheck.loading.model import ModelOutput
from losscheck.loss import LoadedLoss
from losscheck.report import TaskChoice, TaskSource

#: What the range of a model's output may be called in a task; any number may be called more than one thing.
_MEANINGS = {
    "simplex": ("simplex",),
    "prob": ("prob",),
    "positive": ("positive", "real"),
    "real": ("real", "logits", "positive"),
    "interval": ("real", "interval"),
}
#: Names of axes that need more than one entry: classes, embeddings.
_SEVERAL = frozenset("CEL")


def infer_for_model(loss: LoadedLoss, call: Call, output: ModelOutput, read: Read) -> Inferred:
    """Choose ``y_true`` to go with a model's output."""
    search = Search(loss.source, call, lambda batch, task: is_unfit(read(batch), task, batch.size))
    candidates = list(tasks_for(output.spec, loss))
    for task in candidates:
        search.attempt(task)
        if search.fits or search.is_exhausted:
            break
    task = search.best or candidates[0]
    choice = TaskChoice(
        task.name, str(task.y_true), str(task.y_pred), TaskSource.MODEL, (output.words, *search.log())
    )
    batches = Batches(task, search.facts, batch_size=search.named_rows)
    return Inferred(choice, batches, tuple(search.attempts), search.best is not None, search.named_rows)


def tasks_for(spec: InputSpec, loss: LoadedLoss) -> Iterator[Task]:
    """The tasks that fit, those first that the source speaks of; at last ``y_true`` like ``y_pred``."""
    meanings = _MEANINGS[spec.domain.name]
    for task in ranked_tasks(loss.source, loss.name, from_logits=switch_in_force(loss)):
        sizes = _sizes(task.y_pred, spec)
        if sizes is None or task.y_pred.domain.name not in meanings:
            continue
        domain = task.y_pred.domain if spec.domain.name == "real" else spec.domain
        fitted = replace(task, y_true=task.y_true.with_sizes(sizes), y_pred=replace(spec, domain=domain))
        yield sized(fitted, {})
    for truth, y_true in _common_truths(spec):
        yield sized(Task(truth, y_true, spec), {})


def _common_truths(spec: InputSpec) -> Iterator[tuple[str, InputSpec]]:
    """What often goes with an output of any rank: labels of its last axis, or ``y_true`` of its shape."""
    like = replace(spec, dtype="float32")
    classes = spec.dims[-1]
    if len(spec.dims) > 1 and classes != 1 and spec.domain.name in ("simplex", "real"):
        yield "labels", InputSpec("int32", spec.dims[:-1], Domain("labels", classes=classes))
    if spec.domain.name == "prob":
        yield "binary", replace(like, domain=Domain("binary"))
    yield "like y_pred", like


def _sizes(wanted: InputSpec, given: InputSpec) -> dict[str, int] | None:
    """The sizes of a task's named axes that make its ``y_pred`` the one given; None if none do."""
    sizes: dict[str, int] = {}
    if len(wanted.dims) != len(given.dims):
        return None
    for name, size in zip(wanted.dims[1:], given.dims[1:], strict=True):
        if isinstance(size, str):  # the model leaves it open
            continue
        if isinstance(name, int):
            if name != size:
                return None
        elif sizes.setdefault(name, size) != size or (size == 1 and name in _SEVERAL):
            return None
    return sizes
