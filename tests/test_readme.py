"""README.md tells the truth: its tables are the rules', its outputs are real runs, its code works."""

import importlib.util
import re
import shlex
from importlib.metadata import version

import make_docs
import numpy as np
import pytest
from make_docs import drawn, settled

from losscheck.config import read_config
from losscheck.config.keys import KEYS
from losscheck.engine import Options, check_found
from losscheck.finding import Severity
from losscheck.loading.target import find_losses
from losscheck.registry import all_rules

TEXT = make_docs.README.read_text(encoding="utf-8")
BLOCKS = {match["what"]: match[0] for match in make_docs.BLOCK.finditer(TEXT)}
SHELL = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
PYTHON = re.findall(r"(<!-- example: \w+ -->\n)?```python\n(.*?)```", TEXT, re.DOTALL)
REMAKE = "out of date: run `python tests/make_docs.py`"


#: The outputs are those of the versions that they name.
of_these_versions = pytest.mark.skipif(
    f'"tensorflow": "{version("tensorflow")}"' not in TEXT or f'"keras": "{version("keras")}"' not in TEXT,
    reason="README.md shows the output with other versions of TensorFlow and Keras",
)


@of_these_versions
@pytest.mark.parametrize("what", BLOCKS)
def test_every_table_is_the_codes_and_every_output_that_of_a_real_run(what):
    assert make_docs.readme(BLOCKS[what]) == BLOCKS[what], REMAKE


@of_these_versions
def test_the_picture_is_that_of_a_real_run():
    kept = drawn(make_docs.PICTURE.read_text(encoding="utf-8"))

    assert settled(drawn(make_docs.picture())) == settled(kept), REMAKE
    assert kept.startswith(f"$ losscheck {make_docs.PICTURED[0]}\n")
    assert "LC201 disconnected-gradient error" in kept


def test_the_pages_of_the_rules_are_made_from_the_rules():
    assert make_docs.reference() == make_docs.REFERENCE.read_text(encoding="utf-8"), REMAKE


def test_every_rule_is_linked_to_its_page():
    pages = make_docs.REFERENCE.read_text(encoding="utf-8")

    for rule in all_rules():
        assert f"| [{rule.code}]({make_docs.link(rule)}) |" in TEXT
        assert f"\n## {rule.code} {rule.name}\n" in pages


def test_every_rule_is_named_in_the_changelog():
    changelog = (make_docs.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert [rule.code for rule in all_rules() if f"{rule.code} `{rule.name}`" not in changelog] == []


def test_every_file_that_is_linked_is_there():
    targets = [
        target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in target
    ]

    assert [target for target in targets if not (make_docs.ROOT / target).exists()] == []


def test_one_command_runs_it_and_one_tests_it_and_ci_runs_the_same():
    first, second, *_ = SHELL
    ci = (make_docs.ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()

    assert first.strip().splitlines() == [
        f"python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/losscheck {make_docs.PICTURED[0]}"
    ]
    assert len(second.strip().splitlines()) == 1
    assert second.strip().endswith(" && .venv/bin/pytest")
    assert second.strip() in ci


def test_every_command_line_can_be_read(tmp_path, monkeypatch):
    from losscheck.cli import Request, parse

    monkeypatch.chdir(tmp_path)
    np.savez("batch.npz", y_true=np.zeros((4, 1)), y_pred=np.zeros((4, 1)))
    (tmp_path / "model.py").write_text("def build_model(): ...\n")
    lines = [line for block in SHELL[2:] for line in block.splitlines()]
    assert len(lines) > 5
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "losscheck"
        assert isinstance(parse(arguments), Request), line


@pytest.mark.parametrize("code", [code for marker, code in PYTHON if not marker])
def test_the_python_works(code, tmp_path, monkeypatch):
    path = tmp_path / "example.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location("example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    for name, thing in vars(module).items():
        if name.startswith("test_"):
            marks = getattr(thing, "pytestmark", [])
            for case in marks[0].args[1] if marks else [pytest.param()]:
                thing(*case.values)


def test_the_rule_in_the_text_is_a_rule(tmp_path):
    (code,) = (code for marker, code in PYTHON if "rule" in marker)
    path = tmp_path / "negative_loss.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location("losscheck.rules.negative_loss", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rule = module.NegativeLoss()

    assert rule.code not in {known.code for known in all_rules()}
    assert found_by(rule, rule.BAD[0], tmp_path / "bad.py") == [
        number for number, line in enumerate(rule.BAD[0].splitlines(), 1) if "# <-" in line
    ]
    assert found_by(rule, rule.GOOD[0], tmp_path / "good.py") == []


def found_by(rule, source, path):
    """The lines where a rule finds something; nothing else may be found at warning or above."""
    from unittest import mock

    path.write_text(source)
    (loss,) = find_losses(str(path)).losses
    with mock.patch("losscheck.engine.all_rules", return_value=(*all_rules(), rule)):
        result = check_found(loss, Options())
    assert result.failures == ()
    assert [f.code for f in result.report.findings if f.severity is not Severity.NOTE] == []
    return [finding.location.line for finding in result.report.findings if finding.code == rule.code]


def test_what_differs_by_right_is_not_compared_and_the_rest_is():
    assert settled("3 losses checked in 5.5 s: 3 errors") == settled("3 losses checked in 12.0 s: 3 errors")
    assert settled("3 traces, 32 ms a call") == settled("3 traces, 46 ms a call")
    assert settled("3 losses checked in 5.5 s: 3 errors") != settled("3 losses checked in 5.5 s: 2 errors")


def test_the_configuration_shown_is_read_as_it_stands(tmp_path):
    shown = re.findall(r"```toml\n(\[tool\.losscheck\]\n.*?)```", make_docs.README.read_text(), re.DOTALL)
    (tmp_path / "pyproject.toml").write_text("\n".join(shown))
    config = read_config(tmp_path / "pyproject.toml")

    assert len(shown) == 1
    assert set(config.values) == set(KEYS)
