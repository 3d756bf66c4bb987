"""User's files for the probes: written, found and loaded as a run does it."""

from __future__ import annotations

import importlib
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from losscheck.finding import Location
from losscheck.graph_observation import Op
from losscheck.inputs.batches import Batch
from losscheck.loading.importing import load
from losscheck.loading.target import find_losses
from losscheck.loss import LoadedLoss
from losscheck.probes.frames import UserFiles


class Written(NamedTuple):
    """A loss in a file, loaded."""

    loss: LoadedLoss
    files: UserFiles

    @property
    def path(self) -> Path:
        return Path(self.loss.location.path).absolute()

    def line(self, marker: str = "") -> int:
        """The line that ends with ``# <-`` and the marker."""
        wanted = f"# <- {marker}".rstrip()
        lines = self.path.read_text(encoding="utf-8").splitlines()
        (number,) = (n for n, text in enumerate(lines, 1) if text.endswith(wanted))
        return number


def code_of(place: Location | None) -> str:
    """The source that a location on one line spans."""
    assert place is not None
    text = Path(place.path).read_text(encoding="utf-8").splitlines()[place.line - 1]
    assert place.end_line in (None, place.line)
    assert place.end_column is not None
    return text[place.column - 1 : place.end_column - 1]


def types(ops: tuple[Op, ...]) -> list[str]:
    return [op.type for op in ops]


def regression(rows: int = 7, columns: int = 3) -> Batch:
    """Rows of real numbers; none of them is zero, and no two are the same."""
    y_true = np.linspace(-2, 2, rows * columns, dtype=np.float32).reshape(rows, columns)
    return Batch("typical", "a batch", y_true, np.cos(y_true) * 1.5 + 0.1)


def probabilities(rows: int = 7) -> Batch:
    y_true = (np.arange(rows, dtype=np.float32) % 2).reshape(rows, 1)
    y_pred = np.linspace(0.1, 0.9, rows, dtype=np.float32).reshape(rows, 1)
    return Batch("typical", "a batch", y_true, y_pred)


def numbers(*y_pred: float, y_true: float = 0.0) -> Batch:
    """One column with these predictions."""
    column = np.array(y_pred, dtype=np.float32)[:, None]
    return Batch("typical", "a batch", np.full_like(column, y_true), column)


def _registered(names: dict[str, object] | None = None) -> dict[str, object]:
    """What is registered with Keras; set anew where ``names`` is given."""
    keras = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "saving"):
        return {}
    known = keras.saving.get_custom_objects()
    if names is not None:
        known.clear()
        known.update(names)
    return dict(known)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Written]]:
    """Write a source to ``losses.py`` in an empty working directory and load a loss of it.

    The source begins on line 2; line 1 imports TensorFlow.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def written(source: str, name: str = "loss_fn", **others: str) -> Written:
        for module, text in others.items():
            Path(f"{module}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        path = Path("losses.py")
        path.write_text(f"import tensorflow as tf\n{textwrap.dedent(source).lstrip()}", encoding="utf-8")
        (found,) = find_losses(f"losses.py:{name}").losses
        return Written(load(found), UserFiles(found.path))

    registered = _registered()
    yield written
    _registered(registered)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
    importlib.invalidate_caches()
