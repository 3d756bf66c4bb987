"""From a statement that writes to the live places that it would change."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from losscheck.probes.changing import is_variable
from losscheck.probes.slots import Reach, Slot
from losscheck.probes.writers import FUNCTIONS, Source, Write


@dataclass(frozen=True)
class _Unknown:
    """An object that reading cannot name: an argument, or an attribute of one."""


@dataclass(frozen=True)
class _Instances:
    """The objects of a class: what ``self`` stands for."""

    cls: type | None  #: None where the class is not at hand


_Values = list[Any] | _Unknown | _Instances


class Receivers:
    """Finds the places that the writes of one file change, among those that a loss reaches.

    Args:
        source: the file.
        namespace: the module's globals.
        reach: what the loss reaches.

    """

    def __init__(self, source: Source, namespace: dict[str, Any], reach: Reach) -> None:
        self._source = source
        self._namespace = namespace
        self._reach = reach

    def slots(self, write: Write) -> list[Slot]:
        """The places that one statement writes."""
        target = write.target
        if isinstance(target, ast.Name):
            return self._named(target.id, write)
        if isinstance(target, ast.Attribute):
            found = self._attributes(self._values(target.value, write), target.attr)
            return found or (self._handed(target.attr, write) if write.is_assign else [])
        if isinstance(target, ast.Subscript):
            return self._items(target, write)
        return []

    def _named(self, name: str, write: Write) -> list[Slot]:
        is_global = name in _declared(write.function, ast.Global)
        owner = None if is_global else _owner(name, write)
        if owner is None:
            is_bound = is_global or write.is_inside
            return [
                s for s in self._reach.slots if is_bound and s.holder is self._namespace and s.key == name
            ]
        if owner is write.function:
            return []
        if not write.is_inside and name not in _declared(write.function, ast.Nonlocal):
            return []
        return self._cells(name, owner)

    def _cells(self, name: str, owner: Any) -> list[Slot]:
        """The closure variables of this name that live in a function."""
        last = owner.end_lineno or owner.lineno
        return [
            slot
            for slot in self._reach.slots
            if slot.kind == "cell"
            and slot.key == name
            and slot.reader is not None
            and owner.lineno <= slot.reader.__code__.co_firstlineno <= last
        ]

    def _attributes(self, owners: _Values, name: str) -> list[Slot]:
        slots = [slot for slot in self._reach.slots if slot.key == name]
        if isinstance(owners, _Unknown):
            objects = [id(item) for item in self._reach.objects]
            return [s for s in slots if s.kind == "attribute" and id(s.holder) in objects]
        if isinstance(owners, _Instances):
            if owners.cls is None:
                return []
            owners = [item for item in self._reach.objects if isinstance(item, owners.cls)]
        found: list[Slot] = []
        for owner in owners:
            is_dict = isinstance(owner, (ModuleType, FunctionType))
            holder = vars(owner) if is_dict else owner
            known = [slot for slot in slots if slot.holder is holder]
            if not known and any(owner is item for item in self._reach.objects) and hasattr(owner, name):
                known = [Slot(f"{type(owner).__name__}.{name}", owner, name, "attribute")]
            found += known
        return found

    def _handed(self, attribute: str, write: Write) -> list[Slot]:
        """The variables that an attribute of an object that is still to be made may hold.

        They are those of the names with which its class is called, else those of the attribute's own name.
        """
        cls = next((node for node in write.scope if isinstance(node, ast.ClassDef)), None)
        names = (self._source.handed(cls, attribute) if cls else set()) or {attribute}
        return [slot for slot in self._reach.slots if slot.key in names and is_variable(slot.read())]

    def _items(self, target: ast.Subscript, write: Write) -> list[Slot]:
        holders = self._values(target.value, write)
        if not isinstance(holders, list):
            return []
        found: list[Slot] = []
        for holder in holders:
            if not any(holder is container for container in self._reach.containers):
                found += [s for s in self._reach.slots if s.get() is holder and hasattr(holder, "dtype")]
                continue
            known = [slot for slot in self._reach.slots if slot.holder is holder]
            if isinstance(target.slice, ast.Constant):
                key = target.slice.value
                shown = ast.unparse(target.value)
                known = [slot for slot in known if slot.key == key]
                known = known or [Slot(f"{shown}[{key!r}]", holder, key, "item")] * isinstance(holder, dict)
            found += known
        return found

    def _values(self, node: ast.expr, write: Write) -> _Values:
        """The live objects that an expression in the writer may stand for."""
        if isinstance(node, ast.Name):
            return self._name_values(node.id, write)
        if isinstance(node, ast.Attribute):
            return self._attribute_values(self._values(node.value, write), node.attr)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            holders = self._values(node.value, write)
            if isinstance(holders, list):
                keyed = [h for h in holders if isinstance(h, (dict, list, tuple))]
                return list(_entries(keyed, node.slice.value))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "globals":
                return [self._namespace]
            if node.func.id == "type" and len(node.args) == 1:
                owners = self._values(node.args[0], write)
                return [owners.cls] if isinstance(owners, _Instances) and owners.cls else []
        return []

    def _name_values(self, name: str, write: Write) -> _Values:
        owner = _owner(name, write)
        if owner is None:
            return [self._namespace[name]] if name in self._namespace else []
        if owner is not write.function:
            cells = [slot.get() for slot in self._cells(name, owner)]
            return cells or _Unknown()
        arguments = [argument.arg for argument in ast.walk(owner.args) if isinstance(argument, ast.arg)]
        around = write.scope[write.scope.index(owner) - 1] if write.scope.index(owner) else None
        if isinstance(around, ast.ClassDef) and arguments[:1] == [name]:
            cls = self._class(around.name)
            decorators = [getattr(node, "id", "") for node in getattr(owner, "decorator_list", [])]
            if "classmethod" in decorators:
                return [cls] if cls else []
            return _Instances(cls) if "staticmethod" not in decorators else _Unknown()
        if name in arguments:
            return _Unknown()
        given = [
            node.value
            for node in ast.walk(owner)
            if isinstance(node, ast.Assign) and any(getattr(t, "id", "") == name for t in node.targets)
        ]
        if len(given) == 1 and not any(getattr(node, "id", "") == name for node in ast.walk(given[0])):
            return self._values(given[0], write)
        return []

    def _attribute_values(self, owners: _Values, name: str) -> _Values:
        if isinstance(owners, _Unknown):
            return owners
        if isinstance(owners, _Instances):
            cls = owners.cls
            if cls is None:
                return _Unknown()
            around = [*self._reach.objects, *self._namespace.values()]
            live = [item for item in around if isinstance(item, cls)]
            found = [vars(item)[name] for item in live if name in getattr(item, "__dict__", {})]
            return found or _Unknown()
        missing = object()
        found = [getattr(owner, "__dict__", {}).get(name, missing) for owner in owners]
        return [value for value in found if value is not missing]

    def _class(self, name: str) -> type | None:
        found = self._namespace.get(name)
        if isinstance(found, type):
            return found
        types = [type(item) for item in self._reach.objects]
        return next((cls for cls in types if cls.__name__ == name), None)


def _entries(holders: list[Any], key: Any) -> Iterator[Any]:
    for holder in holders:
        entries = holder if isinstance(holder, dict) else dict(enumerate(holder))
        if key in entries:
            yield entries[key]


def _declared(function: ast.AST, kind: type[ast.Global] | type[ast.Nonlocal]) -> set[str]:
    return {name for node in _own_nodes(function) if isinstance(node, kind) for name in node.names}


def _owner(name: str, write: Write) -> Any:
    """The function whose local variable a name is; None for a global."""
    for node in reversed(write.scope):
        if not isinstance(node, FUNCTIONS):
            continue
        if name in _declared(node, ast.Global):
            return None
        if name in _declared(node, ast.Nonlocal):
            continue
        arguments = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        bound = {n.id for n in _own_nodes(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        if name in arguments | bound:
            return node
    return None


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions inside it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            yield child
            yield from _own_nodes(child)


def namespace_of(path: str, reach: Reach) -> dict[str, Any]:
    """The globals of a file's module; empty where none is loaded."""
    for function in reach.functions:
        if function.__code__.co_filename == path:
            return function.__globals__
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType) and getattr(module, "__file__", None) == path:
            return vars(module)
    return {}
