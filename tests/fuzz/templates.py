"""The words of a random tree: one line, one template."""

#: Names of losses.
NAMES = tuple(
    """\
loss
my_loss
dice_loss
focal_loss
weighted_bce
triplet
mse
f
_hidden
CategoricalFocal
pinball
ssim_loss
verlust_ü
π
損失
l
__loss
loss2
test_loss
nll
huber
""".splitlines()
)

#: Numbers.
NUMBERS = tuple(
    """\
1.0
2.0
0.5
1e-7
0.0
-1.0
1e9
1e-40
ALPHA
2
1
0
math.pi
WEIGHTS[1]
""".splitlines()
)

#: Axes of a reduction.
AXES = tuple(
    """\
-1
1
0
None
[-1]
(0, 1)
[1, 2]
[1, 2, 3]
2
[]
()
5
""".splitlines()
)

#: Sizes in a reshape.
SIZES = tuple(
    """\
-1
1
2
4
8
10
32
tf.shape(y_pred)[0]
y_pred.shape[0]
y_pred.shape[-1]
None
7
""".splitlines()
)

#: Dtypes.
DTYPES = tuple(
    """\
tf.float32
tf.float64
tf.float16
tf.bfloat16
tf.int32
tf.int64
tf.bool
tf.uint8
'float32'
""".splitlines()
)

#: What takes one expression; where it stands twice, the same twice.
ONE = tuple(
    """\
tf.square({})
tf.abs({})
tf.sqrt({})
tf.sqrt(tf.abs({}) + 1e-6)
tf.exp({})
tf.math.log({})
tf.math.log({} + 1e-7)
tf.math.log1p(tf.abs({}))
tf.sigmoid({})
tf.nn.softmax({})
tf.nn.softmax({}, axis=0)
tf.nn.log_softmax({})
tf.nn.softplus({})
tf.nn.relu({})
tf.tanh({})
tf.math.lgamma({})
tf.math.erf({})
tf.math.asin({})
tf.math.reciprocal({})
tf.math.reciprocal_no_nan({})
tf.sign({})
tf.round({})
tf.floor({})
tf.stop_gradient({})
tf.identity({})
tf.negative({})
tf.convert_to_tensor({})
tf.nn.l2_normalize({}, axis=-1)
tf.math.cumsum({}, axis=-1)
tf.sort({}, axis=-1)
tf.reverse({}, axis=[-1])
tf.roll({}, 1, 0)
tf.random.shuffle({})
tf.clip_by_value({}, 1e-7, 1 - 1e-7)
tf.clip_by_value({}, 0.0, 1.0)
tf.clip_by_norm({}, 1.0)
tf.nn.dropout({}, 0.5)
tf.debugging.check_numerics({}, 'bad')
tf.ensure_shape({}, [None, None])
tf.where(tf.math.is_nan({0}), tf.zeros_like({0}), {0})
tf.where({0} > 0, tf.math.log({0}), 0.0)
tf.grad_pass_through(tf.round)({})
tf.map_fn(lambda row: row * 2, {})
tf.map_fn(lambda row: tf.reduce_sum(row) + row, {})
tf.vectorized_map(lambda row: row / (tf.norm(row) + 1e-3), {})
tf.py_function(lambda v: v * 2, [{}], tf.float32)
tf.numpy_function(np.square, [{}], tf.float32)
tf.scan(lambda a, x: a + x, {})
tf.signal.fft(tf.cast({}, tf.complex64))
tf.linalg.diag({})
K.square({})
K.clip({}, 1e-7, 1.0)
K.log({})
K.flatten({})
ops.sigmoid({})
ops.square({})
ops.log({} + K.epsilon())
np.square({})
np.log({})
({}) ** 2
({}) ** 0.5
-({})
abs({})
({}).numpy()
helper({})
tf.expand_dims({}, -1)
tf.expand_dims({}, 1)
tf.expand_dims({}, 0) - tf.expand_dims({}, 1)
tf.squeeze({})
tf.transpose({})
tf.cumprod({})
tf.quantization.fake_quant_with_min_max_args({})
tf.tile({}, [1, 1])
tf.image.total_variation({})
tf.pad({}, [[0, 0], [1, 1]])
""".splitlines()
)

