"""What stands in place of a name that Keras, TensorFlow or NumPy has removed."""

from __future__ import annotations


def _table(text: str) -> dict[str, str]:
    """Lines of an old name and its replacement."""
    return dict(line.split(maxsplit=1) for line in text.strip().splitlines())


#: Names of Keras 2's backend that `keras.ops` has too.
_SAME_IN_OPS = """
    abs all any arange argmax argmin binary_crossentropy cast clip conv2d cos cumprod cumsum elu
    equal exp expand_dims eye gather greater hard_sigmoid in_top_k less less_equal log max maximum
    mean min minimum not_equal one_hot ones ones_like prod relu repeat reshape round shape sigmoid
    sign sin softmax softplus softsign sparse_categorical_crossentropy sqrt square squeeze stack std
    stop_gradient sum tanh tile transpose var zeros zeros_like
"""
#: Functions that `keras.losses` and `keras.metrics` have, and those of `tf.keras` no longer.
_SAME_IN_KERAS = """
    kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error
"""
#: Names of Keras 2's backend that are called otherwise now.
_KERAS = _table(
    """
    batch_dot keras.ops.matmul
    batch_flatten keras.ops.reshape
    cast_to_floatx keras.ops.cast
    categorical_crossentropy keras.ops.categorical_crossentropy
    concatenate keras.ops.concatenate
    constant keras.ops.convert_to_tensor
    ctc_batch_cost keras.ops.ctc_loss
    dot keras.ops.dot
    eval keras.ops.convert_to_numpy
    flatten keras.ops.ravel
    function tf.function
    get_value keras.ops.convert_to_numpy
    gradients tf.GradientTape
    greater_equal keras.ops.greater_equal
    int_shape keras.ops.shape
    l2_normalize keras.ops.normalize
    learning_phase the `training` argument
    logsumexp keras.ops.logsumexp
    map_fn keras.ops.vectorized_map
    permute_dimensions keras.ops.transpose
    placeholder keras.Input
    pow keras.ops.power
    print_tensor tf.print
    random_normal keras.random.normal
    random_uniform keras.random.uniform
    switch keras.ops.where
    update keras.Variable.assign
    update_add keras.Variable.assign_add
    variable keras.Variable
    """
)
#: Names of TensorFlow 1.
_TENSORFLOW = _table(
    """
    Session eager execution
    ceil tf.math.ceil
    confusion_matrix tf.math.confusion_matrix
    contrib tensorflow_addons or Keras itself
    diag_part tf.linalg.diag_part
    div tf.math.divide
    erf tf.math.erf
    floor_div tf.math.floordiv
    get_variable tf.Variable
    is_finite tf.math.is_finite
    is_inf tf.math.is_inf
    is_nan tf.math.is_nan
    lgamma tf.math.lgamma
    log tf.math.log
    log1p tf.math.log1p
    matrix_inverse tf.linalg.inv
    mean tf.reduce_mean
    placeholder keras.Input
    random_normal tf.random.normal
    random_uniform tf.random.uniform
    squared_difference tf.math.squared_difference
    sum tf.reduce_sum
    svd tf.linalg.svd
    to_float tf.cast(x, tf.float32)
    to_int32 tf.cast(x, tf.int32)
    to_int64 tf.cast(x, tf.int64)
    unsorted_segment_sum tf.math.unsorted_segment_sum
    """
)
#: Names that NumPy 1.24 and 2.0 removed.
_NUMPY = _table(
    """
    Inf np.inf
    NaN np.nan
    bool bool
    float float
    float_ np.float64
    in1d np.isin
    infty np.inf
    int int
    object object
    product np.prod
    trapz np.trapezoid
    """
)


def replacement(module: str, name: str) -> str:
    """What to write in place of ``module.name``; empty where nothing is known."""
    if module.startswith("numpy"):
        return _NUMPY.get(name, "")
    if module.endswith((".losses", ".metrics")):
        return f"{module.removeprefix('tf.')}.{name}" if name in _SAME_IN_KERAS.split() else ""
    if "keras" in module:
        return f"keras.ops.{name}" if name in _SAME_IN_OPS.split() else _KERAS.get(name, "")
    return _TENSORFLOW.get(name, "")
