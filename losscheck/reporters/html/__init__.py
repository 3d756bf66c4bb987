"""The report as one page that needs nothing else: tables, source, the curve and the gradient's path drawn."""

from __future__ import annotations

from pathlib import Path

from losscheck.exceptions import LosscheckError
from losscheck.report import Report
from losscheck.reporters.html.document import render_page


def check_writable(path: str) -> None:
    """Refuse a file that surely cannot be written, before anything slow starts.

    Raises:
        LosscheckError: it is a folder, or there is no folder to put it into.

    """
    file = Path(path)
    if file.is_dir():
        raise LosscheckError(f"cannot write `{path}`: it is a folder")
    if not file.parent.is_dir():
        raise LosscheckError(f"cannot write `{path}`: no such folder `{file.parent}`")


def write_page(report: Report, path: str) -> None:
    """Write the page to a file.

    Raises:
        LosscheckError: the file cannot be written.

    """
    text = render_page(report)
    try:
        Path(path).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except OSError as error:
        raise LosscheckError(f"cannot write `{path}`: {error.strerror or error}") from error
