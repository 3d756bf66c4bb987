"""What of a command line is refused, before anything slow starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from losscheck.choices import LONGEST_TIMEOUT
from losscheck.exceptions import LosscheckError
from losscheck.finding import Mode
from losscheck.reporters import FORMATS
from losscheck.request import Request

#: Formats for people, who read one report after the other.
_WATCHED = ("text", "concise")


def refuse(request: Request) -> None:
    """Raise a `LosscheckError` for the first value that cannot be used."""
    given = request.settings.given
    _refuse_limits(given)
    _refuse_outputs(request)
    _refuse_ways_to_run(request)
    _refuse_inputs(request)
    if given.get("select") or given.get("ignore"):
        from losscheck.registry import all_rules
        from losscheck.selection import select

        select(all_rules(), given.get("select", ()), given.get("ignore", ()))


def _refuse_limits(given: Mapping[str, Any]) -> None:
    timeout, memory, jobs = given.get("timeout", 1.0), given.get("memory", 1.0), given.get("jobs", 1)
    if not 0 < timeout <= LONGEST_TIMEOUT:
        bounds = f"at most {LONGEST_TIMEOUT:.0f} seconds" if timeout > 0 else "above 0 seconds"
        raise LosscheckError(f"the timeout must be {bounds}, not {timeout:g}")
    if not memory > 0:
        raise LosscheckError(f"the memory must be above 0 GiB, not {memory:g}")
    if jobs < 1:
        raise LosscheckError(f"there must be at least 1 job, not {jobs}")


def _refuse_outputs(request: Request) -> None:
    if request.format not in FORMATS:
        raise LosscheckError(f"unknown format `{request.format}`; use one of {', '.join(FORMATS)}")
    if request.plot and request.format != "text":
        raise LosscheckError(f"`--plot` draws in the format `text`, not in `{request.format}`")
    if request.html is not None:
        from losscheck.reporters.html import check_writable

        check_writable(request.html)
    if request.repro is not None and not request.repro.strip():
        raise LosscheckError("`--repro` needs a folder")
    if request.repro is not None and Path(request.repro).exists() and not Path(request.repro).is_dir():
        raise LosscheckError(f"`{request.repro}` is no folder: `--repro` writes several files")
    if request.watch and request.format not in _WATCHED:
        raise LosscheckError(f"`--watch` writes {' or '.join(_WATCHED)}, not `{request.format}`")


def _refuse_ways_to_run(request: Request) -> None:
    given = request.settings.given
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
    if request.watch:  # a session goes on, and checks again and again
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
    if request.static and (used := [*_told(request), *(["--mode"] if "modes" in given else [])]):
        raise LosscheckError(f"`{used[0]}` says how to run a loss, and `--static` runs none")


def _refuse_inputs(request: Request) -> None:
    if request.task is not None:
        from losscheck.inputs.tasks import TASKS

        if request.task not in TASKS:
            raise LosscheckError(f"unknown task `{request.task}`; use one of {', '.join(TASKS)}")
    if request.y_true or request.y_pred:
        from losscheck.inputs.specs import parse_spec

        for spec in filter(None, (request.y_true, request.y_pred)):
            parse_spec(spec)
    told = _told(request)
    clashing = [name for name in told if not (name == "--y-true" and "--model" in told)]
    if len(clashing) > 1 and {"--batch", "--model"} & set(clashing):
        raise LosscheckError(f"give either `{clashing[0]}` or `{clashing[-1]}`: each says what `y_pred` is")
    if request.batch is not None:
        from losscheck.inputs.given import read_batch

        read_batch(request.batch)


def _told(request: Request) -> list[str]:
    """The options that say what the inputs are."""
    told = {"--y-true": request.y_true, "--y-pred": request.y_pred, "--task": request.task}
    told |= {"--batch": request.batch, "--model": request.model}
    return [name for name, value in told.items() if value is not None]
