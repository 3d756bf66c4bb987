"""The options of the command line: their names, their help, and what is wrong with a value."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from losscheck.choices import LONGEST_TIMEOUT, FailOn, Load
from losscheck.exceptions import LosscheckError
from losscheck.finding import Mode
from losscheck.reporters import FORMATS
from losscheck.reporters.files import Output, parse_output
from losscheck.selection import split
from losscheck.settings import Settings

#: By its version, typer uses click's class or its own copy.
_TYPER_USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])

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
    verbose: bool
    quiet: bool
    color: Color
    explain: str | None  #: code or name of a rule to show instead of checking
    rules: bool  #: show the table of rules instead of checking
    show_config: bool  #: show the settings instead of checking
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
    if not 0 < given.get("timeout", 1) <= LONGEST_TIMEOUT:
        limits = f"above 0 and up to {LONGEST_TIMEOUT} seconds"
        raise LosscheckError(f"the timeout must be {limits}, not {given['timeout']:g}")
    if given.get("jobs", 1) < 1:
        raise LosscheckError(f"there must be at least 1 job, not {given['jobs']}")
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
    if request.batch is not None:
        from losscheck.inputs.given import read_batch

        read_batch(request.batch)
    if given.get("select") or given.get("ignore"):
        from losscheck.registry import all_rules
        from losscheck.selection import select

        select(all_rules(), given.get("select", ()), given.get("ignore", ()))


def _refuse_both(given: Sequence[str]) -> None:
    """Refuse two options of which each says what ``y_pred`` is; ``--model`` leaves ``y_true`` open."""
    clashing = [name for name in given if not (name == "--y-true" and "--model" in given)]
    if len(clashing) > 1 and {"--batch", "--model"} & set(clashing):
        raise LosscheckError(f"give either `{clashing[0]}` or `{clashing[-1]}`: each says what `y_pred` is")


def _option(panel: str, text: str, *names: str, metavar: str | None = None, **more: Any) -> Any:
    """An option in one of the groups of ``--help``."""
    return typer.Option(*names, help=text, rich_help_panel=panel, metavar=metavar, **more)


_IN, _RULES, _RUN, _OUT = "Inputs of the loss", "Rules", "Run", "Output"
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
    config: Annotated[
        Path | None, _option(_RUN, "Read this in place of the closest pyproject.toml.", metavar="FILE")
    ] = None,
    isolated: Annotated[bool, _option(_RUN, "Read no pyproject.toml.", "--isolated")] = False,
    show_config: Annotated[
        bool, _option(_RUN, "Show the settings in force, and who set them.", "--show-config")
    ] = False,
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
        float | None, _option(_RUN, "Limit for each loss.", metavar="SECONDS", show_default="30")
    ] = None,
    jobs: Annotated[
        int | None,
        _option(_RUN, "Losses at the same time.", "--jobs", "-j", metavar="N", show_default="cores"),
    ] = None,
    format: Annotated[str, _option(_OUT, "Format of the report.", metavar="|".join(FORMATS))] = "text",
    output: Annotated[
        list[str] | None,
        _option(_OUT, "Also write the report to a file: losses.sarif, or junit:losses.xml.", metavar="FILE"),
    ] = None,
    verbose: Annotated[bool, _option(_OUT, "Also why and what was skipped.", "--verbose", "-v")] = False,
    quiet: Annotated[bool, _option(_OUT, "Only findings and failures.", "--quiet", "-q")] = False,
    color: Annotated[Color, _option(_OUT, "Colour the output.")] = Color.AUTO,
    version: Annotated[bool, _option(_OUT, "Show the version.", "--version")] = False,
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
        "jobs": jobs,
        "baseline": baseline,
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
        verbose=verbose,
        quiet=quiet,
        color=color,
        explain=explain,
        rules=rules,
        show_config=show_config,
        version=version,
    )
