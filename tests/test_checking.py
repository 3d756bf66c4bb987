"""Targets to a report, with a hand-made finder and a hand-made pool: no TensorFlow, no process."""

import contextlib
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import pytest

from losscheck.checking import check_targets, find_targets
from losscheck.exceptions import TargetError
from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.loading.target import Found
from losscheck.loss import FoundLoss, Kind
from losscheck.report import Failure, LossReport, ModeResult, Status
from losscheck.settings import Settings
from losscheck.worker.results import Outcome


def found(name, path="losses.py"):
    return FoundLoss(f"{path}:{name}", path, name, 1, Kind.FUNCTION)


def report_on(loss):
    return LossReport(loss.target, loss.path, loss.line, loss.name, loss.kind.value)


LOSSES = {
    "losses.py": [found("a"), found("b")],
    "losses.py:b": [found("b")],
    "./losses.py": [found("a", "./losses.py"), found("c", "./losses.py")],
    "empty.py": [],
}


@pytest.fixture(autouse=True)
def finder(monkeypatch):
    def find_losses(target, root=None):
        if target not in LOSSES:
            raise TargetError(f"no such file `{target}`")
        return Found(tuple(LOSSES[target]), files=1)

    monkeypatch.setattr("losscheck.loading.target.find_losses", find_losses)


@pytest.fixture
def pool(monkeypatch):
    """A pool that answers last loss first; ``answers`` may be changed."""

    class Pool:
        tensorflow, keras, python = "2.21.0", "3.15.1", "3.11.7"
        events: ClassVar = []
        answers = staticmethod(lambda loss: (report_on(loss), ()))

        def __init__(self, *, jobs, timeout, memory, device, python):
            self.events.append(("pool", jobs, timeout, memory, device.value))

        def __enter__(self):
            self.events.append("start")
            return self

        def __exit__(self, *error):
            self.events.append("end")

        def run(self, losses, options, is_over):
            self.events.append({options(loss) for loss in losses})
            for index in reversed(range(len(losses))):
                report, failures = self.answers(losses[index])
                yield Outcome(index, report, failures)

    monkeypatch.setitem(sys.modules, "losscheck.worker.pool", SimpleNamespace(Pool=Pool))
    return Pool


def check(*targets, **options):
    settings = Settings({"jobs": 8, "timeout": 5.0})
    return check_targets(targets, lambda loss: "options", settings=settings, **options)


def test_losses_come_once_in_the_order_of_the_targets():
    result = find_targets(["losses.py:b", "losses.py", "./losses.py", "losses.py"])

    assert [loss.target for loss in result.losses] == ["losses.py:b", "losses.py:a", "./losses.py:c"]
    assert result.files == 3


def test_a_target_that_names_nothing_is_a_failure_and_the_others_are_found():
    result = find_targets(["lossses.py", "losses.py"])

    assert result.failures == (Failure("lossses.py", "target", "TargetError", "no such file `lossses.py`"),)
    assert len(result.losses) == 2


def test_without_a_loss_no_pool_is_started(pool):
    report = check("empty.py")

    assert pool.events == []
    assert (report.exit_code, report.files, report.losses) == (0, 1, ())


def test_reports_are_in_the_order_of_the_targets_whatever_finishes_first(pool):
    report = check("losses.py", "./losses.py")

    assert [loss.name for loss in report.losses] == ["a", "b", "c"]
    assert (report.versions.tensorflow, report.versions.keras) == ("2.21.0", "3.15.1")
    assert pool.events == [("pool", 3, 5.0, 4.0, "cpu"), "start", {"options"}, "end"]


def test_failures_of_a_worker_are_kept_and_a_lost_loss_is_never_clean(pool):
    bug = Failure("losses.py:a", "rule LC201", "KeyError", "Traceback …")
    pool.answers = staticmethod(lambda loss: (None, (bug,) if loss.name == "a" else ()))

    report = check("losses.py")

    assert report.exit_code == 2
    assert report.failures == (
        Failure(
            "losses.py:b",
            "worker",
            "NoAnswer",
            "the child process gave neither a report nor a reason",
            is_bug=True,
        ),
        bug,
    )


def test_the_watcher_starts_after_the_pool_and_hears_of_each_loss(pool):
    @contextlib.contextmanager
    def watch(total):
        pool.events.append(f"watch {total}")
        yield lambda: pool.events.append("tick")

    check("losses.py", watch=watch)

    assert pool.events[1:] == ["start", "watch 2", {"options"}, "tick", "tick", "end"]


def test_the_pool_is_left_also_when_the_user_interrupts(pool):
    def interrupt(loss):
        raise KeyboardInterrupt

    pool.answers = staticmethod(interrupt)

    with pytest.raises(KeyboardInterrupt):
        check("losses.py")

    assert pool.events[-1] == "end"


def test_a_file_that_cannot_be_imported_is_told_of_its_first_loss_alone(pool):
    def broken(loss):
        place = Location("losses.py", 3)
        finding = Finding("LC010", "raises-on-load", Severity.ERROR, "importing raises", "", place)
        modes = {Mode.EAGER: ModeResult(Status.SKIPPED, "it cannot be loaded")}
        return replace(report_on(loss), findings=(finding,), modes=modes), ()

    pool.answers = staticmethod(broken)

    first, second = check("losses.py").losses

    assert [len(report.findings) for report in (first, second)] == [1, 0]
    assert second.modes[Mode.EAGER].reason == "its file cannot be imported, see `a`"


def test_a_model_that_cannot_be_built_is_said_once(pool):
    pool.answers = staticmethod(
        lambda loss: (None, (Failure(loss.target, "inputs", "TargetError", "the model cannot be built"),))
    )

    assert [failure.target for failure in check("losses.py").failures] == ["losses.py:b"]


def test_a_file_of_a_folder_that_cannot_be_read_is_a_failure_of_its_own(monkeypatch):
    unreadable = (("src/latin.py", "cannot read `src/latin.py`: it is not UTF-8 text"),)
    monkeypatch.setattr(
        "losscheck.loading.target.find_losses", lambda target: Found((), 3, unreadable=unreadable)
    )

    assert find_targets(["src"]).failures == (
        Failure("src/latin.py", "target", "TargetError", unreadable[0][1]),
    )
