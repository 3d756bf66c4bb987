"""JUnit XML, which CI servers show as tests: a suite for each loss, a case for each rule that spoke of it.

Reference: https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TextIO

from losscheck.finding import Finding
from losscheck.report import Failure, LossReport, Report
from losscheck.reporters import Style
from losscheck.reporters.plain import plain
from losscheck.reporters.summary import failure_line

#: What XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: Report, stream: TextIO, style: Style) -> None:
    """Write the suites; a finding below the limit of the run is a passed case with its text as output."""
    del style  # programs take everything
    suites = [_suite(loss, report) for loss in report.losses]
    if report.failures:
        suites.append(_failures(report.failures))
    root = ET.Element("testsuites", name="losscheck", time=f"{report.seconds:.3f}")
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n')
    stream.write(ET.tostring(root, encoding="unicode") + "\n")


def _suite(loss: LossReport, report: Report) -> ET.Element:
    cases = [_case(loss, finding, report) for finding in loss.findings]
    if not cases:
        cases = [ET.Element("testcase", classname=_safe(loss.target), name="losscheck")]
    failed = sum(case.find("failure") is not None for case in cases)
    suite = ET.Element("testsuite", name=_safe(loss.target), tests=str(len(cases)), failures=str(failed))
    suite.set("errors", "0")
    suite.set("time", f"{loss.seconds:.3f}")
    suite.extend(cases)
    if loss.output:
        ET.SubElement(suite, "system-out").text = _safe(loss.output)
    return suite


def _case(loss: LossReport, finding: Finding, report: Report) -> ET.Element:
    place = finding.location
    case = ET.Element("testcase", classname=_safe(loss.target), name=f"{finding.code} {finding.name}")
    case.set("file", _safe(place.path))
    case.set("line", str(place.line))
    text = f"{place.path}:{place.line}:{place.column}: {finding.message}\n{finding.hint}"
    if finding.severity.rank >= report.fail_on.rank:
        failure = ET.SubElement(case, "failure", type=finding.severity.value, message=_safe(finding.message))
        failure.text = _safe(text)
    else:
        ET.SubElement(case, "system-out").text = _safe(f"{finding.severity.value}: {text}")
    return case


def _failures(failures: tuple[Failure, ...]) -> ET.Element:
    count = str(len(failures))
    suite = ET.Element("testsuite", name="not checked", tests=count, failures="0", errors=count)
    for failure in failures:
        case = ET.SubElement(suite, "testcase", classname=_safe(failure.target), name=_safe(failure.stage))
        ET.SubElement(
            case, "error", type=_safe(failure.type), message=_safe(failure_line(failure))
        ).text = _safe(failure.message)
    return suite


def _safe(text: str) -> str:
    return _NO_XML.sub("?", plain(text))
