"""Reads whether the author says that a loss does not use ``y_true``."""

from __future__ import annotations

import ast
import re

from losscheck.loading.naming import says_unused
from losscheck.loading.subject import Code

_NOT_USED = (
    r"(?:un-?used|ignored|dummy|placeholder|not\s+(?:be\s+)?(?:used|needed|read)|never\s+(?:used|read)"
    r"|(?:has|have)\s+no\s+effect|not\s+required|irrelevant)"
)
_FILLER = r"(?:is|are|will|be|a|an|the|here|argument|parameter|input|tensor|just|only|itself|[a-z]+ly)"
_NO_USE_OF = (
    r"(?:un-?used|ignor(?:e|es|ing)|dummy|(?:does\s+not|doesn't|do\s+not|don't|not|never)\s+us(?:e|es|ing)"
    r"|without(?:\s+using)?|no)"
)
#: "ignores y_true == 255" and "ignored y_true values" speak of entries, not of the argument
_ENTRIES = (
    r"(?!\s*(?:[=!<>\[]|\.\w|values?\b|entries\b|where\b|pixels?\b|classe?s?\b|of\b|is\b|that\b"
    r"|below\b|above\b))"
)
_SILENCED = re.compile(r"unused-argument|ARG001|ARG002")


def says_y_true_unused(function: Code, y_true: str, texts: tuple[str, ...]) -> bool:
    """Whether the parameter's name, a docstring, a comment or a ``del`` says that ``y_true`` is not used.

    ``texts`` are docstrings and source; ``y_true`` is the name of the first parameter.
    """
    if says_unused(y_true):
        return True
    deleted = (
        target for node in ast.walk(function) if isinstance(node, ast.Delete) for target in node.targets
    )
    if any(isinstance(target, ast.Name) and target.id == y_true for target in deleted):
        return True
    name = rf"[`*'\"]*\b{re.escape(y_true)}\b[`*'\"]*"
    straight = re.compile(
        rf"{name}\s*(?:\([^)\n]*\))?\s*[:,;=\-–]*\s*(?:\([^)\n]*\)\s*[:.]?\s*)?\(?(?:{_FILLER}\s+)*{_NOT_USED}\b",
        re.IGNORECASE,
    )
    reverse = re.compile(rf"\b{_NO_USE_OF}\s+(?:{_FILLER}\s+)*{name}{_ENTRIES}", re.IGNORECASE)
    return any(straight.search(text) or reverse.search(text) or _SILENCED.search(text) for text in texts)


def comments(text: str) -> str:
    """The comments of a piece of source, a line each; a ``#`` inside a string may come along."""
    return "\n".join(line.partition("#")[2] for line in text.splitlines() if "#" in line)
