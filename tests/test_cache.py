"""Results that are kept: what they depend on, and how the folder stays small and whole; no TensorFlow."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from losscheck import cache as cache_module
from losscheck.cache import Cache, Kept, clear
from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.loss import FoundLoss, Kind
from losscheck.report import LossReport, ModeResult, Status
from losscheck.worker.messages import WorkerOptions

LOSS = FoundLoss("losses.py:f", "losses.py", "f", 1, Kind.FUNCTION)
FINDING = Finding(
    "LC201", "x", Severity.ERROR, "a fact", "a cure", Location("losses.py", 2, 1, 2, 5), (Mode.FIT,), {"a": 1}
)
MODES = {Mode.FIT: ModeResult(Status.FAIL)}
REPORT = LossReport("losses.py:f", "losses.py", 1, "f", "function", modes=MODES, findings=(FINDING,))
KEPT = Kept(REPORT, "3.11.7", "2.21.0", "3.15.1")
OPTIONS = WorkerOptions()


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOSSCHECK_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "losses.py").write_text("def f(a, b):\n    return a\n")
    (tmp_path / "helper.py").write_text("x = 1\n")
    cache_module._digest.cache_clear()
    yield tmp_path
    cache_module._digest.cache_clear()


def files(*names):
    return {str(Path(name).resolve()): cache_module._digest(str(Path(name).resolve())) for name in names}


def kept(loss=LOSS, options=OPTIONS, **more):
    cache_module._digest.cache_clear()  # what a new process begins with
    return Cache(**more).look_up(loss, options)


@pytest.fixture
def stored():
    Cache().keep(LOSS, OPTIONS, KEPT, files("losses.py", "helper.py"))


@pytest.mark.usefixtures("stored")
def test_a_result_comes_back_whole():
    assert kept() == KEPT


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["losses.py", "helper.py"])
def test_a_file_that_was_run_and_is_another_one_or_gone_makes_it_void(name):
    text = Path(name).read_text()
    Path(name).write_text(text + "# more\n")
    assert kept() is None

    Path(name).write_text(text)
    assert kept() == KEPT

    Path(name).unlink()
    assert kept() is None


@pytest.mark.usefixtures("stored")
def test_other_options_another_loss_or_another_place_have_results_of_their_own(monkeypatch):
    assert kept(options=replace(OPTIONS, select=("LC2",))) is None
    assert kept(options=replace(OPTIONS, y_true="float32[B]")) is None
    assert kept(loss=replace(LOSS, name="g")) is None
    assert kept(loss=replace(LOSS, spec_config={"task": "binary"})) is None
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert kept() is None


@pytest.mark.usefixtures("stored")
def test_another_interpreter_environment_or_losscheck_has_results_of_its_own(monkeypatch):
    assert kept(python="/usr/bin/another") is None
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    assert kept() is None
    monkeypatch.delenv("TF_USE_LEGACY_KERAS")
    monkeypatch.setattr(cache_module, "own_fingerprint", lambda: "edited")
    assert kept() is None


@pytest.mark.usefixtures("stored")
def test_another_package_beside_tensorflow_makes_it_void(monkeypatch, tmp_path):
    packages = tmp_path / "site-packages"
    (packages / "more-1.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(packages)

    assert kept() is None


def test_arrays_of_the_user_count_by_what_they_hold():
    options = replace(OPTIONS, batch="batch.npz")
    Path("batch.npz").write_bytes(b"1")
    Cache().keep(LOSS, options, KEPT, files("losses.py"))
    assert kept(options=options) == KEPT

    Path("batch.npz").write_bytes(b"2")
    assert kept(options=options) is None


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"files": {}}', '{"files": {}, "report": {}, "versions": []}']
)
def test_a_broken_file_is_no_result(text, project):
    (path,) = project.glob("cache/??/*.json")
    path.write_text(text)

    assert kept() is None


def test_a_folder_that_cannot_be_written_keeps_nothing_and_fails_nothing(project):
    (project / "cache").write_text("no folder")
    Cache().keep(LOSS, OPTIONS, KEPT, files("losses.py"))

    assert kept() is None


def test_what_was_not_used_for_longest_is_dropped_first(project):
    for number in range(4):
        Cache().keep(replace(LOSS, name=f"f{number}"), OPTIONS, KEPT, files("losses.py"))
    paths = sorted(
        project.glob("cache/??/*.json"), key=lambda path: json.loads(path.read_text())["report"]["name"]
    )
    for path in paths:
        os.utime(path, (1000, 1000))
    used = replace(LOSS, name="f2")
    assert kept(loss=used) == KEPT
    size = paths[0].stat().st_size

    Cache().prune(limit=2 * size)
    assert len(list(project.glob("cache/??/*.json"))) == 2
    assert kept(loss=used) == KEPT


def test_what_a_killed_run_left_half_written_is_removed_and_what_is_being_written_is_not(project):
    Cache().keep(LOSS, OPTIONS, KEPT, files("losses.py"))
    (folder,) = project.glob("cache/??")
    (folder / "old.part").touch()
    os.utime(folder / "old.part", (time.time() - 7200,) * 2)
    (folder / "new.part").touch()

    Cache().prune()
    assert sorted(path.name for path in folder.glob("*.part")) == ["new.part"]
    assert kept() == KEPT


@pytest.mark.usefixtures("stored")
def test_clearing_leaves_nothing(project):
    assert clear() == project / "cache"
    assert not (project / "cache").exists()
    assert kept() is None
