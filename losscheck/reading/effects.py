"""What a call of an operation gives, from what it is handed."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from losscheck.reading import operations as table
from losscheck.reading.values import Kind, Value, derived

#: What a `maximum` or a clip bounds from below.
_BOUNDING = ("maximum", "clip", "clip_by_value")
#: Keep the class of what they are handed: a clipped softmax is a softmax.
_NEAR_IDENTITY = (
    *_BOUNDING,
    "minimum",
    "convert_to_tensor",
    "cast",
    "reshape",
    "identity",
    "add",
    "ensure_shape",
)
_LINEAR = (
    "add",
    "subtract",
    "multiply",
    "negative",
    "reduce_mean",
    "reduce_sum",
    "mean",
    "sum",
    "cast",
    "divide",
)
#: Zero for equal entries, whatever they are.
_SPREADS = ("reduce_std", "reduce_variance", "std", "var")
_PLAIN = ("name", "axis", "keepdims", "dtype", "seed")


def apply(name: str, node: ast.AST, given: Sequence[Value], keywords: Mapping[str, Value]) -> Value | None:
    """The value that an operation gives; None for one that is not known here."""
    inputs = [*given, *(value for key, value in keywords.items() if key not in _PLAIN)]
    if name in table.CONSTANTS:
        return _constant(name)
    if name in table.CUTS or name in table.FLAT:
        value = _cut(name, node, inputs)
        return replace(value, dtype=keywords["dtype"].dtype) if "dtype" in keywords else value
    if name == "cast":
        return _cast(node, inputs, keywords)
    if name in table.REDUCTIONS:
        return _reduced(name, node, inputs, keywords)
    if name in table.ELEMENTWISE:
        return _elementwise(name, inputs)
    if name in table.FUSED:
        return replace(derived(Kind.TENSOR, inputs), dtype="float", has_rows=any(v.has_rows for v in inputs))
    if name in table.RESHAPING:
        return _reshaped(name, node, inputs, keywords)
    if name in table.SEVERAL:
        return derived(Kind.UNKNOWN if name == "while_loop" else Kind.SEQUENCE, inputs)
    return None


def _constant(name: str) -> Value:
    if name == "epsilon":
        return Value(Kind.PYTHON, number=1e-7)
    return Value(Kind.TENSOR, dtype="int" if name in table.INTEGER else "")


def _cut(name: str, node: ast.AST, inputs: Sequence[Value]) -> Value:
    value = derived(Kind.TENSOR, inputs)
    dtype = "bool" if name in table.BOOLEAN else "int" if name in table.INTEGER else ""
    return replace(
        value,
        has_slope=False,
        cut=node if value.has_slope else value.cut,
        is_flat_cut=name in table.FLAT if value.has_slope else value.is_flat_cut,
        dead=(),
        dtype=dtype or (inputs[0].dtype if inputs and name != "one_hot" else ""),
        has_rows=any(v.has_rows for v in inputs) and name not in ("argsort", "bincount"),
        can_vanish=name in table.BOOLEAN or name in ("round", "floor"),
    )


def _cast(node: ast.AST, inputs: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    source = inputs[0] if inputs else Value()
    wanted = keywords.get("dtype", inputs[1] if len(inputs) > 1 else Value())
    dtype = wanted.dtype
    if dtype in ("int", "bool"):
        return replace(_cut("cast", node, [source]), dtype=dtype, can_vanish=source.can_vanish)
    value = replace(source, kind=Kind.TENSOR, parameter="", dtype=dtype)
    return value if source.is_of_batch or source.is_tensor else Value(Kind.TENSOR, dtype=dtype)


def _elementwise(name: str, inputs: Sequence[Value]) -> Value:
    tensors = [value for value in inputs if value.is_tensor] or list(inputs)
    value = derived(Kind.TENSOR, inputs)
    others = [v for v in inputs if not v.is_tensor]
    first = inputs[0] if inputs else Value()
    dtypes = {v.dtype for v in tensors}
    dead = value.dead if name in _LINEAR else ()
    if name in ("add", "subtract") and value.has_slope:
        dead = (*dead, *(cut for v in inputs if (cut := _dead_cut(v)) is not None))
    is_half_sum = name in ("add", "subtract", "multiply", "negative", "sqrt") or (name == "divide" and others)
    activation = name if name in ("softmax", "sigmoid") and first.of_pred else ""
    return replace(
        value,
        dead=dead,
        has_rows=any(v.has_rows for v in tensors),
        is_scalar=all(v.is_scalar for v in tensors),
        reduced=next((v.reduced for v in tensors if v.reduced is not None), None),
        is_summed=bool(is_half_sum) and any(v.is_summed for v in tensors),
        lost_rows=next((v.lost_rows for v in tensors if v.lost_rows is not None), None)
        if not any(v.has_rows for v in tensors)
        else None,
        can_vanish=_can_vanish(name, inputs),
        is_reduction=any(v.is_reduction for v in tensors),
        dtype=_dtype_of(name, dtypes),
        activation=activation or (first.activation if name in _NEAR_IDENTITY else ""),
    )


def _dtype_of(name: str, dtypes: set[str]) -> str:
    if dtypes == {"int"} and name in ("divide", "div", "truediv", "true_divide"):
        return "float64"  # TensorFlow divides two int32 in double precision
    known = dtypes - {""}  # operands of two dtypes would raise: one that is known tells the others
    return next(iter(known)) if len(known) == 1 else ""


def _dead_cut(value: Value) -> ast.AST | None:
    """The cut of a term that brings no gradient; one that was stopped on purpose is none."""
    if not value.of_pred or value.has_slope or value.cut is None:
        return None
    called = value.cut.func if isinstance(value.cut, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return None if name == "stop_gradient" else value.cut


def _can_vanish(name: str, inputs: Sequence[Value]) -> bool:
    if not table.keeps_zero(name) or not inputs:
        return False
    if name in _BOUNDING:
        bound = inputs[1] if len(inputs) > 1 else Value()
        return inputs[0].can_vanish and bound.number is not None and bound.number <= 0
    if name in ("add", "add_n"):
        guards = [v for v in inputs if not v.is_of_batch and not (v.number is not None and v.number <= 0)]
        return not guards and all(v.can_vanish for v in inputs if v.is_of_batch)
    if name == "subtract":  # `1 - y_pred`, `y_true - y_pred`
        return any(v.can_vanish for v in inputs)
    if name in ("divide", "div", "truediv", "true_divide", "pow", "power"):
        return inputs[0].can_vanish
    return any(v.can_vanish for v in inputs)


def _axes(inputs: Sequence[Value], keywords: Mapping[str, Value]) -> tuple[int, ...] | None:
    """The axes of a reduction: empty for all of them, None where reading cannot say."""
    given = keywords.get("axis", inputs[1] if len(inputs) > 1 else None)
    if given is None or given.is_none:
        return ()
    numbers = [given.number] if given.number is not None else [item.number for item in given.items]
    if not numbers or not all(isinstance(number, int) for number in numbers):
        return None
    return tuple(int(number) for number in numbers if number is not None)


def _reduced(name: str, node: ast.AST, inputs: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    source = inputs[0] if inputs else Value()
    value = derived(Kind.TENSOR, inputs[:1])
    axes = () if source.is_scalar else _axes([source, *inputs[1:]], keywords)
    if "ord" in keywords and name == "norm":
        axes = _axes([source], keywords)
    if name == "norm" and len(inputs) > 1:  # the second argument is its order
        axes = _axes([source], keywords)
    keeps = "keepdims" in keywords or "keep_dims" in keywords
    is_sum = name in ("reduce_sum", "sum")
    is_mean = name in ("reduce_mean", "mean")
    loses = axes is not None and 0 in axes and len(axes) == 1 and source.has_rows and not keeps
    return replace(
        value,
        dead=value.dead if is_sum or is_mean else (),
        has_rows=bool(axes)
        and 0 not in (axes or ())
        and source.has_rows
        and (keeps or not source.is_reduction),
        is_scalar=axes == () and not keeps,
        reduced=(source.reduced or node) if axes == () and not keeps else None,
        is_summed=(is_sum and axes == () and source.has_rows) or (source.is_summed and source.is_scalar),
        lost_rows=node if loses else None,
        can_vanish=(source.can_vanish and table.keeps_zero(name))
        or (name in _SPREADS and source.is_of_batch),
        is_reduction=True,
        dtype=source.dtype,
    )


def _reshaped(name: str, node: ast.AST, inputs: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    flows = inputs
    if name in ("where", "select", "switch") and len(inputs) == 3:
        flows = inputs[1:]
    elif name in ("gather", "gather_nd", "repeat", "tile", "reshape", "pad", "slice"):
        flows = inputs[:1]
    value = derived(Kind.TENSOR, flows)
    first = flows[0] if flows else Value()
    axis = keywords.get(
        "axis", inputs[1] if len(inputs) > 1 and name in ("expand_dims", "squeeze") else Value()
    )
    is_behind = axis.number is not None and axis.number != 0
    keeps_rows = name in ("expand_dims", "squeeze", "concat", "concatenate", "stack") and is_behind
    return replace(
        value,
        of_true=any(v.of_true for v in inputs),
        of_pred=any(v.of_pred for v in inputs),
        cut=value.cut if value.of_pred else node if any(v.of_pred for v in inputs) else None,
        dead=(),
        has_rows=(keeps_rows or name in ("where", "select")) and any(_has_rows(v) for v in flows),
        is_scalar=name == "where" and all(v.is_scalar for v in inputs),
        reduced=next((v.reduced for v in inputs if v.reduced is not None), None) if name == "where" else None,
        dtype=first.dtype,
        can_vanish=first.can_vanish and name in ("reshape", "expand_dims", "squeeze", "transpose", "flatten"),
        is_reduction=first.is_reduction,
        activation=first.activation if name in ("reshape", "expand_dims", "squeeze") else "",
    )


def _has_rows(value: Value) -> bool:
    return value.has_rows or any(item.has_rows for item in value.items)
