"""``[tool.losscheck]`` in the closest ``pyproject.toml``; no TensorFlow."""

from pathlib import Path

import pytest

from losscheck.checking import find_targets
from losscheck.config import find_config, read_config
from losscheck.exceptions import ConfigError

LOSS = "def dice(y_true, y_pred):\n    return 0\n"
TABLE = '[tool.losscheck.losses."pkg/losses.py:dice"]\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "losses.py").write_text(LOSS)
    read_config.cache_clear()
    yield tmp_path
    read_config.cache_clear()


def specs(text, name="dice"):
    Path("pyproject.toml").write_text(text)
    return find_config(Path("pkg/losses.py")).specs_of(Path("pkg/losses.py"), name)


def error(text):
    with pytest.raises(ConfigError) as raised:
        specs(text)
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(str(Path("pyproject.toml").absolute())).removeprefix(": ")


def test_a_table_tells_the_inputs_of_its_loss():
    text = TABLE + 'y_true = "int32[B] labels<3"\ny_pred = "float32[B, 3] simplex"\n'
    assert specs(text) == {"y_true": "int32[B] labels<3", "y_pred": "float32[B, 3] simplex"}
    assert specs(text, "other") == {}


def test_spaces_in_an_expression_do_not_matter():
    text = '[tool.losscheck.losses."pkg/losses.py:make( gamma = 2 )"]\ntask = "binary"\n'
    assert specs(text, "make(gamma=2)") == {"task": "binary"}


def test_the_closest_file_with_a_table_of_ours_holds(folder):
    Path("pkg/pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert specs(TABLE + 'task = "binary"\n') == {"task": "binary"}
    read_config.cache_clear()
    Path("pkg/pyproject.toml").write_text('[tool.losscheck.losses."losses.py:dice"]\ntask = "regression"\n')
    assert find_config(Path("pkg/losses.py")).folder == folder / "pkg"


def test_no_file_is_no_configuration():
    assert find_config(Path("pkg/losses.py")) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.losscheck]\nloses = 1\n", "[tool.losscheck]: unknown key `loses`; did you mean `losses`?"),
        ("[tool.losscheck]\nlosses = 1\n", "[tool.losscheck.losses] must be a table"),
        ("[tool]\nlosscheck = 1\n", "[tool.losscheck] must be a table"),
        (TABLE + 'y_treu = "x"\n', "unknown key `y_treu`; did you mean `y_true`?"),
        (TABLE + "y_true = 3\n", "y_true: must be text, not 3"),
        (TABLE + 'task = "binari"\n', "unknown task `binari`; did you mean `binary`?"),
        (TABLE + 'y_pred = "float32[3]"\n', "y_pred: `float32[3]`: no axis is `B`"),
        ('[tool.losscheck.losses."dice"]\n', "`dice` names no loss"),
        ('[tool.losscheck.losses."gone.py:dice"]\n', "no such file: "),
        ("[tool.losscheck\n", "cannot read "),
        ('[tool.losscheck]\nselect = ["LC2O1"]\n', "select: no rule matches `LC2O1`; did you mean "),
        ('[tool.losscheck]\nignore = "LC201"\n', "ignore: must be a list of texts, not 'LC201'"),
        (
            '[tool.losscheck]\nfail-on = "errror"\n',
            "fail-on: unknown severity `errror`; did you mean `error`?",
        ),
        ("[tool.losscheck]\ntimeout = 0\n", "timeout: must be a number above 0, not 0"),
        ("[tool.losscheck]\ntimeout = nan\n", "timeout: must be a number above 0, not nan"),
        ("[tool.losscheck]\ntimeout = 1e7\n", "timeout: must be at most 1000000 seconds, not 10000000.0"),
        ('[tool.losscheck.losses."' + "d/" * 2100 + 'l.py:f"]\n', "File name too long"),
        ("[tool.losscheck]\njobs = 1.5\n", "jobs: must be a whole number of at least 1, not 1.5"),
        (
            '[tool.losscheck]\nmodes = ["replica"]\n',
            "modes: unknown mode `replica`; did you mean `replicas`?",
        ),
        ('[tool.losscheck]\nload = "sliced"\n', "load: unknown way to load `sliced`; did you mean `slice`?"),
        (
            '[tool.losscheck.tasks]\n"*.py" = "binry"\n',
            'tasks: "*.py": unknown task `binry`; did you mean `binary`?',
        ),
        ("[tool.losscheck]\nper-file-ignores = []\n", "must be a table from file pattern to value, not []"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, message):
    assert message in error(text)


def test_a_broken_configuration_is_one_failure_and_the_losses_beside_it_are_found(folder):
    Path("pkg/more.py").write_text(LOSS)
    Path("pkg/pyproject.toml").write_text("[tool.losscheck]\nselct = []\n")
    Path("other.py").write_text(LOSS)

    found = find_targets(["."])

    assert [loss.target for loss in found.losses] == ["other.py:dice"]
    assert [(f.target, f.stage, f.is_bug) for f in found.failures] == [("pyproject.toml", "config", False)]


def test_a_found_loss_carries_its_table():
    Path("pyproject.toml").write_text(TABLE + 'task = "binary"\n')
    (loss,) = find_targets(["pkg/losses.py:dice"]).losses
    assert loss.spec_config == {"task": "binary"}
