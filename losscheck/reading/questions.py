"""What several source sides ask of a loss: what it reads, what it leaves out, where its gradient ends."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from losscheck.loading.names import names_of
from losscheck.loading.remarks import comments, says_y_true_unused
from losscheck.loading.subject import own_statements
from losscheck.reading.events import Write
from losscheck.reading.source import Source
from losscheck.reading.values import Kind, Value

#: Names that every module has.
_OF_MODULES = {"__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__"}
_SHOWN = 60  # characters of an expression that a message can hold


def shown(node: ast.AST) -> str:
    """The source of a node for a message; ``this`` where it is long."""
    text = ast.unparse(node)
    return f"`{text}`" if len(text) <= _SHOWN else "this"


def unbound_names(source: Source) -> Iterator[ast.Name]:
    """The first read of each name that neither the loss nor its file binds."""
    if source.subject is None or source.module.definitions.is_open:
        return
    statement = source.subject.factory or source.subject.statement
    names = names_of(statement)
    known = set(dir(builtins)) | _OF_MODULES | source.module.definitions.by_name.keys()
    missing = (names.now | names.later) - known
    if not missing:
        return
    bound = {n.id for n in ast.walk(source.module.tree) if isinstance(n, ast.Name) and not _is_read(n)}
    for name in sorted(missing - bound):
        reads = (n for n in ast.walk(statement) if isinstance(n, ast.Name) and n.id == name and _is_read(n))
        yield from list(reads)[:1]


def is_given_more(source: Source) -> bool:
    """Whether the file itself calls the loss with more than two arguments, or binds some of them."""
    name = getattr(source.function, "name", "")
    for node in ast.walk(source.module.tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            is_bound = any(isinstance(argument, ast.Name) and argument.id == name for argument in node.args)
            if is_bound or (called == name and len(node.args) + len(node.keywords) > 2):
                return True
    return False


def never_returns(source: Source) -> bool:
    """Whether a function that does something has no `return` with a value."""
    function = source.function
    if not isinstance(function, ast.FunctionDef):
        return False
    statements = list(own_statements(function))
    returns = [node for node in statements if isinstance(node, ast.Return)]
    is_open = any(isinstance(node, (ast.Raise, ast.Yield, ast.YieldFrom)) for node in ast.walk(function))
    works = any(isinstance(node, (ast.Assign, ast.AugAssign)) for node in statements)
    return works and not returns and not is_open


def never_reads(source: Source, place: int) -> bool:
    """Whether the code does not mention a parameter of the loss, by its place."""
    function = source.function
    if function is None or len(source.parameters) < 2 or source.is_wrapped:
        return False
    if isinstance(function, ast.FunctionDef) and not any(_works(node) for node in own_statements(function)):
        return False
    name = source.parameters[place].arg
    mentioned = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return name not in mentioned and not mentioned & {"locals", "vars"}


def says_unused(source: Source) -> bool:
    """Whether the author says that the first parameter is not used."""
    function, subject = source.function, source.subject
    if function is None or subject is None:
        return True
    nodes = (function, subject.owner, subject.factory)
    documented = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    texts = [ast.get_docstring(node) or "" for node in documented]
    own = ast.get_source_segment(source.text, subject.statement) or ""
    return says_y_true_unused(function, source.parameters[0].arg, (*texts, comments(own)))


def asks_for_rows(source: Source) -> bool:
    """Whether the loss compares a static size with None: then it knows that the batch size may be None."""
    for node in source.nodes:
        is_test = isinstance(node, ast.Compare) and any(
            isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops
        )
        if is_test and "shape" in source.text and "None" in ast.unparse(node):
            return True
    return False


def gradient_cut(source: Source) -> Value | None:
    """What is returned, where every `return` depends on `y_pred` and none has a gradient to it."""
    returned = [event.value for event in source.returns()]
    is_hidden = any(isinstance(event, Write) and event.value.has_slope for event in source.events)
    is_cut = returned and all(value.of_pred and not value.has_slope and value.cut for value in returned)
    is_known = all(value.kind is Kind.TENSOR for value in returned)
    return returned[0] if is_cut and is_known and not is_hidden and not source.is_wrapped else None


def constructions(source: Source) -> Iterator[ast.Call]:
    """The calls that build the loss object: at module level, and that of ``super().__init__``."""
    found = source.module.definitions.get(source.loss.name)
    if found is not None and isinstance(found.value, ast.Call) and source.is_keras_loss:
        yield found.value
    init = source.module.methods.get("__init__")
    if init is None or not source.is_keras_loss:
        return
    for node in ast.walk(init):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "__init__"
        ):
            yield node


def _is_read(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _works(node: ast.stmt) -> bool:
    """Whether a statement returns something: a stub only raises or says what is missing."""
    return isinstance(node, ast.Return) and node.value is not None
