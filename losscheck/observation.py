"""What a probe saw when it ran a loss one way on one batch: NumPy and plain data, no TensorFlow.

A probe never raises for the user's error: the error is part of the observation.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from losscheck.finding import Location, Mode

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Frame:
    """One line of a traceback."""

    path: str  #: file
    line: int  #: line, from 1
    function: str  #: name of the function
    is_user: bool  #: the file is the user's, not a library's


@dataclass(frozen=True)
class Raised:
    """An exception that the user's loss raised."""

    type: str  #: class name, ``InvalidArgumentError``
    bases: tuple[str, ...]  #: names of all base classes, nearest first
    message: str  #: text, without TensorFlow's call trailer
    location: Location | None  #: the deepest line in the user's files
    frames: tuple[Frame, ...] = ()  #: the traceback, outermost first

    def is_a(self, *names: str) -> bool:
        """Whether the exception is of one of these classes or of a subclass."""
        return self.type in names or any(base in names for base in self.bases)


PYTHON_RANDOM = "Python's random module"  #: detail of an `Effect` of kind ``RANDOM``


class EffectKind(str, enum.Enum):
    """A Python side effect of calling a loss."""

    OUTPUT = "output"  #: wrote to stdout, stderr or a log
    STATE = "state"  #: changed a global, closure cell, attribute or default
    RANDOM = "random"  #: moved the state of Python's or NumPy's random generator
    TAPE = "tape"  #: opened a ``GradientTape`` and never asked it for a gradient
    FUNCTION = "function"  #: made a ``tf.function``
    VARIABLE = "variable"  #: created a ``tf.Variable``
    LEAK = "leak"  #: left a symbolic tensor of the graph where Python can reach it
    CLOCK = "clock"  #: read the clock
    IO = "io"  #: wrote to a file, or opened a socket or a process
    RETRACE = "retrace"  #: traced a ``tf.function`` that an earlier call had traced


@dataclass(frozen=True)
class Effect:
    """One side effect, seen in one call."""

    kind: EffectKind
    detail: str  #: what was printed, which name changed, …
    call: int  #: number of the call in the observation, from 0
    location: Location | None  #: the user's line


@dataclass(frozen=True)
class Returned:
    """What the loss gave back, in words that do not need TensorFlow."""

    kind: str  #: ``tensor``, or the Python type's name: ``NoneType``, ``float``, ``tuple``, ``ndarray`` …
    dtype: str = ""  #: ``float32``; empty where there is none
    shape: Shape | None = None  #: None where the rank is unknown or there is no shape
    location: Location | None = None  #: the ``return`` that gave it, where known

    @property
    def is_float_tensor(self) -> bool:
        """Whether Keras can train on it."""
        return self.kind == "tensor" and (self.dtype.startswith("float") or self.dtype == "bfloat16")


@dataclass(frozen=True)
class Observation:
    """What every probe reports; each probe adds its own fields in a subclass."""

    batch: str  #: name of the batch
    raised: Raised | None = None  #: the user's error
    returned: Returned | None = None  #: what came back; None if it raised
    value: np.ndarray | None = None  #: the loss, per sample or scalar; None if it raised or is no tensor
    effects: tuple[Effect, ...] = ()  #: side effects, in order
    calls: int = 1  #: how often the loss was called
    seconds: float = 0.0  #: wall time
    skipped: str = ""  #: why the probe, or a part of it, could not look

    @property
    def is_finite(self) -> bool:
        """Whether there is a value and no entry of it is NaN or infinite."""
        import numpy as np

        return self.value is not None and bool(np.isfinite(self.value).all())


@dataclass(frozen=True)
class EagerObservation(Observation):
    """The loss called eagerly."""


@dataclass(frozen=True)
class GraphObservation(Observation):
    """The loss traced by ``tf.function`` and run several times."""

    static_shape: Shape | None = None  #: shape of the output in the graph; None: the rank is unknown
    traces: int = 0  #: how often TensorFlow traced it


@dataclass(frozen=True)
class TraceObservation(Observation):
    """The loss traced as ``fit`` traces it, from the state it was loaded with; nothing is run."""


