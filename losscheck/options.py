"""The options of the command line: their names, their help, and what is wrong with a value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from losscheck.choices import (
    DEFAULT_MEMORY,
    DEFAULT_TIMEOUT,
    Device,
    FailOn,
    Load,
    ServerAction,
)
from losscheck.exceptions import LosscheckError
from losscheck.refusals import refuse
from losscheck.reporters import FORMATS
from losscheck.reporters.files import parse_output
from losscheck.request import Color, Request
from losscheck.selection import split
from losscheck.settings import Settings

#: By its version, typer uses click's class or its own copy.
_TYPER_USAGE_ERROR = cast("type[Exception]", typer.BadParameter.__mro__[1])

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


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
    refuse(request)
    return request


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
