"""Arrays from a file: what it must hold, and one clear line for each thing that is wrong with it."""

import numpy as np
import pytest

from losscheck.exceptions import SpecError
from losscheck.inputs.given import read_batch

ROWS = {"y_true": np.zeros((3, 1)), "y_pred": np.ones((3, 1))}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error(**arrays):
    np.savez("b.npz", **arrays)
    with pytest.raises(SpecError) as raised:
        read_batch("b.npz")
    return str(raised.value)


def test_both_arrays_are_read():
    np.savez_compressed("b.npz", **ROWS, sample_weight=np.ones(3))
    y_true, y_pred = read_batch("b.npz")
    assert (y_true.tolist(), y_pred.tolist()) == ([[0], [0], [0]], [[1], [1], [1]])


def test_what_is_missing_or_wrong_is_named():
    assert error(y_pred=np.ones(3)) == (
        "`b.npz` has no array `y_true`: save it with `np.savez(file, y_true=…, y_pred=…)`"
    )
    assert error(**ROWS, y_ture=np.ones(3)).endswith("sample_weight; did you mean `y_true`?")
    assert error(y_true=np.ones(2), y_pred=np.ones(3)) == (
        "`y_true` in `b.npz` has 2 rows and `y_pred` has 3"
    )
    assert error(y_true=np.ones((0, 1)), y_pred=np.ones((0, 1))) == "`y_true` in `b.npz` has no rows"
    assert error(**ROWS, sample_weight=np.ones(4)).startswith("`sample_weight` in `b.npz` has 4 rows")
    assert error(y_true=np.float32(1), y_pred=np.ones(3)).startswith("`y_true` in `b.npz` is a scalar")
    assert (
        error(y_true=np.array(["a"]), y_pred=np.ones(1)) == "`y_true` in `b.npz` holds no numbers but `<U1`"
    )
    assert error(y_true=np.array([None]), y_pred=np.ones(1)) == (
        "cannot read `b.npz`: its arrays hold Python objects"
    )


def test_a_file_that_is_none_of_ours_is_refused(folder):
    np.save("one.npy", np.ones(3))
    (folder / "text.npz").write_text("hello")
    (folder / "empty.npz").write_text("")
    for name, message in {
        "gone.npz": "no such file: gone.npz",
        "one.npy": "`one.npy` holds one array: save both with `np.savez`",
        "text.npz": "cannot read `text.npz`: it is no .npz",
        "empty.npz": "cannot read `empty.npz`: it is no .npz",
        ".": "cannot read `.`: it is no .npz",
    }.items():
        with pytest.raises(SpecError) as raised:
            read_batch(name)
        assert str(raised.value) == message
