"""Decides which names of a file are losses; by reading alone."""

from __future__ import annotations

import ast
import re

from losscheck.loading.arguments import are_obvious
from losscheck.loading.definitions import Definition, Definitions
from losscheck.loading.expression import dotted
from losscheck.loading.naming import (
    CLEAR,
    has_loss_word,
    is_camel_case,
    pair_strength,
    says_loss,
    says_other,
    says_similarity,
)
from losscheck.loading.subject import (
    Code,
    class_chain,
    find_subject,
    method,
    own_statements,
    parameters,
    required_parameters,
    returned_loss,
)

_KERAS = re.compile(r"^[ \t]*(?:import|from)[ \t]+(?:tensorflow|keras|tf_keras)\b", re.MULTILINE)
_OTHER_FRAMEWORK = re.compile(
    r"^[ \t]*(?:import|from)[ \t]+(?:torch|jax|sklearn|xgboost|lightgbm|catboost|paddle|mxnet)\b",
    re.MULTILINE,
)
_NUMPY = re.compile(r"^[ \t]*(?:import|from)[ \t]+(?:numpy|pandas|scipy)\b", re.MULTILINE)
#: a function under one of these decorators is no loss
_OTHER_DECORATORS = frozenset(
    {"fixture", "overload", "contextmanager", "njit", "jit_script", "command", "route"}
)


def scan(definitions: Definitions, text: str) -> list[Definition]:
    """The losses among the definitions of a module, in the order of their lines."""
    uses_keras = _KERAS.search(text) is not None
    if not uses_keras and _OTHER_FRAMEWORK.search(text):
        return []
    reader = _Reader(definitions, needs_word=not uses_keras and _NUMPY.search(text) is not None)
    public = [found for found in definitions.by_name.values() if not found.name.startswith("_")]
    losses = [found for found in public if reader.is_loss(found)]
    called = set().union(*(_called(found.node) - {found.name} for found in losses))
    values = [found.value for found in definitions.by_name.values() if found.value is not None]
    built = {_built(inner) for value in values for inner in ast.walk(value)}
    kept = [
        found
        for found in losses
        if not (found.name in called and reader.is_helper(found))
        and not (found.name in built and reader.needs_arguments(found))
    ]
    return sorted(kept, key=lambda found: found.line)


def wants_word(text: str) -> bool:
    """Whether a function of this file is listed only if its name has the word loss, or not at all."""
    return not _KERAS.search(text) and bool(_NUMPY.search(text) or _OTHER_FRAMEWORK.search(text))


def _called(node: ast.stmt) -> set[str]:
    """Names that the code of a function or class uses; an alias or an instance uses nothing."""
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return set()
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _built(value: ast.AST) -> str:
    """Name of the class or factory that an expression calls."""
    return value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""


