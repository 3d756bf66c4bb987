"""The command line over the closest ``pyproject.toml`` over the defaults; no TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest

from losscheck.config import read_config
from losscheck.exceptions import ConfigError
from losscheck.settings import FileSettings, Settings, cores

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WHOLE = """\
[tool.losscheck]
targets = ["src", "pkg.losses", "odd.py:dice"]
select = ["LC1", "LC2"]
ignore = ["LC105"]
fail-on = "error"
timeout = 5
jobs = 1
modes = ["replicas"]
load = "slice"
baseline = "known.json"

[tool.losscheck.per-file-ignores]
"legacy" = ["LC2"]
"test_*.py" = ["batch-reduced"]

[tool.losscheck.tasks]
"src/seg_*.py" = "segmentation"

[tool.losscheck.losses."src/seg_a.py:special"]
task = "binary"
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("src", "src/legacy", "legacy/deep"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "src" / "seg_a.py").touch()
    (tmp_path / "odd.py").touch()
    (tmp_path / "pyproject.toml").write_text(WHOLE)
    read_config.cache_clear()
    yield tmp_path
    read_config.cache_clear()


def test_without_a_file_the_defaults_hold():
    settings = Settings(is_isolated=True)

    assert settings.of_file(Path("src/a.py")) == FileSettings((), (), (), "auto")
    assert (settings.of_run("fail-on"), settings.of_run("timeout"), settings.of_run("jobs")) == (
        "warning",
        30.0,
        cores(),
    )
    assert (settings.targets(), settings.baseline()) == ((), None)


def test_the_file_holds_over_the_defaults_and_the_command_line_over_the_file():
    given = Settings({"select": ("LC3",), "jobs": 7})

    assert Settings().of_file(Path("src/a.py")).select == ("LC1", "LC2")
    assert given.of_file(Path("src/a.py")) == FileSettings(("LC3",), ("LC105",), ("replicas",), "slice")
    assert (given.of_run("jobs"), given.of_run("fail-on"), given.of_run("timeout")) == (7, "error", 5.0)


def test_the_rules_of_a_file_pattern_are_ignored_by_their_codes():
    ignored = Settings().of_file(Path("legacy/deep/a.py")).ignore

    assert ignored[0] == "LC105"
    assert {"LC201", "LC212"} <= set(ignored)
    assert not any(code.startswith("LC1") for code in ignored[1:])
    assert Settings().of_file(Path("src/deep/test_a.py")).ignore == ("LC105", "LC105")
    assert Settings().of_file(Path("src/legacy/a.py")).ignore == ("LC105",)


def test_the_task_of_a_file_pattern_holds_where_the_loss_has_no_table_of_its_own():
    settings = Settings()

    assert settings.specs_of(Path("src/seg_a.py"), "plain") == {"task": "segmentation"}
    assert settings.specs_of(Path("src/seg_a.py"), "special") == {"task": "binary"}
    assert settings.specs_of(Path("src/other.py"), "plain") == {}


def test_a_nested_project_has_its_own_rules_and_the_run_those_of_the_working_directory():
    Path("src/pyproject.toml").write_text('[tool.losscheck]\nselect = ["LC5"]\njobs = 9\n')

    assert Settings().of_file(Path("src/a.py")).select == ("LC5",)
    assert Settings().of_run("jobs") == 1


def test_paths_count_from_the_folder_of_the_file(monkeypatch):
    monkeypatch.chdir("src")

    assert Settings().targets() == (".", "pkg.losses", "../odd.py:dice")
    assert Settings().baseline().resolve() == Path("../known.json").resolve()
    assert Settings({"baseline": "here.json"}).baseline() == Path("here.json")


def test_a_file_that_is_named_is_read_in_place_of_the_closest():
    Path("other.toml").write_text('[tool.losscheck]\nselect = ["LC7"]\n')
    Path("empty.toml").touch()

    assert Settings(file=Path("other.toml")).of_file(Path("src/a.py")).select == ("LC7",)
    with pytest.raises(ConfigError, match=r"^empty\.toml has no \[tool\.losscheck\]$"):
        Settings(file=Path("empty.toml")).of_run("jobs")


def test_the_settings_are_shown_as_toml_that_says_the_same_again():
    shown = Settings({"jobs": 3}).shown(Path())

    assert "jobs = 3  # command line\n" in shown
    assert f'fail-on = "error"  # {Path("pyproject.toml").resolve()}\n' in shown
    told = tomllib.loads(WHOLE)["tool"]["losscheck"]
    defaults = {"memory": 4.0, "device": "cpu", "cache": True}
    assert tomllib.loads(shown)["tool"]["losscheck"] == {**told, "jobs": 3, **defaults}


def test_the_command_shows_them():
    command = [sys.executable, "-m", "losscheck", "--show-config", "--isolated", "--timeout", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "timeout = 4.0  # command line\n" in done.stdout
    assert 'fail-on = "warning"  # default\n' in done.stdout
    assert "# baseline is not set\n" in done.stdout
