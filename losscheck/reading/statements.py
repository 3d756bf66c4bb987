"""Reads statements in their order: what each name holds, and what lives on after the call."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import replace

from losscheck.reading.calling import Calling
from losscheck.reading.eager import eager_test
from losscheck.reading.events import Bind, Discard, Return, Write
from losscheck.reading.module import ModuleView
from losscheck.reading.naming import full_name, plain_name
from losscheck.reading.values import NONE, UNKNOWN, Kind, Value, joined

_MOST_CALLS = 6  #: helpers that call helpers deeper than this are not followed


class Statements(Calling):
    """Runs through the statements of a loss and of the helpers that it calls."""

    def __init__(self, module: ModuleView) -> None:
        super().__init__(module)
        self._active: list[ast.AST] = []
        self._outer_names: set[str] = set()  #: declared global or nonlocal
        self._returned: list[Value] = []

    def call_code(self, called: Value, given: list[Value], keywords: Mapping[str, Value]) -> Value:
        """What the file's own function gives for some arguments."""
        code = called.code
        if code is None or code in self._active or len(self._active) >= _MOST_CALLS:
            return self._unread(given, keywords)
        wrappers = self._wrappers(code)
        if "tensorflow.custom_gradient" in wrappers or "keras.ops.custom_gradient" in wrappers:
            return replace(self._unread(given, keywords), kind=Kind.TENSOR)
        kept = self.scope, self.around, self._outer_names, self._returned
        self.around = (called.scope, *self.around) if called.scope is not None else self.around
        self.scope, self._outer_names, self._returned = self.parameters(code, given, keywords), set(), []
        is_converted = self.context.is_converted or "tensorflow.function" in wrappers
        self._active.append(code)
        try:
            with self.under(replace(self.context, function=code, is_converted=is_converted)):
                self.run(code)
            returned = self._returned
        finally:
            self._active.pop()
            self.scope, self.around, self._outer_names, self._returned = kept
        if not returned:
            return NONE if isinstance(code, ast.FunctionDef) else UNKNOWN
        value = returned[0]
        for other in returned[1:]:
            value = joined(value, other)
        return value

    def run(self, code: ast.FunctionDef | ast.Lambda) -> None:
        """Read the body of a function in the names that it has now."""
        if isinstance(code, ast.Lambda):
            self._return(code.body, code.body)
        else:
            self.execute(code.body)

    def parameters(
        self, code: ast.FunctionDef | ast.Lambda, given: Iterable[Value], keywords: Mapping[str, Value]
    ) -> dict[str, Value]:
        """What the parameters hold: what is given, else their defaults."""
        arguments = code.args
        names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        scope = {
            argument.arg: UNKNOWN
            for argument in (*arguments.args, *arguments.kwonlyargs, *arguments.posonlyargs)
        }
        for name, default in zip(reversed(names), reversed(arguments.defaults), strict=False):
            scope[name] = self.aside(default)
        for argument, key_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if key_default is not None:
                scope[argument.arg] = self.aside(key_default)
        scope.update(zip(names, given, strict=False))
        scope.update((name, value) for name, value in keywords.items() if name in scope)
        for extra in filter(None, (arguments.vararg, arguments.kwarg)):
            scope[extra.arg] = UNKNOWN
        return scope

    def execute(self, body: Iterable[ast.stmt]) -> bool:
        """Read some statements; False if the last of them leaves the function or the loop."""
        return all(self.left >= 0 and self._execute(statement) for statement in body)

    def _unread(self, given: Iterable[Value], keywords: Mapping[str, Value]) -> Value:
        value = UNKNOWN
        for part in (*given, *keywords.values()):
            if part.is_of_batch:
                value = replace(
                    value,
                    of_true=value.of_true or part.of_true,
                    of_pred=value.of_pred or part.of_pred,
                    has_slope=value.has_slope or part.has_slope,
                )
        return value

    def _wrappers(self, code: ast.AST) -> list[str]:
        decorators = getattr(code, "decorator_list", [])
        bare = [d.func if isinstance(d, ast.Call) else d for d in decorators]
        return [plain_name(full_name(decorator, self.module.imports)) for decorator in bare]

    def _execute(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Return):
            self._return(node.value, node)
            return False
        if isinstance(node, (ast.Raise, ast.Continue, ast.Break)):
            return False
        if isinstance(node, ast.Expr):
            value = self.value(node.value)
            self.events.append(Discard(node.value, self.context, value))
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            self._assign(node)
        elif isinstance(node, ast.If):
            return self._if(node)
        elif isinstance(node, (ast.For, ast.While)):
            self._loop(node)
        elif isinstance(node, ast.With):
            return self._with(node)
        elif isinstance(node, ast.Try):
            return self._try(node)
        elif isinstance(node, ast.Assert):
            self.decide("assert", node, self.value(node.test))
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            self._outer_names.update(node.names)
        elif isinstance(node, ast.FunctionDef):
            decorators = [d for d in node.decorator_list if isinstance(d, ast.Call)]
            for decorator in decorators:
                self.value(decorator)
            self.scope[node.name] = Value(Kind.FUNCTION, code=node, scope=self.scope)
        return True

    def _return(self, value: ast.expr | None, node: ast.AST) -> None:
        held = self.value(value) if value is not None else NONE
        self._returned.append(held)
        if len(self._active) <= 1:
            self.events.append(Return(node, self.context, held))

    def _assign(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        if node.value is None:
            return
        value = self.value(node.value)
        if isinstance(node, ast.AugAssign):
            old = self.value(node.target)
            value = self.combine(node, node.op, old, value)
            self._store(node.target, value, node, is_update=True)
            return
        value = replace(value, parameter="") if value.parameter else value
        self.events.append(Bind(node, self.context, value))
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self._store(target, value, node, is_update=_reads(node.value, target))

    def _store(self, target: ast.expr, value: Value, node: ast.stmt, *, is_update: bool) -> None:
        if isinstance(target, ast.Name):
            if target.id in self._outer_names:
                old = next((scope[target.id] for scope in self.around if target.id in scope), None)
                owner = old if old is not None else self.name(target.id, target)
                self.events.append(Write(node, self.context, "name", owner, value, is_update))
            self.scope[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for place, part in enumerate(target.elts):
                inner = part.value if isinstance(part, ast.Starred) else part
                self._store(inner, self.part(value, place, len(target.elts)), node, is_update=False)
        elif isinstance(target, ast.Subscript):
            owner = self.value(target.value)
            if owner.is_tensor or owner.is_global:
                self.events.append(Write(node, self.context, "item", owner, value, is_update))
            self.grow(target.value, owner, [value])
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value)
            if owner.kind is Kind.SELF or owner.is_global:
                self.events.append(Write(node, self.context, "attribute", owner, value, is_update))
            self.grow(target.value, owner, [value])

    def _if(self, node: ast.If) -> bool:
        is_eager = eager_test(node.test, self.imports)
        self.decide("if", node, self.value(node.test))
        before = dict(self.scope)
        with self.under(self.branch(is_eager)):
            goes_on = self.execute(node.body)
        inside, self.scope = self.scope, before
        with self.under(self.branch(None if is_eager is None else not is_eager)):
            goes_on_else = self.execute(node.orelse)
        if goes_on and goes_on_else:
            self._merge(inside)
        elif goes_on:
            self.scope = inside
        return goes_on or goes_on_else

    def _merge(self, other: Mapping[str, Value]) -> None:
        for name, value in other.items():
            self.scope[name] = joined(self.scope[name], value) if name in self.scope else value

    def _loop(self, node: ast.For | ast.While) -> None:
        element = UNKNOWN
        if isinstance(node, ast.For):
            element = self.element(node.iter, node)
        before = dict(self.scope)
        with self.under(self.branch(None)):
            for _ in range(2):  # the second time with what the first has left
                if isinstance(node, ast.For):
                    self.bind(node.target, element)
                else:
                    self.decide("while", node, self.value(node.test))
                self.execute(node.body)
                self._merge(before)
        self.execute(node.orelse)

    def _with(self, node: ast.With) -> bool:
        for item in node.items:
            held = self.value(item.context_expr)
            if item.optional_vars is not None:
                self._store(item.optional_vars, held, node, is_update=False)
        return self.execute(node.body)

    def _try(self, node: ast.Try) -> bool:
        tried = replace(self.context, is_tried=bool(node.handlers), is_conditional=True)
        before = dict(self.scope)
        with self.under(tried):
            goes_on = self.execute(node.body) and self.execute(node.orelse)
            for handler in node.handlers:
                inside, self.scope = self.scope, dict(before)
                goes_on = self.execute(handler.body) or goes_on
                self._merge(inside)
        return self.execute(node.finalbody) and goes_on


def _reads(value: ast.expr, target: ast.expr) -> bool:
    """Whether a value is made from what it is stored in."""
    wanted = ast.dump(target).replace("Store()", "Load()")
    return any(ast.dump(part) == wanted for part in ast.walk(value) if isinstance(part, type(target)))
