"""Comments that silence a rule: ``# losscheck: ignore[LC105] a reason``."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from losscheck.finding import Finding, Location
from losscheck.prober import IdleComment
from losscheck.probes.syntax import parsed, source_text
from losscheck.registry import nearest
from losscheck.report import Suppressed
from losscheck.rule import Rule

#: What the comment looks like, alone or behind the specs of a loss.
_COMMENT = re.compile(r"#\s*losscheck:[^#]*?\bignore\b\s*(?:\[(?P<rules>[^\]#]*)\])?(?P<reason>[^#]*)")
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Ignore:
    """One such comment.

    It covers the statement on whose lines it stands, the next one where it has lines of its own, and all of
    a function or class where it stands in the header.
    """

    location: Location  #: of the comment
    rules: tuple[str, ...]  #: codes or names, as written; empty: it names none, and silences nothing
    reason: str
    first_line: int  #: that it covers
    last_line: int

    def covers(self, finding: Finding, loss: Location) -> bool:
        """Whether it speaks of this finding of the loss that is defined there.

        At the definition of the loss, it speaks of all findings of this loss, in whatever file they lie.
        """
        if not {finding.code, finding.name} & set(self.rules):
            return False
        place = finding.location
        last = place.line if place.end_line is None else place.end_line
        return self._meets(place.path, place.line, last) or self._meets(loss.path, loss.line, loss.line)

    def _meets(self, path: str, first: int, last: int) -> bool:
        return path == self.location.path and self.first_line <= last and first <= self.last_line


def suppress(
    findings: Iterable[Finding], loss: Location
) -> tuple[tuple[Finding, ...], tuple[Suppressed, ...]]:
    """The findings that no comment silences, and those that one does."""
    kept, suppressed = [], []
    for finding in findings:
        paths = dict.fromkeys((finding.location.path, loss.path))
        comments = (ignore for path in paths for ignore in read_ignores(path))
        found = next((ignore for ignore in comments if ignore.covers(finding, loss)), None)
        if found is None:
            kept.append(finding)
        else:
            suppressed.append(Suppressed(finding, "comment", found.reason))
    return tuple(kept), tuple(suppressed)


def idle_comments(
    loss: Location, suppressed: Iterable[Suppressed], rules: Mapping[str, Rule], ran: Collection[str]
) -> tuple[IdleComment, ...]:
    """The comments inside a loss that silence nothing, and why.

    Args:
        loss: where it is defined; a comment elsewhere may belong to another loss.
        suppressed: the findings that comments silence.
        rules: all rules by code.
        ran: codes of the rules that looked at the loss; a comment on another one is not judged.

    """
    silenced = tuple(suppressed)
    span = _span(loss)
    idle: list[IdleComment] = []
    for ignore in read_ignores(loss.path):
        if not span[0] <= ignore.first_line <= ignore.last_line <= span[1]:
            continue
        if not ignore.rules:
            idle.append(IdleComment(ignore.location, "names no rule and silences nothing"))
        for word in ignore.rules:
            rule = next((rule for rule in rules.values() if word in (rule.code, rule.name)), None)
            one = replace(ignore, rules=(word,))
            if rule is None:
                problem = f"names `{word}`, which is no rule{nearest(word, rules.values())}"
            elif rule.code in ran and not any(one.covers(entry.finding, loss) for entry in silenced):
                problem = f"silences nothing: {rule.code} {rule.name} has no finding here"
            else:
                continue
            idle.append(IdleComment(ignore.location, problem))
    return tuple(idle)


def read_ignores(path: str) -> tuple[Ignore, ...]:
    """All such comments of a file; none where it cannot be read."""
    text = source_text(path)
    return tuple(_ignores(text, path)) if "losscheck:" in text else ()


def _ignores(text: str, path: str) -> Iterator[Ignore]:
    statements = list(_covered(parsed(path)))
    for token in _comments(text):
        match = _COMMENT.search(token.string)
        if match is None:
            continue
        line, column = token.start
        is_alone = not token.line[:column].strip()
        first, last = _cover(line, statements, is_alone)
        rules = tuple(word.strip() for word in (match["rules"] or "").split(",") if word.strip())
        start = column + 1 + match.start()
        place = Location(path, line, start, line, start + len(match[0].rstrip()))
        yield Ignore(place, rules, match["reason"].strip(" \t:-–"), first, last)


def _comments(text: str) -> Iterator[tokenize.TokenInfo]:
    """The comments up to the place where the text stops being Python."""
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token


@dataclass(frozen=True)
class _Statement:
    """The lines on which a comment speaks of a statement, and the lines that it then covers."""

    first: int
    header_end: int  #: last line of a header; of a simple statement, its last line
    last: int
    has_body: bool


def _covered(tree: ast.Module) -> Iterator[_Statement]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        end = node.end_lineno or node.lineno
        body = getattr(node, "body", None)
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        if not body:
            yield _Statement(first, end, end, has_body=False)
            continue
        header_end = max(first, min(end, body[0].lineno - 1))
        last = end if isinstance(node, _DEFINITIONS) else header_end
        yield _Statement(first, header_end, last, has_body=True)


def _cover(line: int, statements: Iterable[_Statement], is_alone: bool) -> tuple[int, int]:
    """The lines that a comment covers: of the innermost statement that it stands on, else of the next one."""
    on = [s for s in statements if s.first <= line <= s.header_end and not (is_alone and s.has_body)]
    if on:
        inner = max(on, key=lambda s: (s.first, -s.last))
        return inner.first, inner.last
    below = [s for s in statements if s.first > line]
    if not is_alone or not below:
        return line, line
    following = min(below, key=lambda s: (s.first, -s.last))
    return following.first, following.last


def _span(loss: Location) -> tuple[int, int]:
    """The first and the last line of the definition of a loss."""
    at = [s for s in _covered(parsed(loss.path)) if s.first <= loss.line <= s.header_end]
    inner = max(
        at, key=lambda s: (s.first, -s.last), default=_Statement(loss.line, loss.line, loss.line, False)
    )
    return inner.first, inner.last
