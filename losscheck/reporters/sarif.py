"""SARIF 2.1.0, which GitHub code scanning, Azure DevOps and editors read.

Reference: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from losscheck.explain import page, summary
from losscheck.finding import Finding, Location
from losscheck.registry import all_rules
from losscheck.report import Failure, Report, Suppressed
from losscheck.reporters import Style
from losscheck.reporters.fingerprint import fingerprint
from losscheck.reporters.plain import one_line
from losscheck.reporters.summary import failure_line
from losscheck.rule import Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "SRCROOT"
_KINDS = {"comment": "inSource", "baseline": "external"}


def write(report: Report, stream: TextIO, style: Style) -> None:
    """Write a log with one run: the rules with their pages, a result for each finding."""
    del style  # programs take everything
    rules = list(all_rules())
    index = {rule.code: number for number, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    run = {
        "tool": {
            "driver": {
                "name": "losscheck",
                "version": report.versions.losscheck,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "originalUriBaseIds": {_ROOT: {"uri": Path.cwd().as_uri() + "/"}},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.failures,
                "exitCode": report.exit_code,
                "toolExecutionNotifications": [_notification(failure) for failure in report.failures],
            }
        ],
        "results": [
            *(_result(finding, index, seen) for finding in report.findings),
            *(_silenced(entry, index, seen) for loss in report.losses for entry in loss.suppressed),
        ],
    }
    json.dump({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, stream, indent=2)
    stream.write("\n")


def _rule(rule: Rule) -> dict[str, Any]:
    text = page(rule)
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": summary(rule)},
        "fullDescription": {"text": summary(rule)},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": [type(rule).__module__.split(".")[-2]], "problem.severity": _problem(rule)},
    }


def _problem(rule: Rule) -> str:
    """GitHub's own words for a severity."""
    return {"note": "recommendation"}.get(rule.severity.value, rule.severity.value)


def _result(finding: Finding, index: dict[str, int], seen: Counter[str]) -> dict[str, Any]:
    hint = f"\n{one_line(finding.hint)}" if finding.hint else ""
    return {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": finding.severity.value,
        "message": {"text": one_line(finding.message) + hint},
        "locations": [{"physicalLocation": _place(finding.location)}],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint(finding, seen)},
        "properties": {
            "modes": [mode.value for mode in finding.modes],
            "suspicion": bool(finding.evidence.get("suspicion")),
        },
    }


def _silenced(entry: Suppressed, index: dict[str, int], seen: Counter[str]) -> dict[str, Any]:
    suppression = {"kind": _KINDS[entry.by]} | ({"justification": entry.reason} if entry.reason else {})
    return _result(entry.finding, index, seen) | {"suppressions": [suppression]}


def _place(place: Location) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.line, "startColumn": place.column}
    if place.end_line is not None:
        region["endLine"] = place.end_line
    if place.end_column is not None:
        region["endColumn"] = place.end_column
    path = Path(place.path)
    if path.is_absolute():
        return {"artifactLocation": {"uri": path.as_uri()}, "region": region}
    relative = quote(os.fsencode(path.as_posix()))  # of a name that is no UTF-8, its bytes
    return {"artifactLocation": {"uri": relative, "uriBaseId": _ROOT}, "region": region}


def _notification(failure: Failure) -> dict[str, Any]:
    return {"level": "error", "message": {"text": failure_line(failure)}, "descriptor": {"id": failure.type}}
