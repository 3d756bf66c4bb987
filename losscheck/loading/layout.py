"""What a loss takes for granted of the shape of a parameter: literal slices, indices, splits, reshapes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from losscheck.loading.expression import dotted
from losscheck.loading.folding import Constants, fold
from losscheck.loading.handing import SAME_SHAPE, handed_over, names_of_values, own_expressions
from losscheck.loading.subject import Code, parameters
from losscheck.loss import Layout, Part

_MAX_CALLS = 4  # helpers that call helpers deeper than this are not followed


def layout(function: Code, parameter: str, helpers: dict[str, Code], constants: Constants) -> Layout:
    """The shape that the code reads off the parameter, through renames and helpers."""
    reader = _Reader(helpers, constants)
    reader.follow(function, parameter, _MAX_CALLS)
    parts = tuple(
        dict.fromkeys(
            replace(part, reader=part.reader or reader.readers.get(part.name, "")) for part in reader.parts
        )
    )
    named = {(part.start, part.stop) for part in parts if part.name}
    parts = tuple(part for part in parts if part.name or (part.start, part.stop) not in named)
    return Layout(parts, reader.axes, reader.reshaped)


class _Reader:
    """Collects the literal reads of one parameter."""

    def __init__(self, helpers: dict[str, Code], constants: Constants) -> None:
        self.parts: list[Part] = []
        self.readers: dict[str, str] = {}  #: name of a part → the function that it is handed to
        self.axes = 0
        self.reshaped: tuple[int, ...] = ()
        self._helpers = helpers
        self._constants = constants

    def follow(self, function: Code, parameter: str, calls: int) -> None:
        """Read one function; ``calls`` says how many more helpers deep."""
        aliases = {parameter}
        local: dict[str, Code] = {}
        body: list[ast.stmt] = (
            [ast.Expr(function.body)] if isinstance(function, ast.Lambda) else function.body
        )
        for node in _in_order(body):
            if isinstance(node, ast.FunctionDef):
                local[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                local.update((t.id, node.value) for t in node.targets if isinstance(t, ast.Name))
            names = names_of_values(node)
            readers = dict(handed_over(node))
            self.readers |= {name: reader for name, reader in readers.items() if isinstance(name, str)}
            for inner in own_expressions(node):
                said = names.get(id(inner), ""), readers.get(id(inner), "")
                self._read(inner, aliases, {**self._helpers, **local}, calls, said)
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._unpacked(target, node.value, aliases)
                    _rename(target, node.value, aliases)

    def _read(
        self, node: ast.AST, aliases: set[str], helpers: dict[str, Code], calls: int, said: tuple[str, str]
    ) -> None:
        if isinstance(node, ast.Subscript) and _is_alias(node.value, aliases):
            self._add_index(node.slice, *said)
        if not isinstance(node, ast.Call):
            return
        called = dotted(node.func)
        helper = helpers.get(called[-1]) if called and called[0] in (called[-1], "self") else None
        if helper is not None and calls > 0:
            names = [n for n in parameters(helper) if n != "self"]
            for value, parameter in zip(node.args, names, strict=False):
                if _is_alias(value, aliases):
                    self.follow(helper, parameter, calls - 1)
        if called and called[-1] == "reshape" and len(node.args) == 2 and _is_alias(node.args[0], aliases):
            self._add_reshape(node.args[1])

    def _add_reshape(self, shape: ast.expr) -> None:
        """``[-1, 7, 7, 30]``: the axes behind the first, where each is a known number."""
        if isinstance(shape, (ast.List, ast.Tuple)) and len(shape.elts) > 2:
            sizes = [fold(element, self._constants) for element in shape.elts[1:]]
            if all(isinstance(size, int) and size > 0 for size in sizes):
                self.reshaped = tuple(int(size) for size in sizes if size is not None)

    def _add_index(self, index: ast.expr, name: str, reader: str) -> None:
        """What ``[:, 5]``, ``[..., 4:6]``, ``[:, 2:]`` or ``[:, :, -1]`` takes for granted."""
        if not isinstance(index, ast.Tuple) or len(index.elts) < 2:
            return
        last = index.elts[-1]
        has_open = any(_is_constant(element, ...) for element in index.elts)
        added = [element for element in index.elts if _is_constant(element, None) or _is_newaxis(element)]
        if not has_open:
            self.axes = max(self.axes, len(index.elts) - len(added))
        if added:
            return  # `x[:, None]` adds an axis, it reads none
        if _is_constant(last, ...):
            return
        if isinstance(last, ast.Slice):
            start = fold(last.lower, self._constants) if last.lower is not None else 0
            stop = fold(last.upper, self._constants) if last.upper is not None else None
            is_known = last.upper is None or isinstance(stop, int)
            if isinstance(start, int) and is_known and last.step is None and (start, stop) != (0, None):
                self.parts.append(Part(start, stop if stop is None else int(stop), name, reader=reader))
            return
        value = fold(last, self._constants)
        if isinstance(value, int):
            self.parts.append(Part(value, value + 1 if value != -1 else None, name, True, reader))

    def _unpacked(self, target: ast.expr, value: ast.expr, aliases: set[str]) -> None:
        """``a, b = tf.unstack(y_pred, axis=-1)``, ``a, b = tf.split(y_pred, [2, 4], axis=-1)``."""
        if not (isinstance(value, ast.Call) and value.args and _is_alias(value.args[0], aliases)):
            return
        called = (dotted(value.func) or ("",))[-1]
        if called not in {"split", "unstack"}:
            return
        given = {keyword.arg: keyword.value for keyword in value.keywords}
        positional = dict(zip(("", "num_or_size_splits", "axis"), value.args, strict=False))
        axis = fold(given.get("axis", positional.get("axis")), self._constants)
        sizes = given.get("num_or_size_splits", given.get("indices_or_sections", given.get("num")))
        sizes = sizes if sizes is not None else positional.get("num_or_size_splits")
        if not isinstance(axis, int) or axis == 0:
            return
        if axis > 0:
            self.axes = max(self.axes, axis + 1)
        names = [t.id if isinstance(t, ast.Name) else "" for t in getattr(target, "elts", [])]
        self._add_widths(self._widths(sizes, len(names), called), names, is_index=called == "unstack")

    def _widths(self, sizes: ast.expr | None, targets: int, called: str) -> list[int]:
        if called == "split" and isinstance(sizes, (ast.List, ast.Tuple)):
            folded = [fold(element, self._constants) for element in sizes.elts]
            return [int(size) if isinstance(size, int) else -1 for size in folded]
        number = fold(sizes, self._constants) if called == "split" else None
        return [1] * (int(number) if isinstance(number, int) else targets)

    def _add_widths(self, widths: list[int], names: list[str], *, is_index: bool) -> None:
        start = 0
        for width, name in zip(widths, [*names, *[""] * len(widths)], strict=False):
            if width < 1:  # the rest, of a size that nobody knows
                self.parts.append(Part(start, None, name))
                return
            self.parts.append(Part(start, start + width, name, is_index))
            start += width


def _in_order(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for field in ("body", "orelse", "finalbody"):
                yield from _in_order(getattr(statement, field, []))


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_newaxis(node: ast.expr) -> bool:
    return dotted(node)[-1:] == ("newaxis",)


def _is_alias(node: ast.expr, aliases: set[str]) -> bool:
    """Whether the expression is the parameter itself, maybe cast or mapped entry by entry."""
    while isinstance(node, ast.Call) and node.args and (dotted(node.func) or ("",))[-1] in SAME_SHAPE:
        node = node.args[0]
    if isinstance(node, ast.BinOp):  # `softplus(y_pred) + 1e-3`
        one, other = node.left, node.right
        one, other = (other, one) if isinstance(one, ast.Constant) else (one, other)
        return isinstance(other, ast.Constant) and _is_alias(one, aliases)
    return isinstance(node, ast.Name) and node.id in aliases


def _rename(target: ast.expr, value: ast.expr, aliases: set[str]) -> None:
    if isinstance(target, ast.Name):
        if _is_alias(value, aliases):
            aliases.add(target.id)
        else:
            aliases.discard(target.id)
    elif (
        isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    ):
        before = set(aliases)
        for one, other in zip(target.elts, value.elts, strict=True):
            if isinstance(one, ast.Name):
                aliases.discard(one.id)
                if _is_alias(other, before):
                    aliases.add(one.id)
    elif isinstance(target, ast.Tuple):
        for one in target.elts:
            if isinstance(one, ast.Name):
                aliases.discard(one.id)
