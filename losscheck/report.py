"""The result of a run: one `LossReport` for each loss, and what could not be checked."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from losscheck.drawing import Drawing
from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.recipe import Ingredients

SCHEMA = 1
#: Why a rule did not run on a loss that is too slow for its time limit.
OUT_OF_TIME = "the time was up"


class Status(str, enum.Enum):
    """What became of a mode."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class ModeResult:
    """The state of one mode, with the reason where it was skipped."""

    status: Status
    reason: str = ""


class TaskSource(str, enum.Enum):
    """Who said what the inputs are."""

    INFERRED = "inferred"
    OPTION = "option"
    COMMENT = "comment"
    ARRAYS = "arrays"
    CONFIG = "config"
    MODEL = "model"


@dataclass(frozen=True)
class TaskChoice:
    """The inputs that a loss was probed with, and why these."""

    name: str  #: ``binary``; ``told`` where only the specs were given
    y_true: str  #: spec, ``float32[B, 1] binary``
    y_pred: str  #: spec, ``float32[B, 1] prob``
    source: TaskSource
    evidence: tuple[str, ...] = ()  #: what was tried and why, a line each


@dataclass(frozen=True)
class Pending:
    """What runs next and may end the process."""

    mode: Mode | None  #: a risky mode; None: the rest of the rules
    location: Location | None = None  #: the user's line that makes it risky, where known


@dataclass(frozen=True)
class Suppressed:
    """A finding that the user has silenced."""

    finding: Finding
    by: str  #: ``comment`` or ``baseline``
    reason: str = ""  #: in the user's words


