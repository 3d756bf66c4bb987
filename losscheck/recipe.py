"""How a short script shows a finding with plain TensorFlow, and what it needs for that.

A rule names its recipe; `losscheck.repro` has one template for each kind. A condition is a Python
expression over the names of the script, true as long as the defect is there.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from losscheck.finding import Mode

#: Stands for the batch (or batches) that the finding was proved on, told in its evidence as ``batch``.
PROVED_ON = "*"
#: Conditions on the values of two calls.
DIFFER = "not np.allclose(first, second, rtol=1e-3, atol=1e-6)"
SAME = "np.array_equal(first, second)"


@dataclass(frozen=True)
class Recipe:
    """One kind of demonstration."""

    @property
    def names(self) -> tuple[str, ...]:
        """The batches that it needs."""
        return ("typical",)


@dataclass(frozen=True)
class NoScript(Recipe):
    """None can be written honestly."""

    reason: str  #: as the user is told it

    @property
    def names(self) -> tuple[str, ...]:
        """None."""
        return ()


@dataclass(frozen=True)
class Raises(Recipe):
    """The loss raises in the first of the finding's modes."""

    batch: str = "typical"
    dtype: str = ""  #: of ``y_pred``, where it is another one
    mode: Mode | None = None  #: this one, whatever modes the finding lists

    @property
    def names(self) -> tuple[str, ...]:
        """The batch on which it raises."""
        return (self.batch,)


@dataclass(frozen=True)
class ImportRaises(Recipe):
    """The module cannot be imported, or the loss cannot be built."""

    @property
    def names(self) -> tuple[str, ...]:
        """None: it is never called."""
        return ()


@dataclass(frozen=True)
class ReturnsNoLoss(Recipe):
    """The call raises, or what it returns is no float tensor."""


class Way(str, enum.Enum):
    """A way to call the loss."""

    EAGER = "eagerly"
    GRAPH = "in a graph"
    XLA = "compiled by XLA"
    FIT = "in fit"
    HALF = "in float16"
    REVERSED = "in reversed order"


@dataclass(frozen=True)
class Values(Recipe):
    """The values of one or more calls, as NumPy arrays named ``first``, ``second``, ``third``, ``fourth``."""

    shows: str  #: condition on the values
    batches: tuple[str, ...] = ("typical",)
    ways: tuple[Way, ...] = ()  #: one for each call; the last batch serves the rest; empty: eagerly
    is_mode: bool = False  #: in a graph, where the finding's modes leave out the eager call
    or_raises: bool = False  #: a call that raises shows the defect as well

    @property
    def names(self) -> tuple[str, ...]:
        """The batches of the calls."""
        return self.batches


@dataclass(frozen=True)
class Gradients(Recipe):
    """The loss and its gradient with respect to ``y_pred``, ``first, slope`` and ``second, other_slope``."""

    shows: str  #: condition; an array of the gradient is None where it is disconnected
    batches: tuple[str, ...] = ("typical",)
    is_mode: bool = False  #: in a graph or compiled, where the finding's modes leave out the eager tape

    @property
    def names(self) -> tuple[str, ...]:
        """The batches of the calls."""
        return self.batches


@dataclass(frozen=True)
class Operations(Recipe):
    """An operation of the traced graph; ``op`` in the condition, which may use ``{evidence}`` by name."""

    shows: str


class SideEffect(str, enum.Enum):
    """What Python does while the loss is traced, and not in the steps after."""

    OUTPUT = "output"
    STATE = "state"
    RANDOM = "random"
    LEAK = "leak"
    CLOCK = "clock"
    FILES = "files"


@dataclass(frozen=True)
class WhileTracing(Recipe):
    """A Python side effect in the trace and in none of the steps after."""

    effect: SideEffect


@dataclass(frozen=True)
class Special(Recipe):
    """A demonstration that one rule alone needs."""

    template: str  #: name of the text in `losscheck.repro.special`
    batches: tuple[str, ...] = ("typical",)

    @property
    def names(self) -> tuple[str, ...]:
        """The batches that the text names."""
        return self.batches


@dataclass(frozen=True)
class WrittenBatch:
    """A batch as Python source."""

    words: str  #: the input in words
    y_true: str  #: arguments of ``tf.constant``: values and dtype
    y_pred: str  #: the same


@dataclass(frozen=True)
class Ingredients:
    """What scripts need to show the findings of one loss again."""

    built: str  #: expression that gives the loss, in the names of its module; empty: none can be written
    is_called_by_call: bool = False  #: a Keras `Loss`, whose own ``call`` gives the per-sample loss
    keras: str = "keras"  #: the package that runs it
    batches: Mapping[str, WrittenBatch] = field(default_factory=dict)  #: by name