#: What takes two.
TWO = tuple(
    """\
({} + {})
({} - {})
({} * {})
({} / {})
({} / ({} + 1e-7))
({} // {})
({} % {})
({} ** {})
tf.maximum({}, {})
tf.minimum({}, {})
tf.pow({}, {})
tf.math.divide_no_nan({}, {})
tf.math.xlogy({}, {})
tf.math.atan2({}, {})
tf.math.squared_difference({}, {})
tf.nn.sigmoid_cross_entropy_with_logits(labels={}, logits={})
tf.add_n([{}, {}])
ops.maximum({}, {})
np.maximum({}, {})
tf.linalg.matmul({}, {}, transpose_b=True)
tf.concat([{}, {}], axis=-1)
tf.concat([{}, {}], axis=0)
tf.stack([{}, {}], axis=-1)
tf.einsum('bi,bi->bi', {}, {})
tf.tensordot({}, {}, axes=[[1], [1]])
keras.losses.mean_squared_error({}, {})[:, None]
scaled({}, {})
""".splitlines()
)

#: Reductions.
REDUCE = tuple(
    """\
tf.reduce_mean
tf.reduce_sum
tf.reduce_max
tf.reduce_min
tf.reduce_prod
tf.reduce_logsumexp
tf.math.reduce_std
tf.math.reduce_variance
tf.norm
K.mean
K.sum
ops.mean
np.mean
ops.sum
""".splitlines()
)

#: What takes two and gives one number for each sample.
PER_SAMPLE = tuple(
    """\
keras.losses.binary_crossentropy({}, {})
keras.losses.categorical_crossentropy({}, {})
keras.losses.mean_absolute_error({}, {})
keras.losses.KLDivergence(reduction=None)({}, {})
keras.losses.huber({}, {})
keras.losses.cosine_similarity({}, {})
tf.nn.softmax_cross_entropy_with_logits(labels={}, logits={})
tf.norm({} - {}, axis=-1)
tf.keras.losses.MeanSquaredError()({}, {})
keras.losses.sparse_categorical_crossentropy(tf.argmax({}, axis=-1), {})
""".splitlines()
)

#: Subscripts.
INDEX = tuple(
    """\
[:, 0]
[:, :1]
[..., 0]
[..., -1]
[0]
[:, 1]
[:, 3]
[3]
[3, 2]
[:, None]
[..., :2]
[:, 0, 0]
[tf.newaxis]
[::-1]
[:, 9]
""".splitlines()
)

#: Statements with an effect beside the value; `{rows}` and its like are expressions.
EFFECTS = tuple(
    """\
print('loss', {number})
print({rows})
tf.print({number})
HISTORY.append({number})
HISTORY.append(1)
STATE['calls'] += 1
STATE['last'] = {rows}
random.random()
np.random.seed(0)
time.sleep(0.001)
time.time()
tf.random.set_seed(1)
tf.debugging.assert_greater({number}, -1.0)
assert {number} > -100.0
tf.Variable(0.0).assign_add(1.0)
open(os.devnull, 'w').write('x')
{number}
keras.backend.set_floatx('float32')
tf.summary.scalar('loss', {number})
del HISTORY[:]
os.environ.get('HOME')
import sys
globals()['late'] = 1
float({number})
""".splitlines()
)

#: What a loss should not return.
RETURNS = tuple(
    """\
None
{rows}
{number}
[{sample}, {number}]
({number}, {sample})
1.0
'loss'
float({number})
{ids}
{mask}
{{'loss': {number}}}
np.array(0.5)
tf.constant(1.0)
lambda: {number}
tf.complex({number}, 0.0)
tf.ragged.constant([[1.0], [2.0, 3.0]])
tf.sparse.from_dense({rows})
tf.TensorArray(tf.float32, 1)
tf.data.Dataset.from_tensors({number})
keras.Input((3,))
y_true
y_pred
""".splitlines()
)

#: Comments at the end of a line, the first of them none.
COMMENTS = tuple(
    """\

  # losscheck: ignore[LC105]
  # noqa
  # losscheck: y_true=float32[B,4] y_pred=float32[B,4]
  # type: ignore
  # losscheck: task=binary
  # losscheck: ignore
  # weight × 2 — schön
""".splitlines()
)
