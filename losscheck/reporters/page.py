"""A page of terminal text: wraps at words, aligns, colours, and lets nothing unsafe through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from losscheck.reporters import Style
from losscheck.reporters.plain import ascii_only, one_line, plain

_NARROWEST = 40  # columns; below that a wrapped message is no longer readable
_WIDEST = 120  # columns; the eye loses longer lines

Piece = str | tuple[str, str]  # text, or text and its rich style


class Page:
    """Writes lines to a stream."""

    def __init__(self, stream: TextIO, style: Style) -> None:
        self.style = style
        self.width = min(max(style.width, _NARROWEST), _WIDEST)
        self._console = Console(
            file=stream,
            width=self.width,
            color_system="standard" if style.color else None,
            force_terminal=style.color,
            force_jupyter=False,
            legacy_windows=False,
            no_color=not style.color,
            markup=False,
            highlight=False,
            emoji=False,
            _environ={},
        )

    def blank(self) -> None:
        """An empty line."""
        self._console.print(soft_wrap=True)

    def line(self, *pieces: Piece) -> None:
        """One line as it is, never wrapped."""
        text = self._text(pieces)
        text.rstrip()
        self._console.print(text, soft_wrap=True)

    def paragraph(self, *pieces: Piece, indent: int = 0, label: Piece = "") -> None:
        """Text wrapped at words; lines after the first start below the end of the label."""
        head = Text(" " * indent).append_text(self._text([label]))
        body = self._text(pieces)
        body.highlight_regex(r"`[^`\n]+`", "bold")
        for wrapped in body.wrap(self._console, max(self.width - head.cell_len, _NARROWEST // 2)):
            wrapped.rstrip()
            self.line_of(head.copy().append_text(wrapped))
            head = Text(" " * head.cell_len)

    def flow(self, items: Iterable[tuple[Piece, ...]], *, indent: int = 0) -> None:
        """Items side by side, two spaces between them, never broken inside."""
        current = Text(" " * indent)
        for item in map(self._text, items):
            is_first = current.cell_len == indent
            if not is_first and current.cell_len + 2 + item.cell_len > self.width:
                self.line_of(current)
                current, is_first = Text(" " * indent), True
            current.append("" if is_first else "  ").append_text(item)
        self.line_of(current)

    def line_of(self, text: Text) -> None:
        """One line of ready text."""
        text.rstrip()
        self._console.print(text, soft_wrap=True)

    def clean(self, text: str) -> str:
        """The text with nothing in it that this page cannot show."""
        return plain(text) if self.style.unicode else ascii_only(plain(text))

    def inline(self, text: str) -> str:
        """The same on one line."""
        return self.clean(one_line(text))

    def cells(self, text: str) -> int:
        """Columns that the text takes."""
        return cell_len(self.clean(text))

    def _text(self, pieces: Iterable[Piece]) -> Text:
        text = Text()
        for piece in pieces:
            content, style = (piece, "") if isinstance(piece, str) else piece
            text.append(self.clean(content), style)
        return text
