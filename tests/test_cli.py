"""The command line as a process, as far as no loss is run, and its parts with hand-made answers."""

import os
import subprocess
import sys
import time

import pytest

import losscheck
from losscheck.cli import Color, parse
from losscheck.exceptions import LosscheckError
from losscheck.reporters import FORMATS

EMPTY_FILES = {"empty.py": "", "model.py": "def build():\n    return 1\n"}


@pytest.fixture
def folder(tmp_path):
    """A folder with files that hold no loss."""
    for name, text in EMPTY_FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(*arguments, cwd=None, code="", **environment):
    """Run losscheck as a process without colour; ``code`` runs in it first."""
    program = f"{code}\nimport sys\nfrom losscheck.__main__ import main\nsys.exit(main())"
    clean = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "COLUMNS")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        env=clean | {"NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def result(done):
    return done.returncode, done.stdout, done.stderr


def test_version():
    assert result(run("--version")) == (0, f"losscheck {losscheck.__version__}\n", "")


OPTIONS = (
    "--y-true --y-pred --task --batch --model --select --ignore --explain --rules "
    "--fail-on --load --timeout --jobs -j --format --verbose -v --quiet -q --color --version --help -h"
)


@pytest.mark.parametrize("option", OPTIONS.split())
def test_the_help_names_every_option(help_text, option):
    assert f"{option} " in help_text


@pytest.fixture(scope="module")
def help_text():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_without_targets_it_shows_the_help_and_fails(help_text):
    assert result(run()) == (2, help_text, "")


def test_the_module_can_be_run():
    done = subprocess.run([sys.executable, "-m", "losscheck", "--version"], capture_output=True, check=True)

    assert done.stdout.decode() == f"losscheck {losscheck.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "yaml"], f"unknown format `yaml`; use one of {', '.join(FORMATS)}"),
        (["--timeout", "0"], "the timeout must be above 0 and up to 1000000 seconds, not 0"),
        (["--timeout", "nan"], "the timeout must be above 0 and up to 1000000 seconds, not nan"),
        (["--jobs", "0"], "there must be at least 1 job, not 0"),
        (
            ["--y-true", "float32[3]"],
            "`float32[3]`: no axis is `B`, the batch; write for example `float32[B, 10]`",
        ),
        (["--y-pred", "nonsense"], "`nonsense` is no input spec; write for example `float32[B, 10] prob`"),
        (["--batch", "gone.npz"], "no such file: gone.npz"),
        (
            ["--batch", "b.npz", "--y-pred", "float32[B, 1]"],
            "give either `--y-pred` or `--batch`: each says what `y_pred` is",
        ),
        (
            ["--model", "m.py:build", "--task", "binary"],
            "give either `--task` or `--model`: each says what `y_pred` is",
        ),
        (["--explain", "banana"], "no rule `banana`; `losscheck --rules` lists them all"),
        (["--select", "banana"], "no rule matches `banana`; `losscheck --rules` lists them all"),
        (["--select", "\x1b[31mred\n"], "no rule matches `red`; `losscheck --rules` lists them all"),
        (["--ignore", "banana"], "no rule matches `banana`; `losscheck --rules` lists them all"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(arguments, message):
    assert result(run(*arguments, "losses.py")) == (2, "", f"losscheck: {message}\n")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--nonsense"], "no such option"),
        (["--fail-on", "bad"], "'--fail-on'"),
        (["--timeout", "soon"], "'--timeout'"),
        (["--load", "all"], "'--load'"),
        (["--task", "banana"], "unknown task `banana`; use one of regression, "),
    ],
)
def test_a_command_line_that_cannot_be_read_is_refused_in_one_line(arguments, part):
    with pytest.raises(LosscheckError, match=part) as error:
        parse(arguments)

    assert "\n" not in str(error.value)


def test_the_options_arrive():
    request = parse(
        [
            "a.py",
            "b.py:loss",
            "--y-true",
            "int32[B]",
            "--fail-on",
            "never",
            "--color",
            "always",
            "-v",
            "-j",
            "3",
        ]
    )

    assert request.targets == ("a.py", "b.py:loss")
    assert (request.y_true, request.y_pred, request.task) == ("int32[B]", None, None)
    assert (request.verbose, request.quiet, request.color) == (True, False, Color.ALWAYS)
    assert request.settings.given == {"fail-on": "never", "jobs": 3}


def test_files_without_a_loss_are_clean(folder):
    assert result(run("empty.py", "model.py", cwd=folder)) == (0, "no losses found in 2 files\n", "")
    assert result(run(".", cwd=folder)) == (0, "no losses found in 2 files\n", "")


def test_a_target_that_does_not_exist_fails_and_the_others_are_still_read(folder):
    done = run("empti.py", "model.py", "--format", "concise", cwd=folder)

    first, last = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (2, "")
    assert first.startswith("not checked: ")
    assert "empti.py" in first
    assert last == "no loss checked: 1 failure"


def test_a_stream_without_unicode_does_not_crash(folder):
    done = run("no✓such.py", cwd=folder, PYTHONIOENCODING="ascii")

    assert (done.returncode, done.stderr) == (2, "")
    assert "no" in done.stdout


def test_an_interrupt_ends_in_one_line(folder):
    code = "import losscheck.cli\ndef stop(arguments): raise KeyboardInterrupt\nlosscheck.cli.run = stop"

    assert result(run("empty.py", cwd=folder, code=code)) == (130, "", "losscheck: interrupted\n")


def test_a_bug_of_ours_says_that_it_is_one(folder):
    code = "import losscheck.cli\ndef stop(arguments): raise KeyError('a')\nlosscheck.cli.run = stop"

    done = run("empty.py", cwd=folder, code=code)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("losscheck: a bug in losscheck, please report it\nTraceback")
    assert done.stderr.endswith("KeyError: 'a'\n")


def test_a_reader_that_has_gone_is_no_error(folder):
    program = "import sys\nfrom losscheck.__main__ import main\nsys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", program, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--rules"], ["--version"], ["model.py"], ["--y-true", "int32[B]", "model.py"]]
)
def test_tensorflow_is_not_imported_without_need(folder, arguments):
    watch = "import atexit, sys\natexit.register(lambda: print([*sys.modules], file=sys.stderr))"

    modules = run(*arguments, cwd=folder, code=watch).stderr

    assert "'losscheck.cli'" in modules
    assert "'tensorflow'" not in modules
    assert "'keras'" not in modules


def test_the_import_test_can_fail(folder):
    (folder / "tensorflow.py").touch()
    watch = "import atexit, sys, tensorflow\natexit.register(lambda: print([*sys.modules], file=sys.stderr))"

    assert "'tensorflow'" in run("--version", cwd=folder, code=watch, PYTHONPATH=str(folder)).stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--rules"], ["model.py"]])
def test_what_needs_no_loss_is_quick(folder, arguments):
    def seconds():
        started = time.perf_counter()
        run(*arguments, cwd=folder)
        return time.perf_counter() - started

    # 0.25 s on a quiet machine; the best of three, doubled twice, survives a busy one
    assert min(seconds() for _ in range(3)) < 1.0
