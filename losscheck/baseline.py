"""A file of known findings: old code keeps them, new ones fail the run."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from losscheck.exceptions import ConfigError, LosscheckError
from losscheck.finding import Finding, Severity, source_line
from losscheck.report import LossReport, Report, Suppressed

_SCHEMA = 1
#: What names a finding while lines above it come and go: file, loss, rule and source line.
_Key = tuple[str, str, str, str]
_FIELDS = ("path", "loss", "code", "source")


def write_baseline(report: Report, path: Path) -> int:
    """Write the findings of a run to a file and give their number; notes only where they fail the run.

    Raises:
        LosscheckError: it cannot be written.

    """
    known: Counter[_Key] = Counter()
    least = min(report.fail_on.rank, Severity.WARNING.rank)
    for loss in report.losses:
        known.update(_key(loss, finding, path) for finding in loss.findings if finding.severity.rank >= least)
    entries = [{**dict(zip(_FIELDS, key, strict=True)), "count": known[key]} for key in sorted(known)]
    text = json.dumps({"losscheck_baseline": _SCHEMA, "findings": entries}, indent=1, ensure_ascii=False)
    try:
        path.write_text(f"{text}\n", encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise LosscheckError(f"cannot write {path}: {error.strerror or error}") from None
    return known.total()


def leave_out_known(report: Report, path: Path) -> Report:
    """The report without the findings that a baseline knows; it says which entries are no longer needed.

    Raises:
        ConfigError: the file cannot be read, or is no baseline.

    """
    left = _read(path)
    losses = []
    for loss in report.losses:
        known = []
        for finding in loss.findings:
            key = _key(loss, finding, path)
            if left[key] > 0:
                left[key] -= 1
                known.append(Suppressed(finding, "baseline"))
        losses.append(loss.silenced(known))
    gone = sum(left[key] for key in left if key[:2] in set(_checked(report, path)))
    notices = report.notices
    if gone:
        entries = "1 entry of it has" if gone == 1 else f"{gone} entries of it have"
        again = f"`--write-baseline {path}` renews it"
        notices = (*notices, f"baseline {path}: {entries} no finding any more; {again}")
    return replace(report, losses=tuple(losses), notices=notices)


def _checked(report: Report, path: Path) -> Iterator[tuple[str, str]]:
    """File and name of the losses whose entries can be judged: those of which nothing is missing."""
    for loss in report.losses:
        if not loss.skipped:
            yield _shown(loss.path, path), loss.name


def _read(path: Path) -> Counter[_Key]:
    try:
        data = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the baseline {path}: {error}") from None
    try:
        if data["losscheck_baseline"] != _SCHEMA:
            raise ConfigError(
                f"{path} was written by another losscheck: write it anew with `--write-baseline`"
            )
        known: Counter[_Key] = Counter()
        for entry in data["findings"]:
            path_of, loss, code, source = (str(entry[field]) for field in _FIELDS)
            known[path_of, loss, code, source] += int(entry["count"])
    except (KeyError, TypeError, ValueError):
        raise ConfigError(f"{path} is no baseline: write one with `--write-baseline`") from None
    return known


def _key(loss: LossReport, finding: Finding, baseline: Path) -> _Key:
    place = finding.location
    return _shown(place.path, baseline), loss.name, finding.code, source_line(place.path, place.line).strip()


def _shown(path: str, baseline: Path) -> str:
    """A file as seen from the folder of the baseline, wherever losscheck runs."""
    return Path(os.path.relpath(path, baseline.resolve().parent)).as_posix()
