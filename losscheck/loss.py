"""A loss that was found in a file, and one that was loaded from it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from losscheck.finding import Location


class Kind(str, enum.Enum):
    """How the user wrote the loss."""

    FUNCTION = "function"  #: a function, lambda or partial called as ``(y_true, y_pred)``
    CLASS = "class"  #: a ``Loss`` subclass, built with its defaults
    INSTANCE = "instance"  #: an object with ``__call__(y_true, y_pred)`` bound at module level


@dataclass(frozen=True)
class Part:
    """Columns of a tensor's last axis that the source reads by literal numbers."""

    start: int  #: first column; -1: the last
    stop: int | None  #: the column behind the last one; None: to the end; -1: up to the last
    name: str = ""  #: what the source calls them
    is_index: bool = False  #: one column, and the axis goes: ``[:, 0]``, not ``[:, :1]``
    reader: str = ""  #: the function that it is handed to, with `` logits`` where that is told `from_logits`

    def __str__(self) -> str:
        if self.is_index:
            index = str(self.start)
        else:
            index = f"{self.start or ''}:{'' if self.stop is None else self.stop}"
        return f"[..., {index}]"


@dataclass(frozen=True)
class Layout:
    """What the source takes for granted of the shape of ``y_true`` or ``y_pred``."""

    parts: tuple[Part, ...] = ()  #: in the order of reading
    axes: int = 0  #: as many as a subscript without an ellipsis has, the batch included; 0: unknown
    reshaped: tuple[int, ...] = ()  #: axes behind the batch to which it is reshaped, all of them literal

    @property
    def columns(self) -> int:
        """The least width of the last axis that holds every part; 0 if there is none."""
        ends = [
            part.stop if (part.stop or 0) > 0 else part.start + 1 for part in self.parts if part.start >= 0
        ]
        return max((end for end in ends if end is not None and end > 0), default=0)


@dataclass(frozen=True)
class SourceFacts:
    """What reading the source says of a loss: where to look and which words to use, never proof."""

    text: str = ""  #: source of the loss itself
    first_line: int = 1  #: line of ``text`` in the file
    docstring: str = ""
    helpers_say: str = ""  #: the docstrings of the functions that it calls
    parameters: tuple[str, ...] = ()  #: names, in order, without ``self``
    names: frozenset[str] = frozenset()  #: every identifier and attribute that the loss and its helpers use
    integers: tuple[int, ...] = ()  #: integer constants, products and differences of them included, ascending
    rows: tuple[int, ...] = ()  #: numbers that stand where the batch size belongs
    compared: tuple[
        float, ...
    ] = ()  #: numbers that ``y_true`` or a tensor is compared with (sentinels such as -1)
    bounds: tuple[float, ...] = ()  #: numbers that stand in clip, maximum and minimum calls
    returns: tuple[int, ...] = ()  #: lines of its ``return`` statements
    y_true: Layout = field(default_factory=Layout)  #: the shape that it reads off ``y_true``
    y_pred: Layout = field(default_factory=Layout)  #: the same for ``y_pred``
    remark_unused: bool = False  #: a docstring or comment says that ``y_true`` is not used


@dataclass(frozen=True)
class FoundLoss:
    """A loss found by reading a file; nothing has been run."""

    target: str  #: what the user would type to check it alone
    path: str  #: file, as the user would type it
    name: str  #: name or expression, ``dice_loss`` or ``make_focal(gamma=2)``
    line: int  #: its def, class or assignment line
    kind: Kind
    spec_comment: str = ""  #: text after ``# losscheck:`` on or above that line
    spec_config: dict[str, str] = field(default_factory=dict)  #: its table in ``pyproject.toml``


@dataclass(frozen=True)
class LoadedLoss:
    """A loss that can be called."""

    target: str
    name: str
    kind: Kind
    location: Location  #: its def, class or assignment line
    compiled: Any  #: what the user hands to ``model.compile(loss=…)``
    function: Callable[..., Any]  #: ``(y_true, y_pred)`` → per-sample loss, before any reduction by Keras
    source: SourceFacts = field(default_factory=SourceFacts)
    spec_comment: str = ""  #: input specs that the source gives
    spec_config: dict[str, str] = field(default_factory=dict)  #: its table in ``pyproject.toml``
    left_out: str = ""  #: what of its file was not run, in a few words; empty: all was
    given: str = ""  #: which arguments it was built with that nobody gave, in words
    rebuilt: str = ""  #: expression that gives it, in the names of its module; empty: none is known
    beside: tuple[Any, ...] = ()  #: what one call has made together with it

    @property
    def is_keras_loss(self) -> bool:
        """Whether it is a ``Loss`` object, which Keras casts for but does not align."""
        return self.kind is not Kind.FUNCTION
