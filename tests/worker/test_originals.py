"""What a file replaces of what losscheck runs on."""

from __future__ import annotations

import inspect

import pytest

from losscheck.report import Failure
from losscheck.worker.originals import Originals, explained

REPLACED = ["numpy.mean", "os.open", "inspect.getfile", "io.open"]


def test_what_was_replaced_is_put_back_and_named(monkeypatch):
    original = inspect.getfile
    originals = Originals()
    monkeypatch.setattr(inspect, "getfile", lambda thing: "")
    assert originals.put_back() == ["inspect.getfile"]
    assert inspect.getfile is original
    assert originals.put_back() == []


def test_a_failure_is_the_files_doing_where_it_has_replaced_something():
    bug = Failure("losses.py:f", "engine", "TypeError", "…", is_bug=True)
    (told,) = explained([bug, bug], REPLACED)
    assert told.message == (
        "the file replaces `numpy.mean`, `os.open`, `inspect.getfile` and 1 more, on which losscheck itself"
        " depends"
    )
    assert not told.is_bug
    assert explained([bug], []) == (bug,)


@pytest.mark.parametrize("kind", ["TargetError", "SpecError"])
def test_what_the_user_must_write_is_told_all_the_same(kind):
    failure = Failure("losses.py:F", "load", kind, "`F` needs arguments")
    assert explained([failure], REPLACED) == (failure,)