@dataclass(frozen=True)
class LossReport:
    """Everything that losscheck says of one loss."""

    target: str  #: ``losses.py:dice_loss``
    path: str  #: file of the loss
    line: int  #: its def, class or assignment line
    name: str
    kind: str  #: function, class or instance
    task: TaskChoice | None = None  #: None if it was never called
    modes: Mapping[Mode, ModeResult] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()  #: by line
    skipped: Mapping[str, str] = field(default_factory=dict)  #: rule code → reason
    output: str = ""  #: what the loss printed while it was probed
    seconds: float = 0.0  #: wall time of its probes
    left_out: str = ""  #: what of its file was not run, in a few words; empty: all was
    cell: int | None = None  #: cell of a notebook, in which the line counts; None: a file
    suppressed: tuple[Suppressed, ...] = ()  #: findings that the user has silenced, by line
    drawing: Drawing | None = None  #: its curve and the path of its gradient; None: nobody asked for them
    ingredients: Ingredients | None = None  #: what scripts need; None: nobody asked for them, or never called

    @property
    def shown_path(self) -> str:
        """``losses.py``, or the cell of a notebook, ``losses.ipynb:cell 3``."""
        return Location(self.path, self.line, cell=self.cell).shown_path

    def silenced(self, entries: Sequence[Suppressed]) -> LossReport:
        """The report without some of its findings; a mode that fails of them alone counts as skipped."""
        if not entries:
            return self
        left = tuple(f for f in self.findings if not any(f is entry.finding for entry in entries))
        loud = {mode for finding in left if finding.severity is Severity.ERROR for mode in finding.modes}
        modes = dict(self.modes)
        for entry in entries:
            for mode in set(entry.finding.modes) - loud:
                if mode in modes and modes[mode].status is Status.FAIL:
                    modes[mode] = ModeResult(Status.SKIPPED, f"{entry.finding.code} is silenced")
        return replace(self, findings=left, suppressed=(*self.suppressed, *entries), modes=modes)

    def worst(self, mode: Mode) -> Severity:
        """How bad it is that a mode fails: the worst of the findings that list it."""
        found = [finding.severity for finding in self.findings if mode in finding.modes]
        return max(found, key=lambda severity: severity.rank, default=Severity.ERROR)

    def extended_by(self, other: LossReport) -> LossReport:
        """The report with the findings and the modes of another one of the same loss."""
        findings = sorted((*self.findings, *other.findings), key=lambda f: (f.location.path, f.location.line))
        return replace(self, findings=tuple(findings), modes={**self.modes, **other.modes})

    def to_dict(self) -> dict[str, Any]:
        """Plain data in the schema of the JSON report."""
        task = self.task and {
            "name": self.task.name,
            "y_true": self.task.y_true,
            "y_pred": self.task.y_pred,
            "source": self.task.source.value,
            "evidence": list(self.task.evidence),
        }
        drawing = {} if self.drawing is None else {"drawing": self.drawing.to_dict()}
        return {
            "target": self.target,
            "path": self.path,
            "line": self.line,
            "cell": self.cell,
            "name": self.name,
            "kind": self.kind,
            "task": task,
            "modes": {mode.value: result.status.value for mode, result in self.modes.items()},
            "mode_reasons": {mode.value: r.reason for mode, r in self.modes.items() if r.reason},
            "findings": [finding.to_dict() for finding in self.findings],
            "suppressed": [
                {**entry.finding.to_dict(), "suppressed_by": entry.by, "reason": entry.reason}
                for entry in self.suppressed
            ],
            "skipped": dict(self.skipped),
            "left_out": self.left_out,
            "output": self.output,
            "seconds": round(self.seconds, 3),
            **drawing,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LossReport:
        """The inverse of `to_dict`."""
        task = data["task"] and TaskChoice(
            name=data["task"]["name"],
            y_true=data["task"]["y_true"],
            y_pred=data["task"]["y_pred"],
            source=TaskSource(data["task"]["source"]),
            evidence=tuple(data["task"]["evidence"]),
        )
        reasons = data["mode_reasons"]
        return cls(
            target=data["target"],
            path=data["path"],
            line=data["line"],
            cell=data["cell"],
            name=data["name"],
            kind=data["kind"],
            task=task,
            modes={Mode(m): ModeResult(Status(s), reasons.get(m, "")) for m, s in data["modes"].items()},
            findings=tuple(Finding.from_dict(finding) for finding in data["findings"]),
            suppressed=tuple(
                Suppressed(Finding.from_dict(entry), entry["suppressed_by"], entry["reason"])
                for entry in data["suppressed"]
            ),
            skipped=dict(data["skipped"]),
            left_out=data["left_out"],
            output=data["output"],
            seconds=data["seconds"],
            drawing=Drawing.from_dict(data["drawing"]) if "drawing" in data else None,
        )


@dataclass(frozen=True)
class Failure:
    """Something that could not be checked, through no finding of the loss."""

    target: str
    stage: str  #: ``target``, ``load``, ``worker``, ``probe fit``, ``rule LC201``, …
    type: str  #: exception class
    message: str  #: one line for a `TargetError`; with traceback for a bug in losscheck

    is_bug: bool = False  #: losscheck itself failed; else the target, an option or the machine is at fault


@dataclass(frozen=True)
class Versions:
    """What the run ran on; empty strings where no loss was probed."""

    losscheck: str
    python: str
    tensorflow: str = ""
    keras: str = ""


@dataclass(frozen=True)
class Report:
    """The result of a run over any number of losses."""

    versions: Versions
    losses: tuple[LossReport, ...] = ()  #: in the order of the targets
    failures: tuple[Failure, ...] = ()
    files: int = 0  #: files that were read for losses
    fail_on: Severity = Severity.WARNING  #: findings at or above fail the run
    seconds: float = 0.0
    notices: tuple[str, ...] = ()  #: what else the user should know of the run, a line each
    is_static: bool = False  #: the source was read, and nothing was run: the findings are suspicions

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings of all losses."""
        return tuple(finding for loss in self.losses for finding in loss.findings)

    @property
    def exit_code(self) -> int:
        """0 clean, 1 findings at or above `fail_on`, 2 something could not be checked; 2 wins."""
        if self.failures:
            return 2
        return int(any(finding.severity.rank >= self.fail_on.rank for finding in self.findings))

    def count(self, severity: Severity) -> int:
        """How many findings have exactly this severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The JSON report; its schema number goes up when it breaks."""
        return {
            "schema": SCHEMA,
            "losscheck": self.versions.losscheck,
            "tensorflow": self.versions.tensorflow,
            "keras": self.versions.keras,
            "python": self.versions.python,
            "static": self.is_static,
            "losses": [loss.to_dict() for loss in self.losses],
            "notices": list(self.notices),
            "failures": [
                {"target": f.target, "stage": f.stage, "type": f.type, "message": f.message}
                for f in self.failures
            ],
            "summary": {
                "losses": len(self.losses),
                "errors": self.count(Severity.ERROR),
                "warnings": self.count(Severity.WARNING),
                "notes": self.count(Severity.NOTE),
                "suppressed": sum(len(loss.suppressed) for loss in self.losses),
                "failures": len(self.failures),
            },
        }
