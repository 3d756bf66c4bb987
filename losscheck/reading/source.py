"""The source of one loss, prepared for the rules: what it does, with which values, at which lines."""

from __future__ import annotations

import ast
import contextlib
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from losscheck.finding import Location
from losscheck.loading.definitions import Definitions
from losscheck.loading.subject import Code, Subject
from losscheck.loss import FoundLoss
from losscheck.reading.eager import eager_test
from losscheck.reading.events import (
    Arithmetic,
    Bind,
    Call,
    Context,
    Decision,
    Discard,
    Event,
    Read,
    Return,
    Write,
)
from losscheck.reading.module import ModuleView, view_module
from losscheck.reading.naming import full_name, plain_name
from losscheck.reading.statements import Statements
from losscheck.reading.values import Kind, Value

_Event = TypeVar("_Event", bound=Event)
_KNOWN_DECORATORS = ("tensorflow.function", "register_keras_serializable", "do_not_convert")
_NOTHING = ModuleView(ast.Module([], []), Definitions({}, is_open=True), {})


@dataclass(frozen=True)
class Source:
    """A loss as it is written; nothing of it has been run."""

    loss: FoundLoss
    text: str = ""  #: of the whole file
    module: ModuleView = _NOTHING
    subject: Subject | None = None  #: None where reading cannot say which code the loss is
    events: tuple[Event, ...] = ()  #: what the loss and its helpers do, in order
    error: SyntaxError | None = None  #: why the file cannot be read as Python

    @property
    def function(self) -> Code | None:
        """What takes ``y_true`` and ``y_pred``."""
        return self.subject.function if self.subject is not None else None

    @property
    def parameters(self) -> tuple[ast.arg, ...]:
        """Positional parameters of the loss, without ``self``."""
        if self.function is None:
            return ()
        every = (*self.function.args.posonlyargs, *self.function.args.args)
        return every[1:] if self.is_method else every

    @property
    def is_method(self) -> bool:
        """Whether the first parameter of its code is an object."""
        return self.subject is not None and self.subject.owner is not None

    @property
    def is_keras_loss(self) -> bool:
        """Whether it is a class that derives from Keras's ``Loss``, maybe through classes of the file."""
        bases = [base for class_ in self.module.classes for base in class_.bases]
        names = [plain_name(full_name(base, self.module.imports)) for base in bases]
        outer = [
            name for base, name in zip(bases, names, strict=True) if name or not _is_own(base, self.module)
        ]
        return bool(outer) and all(name in ("keras.losses.Loss", "keras.Loss") for name in outer)

    @functools.cached_property
    def functions(self) -> list[ast.FunctionDef | ast.Lambda]:
        """The loss and the helpers of its file that it calls, each once."""
        every = [self.function, *(event.context.function for event in self.events)]
        return list(dict.fromkeys(function for function in every if function is not None))

    @functools.cached_property
    def nodes(self) -> list[ast.AST]:
        """The syntax of these functions, node by node."""
        return list(dict.fromkeys(node for function in self.functions for node in ast.walk(function)))

    def calls(self, *operations: str) -> Iterator[Call]:
        """The calls that a graph makes: all, or those of some operations."""
        for call in self._sure(Call):
            if not operations or call.operation in operations:
                yield call

    def decisions(self) -> Iterator[Decision]:
        """What Python decides by, where there is a graph and no AutoGraph."""
        return (decision for decision in self._sure(Decision) if not decision.context.is_converted)

    def writes(self) -> Iterator[Write]:
        """What outlives the call."""
        return self._sure(Write)

    def arithmetic(self) -> Iterator[Arithmetic]:
        """The operators between values."""
        return self._sure(Arithmetic)

    def binds(self) -> Iterator[Bind]:
        """The assignments to names."""
        return self._sure(Bind)

    def discards(self) -> Iterator[Discard]:
        """The statements that do nothing with their value."""
        return self._sure(Discard)

    def reads(self) -> Iterator[Read]:
        """The global names and attributes that are read."""
        return self._sure(Read)

    def returns(self) -> list[Return]:
        """What the loss itself returns."""
        return list(self._sure(Return))

    @property
    def is_wrapped(self) -> bool:
        """Whether a decorator that nobody knows may change what the loss takes and gives."""
        decorators = getattr(self.function, "decorator_list", [])
        return any(not self.name_of(decorator).endswith(_KNOWN_DECORATORS) for decorator in decorators)

    @property
    def is_registered(self) -> bool:
        """Whether a saved model finds the loss: by its decorator, or by a dict of the file's."""
        decorators = [
            d for n in (self.function, *self.module.classes) for d in getattr(n, "decorator_list", [])
        ]
        is_decorated = any("register_keras_serializable" in self.name_of(d) for d in decorators)
        return is_decorated or "custom_objects" in self.text or "CustomObjectScope" in self.text

    def name_of(self, node: ast.AST) -> str:
        """The dotted name of an imported thing, or of one that is called, with one name for Keras."""
        return plain_name(full_name(node.func if isinstance(node, ast.Call) else node, self.module.imports))

    def graph_tests(self, *, is_eager: bool | None = None) -> Iterator[ast.If | ast.IfExp]:
        """The branches that ask whether there is a graph; ``is_eager`` says where they are taken."""
        for node in self.nodes:
            if isinstance(node, (ast.If, ast.IfExp)):
                answer = eager_test(node.test, self.module.imports)
                if answer is not None and is_eager in (None, answer):
                    yield node

    def location(self, node: ast.AST) -> Location:
        """The place of a node; of a statement with others inside, its first line."""
        line = getattr(node, "lineno", self.loss.line)
        if not isinstance(node, ast.expr) or node.end_lineno is None or node.end_col_offset is None:
            return Location(self.loss.path, line)
        column = self._column(line, node.col_offset)
        return Location(
            self.loss.path, line, column, node.end_lineno, self._column(node.end_lineno, node.end_col_offset)
        )

    def def_location(self) -> Location:
        """The line that defines the loss; of a class that of its ``call``."""
        if self.function is None or isinstance(self.function, ast.Lambda):
            return Location(self.loss.path, self.loss.line)
        return Location(self.loss.path, self.function.lineno)

    def _column(self, line: int, offset: int) -> int:
        """A column in characters, from 1, for one in bytes, from 0."""
        text = self.text.split("\n")[line - 1]
        return len(text.encode()[:offset].decode(errors="ignore")) + 1

    def _sure(self, kind: type[_Event]) -> Iterator[_Event]:
        return (event for event in self.events if isinstance(event, kind) and event.context.is_sure)


