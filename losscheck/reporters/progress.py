"""The progress bar on stderr: how many losses are done while the others are probed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

_FEWEST = 2  # losses; a single one is done when the bar would appear


@contextlib.contextmanager
def progress(total: int, *, is_shown: bool) -> Iterator[Callable[[], None]]:
    """Give the function to call when a loss is done; the bar leaves nothing behind."""
    if not is_shown or total < _FEWEST or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("checking losses"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
