"""Who says what the inputs of a loss are: an option, a comment, the configuration, a file, a model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from losscheck.exceptions import SpecError
from losscheck.inference.search import sized
from losscheck.inference.told import told_inputs
from losscheck.inputs.given import read_batch
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.tasks import Task, told_task
from losscheck.loading.model import ModelOutput, read_model
from losscheck.loss import LoadedLoss
from losscheck.report import TaskSource

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Told:
    """What was said of the inputs; the nearest says it: options, then the comment, then the configuration."""

    inputs: tuple[Task, TaskSource] | None = None  #: both of them
    arrays: Arrays | None = None  #: the user's own
    output: ModelOutput | None = None  #: what ``y_pred`` comes from, where nobody says what ``y_true`` is


def read_told(
    loss: LoadedLoss,
    *,
    y_true: str | np.ndarray | None = None,
    y_pred: str | np.ndarray | None = None,
    task: str | None = None,
    batch: str | None = None,
    model: str | None = None,
) -> Told:
    """What the options, the comment at the loss and its table in ``pyproject.toml`` say.

    Raises:
        LosscheckError: a spec, a file or a model cannot be used.

    """
    if batch is not None:
        y_true, y_pred = read_batch(batch)
    if model is not None:
        return _of_model(read_model(model), y_true)
    arrays = None
    if isinstance(y_true, np.ndarray) and isinstance(y_pred, np.ndarray):
        arrays = (y_true, y_pred)
    inputs = told_inputs(loss, y_true, y_pred, task)
    if inputs is None and loss.spec_config:
        configured = told_inputs(loss, **{**dict.fromkeys(("y_true", "y_pred", "task")), **loss.spec_config})
        inputs = configured and (configured[0], TaskSource.CONFIG)
    return Told(inputs, arrays)


def _of_model(output: ModelOutput, y_true: str | np.ndarray | None) -> Told:
    if y_true is None:
        return Told(output=output)
    if not isinstance(y_true, str):
        raise SpecError("give `y_true` as a spec where the model gives `y_pred`")
    chosen = sized(told_task(parse_spec(y_true), output.spec), {})
    return Told((replace(chosen, is_told=True), TaskSource.MODEL))
