"""Every rule's bad example gets a script that shows it, and the script says when the loss is mended."""

import contextlib
import io
import re
import runpy
import sys

import pytest

import losscheck
from losscheck.engine import Options, check_found
from losscheck.loading.target import find_losses
from losscheck.recipe import NoScript
from losscheck.registry import all_rules
from losscheck.report import Report, Versions
from losscheck.repro import write_scripts

RULES = {rule.code: rule for rule in all_rules()}
#: The rules whose findings get no script, each with its reason as the user is told it.
WITHOUT = {
    "LC008": "what hangs would hang the script as well",
    "LC009": "what ends its process would end the script as well",
    "LC011": "it is about a comment, not about what the loss does",
    "LC706": "how slow it is depends on the machine",
}
#: What a script of this process cannot show: two devices (LC704), eager execution off (LC316, number 2).
ELSEWHERE = {("LC704", 0), ("LC316", 2)}
#: Rules whose good examples mend nothing: other inputs, another kind of object.
UNLIKE = {"LC005", "LC101", "LC103", "LC110", "LC407", "LC705"}
#: One for each kind of demonstration; the others are run with `-m long`.
SAMPLE = ("LC010", "LC102", "LC201", "LC209", "LC303", "LC307", "LC308", "LC406", "LC501", "LC611")


def found_in(path):
    """The loss of an example: the one that a scan finds, else the last definition."""
    found = find_losses(str(path)).losses
    if not found:
        name = re.findall(r"^(?:def|class) (\w+)", path.read_text(), re.MULTILINE)[-1]
        found = find_losses(f"{path}:{name}").losses
    return found[-1]


def said(script):
    """What a script finds and prints; its modules are forgotten, so that the next one reads the file anew."""
    before = set(sys.modules)
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            is_reproduced = runpy.run_path(str(script))["is_reproduced"]()
    finally:
        sys.setprofile(None)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(script.parent.parent)):
                del sys.modules[name]
    return is_reproduced, output.getvalue()


def scripts_for(path, code):
    """The scripts for the findings of one code in a file."""
    found = found_in(path)
    result = check_found(found, Options(repro=True))
    assert result.failures == ()
    findings = [finding for finding in result.report.findings if finding.code == code]
    assert findings
    for name in [name for name in sys.modules if name.startswith(path.stem)]:
        del sys.modules[name]
    report = Report(Versions(losscheck.__version__, "", "", ""), (result.report,))
    written = write_scripts(report, path.parent / "repro")
    return [script for script in written.scripts if script.name.startswith(code)], found.name


def examples(kind):
    for code, rule in RULES.items():
        for number, source in enumerate(rule.BAD):
            if code in WITHOUT or (code, number) in ELSEWHERE or (kind == "mended" and code in UNLIKE):
                continue
            if kind == "mended" and number:
                continue
            marks = () if code in SAMPLE and number == 0 else (pytest.mark.long,)
            yield pytest.param(rule, source, id=f"{code}-{number}", marks=marks)


@pytest.fixture(autouse=True)
def in_the_folder(tmp_path, monkeypatch):
    """The user stands in the folder of the file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_the_rules_without_a_script_are_these():
    reasons = {code: rule.repro.reason for code, rule in RULES.items() if isinstance(rule.repro, NoScript)}

    assert reasons == WITHOUT


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("rule", "source"), list(examples("bad")))
def test_the_script_of_a_bad_example_shows_the_defect(rule, source, tmp_path):
    path = tmp_path / f"{rule.code.lower()}_{abs(hash(source))}.py"
    path.write_text(source)
    scripts, _ = scripts_for(path, rule.code)

    assert scripts
    assert {script.name: said(script)[0] for script in scripts} == {script.name: True for script in scripts}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("rule", "source"), list(examples("mended")))
def test_the_script_says_when_the_loss_is_mended(rule, source, tmp_path):
    path = tmp_path / f"{rule.code.lower()}_{abs(hash(source))}.py"
    path.write_text(source)
    scripts, name = scripts_for(path, rule.code)
    good = tmp_path / "good.py"
    good.write_text(rule.GOOD[0])
    other = found_in(good).name
    path.write_text(rule.GOOD[0] + ("" if name == other else f"\n{name} = {other}\n"))

    assert {script.name: said(script)[0] for script in scripts} == {script.name: False for script in scripts}
