"""The names that code can see while it is read: its own, those around it, the module's."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from losscheck.reading.events import Context, Decision, Event, Read
from losscheck.reading.module import ModuleView
from losscheck.reading.values import UNKNOWN, Kind, Value, derived

_MOST_NODES = 20_000  #: expressions read for one loss; a longer one is read so far


class Scopes:
    """Holds the names of the code that is being read, and what it did so far."""

    def __init__(self, module: ModuleView) -> None:
        self.module = module
        self.events: list[Event] = []
        self.scope: dict[str, Value] = {}
        self.around: tuple[Mapping[str, Value], ...] = ()  #: names of the functions around, inner ones first
        self.context = Context()
        self.left = _MOST_NODES
        self._globals: dict[str, Value] = {}

    def value(self, node: ast.expr | None) -> Value:
        """What an expression holds; see `Expressions`."""
        raise NotImplementedError

    @contextmanager
    def under(self, context: Context) -> Iterator[None]:
        """Read under other circumstances."""
        before, self.context = self.context, context
        try:
            yield
        finally:
            self.context = before

    def name(self, name: str, node: ast.AST) -> Value:
        """What a name holds: of the function, of those around it, of the module."""
        if name in self.scope:
            return self.scope[name]
        for scope in self.around:
            if name in scope:
                return replace(scope[name], is_global=True)
        if name in self.module.imports:
            return UNKNOWN
        if name not in self._globals:
            self._globals[name] = UNKNOWN  # while it is read: a name that stands for itself
            self._globals[name] = self._global(name)
        value = self._globals[name]
        if self.module.definitions.get(name) is not None:
            self.events.append(Read(node, self.context, name, value))
        return value

    def _global(self, name: str) -> Value:
        found = self.module.definitions.get(name)
        if found is None:
            return UNKNOWN
        if isinstance(found.node, ast.FunctionDef):
            return Value(Kind.FUNCTION, code=found.node, is_global=True)
        if isinstance(found.node, ast.ClassDef):
            return Value(Kind.UNKNOWN, made_by=f"class {name}", is_global=True)
        alias = found.value.id if isinstance(found.value, ast.Name) else ""
        original = self.module.definitions.get(alias)
        if (
            original is not None and original.line > found.line
        ):  # `py_any = any`, and an `any` of its own below
            return UNKNOWN
        return replace(self.aside(found.value), is_global=True)

    def aside(self, node: ast.expr | None, scope: Mapping[str, Value] | None = None) -> Value:
        """What an expression outside the loss holds; what it does there counts for nothing."""
        kept = self.scope, self.around, self.events
        self.scope, self.around, self.events = dict(scope or {}), (), []
        try:
            return self.value(node)
        finally:
            self.scope, self.around, self.events = kept

    @property
    def imports(self) -> Mapping[str, str]:
        """Imported names that nothing in the function hides."""
        hidden = self.scope.keys() & self.module.imports.keys()
        return (
            {k: v for k, v in self.module.imports.items() if k not in hidden}
            if hidden
            else self.module.imports
        )

    def own(self, name: str) -> Value:
        """What an attribute of ``self`` is set to by ``__init__``."""
        if name in self.module.methods:
            return Value(Kind.FUNCTION, code=self.module.methods[name])
        found = self.module.attributes.get(name)
        return self.aside(found) if found is not None else UNKNOWN

    def decide(self, how: str, node: ast.AST, value: Value) -> None:
        """Note that Python decides by a value."""
        self.events.append(Decision(node, self.context, how, value))

    def branch(self, is_eager: bool | None) -> Context:
        """The circumstances inside a branch; ``is_eager`` says whether it runs only without a graph."""
        return replace(self.context, is_conditional=True, is_eager=self.context.is_eager or is_eager is True)

    def grow(self, holder: ast.expr, before: Value, parts: Sequence[Value]) -> None:
        """A container of the function's own holds more than before."""
        if isinstance(holder, ast.Name) and holder.id in self.scope and not before.is_tensor:
            self.scope[holder.id] = replace(
                derived(before.kind, [before, *parts]), is_global=before.is_global
            )