def read_source(
    loss: FoundLoss, text: str, tree: ast.Module, definitions: Definitions, subject: Subject | None
) -> Source:
    """Read a loss whose code is known."""
    owner = subject.owner if subject is not None else None
    module = view_module(tree, definitions, owner)
    source = Source(loss, text, module, subject)
    if subject is None or subject.function is None:
        return source
    reader = Statements(module)
    if subject.factory is not None:
        reader.scope = reader.parameters(subject.factory, (), {})
        reader.execute([node for node in subject.factory.body if not isinstance(node, ast.Return)])
        reader.events.clear()
        scope: Mapping[str, Value] | None = reader.scope
        reader.scope = {}
    else:
        scope = None
    given = [Value(Kind.SELF)] if source.is_method else []
    names = ("y_true", "y_pred")
    given += [_parameter(name) for name, _ in zip(names, source.parameters, strict=False)]
    reader.context = Context(function=subject.function)
    with contextlib.suppress(RecursionError):  # of an expression nested deeper than Python's stack
        reader.call_code(Value(Kind.FUNCTION, code=subject.function, scope=scope), given, {})
    return replace(source, events=tuple(reader.events))


def _parameter(name: str) -> Value:
    is_pred = name == "y_pred"
    return Value(
        Kind.TENSOR,
        parameter=name,
        of_true=not is_pred,
        of_pred=is_pred,
        has_slope=is_pred,
        has_rows=True,
        can_vanish=True,
        dtype="float" if is_pred else "",
    )


def _is_own(base: ast.expr, module: ModuleView) -> bool:
    return isinstance(base, ast.Name) and module.definitions.class_(base.id) is not None
