"""The line at which a loss reads a place: found in the source of the functions that ran."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from types import CodeType

from losscheck.finding import Location
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.slots import Slot
from losscheck.probes.writers import read_source


def read_location(slot: Slot, codes: Iterable[CodeType], files: UserFiles) -> Location | None:
    """The first line that reads the place, among those of the functions that ran."""
    for code in codes:
        source = read_source(code.co_filename)
        lines = {line for _, _, line in code.co_lines() if line is not None and line > 0}
        if source is None:
            continue
        reads = [node for node in ast.walk(source.tree) if getattr(node, "lineno", 0) in lines]
        for node in sorted(reads, key=lambda node: (node.lineno, node.col_offset)):  # type: ignore[attr-defined]
            if _is_read(node, slot):
                return statement_location(code.co_filename, node.lineno, files)  # type: ignore[attr-defined]
    return None


def _is_read(node: ast.AST, slot: Slot) -> bool:
    if isinstance(node, ast.Name):
        return isinstance(node.ctx, ast.Load) and node.id == _last_name(slot)
    if isinstance(node, ast.Attribute):
        return isinstance(node.ctx, ast.Load) and node.attr == _last_name(slot)
    return isinstance(node, ast.Constant) and slot.kind == "item" and node.value == slot.key != ""


def _last_name(slot: Slot) -> str:
    """The identifier by which source reads it: of ``CONFIG[0]`` that is ``CONFIG``."""
    if isinstance(slot.key, str) and "[" not in slot.path:
        return slot.key
    return slot.path.partition("[")[0].rpartition(".")[2] if not isinstance(slot.key, str) else ""
