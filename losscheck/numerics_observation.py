"""What the hunt for bad numbers saw: the smallest input that shows one, singular points, unstable logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from losscheck.observation import Observation

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class SmallestObservation(Observation):
    """The fewest rows and entries of a batch at which the loss or its gradient is not finite."""

    y_true: np.ndarray | None = None  #: None where nothing smaller than the batch shows it
    y_pred: np.ndarray | None = None

    @property
    def words(self) -> str:
        """The input as it stands in a message: ``one row is enough: `y_true = [0.], y_pred = [1.]` ``."""
        if self.y_true is None or self.y_pred is None:
            return ""
        rows = len(self.y_pred)
        start = "one row is enough" if rows == 1 else f"{rows} rows are enough"
        pair = (self.y_true[0], self.y_pred[0]) if rows == 1 else (self.y_true, self.y_pred)
        shown = [_shown(array) for array in pair]
        return f"{start}: `y_true = {shown[0]}, y_pred = {shown[1]}`" if all(shown) else start


@dataclass(frozen=True)
class SingularObservation(Observation):
    """A point inside the domain, on the way to which an operation was driven to its singular argument."""

    op: int | None = None  #: index of the operation; None where no bad point was found
    y_pred: np.ndarray | None = None  #: the point
    is_region: bool = False  #: points around it are bad as well
    is_loss_bad: bool = False  #: the loss is not finite there; else its gradient is not


@dataclass(frozen=True)
class UnstableLog:
    """A logarithm of a softmax or sigmoid that is far from what the fused operation gives."""

    op: int  #: index of the `Log`
    activation: str  #: ``Softmax`` or ``Sigmoid``
    gap: float  #: how far apart the logits are; the fused operation gives its negative
    value: float  #: what the logarithm gives there


@dataclass(frozen=True)
class UnstableLogObservation(Observation):
    """The logarithms of a softmax or sigmoid, fed with large logits."""

    found: tuple[UnstableLog, ...] = ()


@dataclass(frozen=True)
class DirectionsObservation(Observation):
    """The loss along straight lines through the typical predictions, in the graph."""

    lines: tuple[tuple[str, tuple[float, ...]], ...] = ()  #: the direction in words; the loss at each step
    steps: tuple[float, ...] = ()  #: the length of each step


def _shown(array: np.ndarray) -> str:
    """The numbers of a small array on one line; empty for a large one."""
    import numpy as np

    if array.size > 6:
        return ""
    text = np.array2string(array, precision=4, separator=", ", suppress_small=False)
    return " ".join(text.split())
