"""What a check gives, and how it goes to another process: as JSON, with all that reports leave out."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from losscheck.finding import Location, Mode
from losscheck.recipe import Ingredients, WrittenBatch
from losscheck.report import Failure, LossReport, Pending


class Checked(Protocol):
    """What checking a loss gives (the engine's ``CheckResult``)."""

    @property
    def report(self) -> LossReport | None:
        """None if the loss could not be checked; then there are failures."""

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What could not be checked."""

    @property
    def pending(self) -> Pending | None:
        """The mode that runs next and may end the process; None: the result is whole."""


@dataclass(frozen=True)
class Footprint:
    """The files of the project that a check ran, and why its result may be another one the next time."""

    files: Mapping[str, str] = field(default_factory=dict)  #: absolute path → SHA-256 of what it held
    reason: str = ""  #: why the result must not be used again; empty: it may be


@dataclass(frozen=True)
class Result:
    """What a process left of a check."""

    report: LossReport | None
    failures: tuple[Failure, ...] = ()
    pending: Pending | None = None  #: the mode that it was running; None: it came to the end
    footprint: Footprint | None = None  #: what it depended on; None: it did not come to the end


@dataclass(frozen=True)
class Outcome:
    """The result of one loss."""

    index: int  #: place of the loss in the sequence that `Pool.run` got
    report: LossReport | None  #: None if it could not be checked
    failures: tuple[Failure, ...] = ()  #: what could not be checked
    footprint: Footprint | None = None  #: what a whole result depended on; None: it is not whole


def written(result: Checked) -> str:
    """A result as JSON."""
    ingredients = None if result.report is None else result.report.ingredients
    footprint = result.footprint if isinstance(result, Result) else None
    data = {
        "report": result.report and result.report.to_dict(),
        "ingredients": ingredients and dataclasses.asdict(ingredients),
        "failures": [dataclasses.asdict(failure) for failure in result.failures],
        "pending": result.pending and dataclasses.asdict(result.pending),
        "footprint": footprint and dataclasses.asdict(footprint),
    }
    return json.dumps(data, default=_plain)


def read(text: str) -> Result:
    """The inverse of `written`."""
    data = json.loads(text)
    report = data["report"] and LossReport.from_dict(data["report"])
    if report and data["ingredients"]:
        report = dataclasses.replace(report, ingredients=_ingredients(data["ingredients"]))
    return Result(
        report,
        tuple(Failure(**failure) for failure in data["failures"]),
        data["pending"] and _pending(data["pending"]),
        data["footprint"] and Footprint(**data["footprint"]),
    )


def _ingredients(data: dict[str, Any]) -> Ingredients:
    batches = {name: WrittenBatch(**batch) for name, batch in data["batches"].items()}
    return Ingredients(**{**data, "batches": batches})


def _pending(data: dict[str, Any]) -> Pending:
    return Pending(data["mode"] and Mode(data["mode"]), data["location"] and Location(**data["location"]))


def _plain(value: object) -> Any:
    """NumPy's numbers and arrays in the evidence of a finding."""
    numpy = sys.modules.get("numpy")  # the parent writes no arrays, and does not import it
    if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no plain data")
