"""The banks of losses: the broken ones are found at their line, the right ones are left alone."""

import functools
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
FOLDERS = ("broken", "clean", "seed")


@functools.lru_cache(maxsize=len(FOLDERS))
def checked(folder):
    """Exit code and report of one run over a bank."""
    command = [sys.executable, "-m", "losscheck", "--format", "json", "--timeout", "45", str(LOSSES / folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def expected_in(folder):
    """File name → ``(code, line)`` of each ``# expect:`` comment."""
    return {path.name: expected(path.read_text(), KERAS) for path in sorted((LOSSES / folder).glob("*.py"))}


def findings(folder, *, with_notes):
    """File name → ``(code, line)`` of what was found."""
    found = {path.name: set() for path in sorted((LOSSES / folder).glob("*.py"))}
    for loss in checked(folder)[1]["losses"]:
        found[Path(loss["path"]).name] |= {
            (f["code"], f["line"]) for f in loss["findings"] if with_notes or f["severity"] != "note"
        }
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_loss_of_the_bank_could_be_checked(folder):
    code, report = checked(folder)

    assert report["failures"] == []
    assert code == any(f["severity"] != "note" for loss in report["losses"] for f in loss["findings"])


@pytest.mark.parametrize("folder", ["broken", "seed"])
def test_every_expected_finding_is_at_its_line(folder):
    found = findings(folder, with_notes=True)

    assert {
        name: want - found[name] for name, want in expected_in(folder).items() if want - found[name]
    } == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_else_is_found_at_warning_or_above(folder):
    want = expected_in(folder)
    found = findings(folder, with_notes=False)

    assert {name: loud - want[name] for name, loud in found.items() if loud - want[name]} == {}


@pytest.mark.parametrize("folder", ["clean"])
def test_a_statistic_of_the_batch_that_is_meant_is_a_note_on_two_replicas(folder):
    severities = {
        loss["name"]: [f["severity"] for f in loss["findings"] if f["code"] == "LC704"]
        for loss in checked(folder)[1]["losses"]
        if Path(loss["path"]).name == "of_one_batch.py"
    }

    assert len(severities) == 6
    assert {name: found for name, found in severities.items() if found != ["note"]} == {}


def test_every_rule_has_a_broken_fixture():
    from losscheck.registry import all_rules

    texts = [path.read_text() for path in (LOSSES / "broken").glob("*.py")]
    shown = {code for text in texts for major in "23" for code, _ in expected(text, major)}

    assert set() == {rule.code for rule in all_rules()} - shown - {"LC105"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_of_the_bank_holds_a_loss_that_was_checked(folder):
    names = {Path(loss["path"]).name for loss in checked(folder)[1]["losses"]}

    assert set() == {path.name for path in (LOSSES / folder).rglob("*.py")} - names
