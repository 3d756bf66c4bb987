"""LC602: a name or a value that this version of Keras, TensorFlow or NumPy no longer has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.rule import FailureRule

_ATTRIBUTE = re.compile(
    r"module '(?P<module>(?:keras|tensorflow|tf_keras|numpy)[\w.]*)' has no attribute '(?P<name>\w+)'"
)
_IMPORT = re.compile(
    r"cannot import name '(?P<name>\w+)' from '(?P<module>(?:keras|tensorflow|tf_keras|numpy)[\w.]*)'"
)
_REDUCTION = re.compile(
    r"[Ii]nvalid value for argument `reduction`.*Received: reduction=(?P<name>\S+)", re.DOTALL
)

#: Names of Keras 2's backend whose name in `keras.ops` is another one.
_OPS = {
    "batch_dot": "keras.ops.matmul", "pow": "keras.ops.power", "permute_dimensions": "keras.ops.transpose",
    "concatenate": "keras.ops.concatenate", "gradients": "tf.GradientTape", "switch": "keras.ops.where",
    "int_shape": "keras.ops.shape", "batch_flatten": "keras.ops.reshape", "flatten": "keras.ops.ravel",
    "random_uniform": "keras.random.uniform", "random_normal": "keras.random.normal", "constant": "keras.ops.convert_to_tensor",
    "variable": "keras.Variable", "get_value": "keras.ops.convert_to_numpy", "eval": "keras.ops.convert_to_numpy",
    "greater_equal": "keras.ops.greater_equal", "cast_to_floatx": "keras.ops.cast", "print_tensor": "tf.print",
    "function": "tf.function", "learning_phase": "the `training` argument", "placeholder": "keras.Input",
    "dot": "keras.ops.dot", "ctc_batch_cost": "keras.ops.ctc_loss", "l2_normalize": "keras.ops.normalize",
    "categorical_crossentropy": "keras.ops.categorical_crossentropy", "logsumexp": "keras.ops.logsumexp",
    "map_fn": "keras.ops.vectorized_map", "update_add": "keras.Variable.assign_add", "update": "keras.Variable.assign",
}  # fmt: skip
_TF = {
    "log": "tf.math.log", "to_float": "tf.cast(x, tf.float32)", "to_int32": "tf.cast(x, tf.int32)",
    "to_int64": "tf.cast(x, tf.int64)", "ceil": "tf.math.ceil", "div": "tf.math.divide", "is_nan": "tf.math.is_nan",
    "is_inf": "tf.math.is_inf", "is_finite": "tf.math.is_finite", "log1p": "tf.math.log1p", "lgamma": "tf.math.lgamma",
    "matrix_inverse": "tf.linalg.inv", "random_normal": "tf.random.normal", "random_uniform": "tf.random.uniform",
    "placeholder": "keras.Input", "Session": "eager execution", "get_variable": "tf.Variable", "diag_part": "tf.linalg.diag_part",
    "confusion_matrix": "tf.math.confusion_matrix", "floor_div": "tf.math.floordiv", "svd": "tf.linalg.svd",
    "contrib": "tensorflow_addons or Keras itself", "unsorted_segment_sum": "tf.math.unsorted_segment_sum", "erf": "tf.math.erf",
    "sum": "tf.reduce_sum", "mean": "tf.reduce_mean", "squared_difference": "tf.math.squared_difference",
}  # fmt: skip
_NUMPY = {"float": "float", "int": "int", "bool": "bool", "object": "object", "product": "np.prod", "NaN": "np.nan",
          "Inf": "np.inf", "infty": "np.inf", "float_": "np.float64", "trapz": "np.trapezoid", "in1d": "np.isin"}  # fmt: skip
_SAME_NAME_IN_OPS = frozenset(
    "abs all any arange argmax argmin cast clip cos cumprod cumsum elu equal exp expand_dims eye gather greater"
    " hard_sigmoid in_top_k less less_equal log max maximum mean min minimum not_equal one_hot ones ones_like"
    " prod relu repeat reshape round shape sigmoid sign sin softmax softplus softsign sqrt square squeeze stack"
    " std stop_gradient sum tanh tile transpose var zeros zeros_like binary_crossentropy"
    " sparse_categorical_crossentropy conv2d".split()
)


class RemovedApi(FailureRule):
    """A name, or a value of an argument, that the installed version no longer has.

    ## What it does
    Recognises the `AttributeError` or `ImportError` of a name that Keras, TensorFlow or NumPy has removed,
    and a `reduction` that Keras no longer takes, and gives the replacement.

    ## Why is this bad?
    The loss was written for another version and raises in each call.

    ## References
    - https://keras.io/guides/migrating_to_keras_3/
    """

    code = "LC602"
    name = "removed-api"
    severity = Severity.ERROR
    hint = "Use the replacement, or install the version that the loss was written for"

    BAD = (
        """\
import keras.backend as K

def squared_loss(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1)  # <-
""",
        """\
import tensorflow as tf

def log_loss(y_true, y_pred):
    log_p = tf.log(y_pred + 1e-6)  # <-
    return -tf.reduce_mean(y_true * log_p, axis=-1)
""",
    )
    GOOD = (
        """\
import keras

def squared_loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

def log_loss(y_true, y_pred):
    log_p = tf.math.log(tf.maximum(y_pred, 1e-6))
    return -tf.reduce_mean(y_true * log_p, axis=-1)
""",
    )

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Look at the errors of the calls, and at that of the import."""
        load = prober.evidence.load
        if load is not None and load.raised is not None:
            message = self.explain(Mode.EAGER, load.raised, prober)
            if message is not None:
                yield self._with_cure(self.finding(message, load.raised.location or prober.loss.location))
        if prober.batches is not None:
            for finding in super().check(prober):
                yield self._with_cure(finding)

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise a name or value that is gone."""
        match = _ATTRIBUTE.search(raised.message) or _IMPORT.search(raised.message)
        if match:
            return f"`{_shown(match['module'])}.{match['name']}` does not exist in the installed version"
        match = _REDUCTION.search(raised.message)
        return f"`reduction={match['name']!s}` is no longer accepted" if match else None

    def _with_cure(self, finding: Finding) -> Finding:
        from dataclasses import replace

        cure = replacement(finding.message)
        return replace(finding, hint=f"Use `{cure}`") if cure else finding


def _shown(module: str) -> str:
    """The module's public name."""
    return module.replace("keras._tf_keras.keras", "tf.keras").replace("keras.src", "keras")


def replacement(message: str) -> str:
    """What stands in place of the name that a message speaks of; empty where nothing is known."""
    match = re.search(r"`(?P<module>[\w.]+)\.(?P<name>\w+)`", message)
    if not match:
        return 'reduction="sum_over_batch_size"' if "reduction=" in message else ""
    module, name = match["module"], match["name"]
    if module.startswith("numpy"):
        return _NUMPY.get(name, "")
    if "keras" in module:
        return f"keras.ops.{name}" if name in _SAME_NAME_IN_OPS else _OPS.get(name, "")
    return _TF.get(name, "")
