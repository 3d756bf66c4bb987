"""Every rule's examples, run for real under all rules, and the form of every rule's page."""

import inspect
import re
from pathlib import Path

import pytest

from losscheck.engine import Options, check_found
from losscheck.finding import Severity
from losscheck.loading.target import find_losses
from losscheck.registry import all_rules
from losscheck.worker.pool import Pool, WorkerOptions

RULES = all_rules()
#: Families whose defects are told from right losses by what a probe saw alone: one look-alike is too few.
OF_PROBES = tuple(rule for rule in RULES if rule.code.startswith(("LC3", "LC4", "LC6", "LC7")))
HEADINGS = ("## What it does", "## Why is this bad?", "## References")


def examples(kind):
    return [
        pytest.param(rule, source, id=f"{rule.code}-{kind.lower()}-{number}")
        for rule in RULES
        for number, source in enumerate(getattr(rule, kind))
    ]


def found_in(source, folder, rule, number):
    """The loss of an example: the one that a scan finds, else the last definition."""
    path = folder / f"{rule.code.lower()}_{number}.py"
    path.write_text(source)
    found = find_losses(str(path)).losses
    if not found:
        name = re.findall(r"^(?:def|class) (\w+)", source, re.MULTILINE)[-1]
        found = find_losses(f"{path}:{name}").losses
    return found[-1]


def run(source, folder, rule, number):
    """All findings on an example; in a process of its own where it ends or hangs the one it runs in."""
    found = found_in(source, folder, rule, number)
    if rule.needs_process:
        with Pool(jobs=1, timeout=8, options=WorkerOptions()) as pool:
            (outcome,) = pool.run([found])
        report, failures = outcome.report, outcome.failures
    else:
        result = check_found(found, Options())
        report, failures = result.report, result.failures
    assert failures == ()
    return report.findings


@pytest.mark.parametrize(("rule", "source"), examples("BAD"))
def test_a_bad_example_gives_its_own_code_at_the_marked_line(rule, source, tmp_path, request):
    marked = [number for number, line in enumerate(source.splitlines(), 1) if "# <-" in line]
    findings = run(source, tmp_path, rule, abs(hash(request.node.name)))
    loud = {f.code for f in findings if f.severity is not Severity.NOTE}

    assert marked == sorted({f.location.line for f in findings if f.code == rule.code})
    assert loud - {rule.code, *rule.also} == set()


@pytest.mark.parametrize(("rule", "source"), examples("GOOD"))
def test_a_good_example_gives_nothing_at_warning_or_above(rule, source, tmp_path, request):
    findings = run(source, tmp_path, rule, abs(hash(request.node.name)))

    assert [(f.code, f.location.line, f.message) for f in findings if f.severity is not Severity.NOTE] == []
    assert rule.code not in {f.code for f in findings}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_one_file_named_after_it(rule):
    path = Path(inspect.getfile(type(rule)))

    assert rule.name.replace("-", "_") == path.stem
    assert rule.name == re.sub(r"(?<!^)(?=[A-Z])", "-", type(rule).__name__).lower()
    assert path.read_text().startswith(f'"""{rule.code}: ')


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_has_a_page_with_the_fixed_headings(rule):
    page = inspect.getdoc(type(rule))

    assert tuple(re.findall(r"^## .*", page, re.MULTILINE)) == HEADINGS
    assert "https://" in page.split("## References")[1]
    assert rule.BAD
    assert rule.GOOD
    assert not rule.hint.endswith(".")
    assert "\n" not in rule.hint


@pytest.mark.parametrize("rule", OF_PROBES, ids=lambda rule: rule.code)
def test_two_right_losses_look_like_the_defect(rule):
    assert len(set(rule.GOOD)) >= 2


def test_codes_and_names_are_unique():
    assert len(RULES) == len({rule.code for rule in RULES}) == len({rule.name for rule in RULES})


def test_a_rule_names_only_rules_that_exist():
    codes = {rule.code for rule in RULES}
    named = {code for rule in RULES for code in (*rule.supersedes, *rule.silences_at_line, *rule.also)}

    assert set() == named - codes
