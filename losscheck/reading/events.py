"""What a loss does, in the order of its statements: what rules look through."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from losscheck.reading.values import UNKNOWN, Value


@dataclass(frozen=True)
class Context:
    """Under which circumstances something is done."""

    function: ast.FunctionDef | ast.Lambda | None = None  #: the innermost one; None: the module
    is_eager: bool = False  #: only where there is no graph
    is_tried: bool = False  #: inside a `try` that catches what it raises
    is_conditional: bool = False  #: inside an `if` or a loop that may not run
    is_converted: bool = False  #: under `tf.function`, whose AutoGraph turns `if` and `for` into operations
    is_row: bool = False  #: on one row of the batch

    @property
    def is_sure(self) -> bool:
        """Whether it is done while a graph is traced, and nobody catches what it raises."""
        return not (self.is_eager or self.is_tried)


@dataclass(frozen=True)
class Event:
    """Something that the loss does at a place."""

    node: ast.AST
    context: Context


@dataclass(frozen=True)
class Call(Event):
    """A function, class or method is called."""

    name: str = ""  #: dotted, with one name for Keras: ``keras.ops.mean``; ``print``; empty: the file's own
    written: str = ""  #: dotted, as imported: ``tensorflow.keras.backend.mean``
    operation: str = ""  #: last name of an operation of TensorFlow or Keras, ``mean``
    method: str = ""  #: name of a method of a value
    receiver: Value = (
        UNKNOWN  #: whose method it is; without a method what is called, where it is the file's own
    )
    arguments: tuple[Value, ...] = ()  #: by position
    keywords: Mapping[str, Value] = field(default_factory=dict)
    value: Value = UNKNOWN  #: what it gives

    @property
    def shown(self) -> str:
        """What is called, as the user wrote it."""
        return ast.unparse(self.node.func) if isinstance(self.node, ast.Call) else ""

    @property
    def given(self) -> tuple[Value, ...]:
        """All arguments."""
        return (*self.arguments, *self.keywords.values())

    def argument(self, place: int, *names: str) -> Value:
        """An argument by position or name."""
        named = (self.keywords[name] for name in names if name in self.keywords)
        return next(named, self.arguments[place] if place < len(self.arguments) else UNKNOWN)


@dataclass(frozen=True)
class Decision(Event):
    """Python decides or loops by a value."""

    how: str  #: ``if``, ``while``, ``assert``, ``and``, ``or``, ``not``, ``for``, ``max``, …
    value: Value


@dataclass(frozen=True)
class Arithmetic(Event):
    """An operator stands between two values."""

    left: Value
    right: Value
    symbol: str  #: name of the operation, ``subtract``


@dataclass(frozen=True)
class Write(Event):
    """Something that outlives the call, or an element of a tensor, is written."""

    how: str  #: ``name`` (global, nonlocal), ``attribute``, ``item`` or the method that changes a container
    owner: Value  #: what is written to; for a name its old value
    value: Value  #: what is written
    is_update: bool = False  #: the new value is made from the old one


@dataclass(frozen=True)
class Discard(Event):
    """A value is computed by a statement that does nothing with it."""

    value: Value


@dataclass(frozen=True)
class Bind(Event):
    """A value gets a name."""

    value: Value


@dataclass(frozen=True)
class Return(Event):
    """The loss returns a value."""

    value: Value


@dataclass(frozen=True)
class Read(Event):
    """A global name, or an attribute of one or of ``self``, is read."""

    name: str  #: as written, ``SETTINGS`` or ``self.encoder.outputs``
    value: Value
