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

    @property
    def printed(self) -> str:
        """What the first call wrote to Python's streams and logs; a further one writes the same again."""
        first = [e.detail for e in self.effects if e.kind is EffectKind.OUTPUT and e.call == 0]
        return "".join(f"{text}\n" for text in first)


@dataclass(frozen=True)
class GraphObservation(Observation):
    """The loss traced by ``tf.function`` and run several times."""

    static_shape: Shape | None = None  #: shape of the output in the graph; None: the rank is unknown
    traces: int = 0  #: how often TensorFlow traced it


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
class LoadObservation(Observation):
    """The user's module imported, or the loss built."""

    stage: str = "import"  #: ``import`` or ``build``
    eager_off_at: Location | None = None  #: the user's line that switched eager execution off


@dataclass(frozen=True)
class ProcessObservation(Observation):
    """How the child process that probed the loss ended."""

    timed_out: float | None = None  #: the limit in seconds that ran out
    out_of_memory: float | None = None  #: the limit in GiB that it went beyond
    exit_code: int | None = None  #: exit status if it ended by itself
    signal: str | None = None  #: ``SIGSEGV`` if a signal ended it
    location: Location | None = None  #: the user's line that it was in, where known
    mode: Mode | None = None  #: the mode that ended it, where what it had seen before was kept

    @property
    def words(self) -> str:
        """How it ended, after "the process": ``died of SIGSEGV``."""
        if self.timed_out is not None:
            return f"gave no answer within {self.timed_out:g} s"
        if self.out_of_memory is not None:
            return f"took more than {self.out_of_memory:g} GiB of memory"
        return f"died of {self.signal}" if self.signal else f"ended with exit status {self.exit_code}"
