"""The banks of losses: the broken ones are found at their line, the right ones are left alone."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from zoo.labels import expected

pytestmark = pytest.mark.smoke
LOSSES = Path(__file__).parent.parent / "fixtures" / "losses"
KERAS = version("keras").partition(".")[0]


@pytest.fixture(scope="module")
def report():
    """One run over all fixtures: ``(path, findings)`` of each loss."""
    folders = [str(LOSSES / name) for name in ("broken", "clean", "seed")]
    command = [sys.executable, "-m", "losscheck", "--format", "json", "--timeout", "45", *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["failures"] == []
    assert done.returncode == 1
    return report


def expected_in(folder):
    """File name → ``(code, line)`` of each ``# expect:`` comment."""
    return {path.name: expected(path.read_text(), KERAS) for path in sorted((LOSSES / folder).glob("*.py"))}


def findings(report, folder, *, with_notes):
    """File name → ``(code, line)`` of what was found."""
    found = {path.name: set() for path in sorted((LOSSES / folder).glob("*.py"))}
    for loss in report["losses"]:
        path = Path(loss["path"])
        if path.parent.name == folder:
            found[path.name] |= {
                (f["code"], f["line"]) for f in loss["findings"] if with_notes or f["severity"] != "note"
            }
    return found


@pytest.mark.parametrize("folder", ["broken", "seed"])
def test_every_expected_finding_is_at_its_line(report, folder):
    found = findings(report, folder, with_notes=True)

    assert {
        name: want - found[name] for name, want in expected_in(folder).items() if want - found[name]
    } == {}


@pytest.mark.parametrize("folder", ["broken", "clean", "seed"])
def test_nothing_else_is_found_at_warning_or_above(report, folder):
    want = expected_in(folder)
    found = findings(report, folder, with_notes=False)

    assert {name: loud - want[name] for name, loud in found.items() if loud - want[name]} == {}


def test_a_statistic_of_the_batch_that_is_meant_is_a_note_on_two_replicas(report):
    severities = {
        loss["name"]: [f["severity"] for f in loss["findings"] if f["code"] == "LC704"]
        for loss in report["losses"]
        if Path(loss["path"]).name == "of_one_batch.py"
    }

    assert len(severities) == 6
    assert {name: found for name, found in severities.items() if found != ["note"]} == {}


def test_every_rule_has_a_broken_fixture(report):
    from losscheck.registry import all_rules

    texts = [path.read_text() for path in (LOSSES / "broken").glob("*.py")]
    shown = {code for text in texts for major in "23" for code, _ in expected(text, major)}

    assert set() == {rule.code for rule in all_rules()} - shown - {"LC105"}


def test_every_file_of_the_bank_holds_a_loss_that_was_checked(report):
    checked = {Path(loss["path"]).name for loss in report["losses"]}

    assert set() == {path.name for path in LOSSES.rglob("*.py")} - checked
