"""What the probes of the traced graph saw: its operations, the numbers inside it, what XLA makes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from losscheck.observation import Observation

if TYPE_CHECKING:
    import numpy as np

    from losscheck.finding import Location
    from losscheck.observation import Shape


#: Types of the operations that call back into Python, and the functions that make them.
HOST_CALLBACKS = {
    "EagerPyFunc": "tf.py_function",
    "PyFunc": "tf.numpy_function",
    "PyFuncStateless": "tf.numpy_function",
}


@dataclass(frozen=True)
class Refusal:
    """An operation that XLA does not compile."""

    op: str  #: type, ``StringFormat``
    location: Location | None  #: the user's line that made it, or made what it is the gradient of


@dataclass(frozen=True)
class XlaObservation(Observation):
    """The loss and its gradient compiled with ``jit_compile=True``, on inputs as `fit` passes them."""

    gradient: np.ndarray | None = None  #: with respect to ``y_pred``; None: disconnected
    refusals: tuple[Refusal, ...] = ()  #: what the compiler named when it refused


@dataclass(frozen=True)
class Op:
    """One operation of the traced graph; inner functions, branches and loop bodies are included."""

    index: int  #: place in `FlowObservation.ops`
    type: str  #: ``ArgMax``
    name: str  #: ``cond/ArgMax``
    inputs: tuple[int, ...]  #: indices of the operations that it reads
    float_inputs: tuple[int, ...]  #: those from which it reads a tensor that can carry a gradient
    shape: Shape | None  #: of the first output
    dtype: str  #: of the first output, ``float32``
    location: Location | None  #: the user's line that made it
    is_float: bool  #: the first output can carry a gradient
    has_gradient: bool = False  #: the output depends on it differentiably
    from_y_true: bool = False  #: reachable from ``y_true``
    from_y_pred: bool = False  #: reachable from ``y_pred``
    reaches_output: bool = False  #: the output is reachable from it
    constant: float | None = None  #: number that a `Const` of one element holds

    @property
    def vanishes_in_float16(self) -> bool:
        """Whether it is a constant beside 0, 1 or -1 that float16 rounds to just that."""
        import numpy as np

        number = self.constant
        if number is None or not self.is_float or not abs(number) < 1.5 or number == round(number):
            return False
        return float(np.float16(number)) == round(number)


@dataclass(frozen=True)
class FlowObservation(Observation):
    """The traced graph, read: which operations stand between ``y_pred`` and the loss."""

    ops: tuple[Op, ...] = ()  #: in an order in which inputs come first
    output: int | None = None  #: index of the operation that gives the loss
    cut: int | None = None  #: index of the operation at which the gradient stops
    path: tuple[int, ...] = ()  #: from ``y_pred`` to the loss through the cut

    def torn(self, rows: int) -> Op | None:
        """The first reshape that cuts through the rows: parts of one row come to stand in several groups.

        Args:
            rows: the batch size.

        """
        for op in self.ops:
            if op.type != "Reshape" or not (op.from_y_true or op.from_y_pred) or not op.shape:
                continue
            before = self.ops[op.inputs[0]].shape
            if not before or before[0] != rows or None in (*before, *op.shape) or op.shape[0] == rows:
                continue
            row, group = (math.prod(size or 0 for size in shape[1:]) for shape in (before, op.shape))
            if row and group and row % group and group % row:
                return op
        return None


@dataclass(frozen=True)
class PassingObservation(Observation):
    """Where a gradient arrives at an operation that passes none on to an input."""

    kept: tuple[tuple[int, int], ...] = ()  #: rows of the input and of the operation that reads it


@dataclass(frozen=True)
class ValuesObservation(Observation):
    """The numbers inside the graph on one batch: where values or gradients go bad."""

    non_finite_op: int | None = None  #: first operation with finite inputs and a NaN or Inf output
    non_finite_gradient_op: int | None = None  #: operation whose gradient turns a finite one into NaN or Inf
    zero_gradient_op: int | None = None  #: operation whose gradient turns a non-zero one into zero
    exploding_gradient_op: int | None = None  #: operation whose gradient turns a small one into a huge one
    differing_op: int | None = None  #: first operation whose output is another one when XLA compiles it


@dataclass(frozen=True)
class HalfObservation(Observation):
    """The loss called directly with half-precision predictions, as a training loop of one's own does."""

    dtype: str = "float16"  #: of ``y_pred``


