"""Reports in files, beside the one on the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from losscheck.exceptions import LosscheckError
from losscheck.report import Report
from losscheck.reporters import FORMATS, Style, render

#: End of a file's name → the format that is meant where none is named.
_BY_SUFFIX = {".txt": "text", ".json": "json", ".sarif": "sarif", ".xml": "junit"}


@dataclass(frozen=True)
class Output:
    """A file to write."""

    format: str  #: key of `FORMATS`
    path: Path


def parse_output(text: str) -> Output:
    """The file that an option names: ``losses.sarif``, or ``gitlab:losses.json`` with its format.

    Raises:
        LosscheckError: neither the text nor the end of the name says which format is meant.

    """
    name, _, path = text.partition(":")
    if name in FORMATS and path:
        return Output(name, Path(path))
    named = _BY_SUFFIX.get(Path(text).suffix.lower())
    if named is None:
        raise LosscheckError(
            f"cannot tell the format of `{text}`; write FORMAT:FILE with one of {', '.join(FORMATS)}"
        )
    return Output(named, Path(text))


def write_output(output: Output, report: Report) -> None:
    """Write a report to a file, whose folder is made if it is missing.

    Raises:
        LosscheckError: it cannot be written.

    """
    text = render(output.format, report, Style(verbose=True))
    try:
        output.path.parent.mkdir(parents=True, exist_ok=True)
        output.path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise LosscheckError(f"cannot write {output.path}: {error.strerror or error}") from None
