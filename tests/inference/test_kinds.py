"""The inputs of losses of each kind, inferred with real TensorFlow and no help."""

from __future__ import annotations

import pytest

from losscheck.exceptions import UndrawableInputsError
from losscheck.inference.choose import Inferred, infer
from losscheck.loading.importing import load
from losscheck.loading.target import find_losses

tf = pytest.importorskip("tensorflow")

HEAD = "import keras\nimport tensorflow as tf\nfrom keras import backend as K\n\n"


def inferred(tmp_path, code: str) -> Inferred:
    from losscheck.probes.probing import Probes

    path = tmp_path / "kind.py"
    path.write_text(HEAD + code, encoding="utf-8")
    loss = load(find_losses(f"{path}:loss").losses[0])
    probes = Probes(loss)
    return infer(loss, probes.eager, read=probes.read)


def body(*lines: str) -> str:
    return "\n    ".join(("def loss(y_true, y_pred):", *lines)) + "\n"


KINDS = {
    "gaussian": (
        body(
            "mu, log_var = y_pred[:, :1], y_pred[:, 1:]",
            "return tf.reduce_mean(log_var + tf.square(y_true - mu) * tf.exp(-log_var), axis=-1)",
        ),
        "float32[B, 1] real",
        "float32[B, 2] real",
    ),
    "mixture": (
        body(
            "pi, mu, sigma = tf.split(y_pred, [3, 3, 3], axis=-1)",
            "p = tf.nn.log_softmax(pi) - 0.5 * tf.square((y_true - mu) / sigma) - tf.math.log(sigma)",
            "return -tf.reduce_logsumexp(p, axis=-1)",
        ),
        "float32[B, 3] real",
        "float32[B, 9] simplex*3|real*3|positive*3",
    ),
    "survival": (
        body(
            "time, event = y_true[:, 0:1], y_true[:, 1:2]",
            "return tf.reduce_mean(tf.exp(y_pred) * time - event * y_pred, axis=-1)",
        ),
        "float32[B, 2] positive|binary",
        "float32[B, 1] real",
    ),
    "mask in the last column": (
        body(
            "target, mask = y_true[..., :-1], y_true[..., -1]",
            "return mask * tf.reduce_mean(tf.square(target - y_pred), axis=-1)",
        ),
        "float32[B, 5] real*4|binary",
        "float32[B, 4] real",
    ),
    "anchors": (
        body(
            "target, state = y_true[:, :, :-1], y_true[:, :, -1]",
            "return tf.reduce_mean(state * tf.reduce_mean(tf.abs(target - y_pred), axis=-1), axis=-1)",
        ),
        "float32[B, 6, 5] real*4|binary",
        "float32[B, 6, 4] real",
    ),
    "YOLO grid": (
        body(
            "t, p = tf.reshape(y_true, (-1, 7, 7, 10)), tf.reshape(y_pred, (-1, 7, 7, 10))",
            "obj = t[..., 4:5]",
            "error = tf.square(t[..., 0:4] - p[..., 0:4]) * obj",
            "return tf.reduce_sum(error, axis=[1, 2, 3]) + tf.reduce_sum(tf.square(t - p), axis=[1, 2, 3])",
        ),
        "float32[B, 7, 7, 10]",
        "float32[B, 7, 7, 10]",
    ),
    "boxes and classes": (
        body(
            "boxes, classes = y_true[..., :4], y_true[..., 4:]",
            "xy, scores = y_pred[..., :4], y_pred[..., 4:]",
            "near = tf.reduce_mean(tf.abs(boxes - xy), axis=-1)",
            "return near - tf.reduce_sum(classes * tf.math.log(scores), axis=-1)",
        ),
        "float32[B, 8] boxes*4|onehot*4",
        "float32[B, 8] prob",
    ),
    "key points of a table": (
        "SIGMAS = [0.3] * 17\n\n"
        + body(
            '"""y_true: (B, K, 4) x, y, visibility and area; y_pred: (B, K, 2)."""',
            "place, seen, area = y_true[..., :2], y_true[..., 2], y_true[..., 3]",
            "gap = tf.reduce_sum(tf.square(y_pred - place), axis=-1)",
            "e = tf.exp(-gap / (tf.square(tf.reshape(tf.constant(SIGMAS), [1, -1])) * (area + 1e-2)))",
            "return tf.reduce_sum((1.0 - e) * seen, axis=1)",
        ),
        "float32[B, 17, 4] real*3|positive",
        "float32[B, 17, 2] real",
    ),
    "class ids of pixels, in a channel": (
        body(
            "ids = tf.cast(tf.squeeze(y_true, axis=-1), tf.int32)",
            "p = tf.gather(y_pred, ids, axis=-1, batch_dims=3)",
            "return -tf.reduce_mean(tf.math.log(tf.maximum(p, 1e-7)), axis=(1, 2))",
        ),
        "int32[B, 14, 18, 1] labels<4",
        "float32[B, 14, 18, 4] simplex",
    ),
    "columns handed to crossentropies": (
        body(
            "there = keras.losses.binary_crossentropy(y_true[..., :1], y_pred[..., :1])",
            "which = keras.losses.categorical_crossentropy(y_true[..., 1:5], y_pred[..., 1:5])",
            "return there + which + tf.abs(y_true[..., 5] - y_pred[..., 5])",
        ),
        "float32[B, 6] binary|onehot*4|real",
        "float32[B, 6] prob|simplex*4|real",
    ),
    "named columns handed to crossentropies of logits": (
        body(
            "true_there, true_cls, there, cls = y_true[:, :1], y_true[:, 1:], y_pred[:, :1], y_pred[:, 1:4]",
            "first = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)(true_there, there)",
            "return first + tf.nn.softmax_cross_entropy_with_logits(labels=true_cls, logits=cls)",
        ),
        "float32[B, 4] binary|onehot*3",
        "float32[B, 4] logits",
    ),
    "logits by default False": (
        "def loss(y_true, y_pred, from_logits=False):\n"
        "    return keras.losses.binary_crossentropy(y_true, y_pred, from_logits=from_logits)\n",
        "float32[B, 1] binary",
        "float32[B, 1] prob",
    ),
    "logits by default True": (
        "def loss(y_true, y_pred, from_logits=True):\n"
        "    return keras.losses.binary_crossentropy(y_true, y_pred, from_logits=from_logits)\n",
        "float32[B, 1] binary",
        "float32[B, 1] logits",
    ),
    "a softmax of its own": (
        body("return -tf.reduce_sum(y_true * tf.math.log(tf.nn.softmax(y_pred) + 1e-7), axis=-1)"),
        "float32[B, 4] onehot",
        "float32[B, 4] logits",
    ),
    "probabilities without a word": (
        body(
            "p = tf.clip_by_value(y_pred, 1e-6, 1 - 1e-6)",
            "return -tf.reduce_mean(y_true * tf.math.log(p) + (1 - y_true) * tf.math.log(1 - p), axis=-1)",
        ),
        "float32[B, 3] binary",
        "float32[B, 3] prob",
    ),
    "distributions": (
        body("return keras.losses.kl_divergence(y_true, y_pred)"),
        "float32[B, 3] simplex",
        "float32[B, 3] simplex",
    ),
    "cosines": (
        body("return tf.reduce_mean(tf.abs(y_true - tf.acos(y_pred)), axis=-1)"),
        "float32[B, 3] real",
        "float32[B, 3] -1..1",
    ),
    "tokens": (
        body(
            "mask = tf.cast(y_true != 0, tf.float32)",
            "each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(y_true, tf.int32), y_pred)",
            "token_loss = tf.reduce_sum(each * mask, axis=1)",
            "return token_loss / tf.reduce_sum(mask, axis=1)",
        ),
        "int32[B, 6] labels<4",
        "float32[B, 6, 4] logits",
    ),
    "SSIM": (body("return 1 - tf.image.ssim(y_true, y_pred, 1.0)"), "float32[B, 14, 18, 3] prob", None),
    "volume": (
        body("return 1 - tf.reduce_sum(y_true * y_pred, axis=[1, 2, 3, 4])"),
        "float32[B, 12, 14, 18, 1] binary",
        "float32[B, 12, 14, 18, 1] prob",
    ),
    "stacked triplets": (
        body(
            "anchor, positive, negative = y_pred[:, 0], y_pred[:, 1], y_pred[:, 2]",
            "near = tf.reduce_sum(tf.square(anchor - positive), axis=1)",
            "return tf.maximum(near - tf.reduce_sum(tf.square(anchor - negative), axis=1) + 1.0, 0.0)",
        ),
        "float32[B, 1] real",
        "float32[B, 3, 24] real",
    ),
    "classes under Keras's crossentropy of logits": (
        body("sigmoid = y_pred * 2.0", "return keras.losses.categorical_crossentropy(y_true, sigmoid, True)"),
        "float32[B, 4] onehot",
        "float32[B, 4] logits",
    ),
    "a logarithm for the labels of 1 alone": (
        body(
            "focal = y_true * tf.math.log(tf.clip_by_value(y_pred, 1e-7, 1.0))",
            "return -tf.reduce_sum(focal, -1)",
        ),
        "float32[B, 3] onehot",
        "float32[B, 3] simplex",
    ),
    "ids that pick a column": (
        body(
            "categorical = tf.gather(y_pred, tf.cast(y_true, tf.int32), batch_dims=1, axis=1)",
            "return -tf.math.log(tf.clip_by_value(categorical, 1e-7, 1.0))",
        ),
        "int32[B] labels<4",
        "float32[B, 4] simplex",
    ),
    "times and events behind a helper": (
        "def pair(t):\n    return t[..., 0], t[..., 1]\n\n"
        + body(
            "(time, event), (scale, shape) = pair(y_true), pair(y_pred)",
            "before, after = ((time + step) / scale for step in (1e-35, 1.0))",
            "before, after = tf.pow(before, shape), tf.pow(after, shape)",
            "return after - event * tf.math.log(tf.exp(after - before) - 1.0 + 1e-7)",
        ),
        "float32[B, 2] 0.1..0.9",
        "float32[B, 2] 0.1..0.9",
    ),
    "scores behind an embedding": (
        body(
            "near = tf.reduce_sum(tf.square(y_pred[:, :512]), axis=-1)",
            "scores = y_pred[:, 512:]",
            "return near + keras.losses.categorical_crossentropy(y_true, scores, True)",
        ),
        "float32[B, 512]",
        "float32[B, 1024]",
    ),
    "rows of several sizes in one": (
        body(
            "fives = tf.square(tf.reshape(y_true, (-1, 5)) - tf.reshape(y_pred, (-1, 5)))",
            "return tf.reduce_sum(tf.reshape(tf.reduce_sum(fives, axis=-1), (-1, 8)), axis=-1)",
        ),
        "float32[B, 40] real",
        None,
    ),
    "images that a network halves five times": (
        body(
            "vgg = [y_true, y_pred]",
            "for _ in range(5):",
            "    vgg = [tf.nn.max_pool2d(image, 2, 2, 'VALID') for image in vgg]",
            "return tf.reduce_mean(tf.square(vgg[0] - vgg[1]), axis=[1, 2, 3])",
        ),
        "float32[B, 36, 40, 3] prob",
        None,
    ),
    "shares of their own sum": (
        body(
            "focal = y_pred / (tf.reduce_sum(y_pred, axis=-1, keepdims=True) + 1e-7)",
            "return -tf.reduce_sum(y_true * tf.math.log(focal), axis=-1)",
        ),
        "float32[B, 4] onehot",
        "float32[B, 4] simplex",
    ),
    "a class of one argument": (
        "class loss(keras.losses.Loss):\n"
        "    def __init__(self, num_classes, name='n'):\n"
        "        super().__init__(name=name)\n"
        "        self.num_classes = num_classes\n"
        "    def call(self, y_true, y_pred):\n"
        "        hot = tf.one_hot(tf.cast(y_true, tf.int32), self.num_classes)\n"
        "        return -tf.reduce_sum(hot * tf.math.log(y_pred), axis=-1)\n",
        "int32[B] labels<4",
        "float32[B, 4] simplex",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_inputs_of_a_loss_of_this_kind_are_found(tmp_path, kind):
    code, y_true, y_pred = KINDS[kind]
    found = inferred(tmp_path, code)
    assert found.is_callable
    assert found.choice.y_true.startswith(y_true)
    assert found.choice.y_pred.startswith(y_pred or y_true)


def test_the_first_evidence_says_which_reads_spoke_for_the_inputs(tmp_path):
    found = inferred(tmp_path, KINDS["gaussian"][0])
    assert (
        found.choice.evidence[0] == "the source reads y_pred[..., :1] as `mu`, y_pred[..., 1:] as `log_var`"
    )


def test_arguments_that_nobody_gave_are_the_first_evidence(tmp_path):
    found = inferred(tmp_path, KINDS["a class of one argument"][0])
    assert found.choice.evidence[0] == "built with num_classes=4, which has no default"


def test_a_loss_that_leaves_nothing_of_what_is_tried_wants_to_be_told(tmp_path):
    rest = body("return tf.reduce_mean(y_true[:, 5000:] * y_pred[:, 5000:], axis=1)")
    with pytest.raises(UndrawableInputsError, match="cuts everything away"):
        inferred(tmp_path, rest)
