"""GitLab's code quality report: findings beside the lines of a merge request.

Reference: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, TextIO

from losscheck.finding import Finding, Severity
from losscheck.report import Failure, Report
from losscheck.reporters import Style
from losscheck.reporters.fingerprint import fingerprint
from losscheck.reporters.plain import one_line
from losscheck.reporters.summary import failure_line

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def write(report: Report, stream: TextIO, style: Style) -> None:
    """Write a JSON array with an object for each finding; what could not be checked is a blocker."""
    del style  # programs take everything
    seen: Counter[str] = Counter()
    rows = [_finding_row(finding, seen) for finding in report.findings]
    rows += [_failure_row(failure, seen) for failure in report.failures]
    json.dump(rows, stream, indent=2)
    stream.write("\n")


def _finding_row(finding: Finding, seen: Counter[str]) -> dict[str, Any]:
    place = finding.location
    return {
        "check_name": f"{finding.code} {finding.name}",
        "description": one_line(finding.message),
        "severity": _SEVERITIES[finding.severity],
        "fingerprint": fingerprint(finding, seen),
        "location": {
            "path": place.path.replace("\\", "/"),
            "lines": {"begin": place.line, "end": place.end_line or place.line},
        },
    }


def _failure_row(failure: Failure, seen: Counter[str]) -> dict[str, Any]:
    return {
        "check_name": f"losscheck {failure.stage}",
        "description": failure_line(failure),
        "severity": "blocker",
        "fingerprint": fingerprint(failure, seen),
        "location": {"path": failure.target.partition(":")[0] or ".", "lines": {"begin": 1}},
    }
