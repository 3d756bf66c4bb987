"""Which global names a statement reads, at once and later, and which it binds or changes; nothing is run."""

from __future__ import annotations

import ast
import dis
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

#: Instructions that look a name up among the globals, whatever the Python version.
_LOADS = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})
#: Nested code that runs where it stands; functions and lambdas run when they are called.
_AT_ONCE = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<generic parameters")
#: Methods that change the container or registry that they are called on.
_CHANGING = frozenset(
    {"add", "append", "clear", "extend", "insert", "pop", "register", "remove", "setdefault", "update"}
)
#: Statements with statements inside that run along with them.
COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try)


@dataclass(frozen=True)
class Names:
    """The global names of one statement."""

    now: frozenset[str]  #: read when the statement runs
    later: frozenset[str]  #: read when a function that it makes is called
    written_later: frozenset[str]  #: bound (`global`) or changed when a function that it makes is called
    changed: frozenset[str]  #: changed in place when the statement runs: ``LOSSES["dice"] = dice``


def names_of(statement: ast.stmt) -> Names:
    """The names of a statement; of a compound one, give its head alone (see `head`)."""
    now: set[str] = set()
    later: set[str] = set()
    written: set[str] = set()
    for code, is_later in _codes(_compiled(statement), is_later=False):
        loads, stores = _globals(code)
        is_class_body = code.co_name != "<module>" and not code.co_flags & inspect.CO_OPTIMIZED
        (later if is_later else now).update(loads - stores if is_class_body else loads)
        if is_later:
            written.update(stores)
    for function in ast.walk(statement):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            written.update(name for node in ast.walk(function) for name in _changed(node) if name in later)
    return Names(frozenset(now), frozenset(later), frozenset(written), frozenset(_changed_at_once(statement)))


def head(statement: ast.stmt) -> ast.stmt:
    """A compound statement without what stands inside it: ``for x in y: pass``."""
    nothing: list[ast.stmt] = [ast.copy_location(ast.Pass(), statement)]
    if isinstance(statement, (ast.If, ast.While)):
        return ast.copy_location(ast.If(statement.test, nothing, []), statement)
    if isinstance(statement, (ast.For, ast.AsyncFor)):
        kind = type(statement)
        return ast.copy_location(kind(statement.target, statement.iter, nothing, []), statement)
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return ast.copy_location(type(statement)(statement.items, nothing), statement)
    if isinstance(statement, ast.Try):
        types = [handler.type for handler in statement.handlers if handler.type is not None]
        value: ast.expr = ast.Tuple(types, ast.Load())
        return ast.fix_missing_locations(ast.copy_location(ast.Expr(value), statement))
    return statement


def root_name(node: ast.expr) -> str:
    """The name that ``a.b["c"](d)`` starts from; empty if it starts from none."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _compiled(statement: ast.stmt) -> CodeType:
    module = ast.fix_missing_locations(ast.Module([statement], []))
    code: CodeType = compile(module, "<slice>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


def _codes(code: CodeType, *, is_later: bool) -> Iterator[tuple[CodeType, bool]]:
    yield code, is_later
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            runs_here = constant.co_name.startswith(_AT_ONCE) or not constant.co_flags & inspect.CO_OPTIMIZED
            yield from _codes(constant, is_later=is_later or not runs_here)


def _globals(code: CodeType) -> tuple[set[str], set[str]]:
    """Names that the code reads and those that it binds, outside its own scope."""
    loads, stores = set(), set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in _LOADS:
            loads.add(str(instruction.argval))
        elif instruction.opname in ("STORE_NAME", "STORE_GLOBAL"):
            stores.add(str(instruction.argval))
    return loads, stores


def _changed_at_once(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        for decorator in statement.decorator_list:  # `@LOSSES.register("dice")`
            if not isinstance(decorator, ast.Name):
                yield root_name(decorator)
        return
    for node in ast.walk(statement):
        yield from _changed(node)


def _changed(node: ast.AST) -> Iterator[str]:
    """Roots of what an assignment or a method call changes in place."""
    targets: list[ast.expr] = []
    if isinstance(node, (ast.Assign, ast.Delete)):
        targets = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        targets = [node.target]
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, (ast.Subscript, ast.Attribute)) and root_name(part):
                yield root_name(part)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        yield root_name(node.func)
