"""Which files changed, and when nobody writes them any more; in these tests others write while it sleeps."""

import os
from pathlib import Path

import pytest

from losscheck.watching import stamps as stamps_module
from losscheck.watching.stamps import Stamps


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def meanwhile(monkeypatch):
    """Things that happen, one in each sleep; and how long the sleeps were."""
    things, sleeps = [], []

    def sleep(seconds):
        sleeps.append(seconds)
        if things:
            things.pop(0)()

    monkeypatch.setattr(stamps_module.time, "sleep", sleep)
    return things, sleeps


def files():
    return list(Path().glob("*.py"))


def test_a_change_is_told_once_all_is_quiet(meanwhile):
    things, sleeps = meanwhile
    a, b = Path("a.py"), Path("b.py")
    a.write_text("1")
    stamps = Stamps(files)
    things += [
        lambda: None,
        lambda: a.write_text("12"),
        lambda: a.write_text("123"),
        lambda: b.write_text("1"),
    ]

    assert stamps.wait() == {a, b}
    assert things == []
    assert len(sleeps) == 5  # the last one was quiet
    assert sleeps[-1] < sleeps[0] == stamps_module.INTERVAL


def test_a_file_that_is_empty_or_gone_for_a_moment_is_waited_for_longer(meanwhile):
    things, sleeps = meanwhile
    a = Path("a.py")
    a.write_text("1")
    stamps = Stamps(files)
    things += [lambda: a.write_text(""), a.unlink, lambda: a.write_text("123")]

    assert stamps.wait() == {a}
    assert a.read_text() == "123"
    assert sleeps[1:] == [stamps_module._QUIET_WHERE_GONE] * 2 + [stamps_module._QUIET]


def test_a_deleted_file_and_a_new_one_have_changed(meanwhile):
    things, _ = meanwhile
    a, b = Path("a.py"), Path("b.py")
    a.write_text("1")
    stamps = Stamps(files)
    things += [lambda: a.rename(b)]

    assert stamps.wait() == {a, b}
    stamps.settle()
    assert stamps.files == 1


def test_a_file_that_is_put_in_the_place_of_another_has_changed(meanwhile):
    things, _ = meanwhile
    a, b = Path("a.py"), Path("b.tmp")
    a.write_text("1")
    b.write_text("2")
    same = b.stat().st_mtime_ns
    os.utime(a, ns=(same, same))
    stamps = Stamps(files)
    things += [lambda: b.replace(a)]

    assert stamps.wait() == {a}


def test_a_file_that_is_watched_from_now_on_has_not_changed():
    a, b = Path("a.py"), Path("b.txt")
    a.write_text("1")
    b.write_text("1")
    watched = [a]
    stamps = Stamps(lambda: watched)
    watched.append(b)
    stamps.settle()

    assert stamps.wait(is_patient=False) == frozenset()
    watched.remove(b)
    stamps.settle()
    b.write_text("12")
    assert stamps.wait(is_patient=False) == frozenset()


def test_a_look_while_others_are_at_work_tells_whether_one_of_some_files_changed(monkeypatch):
    a, b = Path("a.py"), Path("b.py")
    a.write_text("1")
    b.write_text("1")
    stamps = Stamps(files)
    now = [0.0]
    monkeypatch.setattr(stamps_module.time, "monotonic", lambda: now[0])

    assert not stamps.has_changed([a])
    a.write_text("12")
    assert not stamps.has_changed([a])  # it looked a moment ago
    now[0] += stamps_module.INTERVAL
    assert not stamps.has_changed([b])
    now[0] += stamps_module.INTERVAL
    assert stamps.has_changed([a, b])
