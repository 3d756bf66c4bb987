"""A model compiled with the loss, saved to a temporary folder and loaded again."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import pytest

from losscheck.probes.reload import run_reload

from .conftest import regression

BODY = "return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)"
FACTORY = """
    import keras
    def make(power=2.0):
        @keras.saving.register_keras_serializable("test_reload")
        def made(y_true, y_pred):
            return keras.ops.mean(keras.ops.power(keras.ops.abs(y_true - y_pred) + 1e-6, power), axis=-1)
        return made
"""


@pytest.fixture(autouse=True)
def registry():
    """What a test registers is forgotten after it."""
    known = keras.saving.get_custom_objects()
    before = dict(known)
    yield known
    known.clear()
    known.update(before)


def reload(written, **options):
    return run_reload(written.loss, regression(), written.files, **options)


def test_an_unregistered_function_cannot_be_loaded(write):
    seen = reload(write(f"import keras\ndef loss_fn(y_true, y_pred):\n    {BODY}\n"))
    assert (seen.stage, seen.raised.type, seen.known, seen.is_registered) == (
        "load",
        "TypeError",
        None,
        False,
    )


def test_a_registered_function_comes_back_as_itself(write):
    seen = reload(
        write(
            "import keras\n@keras.saving.register_keras_serializable('test_reload')\n"
            f"def loss_fn(y_true, y_pred):\n    {BODY}\n"
        )
    )
    assert (seen.stage, seen.raised, seen.is_registered, seen.came_back) == ("", None, True, "")


def test_a_lambda_cannot_be_loaded_with_custom_objects_either(write):
    seen = reload(write(f"import keras\nloss_fn = lambda y_true, y_pred: {BODY.removeprefix('return ')}\n"))
    assert (seen.stage, seen.known.type) == ("load", "ValueError")


def test_a_partial_cannot_be_saved(write):
    seen = reload(
        write(
            "import functools, keras\ndef base(y_true, y_pred, k):\n    return k * (y_true - y_pred) ** 2\n"
            "loss_fn = functools.partial(base, k=2.0)\n"
        )
    )
    assert (seen.stage, seen.raised.type) == ("save", "TypeError")


def test_a_function_named_as_one_of_keras_comes_back_as_that_one(write):
    seen = reload(write(f"import keras\ndef log_cosh(y_true, y_pred):\n    {BODY}\n", name="log_cosh"))
    assert (seen.stage, seen.came_back) == ("", "keras.losses.log_cosh")
    assert seen.before.mean() > seen.value.mean()


def test_the_last_function_of_a_factory_takes_the_name_of_the_others(write):
    seen = reload(write(f"{FACTORY}\n    loss_fn = make(4.0)\n    other = make(3.0)\n"))
    assert (seen.factory, seen.is_bound, seen.came_back) == ("make", True, "")
    assert seen.before.mean() > 1.5 * seen.value.mean()


def test_a_factory_that_runs_again_changes_what_comes_back(write):
    written = write(f"{FACTORY}\n    loss_fn = make(4.0)\n")
    assert reload(written).value is None
    seen = reload(written, remade=True)
    assert seen.before.mean() > 1.5 * seen.value.mean()


def test_the_registries_and_the_temporary_folder_are_left_as_they_were(
    write, registry, tmp_path, monkeypatch
):
    written = write(f"{FACTORY}\n    loss_fn = make(4.0)\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    Path(tempfile.tempdir).mkdir()
    before = dict(registry)
    reload(written, remade=True)
    assert registry == before
    assert keras.saving.get_registered_name(written.loss.compiled) == "test_reload>made"
    assert list(Path(tempfile.tempdir).iterdir()) == []


def test_names_of_a_scope_around_the_check_are_not_known_to_the_load(write):
    written = write(f"import keras\ndef loss_fn(y_true, y_pred):\n    {BODY}\n")
    with keras.saving.custom_object_scope({"loss_fn": written.loss.compiled}):
        assert reload(written).stage == "load"
        assert keras.saving.get_registered_object("loss_fn") is written.loss.compiled


def test_where_no_file_can_be_written_it_is_skipped(write, tmp_path, monkeypatch):
    written = write(f"import keras\ndef loss_fn(y_true, y_pred):\n    {BODY}\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    seen = reload(written)
    assert (seen.raised, seen.skipped) == (None, "no model can be saved here: No such file or directory")
