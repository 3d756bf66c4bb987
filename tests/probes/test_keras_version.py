"""Which Keras runs a loss, and whether its `fit` rewrites the loss."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.probes.fit import run_fit
from losscheck.probes.keras_version import as_fit_calls, fit_converts, keras_of
from losscheck.probes.reload import run_reload

from .conftest import regression

LEGACY = """
import tf_keras

class loss_fn(tf_keras.losses.Loss):
    def call(self, y_true, y_pred):
        error = tf.abs(y_true - y_pred)
        if tf.reduce_mean(error) > 1.0:
            error = error * 0.5
        return tf.reduce_mean(error, axis=-1)
"""


def test_a_plain_function_belongs_to_the_installed_keras(write):
    import keras

    written = write("def loss_fn(y_true, y_pred):\n    return y_true - y_pred\n")
    assert keras_of(written.loss) is keras
    assert fit_converts(written.loss) is keras.__version__.startswith("2.")


def test_a_class_of_tf_keras_belongs_to_tf_keras_whose_fit_has_autograph_on(write):
    tf_keras = pytest.importorskip("tf_keras")
    written = write(LEGACY)
    assert keras_of(written.loss) is tf_keras
    assert fit_converts(written.loss)


def test_a_function_in_a_module_of_tf_keras_belongs_to_it(write):
    tf_keras = pytest.importorskip("tf_keras")
    written = write("import tf_keras\ndef loss_fn(y_true, y_pred):\n    return y_true - y_pred\n")
    assert keras_of(written.loss) is tf_keras


def test_the_fit_of_tf_keras_takes_an_if_on_a_tensor(write):
    pytest.importorskip("tf_keras")
    written = write(LEGACY)
    seen = run_fit(written.loss, regression(), written.files)
    error = np.abs(regression().y_true - regression().y_pred)
    assert seen.raised is None
    assert seen.first_loss == pytest.approx(float(error.mean()) * (0.5 if error.mean() > 1 else 1), rel=1e-4)
    called = as_fit_calls(written.loss)(regression().y_true, regression().y_pred)
    assert called.shape == (7,)


def test_what_is_registered_with_tf_keras_comes_back_in_tf_keras(write):
    pytest.importorskip("tf_keras")
    written = write("""
        import tf_keras

        @tf_keras.saving.register_keras_serializable("mine")
        def loss_fn(y_true, y_pred):
            return tf.reduce_mean(tf.abs(y_true - y_pred), axis=-1)
    """)
    seen = run_reload(written.loss, regression(), written.files)
    assert (seen.raised, seen.stage, seen.skipped) == (None, "", "")
