"""Reads calls: of operations, of libraries, of methods, and of the file's own functions."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from dataclasses import replace

from losscheck.reading.effects import apply
from losscheck.reading.events import Call, Write
from losscheck.reading.expressions import Expressions
from losscheck.reading.libraries import made_by_library
from losscheck.reading.naming import full_name, operation, plain_name
from losscheck.reading.values import NONE, PYTHON, UNKNOWN, Kind, Value, derived, joined

#: Methods that change the container that they are called on.
_CHANGING = frozenset({"add", "append", "extend", "insert", "setdefault", "update", "pop", "clear", "remove"})

#: Operations that call functions, and what wraps one.
_HIGHER = ("cond", "switch_case", "case", "map_fn", "vectorized_map", "custom_gradient", "function")


class Calling(Expressions):
    """Expressions, and what their calls give."""

    def call_code(self, called: Value, given: list[Value], keywords: Mapping[str, Value]) -> Value:
        """What the file's own function gives; see `Statements`."""
        raise NotImplementedError

    def _call(self, node: ast.Call) -> Value:
        function = node.func
        written = full_name(function, self.imports)
        name = plain_name(written)
        receiver, method, called = UNKNOWN, "", UNKNOWN
        if not written and isinstance(function, ast.Attribute):
            receiver, method = self.value(function.value), function.attr
            called = self.own(method) if receiver.kind is Kind.SELF else UNKNOWN
        elif not written:
            called = self.value(function)
            if isinstance(function, ast.Name) and called == UNKNOWN and hasattr(builtins, function.id):
                name = function.id
        given = [self.value(argument) for argument in node.args]
        keywords = {keyword.arg or "**": self.value(keyword.value) for keyword in node.keywords}
        place = receiver if method else called
        call = Call(node, self.context, name, written, operation(name), method, place, tuple(given), keywords)
        value = self._result(call, called)
        self.events.append(replace(call, value=value))
        if method in _CHANGING and isinstance(function, ast.Attribute):
            self.grow(function.value, receiver, given)
        if method in _CHANGING and receiver.is_global and not receiver.is_tensor:
            self.events.append(
                Write(
                    node,
                    self.context,
                    method,
                    receiver,
                    derived(Kind.UNKNOWN, given) if len(given) != 1 else given[0],
                )
            )
        return value

    def _result(self, call: Call, called: Value) -> Value:
        """What a call gives; ``called`` is the file's own function or method, where it is one."""
        given, keywords = list(call.arguments), call.keywords
        if call.method:
            if called.code is not None:
                return self.call_code(called, [call.receiver, *given], keywords)
            return self._method(call.receiver, call.method, given, keywords)
        if called.code is not None:
            return self.call_code(called, given, keywords)
        if call.operation in _HIGHER:
            return self._higher(call.operation, given, keywords)
        if call.name == "keras.ops.shape":  # a tuple; what is not known when it is traced is a tensor in it
            return Value(Kind.SHAPE)
        known = apply(call.operation, call.node, given, keywords) if call.operation else None
        return known if known is not None else made_by_library(call.name, called, given, keywords)

    def _higher(self, done: str, given: list[Value], keywords: Mapping[str, Value]) -> Value:
        """What an operation that calls functions gives."""
        functions = [value for value in (*given, *keywords.values()) if value.code is not None]
        others = [value for value in (*given, *keywords.values()) if value.code is None]
        if done == "function":
            return functions[0] if functions else UNKNOWN
        if done == "custom_gradient" or not functions:
            return derived(Kind.UNKNOWN, others)
        is_row = done.endswith("map") or done == "map_fn"
        rows = [replace(v, has_rows=False, parameter="") for v in others[:1]] if is_row else []
        with self.under(
            replace(self.context, is_row=self.context.is_row or is_row, is_conditional=not is_row)
        ):
            results = [self.call_code(function, rows, {}) for function in functions]
        value = results[0]
        for other in results[1:]:
            value = joined(value, other)
        return replace(value, kind=Kind.TENSOR, has_rows=False, is_scalar=value.is_scalar and not is_row)

    def _method(
        self, receiver: Value, method: str, given: list[Value], keywords: Mapping[str, Value]
    ) -> Value:
        if receiver.is_tensor:
            if method == "get_shape":
                return Value(Kind.SHAPE, has_rows=receiver.has_rows)
            if method == "set_shape":
                return NONE
            return replace(derived(Kind.UNKNOWN, [receiver]), has_slope=False, dead=())
        if receiver.kind is Kind.SHAPE:
            return receiver if method == "as_list" else PYTHON
        parts = [receiver, *given, *keywords.values()]
        is_global = receiver.is_global
        return replace(derived(Kind.UNKNOWN, parts), dead=(), is_global=is_global, made_by=receiver.made_by)
