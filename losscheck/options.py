"""The options of the command line: their names, their help, and what is wrong with a value."""

from __future__ import annotations

import enum
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import typer

from losscheck.exceptions import LosscheckError
from losscheck.finding import Mode
from losscheck.reporters import FORMATS
from losscheck.selection import split
from losscheck.worker.wall import DEFAULT_MEMORY, Device

#: By its version, typer uses click's class or its own copy.
_TYPER_USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])

#: Seconds, about twelve days: far below what the system's own clocks can wait for.
_LONGEST = 1_000_000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class FailOn(str, enum.Enum):
    """The mildest finding that fails the run."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    NEVER = "never"


class Color(str, enum.Enum):
    """Whether to colour the output."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Load(str, enum.Enum):
    """How much of the user's file to run."""

    AUTO = "auto"
    IMPORT = "import"
    SLICE = "slice"


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    targets: tuple[str, ...]  #: files, folders, modules, each with or without ``:name``
    y_true: str | None  #: spec
    y_pred: str | None  #: spec
    task: str | None  #: key of `TASKS`
    batch: str | None  #: file with arrays
    model: str | None  #: target of a function that builds a model
    select: tuple[str, ...]  #: selectors of rules
    ignore: tuple[str, ...]  #: selectors of rules
    fail_on: FailOn
    format: str  #: key of `FORMATS`
    modes: tuple[str, ...]  #: modes to run also where a default run passes them over
    load: Load
    timeout: float  #: seconds for each loss
    memory: float  #: GiB for each loss, above the import of TensorFlow
    device: Device
    jobs: int  #: child processes at most
    verbose: bool
    quiet: bool
    color: Color
    explain: str | None  #: code or name of a rule to show instead of checking
    rules: bool  #: show the table of rules instead of checking
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
    if not 0 < request.timeout <= _LONGEST:
        bounds = f"at most {_LONGEST} seconds" if request.timeout > 0 else "above 0 seconds"
        raise LosscheckError(f"the timeout must be {bounds}, not {request.timeout:g}")
    if not request.memory > 0:
        raise LosscheckError(f"the memory must be above 0 GiB, not {request.memory:g}")
    if request.jobs < 1:
        raise LosscheckError(f"there must be at least 1 job, not {request.jobs}")
    names = [mode.value for mode in Mode]
    for mode in request.modes:
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
    given = {"--y-true": request.y_true, "--y-pred": request.y_pred, "--task": request.task}
    given |= {"--batch": request.batch, "--model": request.model}
    _refuse_both([name for name, value in given.items() if value is not None])
    if request.batch is not None:
        from losscheck.inputs.given import read_batch

        read_batch(request.batch)
    if request.select or request.ignore:
        from losscheck.registry import all_rules
        from losscheck.selection import select

        select(all_rules(), request.select, request.ignore)


def _refuse_both(given: Sequence[str]) -> None:
    """Refuse two options of which each says what ``y_pred`` is; ``--model`` leaves ``y_true`` open."""
    clashing = [name for name in given if not (name == "--y-true" and "--model" in given)]
    if len(clashing) > 1 and {"--batch", "--model"} & set(clashing):
        raise LosscheckError(f"give either `{clashing[0]}` or `{clashing[-1]}`: each says what `y_pred` is")


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    fail_on: Annotated[FailOn, _option(_RUN, "Mildest finding that gives exit code 1.")] = FailOn.WARNING,
    mode: Annotated[
        list[str] | None, _option(_RUN, "Run it even where it is usually skipped: replicas.", metavar="MODE")
    ] = None,
    load: Annotated[
        Load, _option(_RUN, "Run the whole file, or what the loss needs; auto: as the file does work.")
    ] = Load.AUTO,
    timeout: Annotated[float, _option(_RUN, "Limit for each loss.", metavar="SECONDS")] = 30.0,
    memory: Annotated[
        float, _option(_RUN, "Limit for each loss, above the import.", metavar="GIB")
    ] = DEFAULT_MEMORY,
    device: Annotated[Device, _option(_RUN, "Where the losses run.")] = Device.CPU,
    jobs: Annotated[
        int | None,
        _option(_RUN, "Losses at the same time.", "--jobs", "-j", metavar="N", show_default="cores"),
    ] = None,
    format: Annotated[str, _option(_OUT, "Format of the report.", metavar="|".join(FORMATS))] = "text",
    verbose: Annotated[bool, _option(_OUT, "Also why and what was skipped.", "--verbose", "-v")] = False,
    quiet: Annotated[bool, _option(_OUT, "Only findings and failures.", "--quiet", "-q")] = False,
    color: Annotated[Color, _option(_OUT, "Colour the output.")] = Color.AUTO,
    version: Annotated[bool, _option(_OUT, "Show the version.", "--version")] = False,
) -> Request:
    """Say before you train whether a custom Keras loss will train.

    Exit codes: 0 clean, 1 findings, 2 something could not be checked.
    """
    return Request(
        targets=tuple(targets or ()),
        y_true=y_true,
        y_pred=y_pred,
        task=task,
        batch=batch,
        model=model,
        select=split(select or ()),
        ignore=split(ignore or ()),
        fail_on=fail_on,
        format=format,
        modes=split(mode or ()),
        load=load,
        timeout=timeout,
        memory=memory,
        device=device,
        jobs=_cores() if jobs is None else jobs,
        verbose=verbose,
        quiet=quiet,
        color=color,
        explain=explain,
        rules=rules,
        version=version,
    )
