"""Which code a name or expression stands for: the function, lambda or class that is the loss itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from losscheck.loading.definitions import Definitions
from losscheck.loading.expression import dotted
from losscheck.loading.naming import is_camel_case, pair_strength

Code = ast.FunctionDef | ast.Lambda
_MAX_STEPS = 12  # a chain of aliases that is longer goes in a circle


@dataclass(frozen=True)
class Subject:
    """The code of a loss."""

    function: Code | None  #: what takes ``y_true`` and ``y_pred``; None for a class that inherits ``call``
    statement: ast.stmt  #: the def, class or statement whose text is the loss's
    owner: ast.ClassDef | None = None  #: the class whose ``call`` it is
    factory: ast.FunctionDef | None = None  #: the function that returns it


def find_subject(definitions: Definitions, node: ast.expr) -> Subject | None:
    """The code that the expression stands for, or None where reading cannot say."""
    return _resolve(definitions, node, None, _MAX_STEPS)


def required_parameters(function: Code) -> tuple[str, ...]:
    """Names of the parameters without defaults, ``self`` included."""
    arguments = function.args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = positional[: len(positional) - len(arguments.defaults)]
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is None:
            required.append(argument.arg)
    return tuple(required)


def parameters(function: Code) -> tuple[str, ...]:
    """Names of all parameters but ``*args`` and ``**kwargs``, in order."""
    arguments = function.args
    return tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))


def takes_two(function: Code) -> bool:
    """Whether it starts with two positional parameters that have no default."""
    arguments = function.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    return positional - len(arguments.defaults) >= 2


def is_pair(function: Code, least: int = 2) -> bool:
    """Whether it starts with parameters that are truth and prediction."""
    return takes_two(function) and pair_strength(*parameters(function)[:2], vague=True) >= least


def returned_loss(
    definitions: Definitions, factory: ast.FunctionDef, index: int | None = None
) -> Subject | None:
    """What a factory returns: a function or lambda of its own that takes two parameters.

    ``index`` tells which one of several that it returns in a list or tuple.
    """
    if is_pair(factory):
        return None  # it takes the tensors itself
    nested = {node.name: node for node in own_statements(factory) if isinstance(node, ast.FunctionDef)}
    lambdas = {
        target.id: node
        for node in own_statements(factory)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in own_statements(factory):
        if not isinstance(node, ast.Return) or node.value is None:
            continue
        returned: ast.expr | None = node.value
        if index is not None:
            elements = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else []
            returned = elements[index] if -len(elements) <= index < len(elements) else None
        if returned is None:
            continue
        value, is_partial = _unwrapped(returned)
        if isinstance(value, ast.Lambda) and takes_two(value):
            return Subject(value, node, factory=factory)
        if not isinstance(value, ast.Name):
            continue
        if value.id in lambdas and takes_two(function := lambdas[value.id].value):  # type: ignore[arg-type]
            return Subject(function, lambdas[value.id], factory=factory)  # type: ignore[arg-type]
        found = nested.get(value.id) or (definitions.function(value.id) if is_partial else None)
        if found is not None and takes_two(found):
            return Subject(found, found, factory=factory)
    return None


def own_statements(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """The statements of a function in order, without those of functions and classes inside it."""
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
            continue
        pending.extend(reversed(list(ast.iter_child_nodes(node))))


def class_chain(definitions: Definitions, class_: ast.ClassDef) -> list[ast.ClassDef]:
    """The class and its base classes in the same file, nearest first."""
    chain: list[ast.ClassDef] = []
    pending = [class_]
    while pending:
        node = pending.pop(0)
        if node in chain:
            continue
        chain.append(node)
        bases = (definitions.class_(base.id) for base in node.bases if isinstance(base, ast.Name))
        pending.extend(base for base in bases if base is not None)
    return chain


def method(definitions: Definitions, class_: ast.ClassDef, *names: str) -> ast.FunctionDef | None:
    """The first of these methods that the class has or inherits within the file."""
    for name in names:
        for node in class_chain(definitions, class_):
            for statement in node.body:
                if isinstance(statement, ast.FunctionDef) and statement.name == name:
                    return statement
    return None


def holder_of(class_: ast.ClassDef | None, function: ast.FunctionDef) -> ast.ClassDef | None:
    """The class whose object a method takes as its first parameter; None for a ``staticmethod``."""
    is_static = any(dotted(decorator) == ("staticmethod",) for decorator in function.decorator_list)
    return None if is_static else class_


def _of_class(definitions: Definitions, class_: ast.ClassDef) -> Subject:
    return Subject(method(definitions, class_, "call", "__call__"), class_, owner=class_)


def _resolve(
    definitions: Definitions, node: ast.expr, statement: ast.stmt | None, steps: int
) -> Subject | None:
    if steps == 0:
        return None
    if isinstance(node, ast.Name):
        found = definitions.get(node.id)
        if found is None:
            return None
        if isinstance(found.node, ast.FunctionDef):
            return returned_loss(definitions, found.node) or Subject(found.node, found.node)
        if isinstance(found.node, ast.ClassDef):
            return _of_class(definitions, found.node)
        if found.value is not None:
            return _resolve(definitions, found.value, found.node, steps - 1)
        return None
    if isinstance(node, ast.Lambda):
        return Subject(node, statement) if statement is not None else None
    if isinstance(node, ast.Call):
        return _resolve_call(definitions, node, statement, steps - 1)
    if isinstance(node, ast.Subscript):
        if (made := _returned_element(definitions, node)) is not None:
            return made
        element, place = _element(definitions, node, statement, steps - 1)
        return _resolve(definitions, element, place, steps - 1) if element is not None else None
    if isinstance(node, ast.Attribute):
        owner = _resolve(definitions, node.value, statement, steps - 1)
        if owner is not None and owner.owner is not None:
            found_method = method(definitions, owner.owner, node.attr)
            if found_method is not None:
                return Subject(found_method, found_method, owner=holder_of(owner.owner, found_method))
    return None


def _resolve_call(
    definitions: Definitions, node: ast.Call, statement: ast.stmt | None, steps: int
) -> Subject | None:
    if isinstance(node.func, ast.Name):
        class_ = definitions.class_(node.func.id)
        if class_ is not None:
            return _of_class(definitions, class_)
        function = definitions.function(node.func.id)
        if function is not None and (made := returned_loss(definitions, function)) is not None:
            wrapped = node.args and _resolve(definitions, node.args[0], statement, steps)
            return wrapped or made  # `loss = masked(mse)`: a decorator by another name
    if node.args and not is_camel_case((dotted(node.func) or ("",))[-1]):
        return _resolve(definitions, node.args[0], statement, steps)  # partial(f), tf.function(f)
    return None


def _returned_element(definitions: Definitions, node: ast.Subscript) -> Subject | None:
    """The loss that a subscript picks from what a factory returns: ``make(0.3)[1]``."""
    call, key = node.value, node.slice
    is_call = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    factory = definitions.function(call.func.id) if is_call else None  # type: ignore[attr-defined]
    if factory is None or not (isinstance(key, ast.Constant) and isinstance(key.value, int)):
        return None
    return returned_loss(definitions, factory, key.value)


def _element(
    definitions: Definitions, node: ast.Subscript, statement: ast.stmt | None, steps: int
) -> tuple[ast.expr | None, ast.stmt | None]:
    """The expression that a subscript with a literal picks from a literal container."""
    container: ast.expr | None = node.value
    while isinstance(container, (ast.Name, ast.Subscript)) and steps > 0:
        steps -= 1
        if isinstance(container, ast.Subscript):
            container, statement = _element(definitions, container, statement, steps)
        else:
            found = definitions.get(container.id)
            container, statement = (found.value, found.node) if found else (None, None)
    try:
        key = ast.literal_eval(node.slice)
    except (ValueError, TypeError):
        return None, statement
    if isinstance(container, (ast.ListComp, ast.DictComp)):
        return (container.elt if isinstance(container, ast.ListComp) else container.value), statement
    if isinstance(container, (ast.List, ast.Tuple)) and isinstance(key, int):
        in_range = -len(container.elts) <= key < len(container.elts)
        return (container.elts[key] if in_range else None), statement
    if isinstance(container, ast.Dict):
        for candidate, value in zip(container.keys, container.values, strict=True):
            if isinstance(candidate, ast.Constant) and candidate.value == key:
                return value, statement
    return None, statement


def _unwrapped(node: ast.expr) -> tuple[ast.expr, bool]:
    """The function inside ``tf.function(f)`` or ``functools.partial(f, …)``, and whether it was a partial."""
    is_partial = False
    while isinstance(node, ast.Call) and node.args:
        is_partial = is_partial or (dotted(node.func) or ("",))[-1] == "partial"
        node = node.args[0]
    return node, is_partial
