"""The SARIF report against the standard: the part of its schema that is used, and nothing else allowed.

Section numbers are those of https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html.
"""

import dataclasses
import json

import jsonschema
import pytest

from losscheck.explain import page
from losscheck.finding import Location
from losscheck.registry import all_rules, rule
from losscheck.reporters import render


def closed(required, **properties):
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def many(items, **more):
    return {"type": "array", "items": items, **more}


TEXT = {"type": "string", "minLength": 1}
LINE = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
BAG = {"type": "object", "properties": {"tags": many(TEXT, uniqueItems=True)}}  # 3.8
MESSAGE = closed("text", text=TEXT)  # 3.11
MULTIFORMAT = closed("text", text=TEXT, markdown=TEXT)  # 3.12
REGION = closed("startLine", startLine=LINE, startColumn=LINE, endLine=LINE, endColumn=LINE)  # 3.30
ARTIFACT = closed("uri", uri={"type": "string", "format": "uri-reference"}, uriBaseId=TEXT)  # 3.4
PHYSICAL = closed("artifactLocation", artifactLocation=ARTIFACT, region=REGION)  # 3.29
DESCRIPTOR = closed(  # 3.49
    "id",
    id=TEXT,
    name=TEXT,
    shortDescription=MULTIFORMAT,
    fullDescription=MULTIFORMAT,
    help=MULTIFORMAT,
    defaultConfiguration=closed("", level=LEVEL),
    properties=BAG,
)
DRIVER = closed("name", name=TEXT, version=TEXT, rules=many(DESCRIPTOR, uniqueItems=True))  # 3.19
NOTIFICATION = closed("message", level=LEVEL, message=MESSAGE, descriptor=closed("", id=TEXT))  # 3.58
INVOCATION = closed(  # 3.20
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    exitCode={"type": "integer"},
    toolExecutionNotifications=many(NOTIFICATION),
)
RESULT = closed(  # 3.27
    "message",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations=many(closed("", physicalLocation=PHYSICAL)),
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}},
    properties=BAG,
)
RUN = closed(  # 3.14
    "tool",
    tool=closed("driver", driver=DRIVER),
    originalUriBaseIds={"type": "object", "additionalProperties": ARTIFACT},
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=many(INVOCATION),
    results=many(RESULT),
)
LOG = closed(  # 3.13
    "version runs",
    **{"$schema": {"type": "string", "format": "uri"}, "version": {"const": "2.1.0"}, "runs": many(RUN)},
)


@pytest.fixture
def run(examples, source_file):
    report = examples.report(examples.dice, examples.mse, failures=(examples.typo,))
    log = json.loads(render("sarif", report))
    jsonschema.validate(log, LOG, format_checker=jsonschema.FormatChecker())
    return log["runs"][0]


def test_the_rules_come_with_their_pages(run):
    rules = run["tool"]["driver"]["rules"]
    assert [row["id"] for row in rules] == [one.code for one in all_rules()]
    (row,) = (row for row in rules if row["id"] == "LC201")
    assert row["help"]["markdown"] == page(rule("LC201"))
    assert row["properties"]["tags"] == ["gradient"]


def test_each_result_names_its_rule_level_and_region(run):
    rules = run["tool"]["driver"]["rules"]
    results = run["results"]
    assert [rules[result["ruleIndex"]]["id"] for result in results] == ["LC201", "LC501", "LC105"]
    assert [result["level"] for result in results] == ["error", "warning", "note"]
    assert results[0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "losses.py", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 5, "startColumn": 23, "endLine": 5, "endColumn": 49},
    }


def test_what_could_not_be_checked_makes_the_run_unsuccessful(run):
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 2
    assert "no such file" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_paths_are_uris(examples, source_file, tmp_path):
    places = [Location("ä b/l.py", 1), Location(str(tmp_path / "x y.py"), 1)]
    places.append(Location("\udcff.py", 1))  # a name that is no UTF-8, as Python gives it
    findings = tuple(dataclasses.replace(examples.reduced, location=place) for place in places)
    log = json.loads(render("sarif", examples.report(dataclasses.replace(examples.dice, findings=findings))))
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"] for result in log["runs"][0]["results"]
    ]
    assert uris == [
        {"uri": "%C3%A4%20b/l.py", "uriBaseId": "SRCROOT"},
        {"uri": (tmp_path / "x y.py").as_uri()},
        {"uri": "%FF.py", "uriBaseId": "SRCROOT"},
    ]
