"""The files that are written: their names, their text, and what they never overwrite."""

import ast
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from losscheck.exceptions import LosscheckError
from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.inputs.batches import Batches
from losscheck.inputs.tasks import DEFAULT_SIZES, TASKS, Task
from losscheck.inputs.written import written
from losscheck.loss import SourceFacts
from losscheck.recipe import Ingredients, WrittenBatch
from losscheck.report import LossReport, Report, Versions
from losscheck.repro import write_scripts
from losscheck.repro.layout import double_quoted, laid_out

LOSS = "import tensorflow as tf\n\n\ndef loss_of(y_true, y_pred):\n    return tf.round(y_pred)\n"
#: Texts that end a string, a comment or a line where nothing is quoted.
BREAKING = ('"""; import os #', "'''\nimport os", "\\", 'x"', "\r\x0cimport os\u2028", "{call}", 'a\\"""b')


def report(path, *, code="LC201", message="m", name="loss_of", built="loss_of", **more):
    place = Location(str(path), 4, 1)
    finding = Finding(code, "disconnected-gradient", Severity.ERROR, message, "h", place, (Mode.FIT,))
    batch = WrittenBatch("words", "[[1.0]]", "[[0.5]]")
    loss = LossReport(
        f"{path}:{name}",
        str(path),
        4,
        name,
        "function",
        findings=(finding,),
        ingredients=Ingredients(built, batches={"typical": batch}),
        **more,
    )
    return Report(Versions("0", "3", "2", "3"), (loss,))


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "losses.py"
    file.write_text(LOSS)
    return file


def test_a_script_and_a_test_are_written_for_a_finding(path, tmp_path):
    result = write_scripts(report(path), tmp_path / "new" / "repro")

    assert result.words == f"1 script written to {tmp_path / 'new' / 'repro'}"
    names = ["LC201-loss_of-4.py", "test_LC201_loss_of_4.py"]
    assert sorted(p.name for p in (tmp_path / "new" / "repro").iterdir()) == names


def test_two_findings_of_one_line_get_names_of_their_own(path, tmp_path):
    one = report(path)
    two = Report(one.versions, one.losses * 2)
    result = write_scripts(two, tmp_path / "repro")

    assert [p.name for p in result.scripts] == ["LC201-loss_of-4.py", "LC201-loss_of-4-2.py"]


def test_a_rule_without_a_script_is_named_with_its_reason(path, tmp_path):
    result = write_scripts(report(path, code="LC706"), tmp_path / "repro")

    reason = "none for LC706: how slow it is depends on the machine"
    assert result.words == f"0 scripts written to {tmp_path / 'repro'}; {reason}"


def test_a_file_of_the_users_is_never_overwritten(path, tmp_path):
    folder = tmp_path / "repro"
    folder.mkdir()
    (folder / "LC201-loss_of-4.py").write_text("mine\n")
    with pytest.raises(
        LosscheckError, match="is none of losscheck's scripts: move it or choose another folder"
    ):
        write_scripts(report(path), folder)

    assert [p.name for p in folder.iterdir()] == ["LC201-loss_of-4.py"]
    assert (folder / "LC201-loss_of-4.py").read_text() == "mine\n"


def test_a_script_of_ours_is_overwritten(path, tmp_path):
    write_scripts(report(path, message="old"), tmp_path / "repro")
    write_scripts(report(path, message="new"), tmp_path / "repro")

    assert "new" in (tmp_path / "repro" / "LC201-loss_of-4.py").read_text()


@pytest.mark.parametrize("text", BREAKING)
def test_no_text_of_the_users_becomes_code(path, tmp_path, text):
    plain = write_scripts(report(path), tmp_path / "plain")
    odd = write_scripts(
        report(path, message=text, name=f"LOSSES[{text!r}]", built=f"LOSSES[{text!r}]"), tmp_path / "odd"
    )

    def shape(script):
        """The statements, with what stands in strings and which loss is imported left out."""
        for file in (script, *script.parent.glob("test_*.py")):
            tree = ast.parse(file.read_text())
            yield [type(node).__name__ for node in tree.body if not isinstance(node, ast.Assign)]

    assert list(shape(plain.scripts[0])) == list(shape(odd.scripts[0]))


