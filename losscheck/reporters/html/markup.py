"""Pieces of HTML and SVG: every text from outside goes through here and is escaped."""

from __future__ import annotations

import re
from html import escape

from losscheck.reporters.plain import one_line, plain

_CODE = re.compile(r"`([^`\n]+)`")
_ITEM = re.compile(r"^- ", re.MULTILINE)
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")


def text(words: str) -> str:
    """Text on one line, for an element or a quoted attribute."""
    return escape(one_line(words))


def block(words: str) -> str:
    """Text with its line breaks, for a ``<pre>``."""
    return escape(plain(words).rstrip())


def prose(words: str) -> str:
    """A sentence: what stands in backticks is code, line breaks stay."""
    return _code_marked(plain(words).strip()).replace("\n", "<br>")


def paragraphs(words: str) -> str:
    """Paragraphs and lists of prose, which a blank line parts; an address becomes a link."""
    return "".join(_list(part) or f"<p>{_linked(part)}</p>" for part in plain(words).strip().split("\n\n"))


def _list(part: str) -> str:
    """The items that begin with a dash; empty where this is no list."""
    if not part.startswith("- "):
        return ""
    return f"<ul>{''.join(f'<li>{_linked(item)}</li>' for item in _ITEM.split(part)[1:])}</ul>"


def element(name: str, content: str = "", **attributes: str | float | None) -> str:
    """An element of SVG or HTML; an attribute of None is left out, ``class_`` is ``class``."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{content}</{name}>"


def number(value: float) -> str:
    """A number for people: four digits, a real minus sign."""
    return f"{value:.4g}".replace("-", "−")


def _code_marked(words: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(words))


def _attribute(value: str | float) -> str:
    return escape(plain(value)) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def _linked(words: str) -> str:
    """Prose on one line with its addresses as links."""
    parts = []
    end = 0
    words = " ".join(words.split())
    for match in _ADDRESS.finditer(words):
        address = match[0].rstrip(".,;)")
        link = element("a", escape(address), href=address, rel="noreferrer")
        parts += [_code_marked(words[end : match.start()]), link]
        end = match.start() + len(address)
    return "".join([*parts, _code_marked(words[end:])])
