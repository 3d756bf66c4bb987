"""What an expression of a loss holds, as far as reading can say."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


class Kind(enum.Enum):
    """What sort of thing a value is."""

    UNKNOWN = "unknown"
    TENSOR = "tensor"
    VARIABLE = "variable"  #: ``tf.Variable``
    SYMBOLIC = "symbolic"  #: a ``KerasTensor``
    PYTHON = "python"  #: a number, a string, None, a dtype
    SHAPE = "shape"  #: a static shape, whose first entry may be the unknown batch size
    ROWS = "rows"  #: the static batch size, which is None while `fit` traces
    SEQUENCE = "sequence"  #: a list or tuple of Python's
    FUNCTION = "function"
    OBJECT = "object"  #: what a class of a library was called for: ``Value.made_by`` says which
    SELF = "self"


#: Kinds that a graph holds as a symbol: Python cannot decide by them.
_SYMBOLS = (Kind.TENSOR, Kind.VARIABLE, Kind.SYMBOLIC)


@dataclass(frozen=True)
class Value:
    """What is known of a value; what is not known is said in the way that keeps rules quiet."""

    kind: Kind = Kind.UNKNOWN
    parameter: str = ""  #: ``y_true`` or ``y_pred`` where it is that parameter itself
    of_true: bool = False  #: depends on the entries of ``y_true``
    of_pred: bool = False  #: depends on the entries of ``y_pred``
    has_slope: bool = False  #: a gradient may flow from it to ``y_pred``
    cut: ast.AST | None = None  #: the operation that took the last gradient away
    is_flat_cut: bool = False  #: that operation has a gradient, and it is zero
    dead: tuple[ast.AST, ...] = ()  #: cuts of terms that were added to a term with a gradient
    has_rows: bool = False  #: its first axis is surely the batch
    is_scalar: bool = False  #: surely one number
    reduced: ast.AST | None = None  #: the operation that left one number
    is_summed: bool = False  #: it is a sum over the batch, never divided by anything
    lost_rows: ast.AST | None = None  #: the operation that reduced the batch axis and left others
    can_vanish: bool = False  #: 0 at inputs that training reaches
    is_reduction: bool = False  #: a sum or mean that can be 0 as a whole
    dtype: str = ""  #: ``float``, ``float64``, ``int``, ``bool``; empty: not known
    activation: str = ""  #: ``softmax`` or ``sigmoid`` where it is the result of one
    number: int | float | None = None  #: a Python number
    text: str = ""  #: a Python string
    items: tuple[Value, ...] = ()  #: of a sequence whose length is known
    made_by: str = ""  #: dotted name of the class or function that made an object
    code: ast.FunctionDef | ast.Lambda | None = None  #: of a function
    scope: Mapping[str, Value] | None = None  #: names around a nested function
    is_global: bool = False  #: reached through a global name or an attribute of ``self``
    is_none: bool = False  #: surely None

    @property
    def is_tensor(self) -> bool:
        """Whether it is surely a tensor, which has no value while a graph is traced."""
        return self.kind in _SYMBOLS

    @property
    def is_of_batch(self) -> bool:
        """Whether it depends on ``y_true`` or ``y_pred``."""
        return self.of_true or self.of_pred


UNKNOWN = Value()
PYTHON = Value(Kind.PYTHON)
NONE = Value(Kind.PYTHON, is_none=True)


def derived(kind: Kind, sources: Iterable[Value]) -> Value:
    """A value that depends on what the sources depend on, with their gradient."""
    parts = tuple(sources)
    cuts = [part for part in parts if part.of_pred and not part.has_slope and part.cut is not None]
    has_slope = any(part.has_slope for part in parts)
    is_cut = bool(cuts) and not has_slope
    return Value(
        kind,
        of_true=any(part.of_true for part in parts),
        of_pred=any(part.of_pred for part in parts),
        has_slope=has_slope,
        cut=cuts[0].cut if is_cut else None,
        is_flat_cut=cuts[0].is_flat_cut if is_cut else False,
        dead=tuple(dict.fromkeys(node for part in parts for node in part.dead)),
    )


def joined(one: Value, other: Value) -> Value:
    """What holds of a value that is one or the other: only what holds of both."""
    if one == other:
        return one
    if one.is_none or other.is_none:  # `x = None` before the branch that sets it
        both = replace(other if one.is_none else one, is_none=False)
        return replace(both, kind=Kind.UNKNOWN) if both.kind is Kind.PYTHON else both
    merged = derived(one.kind if one.kind is other.kind else Kind.UNKNOWN, (one, other))
    return replace(
        merged,
        parameter=one.parameter if one.parameter == other.parameter else "",
        has_rows=one.has_rows and other.has_rows,
        is_scalar=one.is_scalar and other.is_scalar,
        reduced=one.reduced if one.is_scalar and other.is_scalar else None,
        is_summed=one.is_summed and other.is_summed,
        can_vanish=one.can_vanish and other.can_vanish,
        is_reduction=one.is_reduction and other.is_reduction,
        dtype=one.dtype if one.dtype == other.dtype else "",
        activation=one.activation if one.activation == other.activation else "",
        is_global=one.is_global and other.is_global,
    )
