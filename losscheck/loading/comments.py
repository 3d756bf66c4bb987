"""Finds the input specs that stand in ``# losscheck:`` comments."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import tokenize

_DIRECTIVE = re.compile(r"#\s*losscheck:\s*([^#]*)")
_IGNORE = re.compile(r"\bignore\b(?:\[[^\]]*\])?")
_SPEC = re.compile(r"\w\s*=|\b(?:y_true|y_pred|task)\b")


def spec_comment(text: str, statement: ast.stmt) -> str:
    """The input specs that the source gives for the loss that ``statement`` defines; empty if none.

    They stand on a line of the ``def`` or ``class`` header (of the whole statement for an assignment) or in
    the comment lines directly above it.
    """
    if "losscheck:" not in text:
        return ""
    tokens = _tokens(text)
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        last = _header_end(tokens, statement.lineno)
    elif hasattr(statement, "body"):
        last = statement.lineno
    else:
        last = statement.end_lineno or statement.lineno
    comments = {token.start[0]: token for token in tokens if token.type == tokenize.COMMENT}
    while first - 1 in comments and not comments[first - 1].line[: comments[first - 1].start[1]].strip():
        first -= 1
    found = [_spec(token.string) for line, token in sorted(comments.items()) if first <= line <= last]
    return " ".join(filter(None, found))


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    """The tokens up to the place where the text stops being Python."""
    tokens: list[tokenize.TokenInfo] = []
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        tokens.extend(tokenize.generate_tokens(io.StringIO(text).readline))
    return tokens


def _header_end(tokens: list[tokenize.TokenInfo], line: int) -> int:
    """Line of the colon that ends the ``def`` or ``class`` header which starts at ``line``."""
    depth = 0
    for token in tokens:
        if token.start[0] < line or token.type != tokenize.OP:
            continue
        depth += (token.string in "([{") - (token.string in ")]}")
        if token.string == ":" and depth == 0:
            return token.start[0]
    return line


def _spec(comment: str) -> str:
    match = _DIRECTIVE.search(comment)
    if match is None or not _SPEC.search(match.group(1)):
        return ""
    return " ".join(_IGNORE.sub(" ", match.group(1)).split())
