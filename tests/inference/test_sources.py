"""Inputs told by a file, a table and the user's model, with real losses and models."""

import numpy as np
import pytest

from losscheck.engine import Options, check_found
from losscheck.loading.target import find_losses
from losscheck.report import TaskSource

pytest.importorskip("tensorflow")

LOSSES = """\
import tensorflow as tf
from tensorflow import keras

def sparse_loss(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)

def plain_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
"""
MODELS = """\
from tensorflow import keras

def ending(units, activation=None):
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation=activation)])
def softmax():
    return ending(5, "softmax")
def sigmoid():
    x = keras.Input((4,))
    y = keras.layers.Activation("sigmoid")(keras.layers.Dense(1)(x))
    return keras.Model(x, keras.layers.Dropout(0.1)(y))
def linear():
    return ending(3)
def image():
    x = keras.Input((None, None, 3))
    return keras.Model(x, keras.layers.Conv2D(2, 1, activation="softmax")(x))
def nested():
    x = keras.Input((4,))
    return keras.Model(x, softmax()(x))
def unbuilt():
    return keras.Sequential([keras.layers.Dense(1)])
def two():
    x = keras.Input((4,))
    return keras.Model(x, [keras.layers.Dense(1)(x), keras.layers.Dense(1)(x)])
def raises():
    raise ValueError("no weights\\nhere")
def number():
    return 3
ready = linear()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "told_losses.py").write_text(LOSSES)
    (tmp_path / "told_models.py").write_text(MODELS)
    return tmp_path


def checked(name, **options):
    (found,) = find_losses(f"told_losses.py:{name}").losses
    return check_found(found, Options(**{"select": ("LC001",), **options}))


def chosen(name, model):
    task = checked(name, model=f"told_models.py:{model}").report.task
    assert task.source is TaskSource.MODEL
    return task.y_true, task.y_pred


@pytest.mark.parametrize(
    ("loss", "model", "y_true", "y_pred"),
    [
        ("sparse_loss", "softmax", "int32[B] labels<5", "float32[B, 5] simplex"),
        ("sparse_loss", "nested", "int32[B] labels<5", "float32[B, 5] simplex"),
        ("sparse_loss", "image", "int32[B, 14, 18] labels<2", "float32[B, 14, 18, 2] simplex"),
        ("plain_loss", "softmax", "float32[B, 5] onehot", "float32[B, 5] simplex"),
        ("plain_loss", "sigmoid", "float32[B, 1] binary", "float32[B, 1] prob"),
        ("plain_loss", "linear", "float32[B, 3] real", "float32[B, 3] real"),
        ("plain_loss", "ready", "float32[B, 3] real", "float32[B, 3] real"),
        ("plain_loss", "ending(6, 'tanh')", "float32[B, 6] real", "float32[B, 6] -1..1"),
    ],
)
def test_a_model_tells_y_pred_and_y_true_goes_with_it(loss, model, y_true, y_pred):
    assert chosen(loss, model) == (y_true, y_pred)


def test_y_true_may_be_told_beside_the_model():
    report = checked("plain_loss", model="told_models.py:linear", y_true="float32[B, 3] binary").report
    assert (report.task.y_true, report.task.y_pred) == ("float32[B, 3] binary", "float32[B, 3] real")


def test_the_report_says_what_the_model_gives():
    evidence = checked("plain_loss", model="told_models.py:image").report.task.evidence
    assert evidence[0] == (
        "`image` turns [B, ?, ?, 3] into float32[B, H, W, 2] simplex, its last activation is softmax"
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("unbuilt", "the model of `unbuilt` has no known output: build it with `keras.Input`"),
        ("raises", "the model `told_models.py:raises` cannot be built: ValueError: no weights"),
        ("number", "`told_models.py:number` gives an int, no Keras model"),
        ("ending", "`ending` needs arguments: write `told_models.py:ending(units=...)`"),
        ("softmx", "no `softmx` in told_models.py; did you mean `softmax`?"),
    ],
)
def test_a_model_that_cannot_be_had_is_one_clear_line(model, message):
    result = checked("plain_loss", model=f"told_models.py:{model}")
    (failure,) = result.failures
    assert (result.report, failure.message, failure.is_bug) == (None, message, False)


def test_a_model_with_two_outputs_is_refused():
    (failure,) = checked("plain_loss", model="told_models.py:two").failures
    assert failure.message.startswith("the model of `two` has 2 outputs (")


def test_the_arrays_of_a_file_are_the_batch():
    np.savez("b.npz", y_true=np.zeros((6, 3), "float32"), y_pred=np.ones((6, 3), "float32"))
    task = checked("plain_loss", batch="b.npz").report.task
    assert (task.source, task.y_true) == (TaskSource.ARRAYS, "float32[B, 3] binary")


def test_a_table_tells_the_inputs_and_an_option_goes_before_it():
    (found,) = find_losses("told_losses.py:plain_loss").losses
    found.spec_config.update(y_true="float32[B, 9] real", y_pred="float32[B, 9] real")
    report = check_found(found, Options(select=("LC001",))).report
    assert (report.task.source, report.task.y_pred) == (TaskSource.CONFIG, "float32[B, 9] real")
    report = check_found(found, Options(select=("LC001",), task="binary")).report
    assert report.task.source is TaskSource.OPTION
