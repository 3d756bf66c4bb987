"""Reads expressions: what each holds, and what is called and decided on the way."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from losscheck.loading.folding import fold
from losscheck.reading.eager import eager_test
from losscheck.reading.effects import apply
from losscheck.reading.events import Arithmetic, Read
from losscheck.reading.libraries import dtype_of
from losscheck.reading.naming import full_name
from losscheck.reading.scopes import Scopes
from losscheck.reading.values import NONE, PYTHON, UNKNOWN, Kind, Value, derived, joined

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "floordiv",
    ast.Pow: "pow",
    ast.Mod: "floormod",
    ast.MatMult: "matmul",
}


class Expressions(Scopes):
    """What each expression holds: one method for each class of `ast`, in lower case."""

    def value(self, node: ast.expr | None) -> Value:
        """What an expression holds."""
        self.left -= 1
        if node is None or self.left < 0:
            return UNKNOWN
        read: Callable[[ast.expr], Value] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if read is not None:
            return read(node)
        parts = [self.value(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        return replace(derived(Kind.UNKNOWN, parts), dead=())

    def _constant(self, node: ast.Constant) -> Value:
        if node.value is None:
            return NONE
        number = fold(node, {})
        text = node.value if isinstance(node.value, str) else ""
        return Value(Kind.PYTHON, number=number, text=text, dtype=dtype_of(text))

    def _name(self, node: ast.Name) -> Value:
        return self.name(node.id, node)

    def _attribute(self, node: ast.Attribute) -> Value:
        name = full_name(node, self.imports)
        if name:
            return Value(dtype=dtype_of(name.rpartition(".")[2]))
        owner = self.value(node.value)
        if owner.kind is Kind.SELF:
            value = replace(self.own(node.attr), is_global=True)
            self.events.append(Read(node, self.context, ast.unparse(node), value))
            return value
        if owner.is_tensor:
            if node.attr in ("shape", "_keras_shape"):
                return Value(Kind.SHAPE, has_rows=owner.has_rows)
            if node.attr == "dtype":
                return Value(Kind.PYTHON, dtype=owner.dtype)
            return (
                PYTHON
                if node.attr in ("ndim", "rank", "name")
                else replace(owner, parameter="", kind=Kind.UNKNOWN)
            )
        if owner.kind is Kind.SHAPE:
            return PYTHON if node.attr in ("rank", "ndims") else owner
        if owner.is_global:
            value = Value(is_global=True)
            self.events.append(Read(node, self.context, ast.unparse(node), value))
            return value
        return replace(derived(Kind.UNKNOWN, [owner]), is_global=owner.is_global)

    def _subscript(self, node: ast.Subscript) -> Value:
        owner, index = self.value(node.value), node.slice
        place = self.value(index)
        if owner.kind is Kind.SHAPE:
            if isinstance(index, ast.Slice):
                starts = index.lower is None or fold(index.lower, {}) == 0
                return replace(owner, has_rows=owner.has_rows and starts)
            return Value(Kind.ROWS) if owner.has_rows and place.number == 0 else PYTHON
        if (
            owner.items
            and isinstance(place.number, int)
            and -len(owner.items) <= place.number < len(owner.items)
        ):
            return owner.items[place.number]
        if owner.kind is Kind.SEQUENCE:
            return replace(
                derived(Kind.TENSOR if owner.is_of_batch else Kind.UNKNOWN, [owner]),
                is_global=owner.is_global,
            )
        if not owner.is_tensor:
            return replace(derived(Kind.UNKNOWN, [owner]), is_global=owner.is_global)
        first = index.elts[0] if isinstance(index, ast.Tuple) and index.elts else index
        keeps = isinstance(first, ast.Slice) and first.lower is None and first.upper is None
        is_open = isinstance(first, ast.Constant) and first.value is ...
        return replace(
            owner,
            kind=Kind.TENSOR,
            parameter="",
            has_rows=owner.has_rows and (keeps or is_open),
            lost_rows=None,
            is_summed=False,
            is_scalar=False,
            reduced=None,
        )

    def _tuple(self, node: ast.Tuple | ast.List) -> Value:
        items = tuple(self.value(element) for element in node.elts)
        is_known = not any(isinstance(element, ast.Starred) for element in node.elts)
        return replace(derived(Kind.SEQUENCE, items), items=items if is_known else ())

    _list = _tuple

    def _dict(self, node: ast.Dict) -> Value:
        return derived(
            Kind.SEQUENCE, [self.value(part) for part in (*node.keys, *node.values) if part is not None]
        )

    def _joinedstr(self, node: ast.JoinedStr) -> Value:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.value(part.value)
        return PYTHON

    def _lambda(self, node: ast.Lambda) -> Value:
        return Value(Kind.FUNCTION, code=node, scope=self.scope)

    def _namedexpr(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.scope[node.target.id] = value
        return value

    def _ifexp(self, node: ast.IfExp) -> Value:
        is_eager = eager_test(node.test, self.imports)
        self.decide("if", node, self.value(node.test))
        with self.under(self.branch(is_eager)):
            one = self.value(node.body)
        with self.under(self.branch(None if is_eager is None else not is_eager)):
            other = self.value(node.orelse)
        return joined(one, other)

    def _boolop(self, node: ast.BoolOp) -> Value:
        values = [self.value(part) for part in node.values]
        for value in values[:-1]:
            self.decide("and" if isinstance(node.op, ast.And) else "or", node, value)
        return derived(values[-1].kind, values)

    def _unaryop(self, node: ast.UnaryOp) -> Value:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            self.decide("not", node, value)
            return derived(Kind.PYTHON, [value])
        number = -value.number if value.number is not None and isinstance(node.op, ast.USub) else value.number
        if isinstance(node.op, ast.Invert) and value.is_tensor:
            return value
        return replace(value, parameter="", number=number)

    def _compare(self, node: ast.Compare) -> Value:
        values = [self.value(part) for part in (node.left, *node.comparators)]
        if any(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops):
            return PYTHON
        if not any(value.is_tensor for value in values):
            known = all(value.kind is Kind.PYTHON for value in values)
            return PYTHON if known else derived(Kind.UNKNOWN, values)
        if len(node.ops) > 1:
            self.decide("and", node, apply("less", node, values, {}) or UNKNOWN)
        return apply("less", node, values, {}) or UNKNOWN

    def _binop(self, node: ast.BinOp) -> Value:
        return self.combine(node, node.op, self.value(node.left), self.value(node.right))

    def combine(self, node: ast.AST, op: ast.operator, left: Value, right: Value) -> Value:
        """What an operator gives."""
        name = _BINARY.get(type(op), "")
        self.events.append(Arithmetic(node, self.context, left, right, name))
        if left.number is not None and right.number is not None:
            folded = fold(ast.BinOp(ast.Constant(left.number), op, ast.Constant(right.number)), {})
            return Value(Kind.PYTHON, number=folded)
        if not left.is_tensor and not right.is_tensor:
            if left.kind is right.kind is Kind.SEQUENCE and isinstance(op, ast.Add):
                return replace(derived(Kind.SEQUENCE, (left, right)), items=(*left.items, *right.items))
            return derived(Kind.UNKNOWN, (left, right))
        return apply(name, node, (left, right), {}) or derived(Kind.TENSOR, (left, right))

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Value:
        kept = dict(self.scope)
        for part in node.generators:
            self.bind(part.target, self.element(part.iter, part.iter))
            for test in part.ifs:
                self.decide("if", test, self.value(test))
        element = self.value(node.elt)
        self.scope = kept
        return replace(derived(Kind.SEQUENCE, [element]), dead=())

    _generatorexp = _listcomp
    _setcomp = _listcomp

    def element(self, iterated: ast.expr, node: ast.AST) -> Value:
        """What a loop takes out of an expression; a loop over a tensor is an event."""
        wrapped = (
            iterated.func.id if isinstance(iterated, ast.Call) and isinstance(iterated.func, ast.Name) else ""
        )
        if wrapped in ("zip", "enumerate", "reversed") and isinstance(iterated, ast.Call):
            items = [
                self.element(argument, node)
                for argument in iterated.args
                if not isinstance(argument, ast.Starred)
            ]
            if wrapped == "enumerate":
                items.insert(0, PYTHON)
            return items[0] if wrapped == "reversed" and items else Value(Kind.SEQUENCE, items=tuple(items))
        value = self.value(iterated)
        self.decide("for", node, value)
        if value.items:
            first, *others = value.items
            for other in others:
                first = joined(first, other)
            return first
        kind = (
            Kind.TENSOR
            if value.is_tensor or (value.kind is Kind.SEQUENCE and value.is_of_batch)
            else Kind.UNKNOWN
        )
        return replace(derived(kind, [value]), is_global=value.is_global)

    def bind(self, target: ast.expr, value: Value) -> None:
        """Bind names of the function; other targets are for `Statements`."""
        if isinstance(target, ast.Name):
            self.scope[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for place, part in enumerate(target.elts):
                inner = part.value if isinstance(part, ast.Starred) else part
                self.bind(inner, self.part(value, place, len(target.elts)))

    def part(self, value: Value, place: int, count: int) -> Value:
        """What unpacking gives to one of several names."""
        if len(value.items) == count:
            return value.items[place]
        if value.kind is Kind.SHAPE:
            return Value(Kind.ROWS) if value.has_rows and place == 0 else PYTHON
        kind = Kind.TENSOR if value.kind is Kind.SEQUENCE and value.is_of_batch else Kind.UNKNOWN
        return replace(derived(kind, [value]), dead=())
