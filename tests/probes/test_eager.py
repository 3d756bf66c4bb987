"""The loss called as in a notebook cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from losscheck.inputs.batches import Batch
from losscheck.observation import Returned
from losscheck.probes.eager import run_eager

from .conftest import code_of, regression


def test_the_value_is_what_the_loss_gives(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(tf.abs(y_true - y_pred), -1)\n")
    batch = regression()
    seen = run_eager(written.loss, batch, written.files)
    np.testing.assert_allclose(np.abs(batch.y_true - batch.y_pred).mean(-1), seen.value, rtol=1e-6)
    assert (
        seen.batch,
        seen.raised,
        seen.returned,
        seen.calls,
        seen.effects,
    ) == ("typical", None, Returned("tensor", "float32", (7,)), 1, ())
    assert 0 < seen.seconds < 5


def test_the_arrays_arrive_as_tensors_of_their_own_dtype(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            assert isinstance(y_true, tf.Tensor) and isinstance(y_pred, tf.Tensor)
            assert (y_true.dtype, y_pred.dtype) == (tf.int32, tf.float64)
            return y_pred
        """
    )
    batch = Batch("typical", "", np.arange(3, dtype=np.int32), np.ones((3, 2)))
    assert run_eager(written.loss, batch, written.files).raised is None


def test_an_error_is_data_with_the_users_line(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.matmul(y_true, y_pred)  # <-
        """
    )
    seen = run_eager(written.loss, regression(), written.files, calls=3)
    assert (
        seen.raised.type,
        seen.raised.location.line,
        code_of(seen.raised.location),
    ) == ("InvalidArgumentError", written.line(), "tf.matmul(y_true, y_pred)")
    assert (seen.returned, seen.value, seen.calls) == (None, None, 1)
    assert seen.raised.message == "Matrix size-incompatible: In[0]: [7,3], In[1]: [7,3]"


@pytest.mark.parametrize("error", ["SystemExit(2)", "GeneratorExit", "MemoryError", "RecursionError('deep')"])
def test_whatever_is_raised_is_data(write, error):
    written = write(f"def loss_fn(y_true, y_pred):\n    raise {error}\n")
    assert run_eager(written.loss, regression(), written.files).raised.type == error.partition("(")[0]


def test_an_error_in_a_later_call_is_the_one_that_counts(write):
    written = write(
        """
        N = []
        def loss_fn(y_true, y_pred):
            N.append(1)
            return y_pred / len(N) if len(N) < 2 else y_pred.nonsense
        """
    )
    seen = run_eager(written.loss, regression(), written.files, calls=3)
    assert (seen.raised.type, seen.calls, seen.value) == ("AttributeError", 2, None)


def test_further_parameters_get_their_values(write):
    written = write("def loss_fn(y_true, y_pred, weight):\n    return y_pred * weight\n")
    seen = run_eager(written.loss, regression(), written.files, extra=(3.0,))
    np.testing.assert_allclose(3 * regression().y_pred, seen.value, rtol=1e-6)
    assert run_eager(written.loss, regression(), written.files).raised.type == "TypeError"


RETURNED = {
    "None": ("return None", "NoneType", "", None),
    "nothing": ("return", "NoneType", "", None),
    "a float": ("return 1.0", "float", "", None),
    "a tuple": ("return y_pred, y_pred", "tuple", "", None),
    "a dict": ("return {'a': y_pred}", "dict", "", None),
    "an array": ("return y_pred.numpy()", "ndarray", "float32", (7, 3)),
    "a NumPy scalar": ("return y_pred.numpy().mean()", "float32", "float32", ()),
    "a bool": ("return bool(tf.reduce_any(y_pred > 0))", "bool", "", None),
    "integers": ("return tf.cast(y_pred, tf.int32)", "tensor", "int32", (7, 3)),
    "text": ("return tf.constant('a')", "tensor", "string", ()),
    "a function": ("return loss_fn", "function", "", None),
    "a ragged tensor": ("return tf.RaggedTensor.from_tensor(y_pred)", "RaggedTensor", "float32", None),
    "a sparse tensor": ("return tf.sparse.from_dense(y_pred)", "SparseTensor", "float32", None),
}


@pytest.mark.parametrize(("code", "kind", "dtype", "shape"), RETURNED.values(), ids=RETURNED)
def test_what_is_no_float_tensor_is_told_with_its_return(write, code, kind, dtype, shape):
    written = write(f"def loss_fn(y_true, y_pred):\n    x = 1\n    {code}\n")
    returned = run_eager(written.loss, regression(), written.files).returned
    assert (
        returned.kind,
        returned.dtype,
        returned.shape,
        returned.is_float_tensor,
    ) == (kind, dtype, shape, False)
    assert (returned.location.line, code_of(returned.location)) == (4, code)


def test_the_return_is_the_one_that_ran(write):
    written = write(
        """
        def helper(y_pred):
            return None

        def loss_fn(y_true, y_pred):
            if y_pred.shape[0] == 7:
                return helper(y_pred)  # <-
            return 1
        """
    )
    returned = run_eager(written.loss, regression(), written.files).returned
    assert (returned.kind, returned.location.line) == ("NoneType", written.line())


def test_the_return_of_a_decorated_loss_and_of_a_method_is_found(write):
    written = write(
        """
        import functools
        import keras
        def same(function):
            @functools.wraps(function)
            def wrapper(*arguments):
                return function(*arguments)
            return wrapper

        @same
        def loss_fn(y_true, y_pred):
            return 1.0  # <- function

        class Loss(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return 1.0  # <- method
        """
    )
    lines = [run_eager(written.loss, regression(), written.files).returned.location.line]
    (method,) = (w for w in [write(written.path.read_text().partition("\n")[2], name="Loss")])
    lines.append(run_eager(method.loss, regression(), method.files).returned.location.line)
    assert lines == [written.line("function"), written.line("method")]


def test_a_float_tensor_has_no_return(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred\n")
    assert run_eager(written.loss, regression(), written.files).returned.location is None


def test_bfloat16_gives_numbers_that_numpy_knows(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.cast(y_pred, tf.bfloat16)\n")
    seen = run_eager(written.loss, regression(), written.files)
    assert (
        seen.returned.dtype,
        seen.returned.is_float_tensor,
        seen.value.dtype,
    ) == ("bfloat16", True, np.float32)


def test_a_variable_is_a_tensor(write):
    written = write("V = tf.Variable([1.0, 2.0])\ndef loss_fn(y_true, y_pred):\n    return V\n")
    seen = run_eager(written.loss, regression(), written.files)
    assert (seen.returned.kind, seen.returned.shape, seen.value.tolist()) == ("tensor", (2,), [1, 2])


def test_only_finite_values_are_finite(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.math.log(y_pred)\n")
    batch = regression()
    positive = replace(batch, y_pred=np.abs(batch.y_pred))
    assert [run_eager(written.loss, b, written.files).is_finite for b in (batch, positive)] == [False, True]


def test_the_batch_is_not_written_to(write):
    written = write("def loss_fn(y_true, y_pred):\n    y_pred.numpy()[:] = 9\n    return y_pred\n")
    batch = regression()
    run_eager(written.loss, batch, written.files)
    np.testing.assert_array_equal(regression().y_pred, batch.y_pred)
