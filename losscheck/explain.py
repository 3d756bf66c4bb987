"""The page of a rule and the table of all rules, in Markdown, from the rule's own attributes."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable

from losscheck.rule import Rule

_LAST_SECTION = "References"  # stands after the examples
_COLUMNS = ("code", "name", "severity", "static", "what it finds")


def page(rule: Rule) -> str:
    """Everything there is to know about a rule: what ``--explain`` shows."""
    titled = dict(sections(rule))
    references = titled.pop(_LAST_SECTION, "")
    blocks = [
        f"# {rule.code} {rule.name}",
        f"Severity: {rule.severity.value}{_source_side(rule)}",
        summary(rule),
    ]
    for title, body in titled.items():
        blocks += [f"## {title}", body]
    blocks += ["## Example", *map(_code_block, rule.BAD)]
    blocks += ["Use instead:", *map(_code_block, rule.GOOD)]
    blocks += ["## How to fix it", _sentence(rule.hint)]
    if references:
        blocks += [f"## {_LAST_SECTION}", references]
    return "\n\n".join(block for block in blocks if block) + "\n"


def summary(rule: Rule) -> str:
    """The first paragraph of a rule's page, on one line."""
    return " ".join(_docstring(rule).partition("\n\n")[0].partition("\n##")[0].split())


def table(rules: Iterable[Rule]) -> str:
    """One row for each rule, as an aligned Markdown table: what ``--rules`` shows."""
    rows = [_COLUMNS, *map(_row, rules)]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_COLUMNS))]
    cells.insert(1, ["-" * width for width in widths])
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "".join(f"| {line} |\n" for line in lines)


def _source_side(rule: Rule) -> str:
    """What the page says of a rule that ``--static`` runs: what its `suspect` says of itself."""
    if not rule.reads_source:
        return ""
    text = " ".join(inspect.cleandoc(type(rule).suspect.__doc__ or "").split())
    return f"\n\nAlso read from the source with `--static`: {text[:1].lower()}{text[1:]}"


def _row(rule: Rule) -> tuple[str, ...]:
    reads = "yes" if rule.reads_source else ""
    return rule.code, rule.name, rule.severity.value, reads, summary(rule)


def _docstring(rule: Rule) -> str:
    return inspect.cleandoc(type(rule).__doc__ or "")


def sections(rule: Rule) -> list[tuple[str, str]]:
    """Heading and text of each ``##`` section of the docstring."""
    parts = ("\n" + _docstring(rule)).split("\n## ")[1:]
    return [(title.strip(), body.strip()) for title, _, body in (part.partition("\n") for part in parts)]


def _code_block(source: str) -> str:
    return f"```python\n{textwrap.dedent(source).strip()}\n```"


def _sentence(hint: str) -> str:
    """A hint as a sentence of prose."""
    return f"{hint[:1].upper()}{hint[1:]}." if hint else ""
