"""What the user asks for on the command line."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path

from losscheck.choices import ServerAction
from losscheck.reporters.files import Output
from losscheck.settings import Settings


class Color(str, enum.Enum):
    """Whether to colour the output."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    targets: tuple[str, ...]  #: files, folders, modules, each with or without ``:name``
    y_true: str | None  #: spec
    y_pred: str | None  #: spec
    task: str | None  #: key of `TASKS`
    batch: str | None  #: file with arrays
    model: str | None  #: target of a function that builds a model
    settings: Settings  #: what may also stand in ``pyproject.toml``
    format: str  #: key of `FORMATS`
    outputs: tuple[Output, ...]  #: files to write besides
    write_baseline: Path | None  #: file for the findings of this run, which then are known
    static: bool  #: read the source, run nothing
    watch: bool  #: check again what changes, until Ctrl-C
    server: ServerAction | None  #: what to do with the server instead of checking
    no_server: bool  #: use no server
    repro: str | None  #: folder for a script for each finding
    verbose: bool
    quiet: bool
    plot: bool  #: show the curve of each loss in the terminal
    html: str | None  #: file to write a page to
    color: Color
    explain: str | None  #: code or name of a rule to show instead of checking
    rules: bool  #: show the table of rules instead of checking
    show_config: bool  #: show the settings instead of checking
    clear_cache: bool  #: delete the results of earlier runs, first
    version: bool  #: show the version instead of checking
