"""Whatever a loss does, the pool gives an outcome for each loss and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from losscheck.finding import Location, Mode
from losscheck.report import Failure
from losscheck.worker import pool as pool_module
from losscheck.worker.outcome import MAX_OUTPUT
from losscheck.worker.pool import Pool, WorkerOptions

from .conftest import found, is_alive, line_of, wait_until

pytestmark = pytest.mark.usefixtures("way")


def value(outcome):
    assert outcome.report is not None, outcome.failures
    return outcome.report.skipped["value"]


def test_a_report_comes_back_as_the_check_made_it(workplace):
    (outcome,) = workplace.run("fine", task="binary", select=("LC1", "LC201"))
    assert outcome.index == 0
    assert outcome.failures == ()
    assert outcome.report.target == "user_losses.py:fine"
    assert outcome.report.skipped["task"] == "binary"
    assert outcome.report.skipped["select"] == "LC1 LC201"
    assert int(value(outcome)) != os.getpid()


def test_failures_come_back_as_the_check_made_them(workplace):
    (outcome,) = workplace.run("failing")
    assert outcome.report is None
    assert outcome.failures == (Failure("target", "load", "TargetError", "no such name"),)


def test_an_exception_of_the_check_is_a_failure_with_its_traceback(workplace):
    name, error = "raising_in_the_engine", "ZeroDivisionError"
    (outcome,) = workplace.run(name)
    (failure,) = outcome.failures
    assert outcome.report is None
    assert (failure.target, failure.stage, failure.type) == (f"user_losses.py:{name}", "worker", error)
    assert failure.message.startswith("Traceback")
    assert f"in {name}" in failure.message


def test_a_keyboard_interrupt_ends_the_process_as_python_does(workplace):
    workplace.run("interrupting")
    ((_, ended),) = workplace.judged
    assert (ended.signal, ended.exit_code, ended.timed_out) == ("SIGINT", None, None)
    assert ended.location.line == line_of("interrupting")


@pytest.mark.parametrize("name", ["hoarding", "hoarding_elsewhere"])
def test_a_loss_that_takes_too_much_memory_is_ended_at_its_line(workplace, name):
    large, fine = workplace.run(name, "fine", memory=0.2)
    ((_, ended),) = workplace.judged
    assert (ended.out_of_memory, ended.signal, ended.timed_out) == (0.2, None, None)
    assert ended.location.line == line_of(name)
    assert large.report.name == name
    assert value(fine)


def test_processes_that_share_their_memory_are_not_counted_twice(workplace):
    (outcome,) = workplace.run("sharing", memory=0.3)
    assert workplace.judged == []
    assert value(outcome) == "shared"


def test_a_process_that_has_left_the_group_of_a_loss_is_killed(workplace):
    (outcome,) = workplace.run("starting_a_daemon")
    assert wait_until(lambda: not is_alive(int(value(outcome))))


def test_a_loss_that_takes_its_process_apart_is_a_failure_with_the_reason(workplace):
    (outcome,) = workplace.run("breaking_the_file_system")
    (failure,) = outcome.failures
    assert (failure.type, failure.is_bug) == ("NoResult", False)
    assert failure.message.startswith("the loss left its process unable to write down what was found")


def test_a_process_that_ended_is_a_failure_where_no_rule_speaks_of_it(workplace):
    with Pool(
        jobs=1, timeout=20, options=WorkerOptions(select=("LC201",)), command=workplace.command()
    ) as pool:
        (outcome,) = pool.run([found("exiting")])
    (failure,) = outcome.failures
    assert failure.message == "not checked to the end: the process ended with exit status 3"


def test_one_hangs_one_exits_and_one_is_fine(workplace):
    start = time.monotonic()
    hanging, exiting, fine = workplace.run("hanging", "exiting", "fine", timeout=0.6)
    assert time.monotonic() - start < 5
    assert value(fine)
    assert hanging.report.name == "hanging"
    assert 0.55 < hanging.report.seconds < 3
    assert exiting.report.name == "exiting"
    judged = dict(workplace.judged)
    assert set(judged) == {"hanging", "exiting"}
    assert judged["hanging"].timed_out == 0.6
    assert judged["hanging"].location.line == line_of("hanging")
    assert judged["hanging"].location.path.endswith("user_losses.py")
    assert judged["exiting"].exit_code == 3
    assert (judged["exiting"].timed_out, judged["exiting"].signal) == (None, None)


@pytest.mark.parametrize(
    ("name", "signal_name", "limit"),
    [("compiling_and_aborting", "SIGABRT", None), ("compiling_and_hanging", None, 0.6)],
)
def test_what_was_kept_before_a_risky_mode_outlives_the_process(workplace, name, signal_name, limit):
    (outcome,) = workplace.run(name, timeout=limit or 30.0)
    ((_, ended),) = workplace.judged
    assert value(outcome) == "kept"
    assert (ended.mode, ended.signal, ended.timed_out) == (Mode.XLA, signal_name, limit)
    assert ended.location == Location("user_losses.py", 7)


def test_a_slow_loss_keeps_what_was_found_and_says_what_did_not_run(workplace):
    (outcome,) = workplace.run("hanging_late", timeout=0.6)
    assert value(outcome) == "kept"
    assert workplace.judged == []
    (failure,) = outcome.failures
    assert (
        failure.message == "not all was checked within 0.6 s: 1 rule did not run; `--timeout` gives it more"
    )


def test_a_risky_mode_that_ends_well_replaces_what_was_kept(workplace):
    (outcome,) = workplace.run("compiling")
    assert value(outcome) == "whole"
    assert workplace.judged == []


def test_an_exit_with_status_0_without_a_result_is_an_exit(workplace):
    workplace.run("leaving_quietly")
    ((_, ended),) = workplace.judged
    assert (ended.exit_code, ended.signal, ended.timed_out) == (0, None, None)


@pytest.mark.parametrize(("name", "expected"), [("crashing", "SIGSEGV"), ("aborting", "SIGABRT")])
def test_a_fatal_signal_is_named_with_the_users_line(workplace, name, expected):
    workplace.run(name)
    ((_, ended),) = workplace.judged
    assert (ended.signal, ended.exit_code, ended.timed_out) == (expected, None, None)
    assert ended.location.line == line_of(name)


def test_a_loss_that_ignores_sigterm_is_killed(workplace):
    workplace.run("deaf", timeout=0.4)
    ((_, ended),) = workplace.judged
    assert ended.timed_out == 0.4


def test_what_a_loss_writes_to_any_stream_is_its_output(workplace, capfd):
    (outcome,) = workplace.run("printing")
    assert sorted(outcome.report.output.splitlines()) == sorted(
        ["from print", "from stderr", " and bytes \ufffd from a process", "unfinished line"]
    )
    assert capfd.readouterr() == ("", "")


def test_what_tensorflow_logs_about_itself_is_no_output_unless_it_is_fatal(workplace):
    (outcome,) = workplace.run("logged_by_tensorflow_2_16")
    assert sorted(line[:5] for line in outcome.report.output.splitlines()) == ["F0000", "I0000"]


def test_the_output_of_a_loss_that_dies_is_kept(workplace):
    (outcome,) = workplace.run("printing_and_exiting")
    assert outcome.report.output == "last words\n"


def test_gigantic_output_is_cut(workplace):
    (outcome,) = workplace.run("chattering")
    assert len(outcome.report.output) == MAX_OUTPUT
    assert outcome.report.output.endswith("… (cut here)\n")


def test_endless_output_does_not_fill_the_disk(workplace, monkeypatch):
    monkeypatch.setattr(pool_module, "_TICK", 0.02)
    largest = 0
    with workplace.pool(timeout=0.8) as pool:
        truncate = pool_module.Job.bound_output

        def watch(job):
            nonlocal largest
            if job.files.output.exists():
                largest = max(largest, job.files.output.stat().st_size)
            truncate(job)

        monkeypatch.setattr(pool_module.Job, "bound_output", watch)
        (outcome,) = pool.run([found("chattering_forever")])
    assert 100_000 < largest < 200_000_000
    assert len(outcome.report.output) == MAX_OUTPUT


@pytest.mark.parametrize("name", ["closing", "closing_everything"])
def test_a_loss_may_close_descriptors(workplace, name):
    outcomes = workplace.run(name, "fine")
    assert value(outcomes[0]) == "closed"
    assert value(outcomes[1])


def test_stdin_is_empty(workplace):
    (outcome,) = workplace.run("reading")
    assert value(outcome) == "''"


def test_a_thread_of_the_user_does_not_hold_the_result(workplace):
    start = time.monotonic()
    (outcome,) = workplace.run("threading_on")
    assert value(outcome) == "returned"
    assert time.monotonic() - start < 5


def test_of_a_loss_that_forks_the_first_process_answers_alone(workplace):
    forking, fine = workplace.run("forking", "fine", timeout=5)
    assert value(forking) == "first []"
    assert value(fine)


def test_a_process_that_a_loss_leaves_behind_is_killed(workplace):
    (outcome,) = workplace.run("starting_a_process")
    assert wait_until(lambda: not is_alive(int(value(outcome))))


def test_a_process_that_a_dead_loss_leaves_behind_is_killed(workplace):
    workplace.run("starting_a_process_and_exiting")
    assert wait_until(lambda: not is_alive(int(Path("pid.txt").read_text())))


def times(outcomes):
    return sorted([float(second) for second in value(outcome).split()] for outcome in outcomes)


def test_two_jobs_run_at_a_time(workplace):
    with workplace.pool(jobs=2) as pool:
        list(pool.run([found("napping"), found("napping")]))  # both workers are there now
        first, second = times(pool.run([found("napping"), found("napping")]))
    assert second[0] < first[1]


def test_one_job_runs_one_at_a_time(workplace):
    first, second = times(workplace.run("napping", "napping", jobs=1))
    assert first[1] < second[0]


def test_outcomes_come_as_they_finish(workplace):
    with workplace.pool(jobs=2) as pool:
        order = [outcome.report.name for outcome in pool.run([found("napping"), found("fine")])]
    assert sorted(order) == ["fine", "napping"]
    assert order[0] == "fine" or os.environ.get("LOSSCHECK_NO_FORK")  # the second worker starts later


def test_each_loss_starts_in_the_folder_of_the_user(workplace):
    moved, stayed = workplace.run("moving_away", "telling_where")
    assert value(moved) == "/"
    assert value(stayed) == str(Path.cwd())


def test_a_loss_sees_no_arguments_of_ours(workplace):
    (outcome,) = workplace.run("telling_arguments")
    assert value(outcome) == repr([found("fine").path])


def test_temporary_files_that_a_loss_leaves_are_removed(workplace):
    (outcome,) = workplace.run("writing_a_temporary_file")
    assert Path(value(outcome)).is_relative_to(workplace.temporary)
    assert not Path(value(outcome)).exists()


def test_the_worker_tells_its_versions(workplace):
    (workplace.modules / "tensorflow.py").write_text("__version__ = '9.9'")
    (workplace.modules / "keras.py").write_text("__version__ = '8.8'")
    with workplace.pool(imports=("tensorflow", "keras")) as pool:
        assert (pool.tensorflow, pool.keras, pool.python) == ("", "", "")
        list(pool.run([found("fine")]))
        assert (pool.tensorflow, pool.keras) == ("9.9", "8.8")
        assert pool.python == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_module_that_cannot_be_imported_is_said_once(workplace, jobs):
    outcomes = workplace.run("fine", "fine", "fine", jobs=jobs, imports=("tensorflow_gone",))
    assert [outcome.report for outcome in outcomes] == [None, None, None]
    (failure,) = [failure for outcome in outcomes for failure in outcome.failures]
    assert failure == Failure(
        "",
        "worker",
        "ModuleNotFoundError",
        f"the worker cannot start with {sys.executable}: "
        "ModuleNotFoundError: No module named 'tensorflow_gone'",
    )


def test_an_import_that_kills_the_worker_is_said_once(workplace):
    (workplace.modules / "tensorflow.py").write_text(
        "import os, sys\nprint('no AVX', file=sys.stderr)\nos.abort()"
    )
    outcomes = workplace.run("fine", "fine", imports=("tensorflow",))
    (failure,) = [failure for outcome in outcomes for failure in outcome.failures]
    assert failure == Failure(
        "", "worker", "WorkerDied", "the worker ended while it started (SIGABRT): no AVX"
    )


def test_an_interpreter_that_is_not_there_is_said_once(workplace):
    with Pool(jobs=1, timeout=1, options=WorkerOptions(), python="no/such/python") as pool:
        outcomes = list(pool.run([found("fine"), found("fine")]))
    assert [outcome.report for outcome in outcomes] == [None, None]
    (failure,) = [failure for outcome in outcomes for failure in outcome.failures]
    assert (failure.stage, failure.type) == ("worker", "FileNotFoundError")
    assert failure.message.startswith("the worker cannot start: ")


def test_a_worker_that_does_not_start_in_time_is_said(workplace, monkeypatch):
    monkeypatch.setattr(pool_module, "_STARTUP_LIMIT", 0.3)
    (workplace.modules / "tensorflow.py").write_text("import time; time.sleep(60)")
    (outcome,) = workplace.run("fine", imports=("tensorflow",))
    (failure,) = outcome.failures
    assert failure.type == "TimeoutError"


@pytest.mark.parametrize("name", ["hanging", "starting_a_process"])
def test_an_interrupt_leaves_no_process(workplace, name):
    with pytest.raises(KeyboardInterrupt), workplace.pool(jobs=2) as pool:
        for _ in pool.run([found("fine"), found(name), found("hanging")]):
            raise KeyboardInterrupt
    assert wait_until(lambda: workplace.processes() == [])


def test_an_exception_before_the_first_loss_leaves_no_process(workplace):
    with pytest.raises(RuntimeError), workplace.pool():
        raise RuntimeError


def test_a_pool_runs_again_after_its_caller_has_broken_off(workplace):
    with workplace.pool(jobs=2) as pool:
        for _ in pool.run([found("fine"), found("hanging")]):
            break
        (outcome,) = pool.run([found("fine")])
    assert value(outcome)


def test_no_losses_give_no_outcomes(workplace):
    assert workplace.run() == []


def test_a_dead_parent_leaves_neither_process_nor_file(workplace, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys, threading, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from worker.conftest import Workplace, found\n"
        "from pathlib import Path\n"
        "class Here(Workplace):\n"
        "    def __init__(self):\n"
        f"        self.modules, self.judged = Path({str(workplace.modules)!r}), []\n"
        "def die():\n"
        "    while not Path('pid.txt').exists() or not Path('pid.txt').read_text():\n"
        "        time.sleep(0.005)\n"
        "    os.kill(os.getpid(), 9)\n"
        "threading.Thread(target=die).start()\n"
        "with Here().pool(jobs=2) as pool:\n"
        "    list(pool.run([found('starting_a_process_and_hanging'), found('fine')]))\n"
    )
    environment = {**os.environ, "TMPDIR": str(workplace.temporary)}
    ended = subprocess.run([sys.executable, script], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert wait_until(lambda: not is_alive(int(Path("pid.txt").read_text())))
    assert wait_until(lambda: workplace.processes() == [])
    assert wait_until(lambda: workplace.files() == [])


def test_nothing_in_the_working_directory_shadows_a_module_of_the_worker(workplace, monkeypatch):
    for name in ("types", "json", "keras", "tensorflow", "losscheck", "select"):
        Path(f"{name}.py").write_text("raise RuntimeError('shadowed')")
    (workplace.modules / "tensorflow.py").write_text("__version__ = '9.9'")
    (workplace.modules / "keras.py").write_text("__version__ = '8.8'")
    monkeypatch.setenv("PYTHONPATH", str(workplace.modules))
    with Pool(jobs=1, timeout=20, options=WorkerOptions()) as pool:
        (outcome,) = pool.run([found("fine")])
        assert (pool.tensorflow, pool.keras) == ("9.9", "8.8"), outcome.failures


def test_the_parents_side_imports_nothing_that_is_slow():
    program = (
        "import sys, losscheck.worker.pool, losscheck.engine\n"
        "print({'tensorflow', 'keras', 'rich', 'typer'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"


def test_a_pool_may_be_asked_again_and_never_by_a_worker_that_has_seen_the_users_code(workplace):
    with workplace.pool() as pool:
        pids = []
        for _ in range(3):
            (outcome,) = pool.run([found("fine")])
            pids.append(value(outcome))
            pool.renew()
    assert len(set(pids)) == 3


def test_a_run_that_is_broken_off_ends_its_losses_and_the_next_one_works(workplace):
    with workplace.pool() as pool:
        assert list(pool.run([found("fine")])) != []
        started = time.monotonic()
        outcomes = list(
            pool.run([found("hanging"), found("fine")], is_over=lambda: time.monotonic() > started + 0.7)
        )
        assert outcomes == []
        assert wait_until(lambda: len(workplace.processes()) <= 1)
        (outcome,) = pool.run([found("fine")])
        assert value(outcome)
