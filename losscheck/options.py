"""The options of the command line: their names, their help, and what is wrong with a value."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from losscheck.choices import (
    DEFAULT_MEMORY,
    DEFAULT_TIMEOUT,
    LONGEST_TIMEOUT,
    Device,
    FailOn,
    Load,
    ServerAction,
)
from losscheck.exceptions import LosscheckError
from losscheck.finding import Mode
from losscheck.reporters import FORMATS
from losscheck.reporters.files import Output, parse_output
from losscheck.selection import split
from losscheck.settings import Settings

#: By its version, typer uses click's class or its own copy.
_TYPER_USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])

#: Formats for people, who read one report after the other.
_WATCHED = ("text", "concise")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


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


def parse(arguments: Sequence[str]) -> Request | None:
    """Read a command line; None if it asked for the help, which is then shown.

    Raises:
        LosscheckError: an option is unknown or its value cannot be used.

    """
    try:
        request = app(list(arguments), prog_name="losscheck", standalone_mode=False)
    except _TYPER_USAGE_ERROR as error:
        text = " ".join(str(getattr(error, "format_message", error.__str__)()).split()).rstrip(".")
        raise LosscheckError(f"{text[:1].lower()}{text[1:]}; `losscheck --help` lists the options") from error
    if not isinstance(request, Request):
        return None
    _validate(request)
    return request


def _validate(request: Request) -> None:
    """Refuse what no loss can be checked with, before anything slow starts."""
    if request.format not in FORMATS:
        raise LosscheckError(f"unknown format `{request.format}`; use one of {', '.join(FORMATS)}")
    given = request.settings.given
    _validate_limits(given)
    if request.plot and request.format != "text":
        raise LosscheckError(f"`--plot` draws in the format `text`, not in `{request.format}`")
    if request.html is not None:
        from losscheck.reporters.html import check_writable

        check_writable(request.html)
    if request.watch:
        _refuse_with_watch(request)
    if request.server is not None and request.targets:
        raise LosscheckError(
            f"`--server {request.server.value}` checks nothing: leave out `{request.targets[0]}`"
        )
    if (python := given.get("python")) is not None:
        from losscheck.worker.interpreter import AUTO, find_interpreter

        if python != AUTO:
            find_interpreter(python)
    names = [mode.value for mode in Mode]
    for mode in given.get("modes", ()):
        if mode not in names:
            raise LosscheckError(f"unknown mode `{mode}`; use one of {', '.join(names)}")
    if request.task is not None:
        from losscheck.inputs.tasks import TASKS

        if request.task not in TASKS:
            raise LosscheckError(f"unknown task `{request.task}`; use one of {', '.join(TASKS)}")
    if request.y_true or request.y_pred:
        from losscheck.inputs.specs import parse_spec

        for spec in filter(None, (request.y_true, request.y_pred)):
            parse_spec(spec)
    told = {"--y-true": request.y_true, "--y-pred": request.y_pred, "--task": request.task}
    told |= {"--batch": request.batch, "--model": request.model}
    _refuse_both([name for name, value in told.items() if value is not None])
    if request.static:
        used = [name for name, value in told.items() if value is not None] + ["--mode"] * ("modes" in given)
        if used:
            raise LosscheckError(f"`{used[0]}` says how to run a loss, and `--static` runs none")
    if request.repro is not None and not request.repro.strip():
        raise LosscheckError("`--repro` needs a folder")
    if request.repro is not None and Path(request.repro).exists() and not Path(request.repro).is_dir():
        raise LosscheckError(f"`{request.repro}` is no folder: `--repro` writes several files")
    if request.batch is not None:
        from losscheck.inputs.given import read_batch

        read_batch(request.batch)
    if given.get("select") or given.get("ignore"):
        from losscheck.registry import all_rules
        from losscheck.selection import select

        select(all_rules(), given.get("select", ()), given.get("ignore", ()))


def _validate_limits(given: Mapping[str, Any]) -> None:
    timeout, memory, jobs = given.get("timeout", 1.0), given.get("memory", 1.0), given.get("jobs", 1)
    if not 0 < timeout <= LONGEST_TIMEOUT:
        bounds = f"at most {LONGEST_TIMEOUT:.0f} seconds" if timeout > 0 else "above 0 seconds"
        raise LosscheckError(f"the timeout must be {bounds}, not {timeout:g}")
    if not memory > 0:
        raise LosscheckError(f"the memory must be above 0 GiB, not {memory:g}")
    if jobs < 1:
        raise LosscheckError(f"there must be at least 1 job, not {jobs}")


def _refuse_with_watch(request: Request) -> None:
    """Refuse what writes a file or runs nothing: a session goes on, and checks again and again."""
    if request.format not in _WATCHED:
        raise LosscheckError(f"`--watch` writes {' or '.join(_WATCHED)}, not `{request.format}`")
    others = {
        "--static": request.static,
        "--output": request.outputs,
        "--html": request.html,
        "--repro": request.repro,
        "--write-baseline": request.write_baseline,
    }
    for name, value in others.items():
        if value:
            raise LosscheckError(f"`{name}` cannot be used with `--watch`")


def _refuse_both(given: Sequence[str]) -> None:
    """Refuse two options of which each says what ``y_pred`` is; ``--model`` leaves ``y_true`` open."""
    clashing = [name for name in given if not (name == "--y-true" and "--model" in given)]
    if len(clashing) > 1 and {"--batch", "--model"} & set(clashing):
        raise LosscheckError(f"give either `{clashing[0]}` or `{clashing[-1]}`: each says what `y_pred` is")


def _option(panel: str, text: str, *names: str, metavar: str | None = None, **more: Any) -> Any:
    """An option in one of the groups of ``--help``."""
    return typer.Option(*names, help=text, rich_help_panel=panel, metavar=metavar, **more)


_IN, _RULES, _RUN, _OUT = "Inputs of the loss", "Rules", "Run", "Output"
_WARM, _SET = "Again and again", "Settings"
_TARGETS = (
    "Files, notebooks, folders, modules; one loss: losses.py:dice_loss, pkg.losses:FocalLoss or "
    "'losses.py:make_focal(gamma=2)'."
)


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def _request(
    targets: Annotated[list[str] | None, typer.Argument(metavar="TARGETS", help=_TARGETS)] = None,
    *,
    y_true: Annotated[str | None, _option(_IN, "As in 'int32[B] labels<10'.", metavar="SPEC")] = None,
    y_pred: Annotated[str | None, _option(_IN, "As in 'float32[B, 10] logits'.", metavar="SPEC")] = None,
    task: Annotated[str | None, _option(_IN, "Both by name, as in binary.", metavar="NAME")] = None,
    batch: Annotated[
        str | None, _option(_IN, "Arrays y_true and y_pred in an .npz file.", metavar="FILE")
    ] = None,
    model: Annotated[
        str | None, _option(_IN, "What y_pred comes from: model.py:build_model.", metavar="TARGET")
    ] = None,
    select: Annotated[
        list[str] | None, _option(_RULES, "Run only these: LC2,LC501,dead-term or ALL.", metavar="RULES")
    ] = None,
    ignore: Annotated[list[str] | None, _option(_RULES, "Do not run these.", metavar="RULES")] = None,
    explain: Annotated[str | None, _option(_RULES, "Show the page of a rule.", metavar="RULE")] = None,
    rules: Annotated[bool, _option(_RULES, "Show all rules.", "--rules")] = False,
    baseline: Annotated[
        str | None, _option(_RULES, "Leave out the findings that this file knows.", metavar="FILE")
    ] = None,
    write_baseline: Annotated[
        Path | None, _option(_RULES, "Write the findings of this run to such a file.", metavar="FILE")
    ] = None,
    fail_on: Annotated[
        FailOn | None, _option(_RUN, "Mildest finding that gives exit code 1.", show_default="warning")
    ] = None,
    mode: Annotated[
        list[str] | None, _option(_RUN, "Run it even where it is usually skipped: replicas.", metavar="MODE")
    ] = None,
    load: Annotated[
        Load | None,
        _option(
            _RUN,
            "Run the whole file, or what the loss needs; auto: as the file does work.",
            show_default="auto",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        _option(_RUN, "Limit for each loss.", metavar="SECONDS", show_default=f"{DEFAULT_TIMEOUT:g}"),
    ] = None,
    static: Annotated[
        bool, _option(_RUN, "Read the source and run nothing: suspicions, in milliseconds.", "--static")
    ] = False,
    memory: Annotated[
        float | None,
        _option(
            _RUN,
            "Limit for each loss, above the import.",
            metavar="GIB",
            show_default=f"{DEFAULT_MEMORY:g}",
        ),
    ] = None,
    device: Annotated[
        Device | None, _option(_RUN, "Where the losses run.", show_default=Device.CPU.value)
    ] = None,
    jobs: Annotated[
        int | None,
        _option(_RUN, "Losses at the same time.", "--jobs", "-j", metavar="N", show_default="cores"),
    ] = None,
    python: Annotated[
        str | None,
        _option(_RUN, "Probe with this interpreter or environment; auto: the active one.", metavar="PATH"),
    ] = None,
    format: Annotated[str, _option(_OUT, f"One of {', '.join(FORMATS)}.", metavar="FORMAT")] = "text",
    output: Annotated[
        list[str] | None,
        _option(_OUT, "Also write the report to a file: losses.sarif, or junit:losses.xml.", metavar="FILE"),
    ] = None,
    repro: Annotated[
        str | None, _option(_OUT, "Write a script that shows each finding to this folder.", metavar="DIR")
    ] = None,
    verbose: Annotated[bool, _option(_OUT, "Also why and what was skipped.", "--verbose", "-v")] = False,
    quiet: Annotated[bool, _option(_OUT, "Only findings and failures.", "--quiet", "-q")] = False,
    plot: Annotated[bool, _option(_OUT, "Draw loss and gradient in the terminal.", "--plot")] = False,
    html: Annotated[str | None, _option(_OUT, "Also write a page with drawings.", metavar="FILE")] = None,
    color: Annotated[Color, _option(_OUT, "Colour the output.")] = Color.AUTO,
    version: Annotated[bool, _option(_OUT, "Show the version.", "--version")] = False,
    config: Annotated[
        Path | None, _option(_SET, "Read this in place of the closest pyproject.toml.", metavar="FILE")
    ] = None,
    isolated: Annotated[bool, _option(_SET, "Read no pyproject.toml.", "--isolated")] = False,
    show_config: Annotated[
        bool, _option(_SET, "Show the settings in force, and who set them.", "--show-config")
    ] = False,
    watch: Annotated[
        bool, _option(_WARM, "Check again what changes, on each save.", "--watch", "-w")
    ] = False,
    server: Annotated[
        ServerAction | None, _option(_WARM, "Keep TensorFlow imported for the next runs: an answer at once.")
    ] = None,
    no_server: Annotated[bool, _option(_WARM, "Use no such server.", "--no-server")] = False,
    no_cache: Annotated[bool, _option(_WARM, "Use and keep no results.", "--no-cache")] = False,
    clear_cache: Annotated[
        bool, _option(_WARM, "Delete the results that are kept.", "--clear-cache")
    ] = False,
) -> Request:
    """Say before you train whether a custom Keras loss will train.

    Exit codes: 0 clean, 1 findings, 2 something could not be checked.
    """
    given = {
        "select": select and split(select),
        "ignore": ignore and split(ignore),
        "fail-on": fail_on and fail_on.value,
        "modes": mode and split(mode),
        "load": load and load.value,
        "timeout": timeout,
        "memory": memory,
        "device": device and device.value,
        "jobs": jobs,
        "baseline": baseline,
        "python": python,
        "cache": False if no_cache else None,
    }
    return Request(
        targets=tuple(targets or ()),
        y_true=y_true,
        y_pred=y_pred,
        task=task,
        batch=batch,
        model=model,
        settings=Settings(
            given={key: value for key, value in given.items() if value is not None},
            file=config,
            is_isolated=isolated,
        ),
        format=format,
        outputs=tuple(map(parse_output, output or ())),
        write_baseline=write_baseline,
        static=static,
        watch=watch,
        server=server,
        no_server=no_server,
        repro=repro,
        verbose=verbose,
        quiet=quiet,
        plot=plot,
        html=html,
        color=color,
        explain=explain,
        rules=rules,
        show_config=show_config,
        clear_cache=clear_cache,
        version=version,
    )