class _Reader:
    """Judges the definitions of one module."""

    def __init__(self, definitions: Definitions, *, needs_word: bool) -> None:
        self._definitions = definitions
        self._needs_word = needs_word  # only the word loss counts: the file has NumPy and no Keras

    def is_loss(self, found: Definition) -> bool:
        """Whether the name is a loss that a scan lists."""
        if isinstance(found.node, ast.FunctionDef):
            return self._is_loss_function(found.node)
        if isinstance(found.node, ast.ClassDef):
            return self._is_concrete(found.node) and self._is_loss_class(found.node)
        return found.value is not None and self._is_loss_value(found.name, found.value)

    def is_helper(self, found: Definition) -> bool:
        """Whether it is no loss of its own once another loss of the file calls it."""
        if isinstance(found.node, ast.ClassDef) or has_loss_word(found.name):
            return False
        is_library = (
            isinstance(found.value, ast.Call) and find_subject(self._definitions, found.value) is None
        )
        return is_library or says_similarity(found.name) or not says_loss(found.name)

    def needs_arguments(self, found: Definition) -> bool:
        """Whether a class or factory cannot be called without arguments."""
        if isinstance(found.node, ast.FunctionDef):
            required = required_parameters(found.node)
            return bool(required) and not self._takes_tensors(found.name, found.node)
        if not isinstance(found.node, ast.ClassDef):
            return False
        init = method(self._definitions, found.node, "__init__")
        return init is not None and len(required_parameters(init)) > 1

    def _is_loss_function(self, node: ast.FunctionDef) -> bool:
        decorators = {dotted(d.func if isinstance(d, ast.Call) else d)[-1:] for d in node.decorator_list}
        if any(set(last) & _OTHER_DECORATORS for last in decorators):
            return False
        if self._takes_tensors(node.name, node):
            statements = list(own_statements(node))
            returns = any(isinstance(s, ast.Return) and s.value is not None for s in statements)
            return (returns or has_loss_word(node.name)) and not _yields(statements)
        if not are_obvious(required_parameters(node)):
            return False
        made = returned_loss(self._definitions, node)
        return made is not None and made.function is not None and self._is_made(node.name, made.function)

    def _is_made(self, name: str, function: Code) -> bool:
        """Whether what a factory called ``name`` returns is a loss."""
        inner = function.name if isinstance(function, ast.FunctionDef) else ""
        if says_other(name) and not has_loss_word(name):
            # `make_focal` makes a loss, `make_metric` does not
            name = " ".join(name.split("_")[1:]).replace(" ", "_")
        return self._takes_tensors(name, function) or bool(inner and self._takes_tensors(inner, function))

    def _takes_tensors(self, name: str, function: Code) -> bool:
        """Whether exactly truth and prediction are required, and the name does not speak against it."""
        required = required_parameters(function)
        if len(required) != 2 or required != parameters(function)[:2] or says_other(name):
            return False
        if self._needs_word and not has_loss_word(name):
            return False
        strength = pair_strength(*required, vague=has_loss_word(name))
        return strength >= CLEAR or (strength > 0 and says_loss(name))

    def _is_concrete(self, node: ast.ClassDef) -> bool:
        bases = {dotted(base)[-1:] for base in node.bases}
        if ("ABC",) in bases or node.keywords or node.name.endswith("Mixin"):
            return False
        decorators = (
            dotted(decorator)[-1:]
            for statement in node.body
            if isinstance(statement, ast.FunctionDef)
            for decorator in statement.decorator_list
        )
        return ("abstractmethod",) not in decorators and not self._has_open_hook(node)

    def _has_open_hook(self, node: ast.ClassDef) -> bool:
        """Whether another class of the file fills in what this one raises `NotImplementedError` for."""
        raised = [s.exc for s in ast.walk(node) if isinstance(s, ast.Raise) and s.exc is not None]
        names = {dotted(exc.func if isinstance(exc, ast.Call) else exc)[-1:] for exc in raised}
        others = [found.node for found in self._definitions.by_name.values()]
        return ("NotImplementedError",) in names and any(
            dotted(base)[-1:] == (node.name,)
            for other in others
            if isinstance(other, ast.ClassDef)
            for base in other.bases
        )

    def _is_loss_class(self, node: ast.ClassDef) -> bool:
        for class_ in class_chain(self._definitions, node):
            for base in class_.bases:
                parts = dotted(base)
                is_local = len(parts) == 1 and self._definitions.class_(parts[0]) is not None
                if parts and not is_local and self._is_foreign_loss_class(parts):
                    return True
        # a callable class of the user's own, named as a loss
        call = method(self._definitions, node, "__call__")
        if call is None or len(required_parameters(call)) != 3:
            return False
        if not all(dotted(base) == ("object",) for base in node.bases):
            return False
        strength = pair_strength(*required_parameters(call)[1:], vague=False)
        if has_loss_word(node.name):
            return strength > 0
        is_named = says_loss(node.name) and not says_other(node.name) and not says_similarity(node.name)
        return is_named and strength >= CLEAR

    def _is_foreign_loss_class(self, parts: tuple[str, ...]) -> bool:
        """Whether a dotted name from another file is that of a Loss class."""
        last = parts[-1]
        found = self._definitions.get(parts[0])
        origin: tuple[str, ...] = ()
        if found is not None and isinstance(found.node, ast.ImportFrom):
            origin = tuple((found.node.module or "").split("."))
        elif found is not None and isinstance(found.node, ast.Import):
            origin = tuple(part for alias in found.node.names for part in alias.name.split("."))
        if not last[0].isupper() or "torch" in (*origin, parts[0]):
            return False
        return last.endswith(("Loss", "LossFunctionWrapper")) or "losses" in (*origin, *parts[:-1])

    def _is_loss_value(self, name: str, value: ast.expr) -> bool:
        if isinstance(value, ast.Name):
            # an alias of a class, written as if it were an instance
            class_ = self._definitions.class_(value.id)
            return class_ is not None and not is_camel_case(name) and self._is_loss_class(class_)
        if isinstance(value, ast.Call):
            parts = dotted(value.func)
            class_ = self._definitions.class_(parts[0]) if len(parts) == 1 else None
            if class_ is not None:
                return self._is_loss_class(class_)
            if parts and self._is_foreign_loss_class(parts):
                return True
        subject = find_subject(self._definitions, ast.Name(name))
        if subject is None or subject.function is None or subject.owner is not None:
            return False
        if isinstance(value, ast.Name) or says_other(name):
            return False
        function = subject.function
        own = function.name if isinstance(function, ast.FunctionDef) else ""
        first_two = parameters(function)[:2]
        if len(first_two) < 2 or (self._needs_word and not has_loss_word(name)):
            return False
        speaks = has_loss_word(name) or has_loss_word(own)
        strength = pair_strength(*first_two, vague=speaks)
        return strength >= CLEAR or (strength > 0 and (says_loss(name) or says_loss(own)))


def _yields(statements: list[ast.stmt]) -> bool:
    return any(
        isinstance(statement, ast.Expr) and isinstance(statement.value, (ast.Yield, ast.YieldFrom))
        for statement in statements
    )
