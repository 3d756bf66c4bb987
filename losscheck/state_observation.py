"""What the probes of Python state saw: what leaks, what freezes, what is shared, what is captured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from losscheck.observation import Observation

if TYPE_CHECKING:
    from losscheck.finding import Location


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
class UntrainedVariable:
    """A trainable variable that the loss depends on and that nothing trains."""

    name: str  #: as a user would write it, ``self.scale``
    shape: tuple[int, ...]
    location: Location | None  #: where it is made, else where the loss reads it
    is_setting: bool = False  #: the caller of the loss sets its value: by its config, by an argument


@dataclass(frozen=True)
class UntrainedObservation(Observation):
    """The trainable variables that the loss reads and that no Keras layer or model owns."""

    variables: tuple[UntrainedVariable, ...] = ()
