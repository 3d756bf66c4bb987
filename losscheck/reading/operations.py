"""What the operations of TensorFlow and Keras do to a value: by their last names, which mean one thing."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Entry by entry, with a gradient.
ELEMENTWISE = _names(
    """
    abs absolute square sqrt rsqrt exp expm1 log log1p log_sigmoid sigmoid hard_sigmoid softmax log_softmax
    relu relu6 leaky_relu elu selu gelu swish silu tanh softplus softsign negative identity clip_by_value
    clip pow power multiply add add_n subtract divide div truediv true_divide divide_no_nan multiply_no_nan
    maximum minimum squared_difference cos sin tan acos asin atan atan2 arctan2 cosh sinh reciprocal
    reciprocal_no_nan xlogy xdivy xlog1py lgamma digamma erf convert_to_tensor cast_to_floatx l2_normalize
    normalize nan_to_num check_numerics ensure_shape clip_by_norm dropout log_cosh softminus
    """
)
#: Over all axes, or those that `axis` says; with a gradient.
REDUCTIONS = _names(
    """
    reduce_mean reduce_sum reduce_max reduce_min reduce_prod reduce_logsumexp reduce_std reduce_variance
    reduce_euclidean_norm norm mean sum max min prod std var logsumexp amax amin average
    """
)
#: Results that no gradient goes through.
CUTS = _names(
    """
    argmax argmin round floor ceil rint equal not_equal greater greater_equal less less_equal logical_and
    logical_or logical_not logical_xor one_hot stop_gradient argsort searchsorted histogram_fixed_width
    is_nan is_finite is_inf isnan isfinite isinf in_top_k bucketize floordiv floor_divide floor_div
    reduce_any reduce_all any all count_nonzero numpy_function py_func bincount
    """
)
#: Cuts whose gradient is zero, not none.
FLAT = _names("sign")
#: Results that are true or false.
BOOLEAN = _names(
    """
    equal not_equal greater greater_equal less less_equal logical_and logical_or logical_not logical_xor
    is_nan is_finite is_inf isnan isfinite isinf in_top_k reduce_any reduce_all any all
    """
)
#: Results that are whole numbers.
INTEGER = _names("argmax argmin argsort searchsorted bucketize shape size rank count_nonzero bincount")
#: Tensors that do not depend on the entries of what they are handed.
CONSTANTS = _names(
    """
    shape size rank zeros_like ones_like zeros ones fill eye range arange constant linspace epsilon
    sequence_mask random_normal random_uniform normal uniform stateless_normal stateless_uniform timestamp
    """
)
#: Tensors of another shape, with a gradient.
RESHAPING = _names(
    """
    reshape transpose expand_dims squeeze concat concatenate stack gather gather_nd tile repeat flatten
    batch_flatten boolean_mask slice pad matmul dot batch_dot tensordot einsum permute_dimensions where
    select sort cumsum cumprod reverse flip roll broadcast_to ravel diag diag_part matrix_diag_part trace
    map_fn vectorized_map py_function switch conv2d conv1d avg_pool max_pool resize image_gradients adjoint
    inv det
    """
)
#: Lists or tuples of tensors.
SEVERAL = _names("split unstack moments svd top_k meshgrid unique eigh eig qr while_loop")
#: Cross-entropies and their like: one value for each sample.
FUSED = _names(
    """
    softmax_cross_entropy_with_logits sigmoid_cross_entropy_with_logits binary_crossentropy
    sparse_softmax_cross_entropy_with_logits weighted_cross_entropy_with_logits categorical_crossentropy
    sparse_categorical_crossentropy
    """
)
#: Python facts of a tensor.
FACTS = _names(
    "ndim ndims int_shape dtype is_tensor is_keras_tensor floatx image_data_format executing_eagerly"
)
#: Results that are never exactly 0 for ordinary inputs.
_AWAY_FROM_ZERO = _names(
    """
    exp softmax sigmoid softplus cosh hard_sigmoid log log_softmax log_sigmoid l2_normalize normalize
    reciprocal logsumexp reduce_logsumexp lgamma digamma divide_no_nan dropout nan_to_num cos sin
    tanh erf elu log_cosh
    """
)


def keeps_zero(name: str) -> bool:
    """Whether the result can be 0 where what it is handed can."""
    return (name in ELEMENTWISE or name in REDUCTIONS) and name not in _AWAY_FROM_ZERO
