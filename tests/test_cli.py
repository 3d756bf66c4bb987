"""The command line as a process, as far as no loss is run, and its parts with hand-made answers."""

import os
import subprocess
import sys

import pytest

import losscheck
from losscheck.choices import Device
from losscheck.cli import parse
from losscheck.exceptions import LosscheckError
from losscheck.reporters import FORMATS
from losscheck.request import Color
from losscheck.worker.wall import environment

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
    "--fail-on --load --static --timeout --memory --device --jobs -j --no-cache --clear-cache "
    "--watch -w --python --server --no-server "
    "--format --repro --verbose -v --quiet -q --plot --html --color --version --help -h"
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
        (["--timeout", "0"], "the timeout must be above 0 seconds, not 0"),
        (["--python", "no/such"], "no such interpreter: no/such"),
        (["--timeout", "nan"], "the timeout must be above 0 seconds, not nan"),
        (["--timeout", "1e300"], "the timeout must be at most 1000000 seconds, not 1e+300"),
        (["--memory", "0"], "the memory must be above 0 GiB, not 0"),
        (["--memory", "nan"], "the memory must be above 0 GiB, not nan"),
        (["--batch", "."], "cannot read `.`: it is no .npz"),
        (["--explain", "LC\n"], "no rule `LC `; `losscheck --rules` lists them all"),
        (["--jobs", "0"], "there must be at least 1 job, not 0"),
        (
            ["--y-true", "float32[3]"],
            "`float32[3]`: no axis is `B`, the batch; write for example `float32[B, 10]`",
        ),
        (["--y-pred", "nonsense"], "`nonsense` is no input spec; write for example `float32[B, 10] prob`"),
        (["--batch", "gone.npz"], "no such file: gone.npz"),
        (["--html", "gone/page.html"], "cannot write `gone/page.html`: no such folder `gone`"),
        (["--html", "."], "cannot write `.`: it is a folder"),
        (["--plot", "--format", "json"], "`--plot` draws in the format `text`, not in `json`"),
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
        (["--memory", "4G"], "'--memory'"),
        (["--device", "tpu"], "'--device'"),
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
            "--memory",
            "0.5",
            "--device",
            "gpu",
        ]
    )

    assert request.targets == ("a.py", "b.py:loss")
    assert (request.y_true, request.y_pred, request.task) == ("int32[B]", None, None)
    assert (request.verbose, request.quiet, request.color) == (True, False, Color.ALWAYS)
    assert request.settings.given == {"fail-on": "never", "jobs": 3, "memory": 0.5, "device": "gpu"}


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


NASTY = {
    "": "the target is empty: write `losses.py` or `losses.py:dice_loss`",
    ":": "no file or module stands before the colon in `:`",
    "model.py:": "no name stands behind the colon in `model.py:`",
    "model.py:f(": 'model.py:f(: `f(` is no Python expression: write a name, `obj.attr`, `LOSSES["dice"]`',
    "model.py:f(2**10**10)": "model.py:f(2**10**10): `f(2**10**10)` cannot be a target: write a name,",
    "model.py:99999999999999999999": "model.py:99999999999999999999: no loss at `99999999999999999999`",
    "/dev/zero": "`/dev/zero` is not a Python file (.py) or a notebook (.ipynb)",
    "pipe.py": "`pipe.py` is not a Python file (.py) or a notebook (.ipynb)",
    "loop.py": "no such file: loop.py",
    "x" * 300: "no file or module `xxx",
    "x" * 300 + ".py": "cannot read `xxx",
    "\udcff.py": "no such file: \\udcff.py",
    "sys": "module `sys` has no Python source to read",
    "model.py:" + "(" * 5000: "model.py:((((",
}


@pytest.mark.skipif(sys.platform == "win32", reason="makes pipes and links")
def test_no_target_is_nasty_enough_for_a_traceback(folder):
    os.mkfifo(folder / "pipe.py")
    (folder / "loop.py").symlink_to(folder / "loop.py")
    (folder / "around").symlink_to(folder)

    done = run(*NASTY, "around", "--format", "concise", cwd=folder)

    *rows, last = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (2, "")
    assert [
        (target[:30], row)
        for target, row in zip(NASTY, rows, strict=True)
        if not row.startswith(f"not checked: {NASTY[target]}")
    ] == []
    assert last == f"no loss checked: {len(NASTY)} failures"


def test_losses_run_on_the_cpu_unless_told_otherwise():
    users = {"CUDA_VISIBLE_DEVICES": "1", "KERAS_BACKEND": "jax"}

    assert environment(Device.CPU, users) == {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "jax",
        "CUDA_VISIBLE_DEVICES": "-1",
        "HIP_VISIBLE_DEVICES": "-1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
    }
    assert environment(Device.GPU, users) == {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "jax",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "CUDA_VISIBLE_DEVICES": "1",
        "TF_ENABLE_ONEDNN_OPTS": "0",
    }


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
