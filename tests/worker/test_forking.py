"""What only the forking server can promise."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from losscheck.worker import pool as pool_module
from losscheck.worker import process

from .conftest import found, is_alive, wait_until

pytestmark = pytest.mark.usefixtures("fork")


def test_each_loss_has_a_process_of_its_own(workplace):
    first, second = workplace.run("fine", "fine")
    assert first.report.skipped["value"] != second.report.skipped["value"]


def test_a_process_that_a_loss_leaves_behind_is_killed_with_its_result(workplace):
    with workplace.pool() as pool:
        (outcome,) = pool.run([found("starting_a_process")])
        assert wait_until(lambda: not is_alive(int(outcome.report.skipped["value"])))


def test_a_process_of_a_loss_is_killed_where_the_server_died(workplace):
    with workplace.pool() as pool:
        list(pool.run([found("starting_a_process_and_killing_the_server")]))
        pids = [int(line) for line in Path("pids.txt").read_text().split()]
        assert len(pids) == 2
        assert wait_until(lambda: not any(is_alive(pid) for pid in pids))


def test_a_server_that_dies_once_is_replaced(workplace):
    outcomes = workplace.run("killing_the_server_once", "fine")
    assert [outcome.report.name for outcome in outcomes] == ["killing_the_server_once", "fine"]
    assert outcomes[0].report.skipped["value"] == "second time"
    assert workplace.judged == []


def test_a_loss_whose_server_dies_twice_is_a_failure(workplace):
    napping, killing, fine = workplace.run("napping", "killing_the_server", "fine", jobs=3)
    assert killing.report is None
    (failure,) = killing.failures
    assert (failure.target, failure.stage, failure.type, failure.message) == (
        "user_losses.py:killing_the_server",
        "worker",
        "WorkerDied",
        "the worker process died twice while it checked this loss (SIGKILL)",
    )
    assert napping.report is not None, "it was only beside the culprit"
    assert fine.report is not None


def test_the_children_of_a_dead_server_die_with_it(workplace):
    with workplace.pool(jobs=2) as pool:
        outcomes = pool.run([found("fine"), found("hanging")])
        next(outcomes)
        (server,) = (worker._process.pid for worker in pool._crew.workers)
        assert wait_until(lambda: len(workplace.processes()) > 1)
        children = [pid for pid in workplace.processes() if pid != server]
        os.kill(server, 9)
        assert wait_until(lambda: not any(is_alive(pid) for pid in children))
        outcomes.close()


def test_a_server_that_is_late_with_a_time_limit_is_given_up(workplace, monkeypatch):
    monkeypatch.setattr(pool_module, "_GRACE", 0.2)
    monkeypatch.setattr(process, "_FAREWELL", 0.2)
    with workplace.pool(timeout=0.3) as pool:
        list(pool.run([found("fine")]))
        (server,) = (worker._process.pid for worker in pool._crew.workers)
        os.kill(server, 19)  # SIGSTOP
        (outcome,) = pool.run([found("fine")])
    assert outcome.report is not None, "the replacement has checked it"


def test_a_server_stays_from_run_to_run_and_through_one_that_is_broken_off(workplace):
    with workplace.pool() as pool:
        list(pool.run([found("fine")]))
        pool.renew()
        (server,) = workplace.processes()
        assert list(pool.run([found("hanging")], is_over=lambda: len(workplace.processes()) > 1)) == []
        assert wait_until(lambda: workplace.processes() == [server])
        list(pool.run([found("fine")]))
        assert workplace.processes() == [server]


def test_a_server_that_dies_between_two_runs_is_replaced(workplace):
    with workplace.pool() as pool:
        list(pool.run([found("fine")]))
        (server,) = workplace.processes()
        os.kill(server, signal.SIGKILL)
        assert wait_until(lambda: not is_alive(server))
        (outcome,) = pool.run([found("fine")])
        assert outcome.report is not None
        pool.renew()
        assert workplace.processes() not in ([], [server])


def waiting(workplace):
    """The child that waits, once there is one."""
    assert wait_until(lambda: len(workplace.all_processes()) > len(workplace.processes()))
    (pid,) = set(workplace.all_processes()) - set(workplace.processes())
    return pid


def test_while_nobody_waits_the_child_of_the_next_loss_is_forked(workplace):
    with workplace.pool() as pool:
        list(pool.run([found("fine")]))
        child = waiting(workplace)
        (outcome,) = pool.run([found("fine")])
        assert outcome.report.skipped["value"] == str(child)
        assert waiting(workplace) != child


def test_a_child_that_dies_while_it_waits_is_not_missed(workplace):
    with workplace.pool() as pool:
        list(pool.run([found("fine")]))
        child = waiting(workplace)
        os.kill(child, signal.SIGKILL)
        (outcome,) = pool.run([found("fine")])
        assert int(outcome.report.skipped["value"]) != child


def test_a_loss_that_is_handed_over_has_its_time_and_its_memory(workplace):
    with workplace.pool(timeout=1.0, memory=0.2) as pool:
        for name in ("fine", "hanging", "hoarding"):
            list(pool.run([found(name)]))
            waiting(workplace)
    (hanging, late), (hoarding, large) = workplace.judged
    assert (hanging, late.timed_out, late.out_of_memory) == ("hanging", 1.0, None)
    assert (hoarding, large.timed_out, large.out_of_memory) == ("hoarding", None, 0.2)
