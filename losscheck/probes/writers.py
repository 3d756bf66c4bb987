"""The statements of a file that give a name, attribute, entry or variable another value, found by reading."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

#: They run while an object is made, before the loss is traced.
_CONSTRUCTORS = frozenset(
    ("__init__", "__new__", "__post_init__", "__setstate__", "__init_subclass__", "from_config", "build")
)
_MUTATORS = frozenset({
    "append", "extend", "insert", "pop", "popitem", "clear", "remove", "update", "setdefault", "add",
    "appendleft", "popleft", "fill", "sort", "reverse", "__setitem__",
})  # fmt: skip
_ASSIGNERS = frozenset(("assign", "assign_add", "assign_sub", "load", "set_value", "update", "update_add"))


@dataclass(frozen=True)
class Write:
    """One place in the source that writes."""

    path: str  #: file
    line: int
    target: ast.expr  #: what is written: ``X``, ``self.alpha``, ``CONFIG["alpha"]``
    scope: tuple[ast.AST, ...]  #: the classes and functions around it, outermost first
    values: tuple[object, ...] = ()  #: the constants that it writes
    key: object = None  #: of ``.update(alpha=…)``: the one entry
    is_inside: bool = False  #: it changes what the target holds (``.append``), it does not rebind it
    is_assign: bool = False  #: it assigns to a variable, which a graph reads anew at each step

    @property
    def function(self) -> Function:
        """The function that writes."""
        return next(node for node in reversed(self.scope) if isinstance(node, FUNCTIONS))


@dataclass
class Source:
    """What a file writes, and who calls whom."""

    path: str
    tree: ast.Module
    writes: list[Write] = field(default_factory=list)
    #: name → for each place that names it: the functions around it, and whether it is a call
    mentions: dict[str, list[tuple[tuple[ast.AST, ...], bool]]] = field(default_factory=dict)

    def is_setup(self, function: Function, ran: frozenset[tuple[str, int]]) -> bool:
        """Whether a function runs only before training: from constructors, the module's body or the loss.

        Args:
            function: the function.
            ran: file and first line of the functions that the loss itself runs.

        """
        waiting, seen = [function], {function}
        while waiting:
            here = waiting.pop()
            name = getattr(here, "name", "")
            if name in _CONSTRUCTORS or (self.path, first_line(here)) in ran:
                continue
            places = self.mentions.get(name, []) if name else []
            if not places:
                return False
            for scope, is_call in places:
                if not is_call or any(isinstance(node, ast.If) for node in scope):
                    return False
                callers = [node for node in scope if isinstance(node, FUNCTIONS)][-1:]
                waiting += [caller for caller in callers if caller not in seen]
                seen.update(callers)
        return True

    def handed(self, cls: ast.ClassDef, attribute: str) -> set[str]:
        """The names with which a class is called for the parameter that its constructor keeps so."""
        maker = next((n for n in cls.body if getattr(n, "name", "") == "__init__"), None)
        if not isinstance(maker, ast.FunctionDef):
            return set()
        kept = [
            node.value.id
            for node in ast.walk(maker)
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Name)
            and any(getattr(target, "attr", "") == attribute for target in node.targets)
        ]
        parameters = [argument.arg for argument in maker.args.args[1:]]
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == cls.name:
                given = dict(zip(parameters, node.args, strict=False))
                given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
                found |= {value.id for name in kept if isinstance(value := given.get(name), ast.Name)}
        return found


def read_source(path: str) -> Source | None:
    """The writes of a file; None where it cannot be read."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return None
    return read_tree(path, tree)


def read_tree(path: str, tree: ast.Module) -> Source:
    """The writes of a file that is at hand as a tree."""
    source = Source(path, tree)
    for node, scope in _scoped(tree, ()):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            name = node.id if isinstance(node, ast.Name) else node.attr
            source.mentions.setdefault(name, []).append((scope, False))
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            source.mentions.setdefault(name, []).append((scope, True))
        if any(isinstance(outer, FUNCTIONS) for outer in scope):
            source.writes += _writes(path, node, scope)
    for name, places in source.mentions.items():  # a call also names the function: leave the call
        calls = [place for place in places if place[1]]
        names = [place for place in places if not place[1]]
        source.mentions[name] = calls + names[len(calls) :] if len(names) > len(calls) else calls
    return source


def first_line(function: Function) -> int:
    """The line at which Python says that a function begins: that of its first decorator."""
    decorators = getattr(function, "decorator_list", [])
    return min(function.lineno, *(node.lineno for node in decorators)) if decorators else function.lineno


def _scoped(node: ast.AST, scope: tuple[ast.AST, ...]) -> Iterator[tuple[ast.AST, tuple[ast.AST, ...]]]:
    """Every node below one with the classes and functions around it, an ``if __name__ == …`` included."""
    for child in ast.iter_child_nodes(node):
        yield child, scope
        is_scope = isinstance(child, (*FUNCTIONS, ast.ClassDef)) or _is_main_guard(child)
        yield from _scoped(child, (*scope, child) if is_scope else scope)


def _is_main_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "'__main__'" in ast.dump(node.test)


def _writes(path: str, node: ast.AST, scope: tuple[ast.AST, ...]) -> Iterator[Write]:
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        values = _constants(node.value) if not isinstance(node, ast.AugAssign) else ()
        for target in targets:
            for part in target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]:
                yield Write(path, node.lineno, part, scope, values)
                if isinstance(node, ast.AugAssign):  # an array or list is changed where it stands
                    yield Write(path, node.lineno, part, scope, is_inside=True)
    elif isinstance(node, ast.Delete):
        yield from (Write(path, node.lineno, target, scope) for target in node.targets)
    elif isinstance(node, ast.Call):
        yield from _call_writes(path, node, scope)


def _call_writes(path: str, node: ast.Call, scope: tuple[ast.AST, ...]) -> Iterator[Write]:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    literal = node.args[1] if name == "setattr" and len(node.args) == 3 else None
    if isinstance(literal, ast.Constant) and isinstance(literal.value, str):
        target = ast.Attribute(node.args[0], literal.value, ast.Store())
        yield Write(path, node.lineno, target, scope, _constants(node.args[2]))
    if name in ("set_value", "update", "update_add", "copyto") and node.args:
        yield Write(path, node.lineno, node.args[0], scope, is_inside=True, is_assign=name != "copyto")
    if not isinstance(function, ast.Attribute):
        return
    if name in _ASSIGNERS:
        yield Write(path, node.lineno, function.value, scope, is_inside=True, is_assign=True)
    if name == "update":
        entries = [(k.arg, k.value) for k in node.keywords if k.arg]
        for argument in node.args:
            if isinstance(argument, ast.Dict):
                pairs = zip(argument.keys, argument.values, strict=True)
                entries += [(k.value, v) for k, v in pairs if isinstance(k, ast.Constant)]  # type: ignore[misc]
        for key, value in entries:
            yield Write(path, node.lineno, function.value, scope, _constants(value), key, is_inside=True)
        if entries:
            return
    if name in _MUTATORS:
        yield Write(path, node.lineno, function.value, scope, is_inside=True)


def _constants(node: ast.expr) -> tuple[object, ...]:
    """The constants that an expression may give: its branches, too."""
    found = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    return tuple(part.value for part in found if isinstance(part, ast.Constant))