def test_a_file_that_cannot_be_imported_by_name_is_loaded_by_its_path(path, tmp_path):
    odd = path.rename(tmp_path / 'my-own "losses.py')
    (script,) = write_scripts(report(odd), tmp_path / "repro").scripts

    text = 'spec_from_file_location("my_own__losses_module", HERE / "../my-own \\"losses.py")'
    assert text in script.read_text()
    ast.parse(script.read_text())


def test_a_script_that_trains_is_copied_without_its_training(path, tmp_path):
    path.write_text(LOSS + "\n\nprint('training')\n")
    folder = tmp_path / "repro"
    (script,) = write_scripts(report(path, left_out="1 of 2 statements"), folder).scripts

    copied = (folder / "loss_of_of_losses.py").read_text()
    assert "def loss_of" in copied
    assert "training" not in copied
    assert "from loss_of_of_losses import loss_of as loss" in script.read_text()
    assert "is copied into loss_of_of_losses.py: change it there" in " ".join(script.read_text().split())


@pytest.mark.skipif(find_spec("ruff") is None, reason="no ruff here: it comes with the extra `lint`")
def test_ruff_finds_nothing_in_the_files(path, tmp_path):
    write_scripts(report(path), tmp_path / "repro")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", str(tmp_path / "repro")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "All checks passed!\n")


@pytest.mark.parametrize(
    "name", ["regression", "sequence", "sparse_categorical", "segmentation_classes", "boxes"]
)
@pytest.mark.parametrize("batch", ["typical", "other_size", "repredicted", "doubled", "rotated labels"])
def test_a_written_batch_gives_the_very_numbers(name, batch):
    told = TASKS[name]
    task = Task(told.name, told.y_true.with_sizes(DEFAULT_SIZES), told.y_pred.with_sizes(DEFAULT_SIZES))
    drawn = Batches(task, SourceFacts())[batch]
    source = written(drawn, task)

    for array, text in ((drawn.y_true, source.y_true), (drawn.y_pred, source.y_pred)):
        values, dtype = values_of(text)
        assert np.asarray(values, dtype).dtype == array.dtype
        np.testing.assert_array_equal(np.asarray(values).astype(dtype), array)


def values_of(text):
    """Values and dtype of the arguments of ``tf.constant``."""
    return eval(f"_({text})", {"_": lambda values, dtype="float32": (values, dtype), "np": np})


def test_a_large_batch_is_written_as_a_draw():
    task = TASKS["segmentation"]
    sized = Task("s", task.y_true.with_sizes(DEFAULT_SIZES), task.y_pred.with_sizes(DEFAULT_SIZES))
    source = written(Batches(sized, SourceFacts())["typical"], sized)

    shape = "(7, 14, 18, 1)"
    assert source.y_pred == f'np.random.default_rng(1693003238).uniform(0.05, 0.95, {shape}), "float32"'


@pytest.mark.parametrize("text", BREAKING)
def test_a_quoted_text_is_the_text(text):
    assert ast.literal_eval(double_quoted(text)) == text


def test_a_long_expression_is_broken_at_its_brackets():
    line = f"y = tf.constant([{', '.join(['[1.5, 2.5, 3.5]'] * 9)}], {'x' * 30!r})"
    lines = laid_out(line)

    assert max(map(len, lines)) <= 100
    assert ast.dump(ast.parse("\n".join(lines))) == ast.dump(ast.parse(line))


def test_a_bracket_around_one_part_stays_no_tuple():
    line = f"y = f(({'a + ' * 40}a), 'float32')"

    assert ast.dump(ast.parse("\n".join(laid_out(line)))) == ast.dump(ast.parse(line))
