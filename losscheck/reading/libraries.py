"""What the classes and functions of libraries give, and what the names of dtypes stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from losscheck.reading import operations as table
from losscheck.reading.naming import is_foreign
from losscheck.reading.values import PYTHON, UNKNOWN, Kind, Value, derived

_DTYPES = {"float64": "float64", "double": "float64", "bool": "bool", "int": "int"}
_DTYPES |= dict.fromkeys(("float16", "float32", "bfloat16", "half"), "float")
_DTYPES |= {f"{sign}int{bits}": "int" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_VARIABLES = ("tensorflow.Variable", "keras.Variable", "keras.backend.variable")
#: Functions of Python that give a Python value, whatever they are handed.
_PYTHON = frozenset(
    {"len", "str", "repr", "type", "isinstance", "hasattr", "callable", "id", "hash", "print", "range"}
)


def dtype_of(name: str) -> str:
    """``float``, ``float64``, ``int`` or ``bool`` for the name of a dtype; empty for any other."""
    return _DTYPES.get(name, "")


def made_by_library(name: str, called: Value, given: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    """What a call gives that is no operation; ``called`` is an object that is called, else not known."""
    parts = (*given, *keywords.values())
    if called.kind is Kind.OBJECT:
        return _of_object(called, parts)
    if name in _VARIABLES:
        return Value(Kind.VARIABLE, made_by=name, dtype="")
    if name in ("keras.Input", "keras.layers.Input"):
        return Value(Kind.SYMBOLIC)
    if name in _PYTHON:
        return PYTHON
    if name in table.FACTS or name.rpartition(".")[2] in table.FACTS:
        is_shape = name.endswith("int_shape") and bool(given)
        return Value(Kind.SHAPE, has_rows=given[0].has_rows) if is_shape else PYTHON
    last = name.rpartition(".")[2]
    if name in ("numpy.random.default_rng", "numpy.random.RandomState", "logging.getLogger"):
        return Value(Kind.OBJECT, made_by=name, number=len(parts))
    if is_foreign(name):  # NumPy and its like
        return replace(derived(Kind.UNKNOWN, parts), has_slope=False, dead=())
    if "." in name and last[:1].isupper():
        return Value(Kind.OBJECT, made_by=name)
    if name.startswith("keras.losses."):
        return replace(derived(Kind.TENSOR, parts), has_rows=any(v.has_rows for v in given), dtype="float")
    if name in ("float", "int", "bool"):
        return replace(derived(Kind.PYTHON, parts), has_slope=False)
    if name in ("list", "tuple", "sorted", "zip", "reversed") and given:
        return replace(given[0], kind=Kind.SEQUENCE, parameter="") if given[0].is_of_batch else UNKNOWN
    if name in ("abs", "sum", "max", "min") and given:
        kind = Kind.TENSOR if any(v.is_tensor or v.is_of_batch for v in given) else Kind.UNKNOWN
        return replace(derived(kind, given), dead=())
    return replace(derived(Kind.UNKNOWN, (called, *parts)), dead=())


def _of_object(called: Value, parts: Sequence[Value]) -> Value:
    """What a layer, model or loss object gives for what it is called with."""
    if any(part.kind is Kind.SYMBOLIC for part in parts):
        return Value(Kind.SYMBOLIC)
    if called.made_by.startswith("keras.losses."):
        return replace(derived(Kind.TENSOR, parts), dtype="float", is_scalar=True)
    return replace(derived(Kind.TENSOR if any(p.is_tensor for p in parts) else Kind.UNKNOWN, parts), dead=())