@dataclass(frozen=True)
class FrozenValue:
    """A value that other code changes, and that the traced loss does not look at again."""

    name: str  #: as a user would write it, ``schedule.alpha``
    read: Location | None  #: where the loss reads it, if found
    writer: Location  #: the statement that changes it
    function: str  #: name of the function which that stands in
    before: float  #: an entry of the loss
    after: float  #: the same entry, called eagerly, with another value in place


@dataclass(frozen=True)
class FrozenObservation(Observation):
    """The loss called eagerly and in an old graph, with what other code writes changed for a while."""

    values: tuple[FrozenValue, ...] = ()


@dataclass(frozen=True)
class SiblingsObservation(Observation):
    """The losses that the same loop made: the fields are empty unless they all are one loss."""

    variable: str = ""  #: name of the loop's variable that they share
    last: str = ""  #: what it holds now
    count: int = 0  #: how many losses there are
    made_at: Location | None = None  #: the ``def`` or lambda


@dataclass(frozen=True)
class CapturedObservation(Observation):
    """An array of the user's code whose rows stand for those of one batch; empty where there is none."""

    name: str = ""  #: the array, ``NOISE``
    rows: int = 0  #: its rows
    other_rows: int = 0  #: rows of a batch on which the loss raises because of it; 0 where it does not
    before: float = 0.0  #: an entry of the loss
    after: float = 0.0  #: the same rows' entry when the batch comes in another order
    place: Location | None = None  #: the user's line that combines it with the batch


@dataclass(frozen=True)
class GradientObservation(Observation):
    """The loss inside a ``GradientTape`` that watches ``y_pred``."""

    gradient: np.ndarray | None = None  #: with respect to ``y_pred``, its shape; None: disconnected
    is_forward_done: bool = True  #: the forward pass worked; an error then comes from the gradient


@dataclass(frozen=True)
class FitObservation(Observation):
    """The loss compiled into a small model and trained for one epoch, last batch partial."""

    steps: int = 0  #: batches that were trained on before the end or the error
    first_loss: float | None = None  #: the loss that Keras reports after the first batch
    weights_moved: bool = False  #: whether any weight of the model changed


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
class ReplicasObservation(Observation):
    """The loss trained for one step on two replicas, each with one half of the batch, and on one device."""

    fit_loss: float | None = None  #: what `fit` reports on two replicas
    single_fit_loss: float | None = None  #: what it reports on one device
    step: np.ndarray | None = None  #: change of the weights on two replicas, per unit of learning rate
    single_step: np.ndarray | None = None  #: the same on one device
    loop_loss: float | None = None  #: mean over the replicas of each one's mean, in a loop of the user's own
    is_uneven: bool = False  #: the error came from a batch that the replicas cannot halve


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


@dataclass(frozen=True)
class ValuesObservation(Observation):
    """The numbers inside the graph on one batch: where values or gradients go bad."""

    non_finite_op: int | None = None  #: first operation with finite inputs and a NaN or Inf output
    non_finite_gradient_op: int | None = None  #: operation whose gradient turns a finite one into NaN or Inf
    zero_gradient_op: int | None = None  #: operation whose gradient turns a non-zero one into zero
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
    """The loss run line by line eagerly and while it is traced."""

    location: Location | None = None  #: the first line where the two part; None where none was seen
    branches: bool = False  #: it is the way that they part in there, not a value


@dataclass(frozen=True)
class CallbacksObservation(Observation):
    """The time that the traced loss takes, and the part of it inside Python callbacks."""

    step: float = 0.0  #: milliseconds of one run
    inside: float = 0.0  #: milliseconds of it that the callbacks take


@dataclass(frozen=True)
class LoadObservation(Observation):
    """The user's module imported, or the loss built."""

    stage: str = "import"  #: ``import`` or ``build``
    eager_off_at: Location | None = None  #: the user's line that switched eager execution off


@dataclass(frozen=True)
class ProcessObservation(Observation):
    """How the child process that probed the loss ended."""

    timed_out: float | None = None  #: the limit in seconds that ran out
    exit_code: int | None = None  #: exit status if it ended by itself
    signal: str | None = None  #: ``SIGSEGV`` if a signal ended it
    location: Location | None = None  #: the user's line that it was in, where known
    mode: Mode | None = None  #: the mode that ended it, where what it had seen before was kept