@dataclass(frozen=True)
class HalfValuesObservation(Observation):
    """The numbers inside the graph in float16: where they go bad, and which constants are to blame."""

    culprit: Op | None = None  #: first operation with finite inputs and a NaN or Inf output in float16
    vanished: tuple[Op, ...] = ()  #: constants lost in float16; another number there makes the culprit finite


#: Dtypes that may not hold all class ids; int16 holds as many as any model has an output for.
SMALL_DTYPES = ("uint8", "int8", "float16", "bfloat16", "bool")


@dataclass(frozen=True)
class LossyCast:
    """A cast that changes class ids."""

    op: Op
    before: float  #: the highest class id that changes
    after: float  #: what comes out for it


@dataclass(frozen=True)
class CastsObservation(Observation):
    """The casts of ``y_true`` to small dtypes, fed with the highest class ids."""

    lossy: tuple[LossyCast, ...] = ()  #: those that change some id


@dataclass(frozen=True)
class Discarded:
    """A statement whose result nothing reads."""

    op_type: str  #: the operation without a reader
    location: Location  #: the statement


@dataclass(frozen=True)
class DiscardedObservation(Observation):
    """The statements that compute something in the graph for nothing."""

    discarded: tuple[Discarded, ...] = ()


@dataclass(frozen=True)
class DivergenceObservation(Observation):
    """The loss run line by line in two ways: eagerly and while it is traced, or eagerly twice."""

    location: Location | None = None  #: the first line where the two part; None where none was seen
    branches: bool = False  #: it is the way that they part in there, not a value


@dataclass(frozen=True)
class MixingObservation(Observation):
    """The graph run on a batch and on the same batch with another row in one place."""

    op: int | None = None  #: first operation that lets a row change what is computed for the others


@dataclass(frozen=True)
class ExchangedObservation(Observation):
    """The built-in losses that the loss calls, in the order of their arguments and in the other one."""

    name: str = ""  #: the built-in that got `y_pred` for the truth and `y_true` for the prediction
    place: Location | None = None  #: the user's line that calls it
    is_in_order: bool = False  #: built-ins are called, and each gets the truth for the truth
    as_called: float = 0.0  #: mean of what it gives
    as_meant: float = 0.0  #: mean of what it gives with the two arguments exchanged


@dataclass(frozen=True)
class CallbacksObservation(Observation):
    """The time that the traced loss takes, and the part of it inside Python callbacks."""

    step: float = 0.0  #: milliseconds of one run
    inside: float = 0.0  #: milliseconds of it that the callbacks take


@dataclass(frozen=True)
class Doubled:
    """Probabilities that an operation takes for logits."""

    first: Op | None  #: the softmax or sigmoid that made them; None: ``y_pred`` itself, as the user told
    second: Op  #: what takes them for logits
    low: float  #: the smallest of them
    high: float  #: the largest of them


@dataclass(frozen=True)
class ActivationsObservation(Observation):
    """The softmaxes and sigmoids of ``y_pred``, told by their numbers."""

    doubled: tuple[Doubled, ...] = ()
    undone: Op | None = None  #: a Keras loss that skips the activation before it, in a graph alone


@dataclass(frozen=True)
class Term:
    """A summand of the loss that depends on ``y_pred``."""

    op: Op  #: what is added, before it is scaled and reduced
    value: np.ndarray
    is_live: bool  #: its gradient with respect to ``y_pred`` is there and not zero everywhere
    cut: Op | None = None  #: what ends the gradient; None where it is live or stopped on purpose


@dataclass(frozen=True)
class TermsObservation(Observation):
    """The sum that the loss is, taken apart."""

    terms: tuple[Term, ...] = ()  #: empty where there is only one


@dataclass(frozen=True)
class WrongGradient:
    """A custom gradient that is not the one of its function."""

    function: str  #: name of the function that has it
    location: Location | None  #: where it is given to the function
    written: float  #: an entry of it
    numeric: float  #: the same entry of the numeric gradient


@dataclass(frozen=True)
class CustomGradientsObservation(Observation):
    """The functions of the user's with a `tf.custom_gradient`, run alone."""

    wrong: tuple[WrongGradient, ...] = ()


@dataclass(frozen=True)
class SaturationObservation(Observation):
    """The gradients inside the graph, for predictions that are wrong in doubt and wrong and sure."""

    op: Op | None = None  #: behind which the gradient is lost when they are sure
    is_of_library: bool = False  #: a loss of Keras made it
