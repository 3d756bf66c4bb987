"""Whatever a user types or writes, losscheck reads it or refuses it in one line."""

import ast
import contextlib
import io
import os
from pathlib import Path

import pytest
from hypothesis import assume, given

from losscheck import config
from losscheck.baseline import leave_out_known
from losscheck.checking import find_targets
from losscheck.cli import run
from losscheck.exceptions import LosscheckError
from losscheck.inputs.specs import parse_comment, parse_spec
from losscheck.loading.comments import spec_comment
from losscheck.options import parse
from losscheck.report import Report, Versions
from losscheck.settings import Settings
from losscheck.suppression import read_ignores

from . import noise

pytestmark = pytest.mark.field


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory):
    """A working directory with a file of losses."""
    home, folder = Path.cwd(), tmp_path_factory.mktemp("noise")
    os.chdir(folder)
    (folder / "losses.py").write_text("def loss(y_true, y_pred):\n    return y_true - y_pred\n")
    (folder / "folder").mkdir()
    yield
    os.chdir(home)


@contextlib.contextmanager
def refused_in_one_line(typed):
    """What is raised is a refusal in one line, but for line ends that were typed."""
    try:
        yield
    except LosscheckError as error:
        assert is_one_line(str(error), typed)


def is_one_line(message, typed):
    return message.strip() != "" and (len(message.splitlines()) == 1 or len(f"{typed}.".splitlines()) > 1)


def written(name, text):
    """The path of a file with a text."""
    with Path(name).open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        file.write(text)
    return name


@given(noise.specs())
def test_a_spec_is_read_or_refused(text):
    with refused_in_one_line(text):
        spec = parse_spec(text)
        assert parse_spec(str(spec)) == spec


@given(noise.comments())
def test_a_comment_is_read_or_refused(text):
    with refused_in_one_line(text):
        parse_comment(text.partition("losscheck:")[2])


@given(noise.targets())
def test_a_target_is_found_or_refused(text):
    assume(
        ".." not in text.replace("folder/..", "") and not text.strip().startswith(("/", "\\"))
    )  # others' files
    found = find_targets([text], Settings(is_isolated=True))

    assert all(failure.type in ("TargetError", "SyntaxError") for failure in found.failures)
    assert all(is_one_line(failure.message, text) for failure in found.failures)


@given(noise.modules())
def test_a_file_of_any_text_is_read_or_refused(text):
    path = written("module.py", text)
    found = find_targets([path, f"{path}:loss"], Settings(is_isolated=True))

    assert all(is_one_line(failure.message, text) for failure in found.failures)
    assert all(1 <= loss.line <= text.count("\n") + text.count("\r") + 1 for loss in found.losses)
    for ignore in read_ignores(path):
        assert ignore.first_line <= ignore.last_line
    with contextlib.suppress(SyntaxError, ValueError):
        for statement in ast.parse(text).body:
            with refused_in_one_line(text):
                parse_comment(spec_comment(text, statement))


@given(noise.notebooks())
def test_a_notebook_of_any_text_is_read_or_refused(text):
    found = find_targets([written("book.ipynb", text)], Settings(is_isolated=True))

    assert all(is_one_line(failure.message, text) for failure in found.failures)


@given(noise.command_lines())
def test_a_command_line_is_read_or_refused(words):
    with refused_in_one_line("".join(words)), contextlib.redirect_stdout(None):
        parse(words)


@given(noise.targets())
def test_the_settings_of_any_target_are_shown(text):
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["--show-config", "--isolated", "--", text]) == 0


@given(noise.configurations())
def test_a_configuration_is_read_or_refused(text):
    written("pyproject.toml", text)
    config.read_config.cache_clear()
    with refused_in_one_line(text):
        settings = Settings()
        path = Path("losses.py")
        settings.of_file(path)
        settings.specs_of(path, "loss")
        settings.targets()
        settings.baseline()
        settings.shown(path)
    Path("pyproject.toml").unlink()


@given(noise.notebooks())
def test_a_baseline_of_any_text_is_read_or_refused(text):
    path = Path(written("known.json", text))
    with refused_in_one_line(text):
        leave_out_known(Report(Versions("", "")), path)
