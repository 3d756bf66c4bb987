"""Finds the reads of Python values that other functions of the file change while a training goes on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.probes.writers import Write, first_line, read_tree
from losscheck.reading.events import Read
from losscheck.reading.source import Source


def changed_reads(source: Source) -> Iterator[tuple[Read, int]]:
    """Each read of such a value, and the line of the function that changes it."""
    path = source.loss.path
    reads = [read for read in source.reads() if not read.value.is_tensor and read.value.code is None]
    if not reads:
        return
    file = read_tree(path, source.module.tree)
    ran = frozenset((path, first_line(function)) for function in source.functions)
    own = {function for function in source.functions if isinstance(function, ast.FunctionDef)}
    late = [
        write
        for write in file.writes
        if not write.is_assign and write.function not in own and not file.is_setup(write.function, ran)
    ]
    for read in reads:
        writer = next((write for write in late if _is_of(write, read, source)), None)
        if writer is not None:
            yield read, writer.line


def _is_of(write: Write, read: Read, source: Source) -> bool:
    """Whether what is written is what is read."""
    target = write.target
    if isinstance(target, ast.Subscript):
        target = target.value
        return isinstance(target, ast.Name) and target.id == read.name and not _is_local(target.id, write)
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        holder, _, attribute = read.name.partition(".")
        found = source.module.definitions.get(holder)
        made = found.value.func if found is not None and isinstance(found.value, ast.Call) else None
        classes = [node.name for node in write.scope if isinstance(node, ast.ClassDef)]
        return isinstance(made, ast.Name) and made.id in classes and attribute == target.attr
    if isinstance(target, ast.Name) and _is_local(target.id, write):
        return False
    return not write.is_inside and ast.unparse(target) == read.name


def _is_local(name: str, write: Write) -> bool:
    """Whether a name is one of the writing function's own."""
    nodes = list(ast.walk(write.function))
    if any(isinstance(node, ast.Global) and name in node.names for node in nodes):
        return False
    is_bound = any(isinstance(node, ast.Name) and node.id == name and not _is_read(node) for node in nodes)
    return is_bound or any(isinstance(node, ast.arg) and node.arg == name for node in nodes)


def _is_read(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)
