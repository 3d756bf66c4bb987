"""A look at the bare text tells which files need no parsing, and passes over none that holds a loss."""

import pytest

from losscheck.loading.prefilter import may_hold_loss


@pytest.mark.parametrize(
    "text",
    [
        "def f(y_true, y_pred): ...",
        "def f(y_true: tf.Tensor, y_pred: tf.Tensor): ...",
        "def f(\n    y_true: dict[str, list[int]],  # the truth\n    y_pred,\n): ...",
        "def f(y_true: Callable[[int, list[dict[str, int]]], int], y_pred): ...",
        "def f[T](y_true, y_pred): ...",
        "async def g(): ...\ndef mse(y, p): ...",
        "def dice_score(t, p): ...\ndice_loss = partial(dice_score)",
        "def g(t, p): ...\nfocal: Callable = functools.partial(g)",
        "mse, mae = (lambda t, p: 0), (lambda t, p: 1)",
        "def huber(delta):\n    def inner(t, p): ...\n    return inner",
        "LOSSES = {'a': lambda t, p: 0}",
        "class FocalLoss: ...",
        "class Focal(keras.losses.Loss): ...",
        "class focal_loss:\n    def __call__(self, t, p): ...",
        "import numpy as np\ndef my_loss(y_true, y_pred): ...",
        "import numpy as np, keras\nimport tensorflow as tf\ndef f(y_true, y_pred): ...",
    ],
)
def test_what_may_hold_a_loss_is_parsed(text):
    assert may_hold_loss(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def main(): ...",
        "def write(out: TextIO): ...",
        "def write(out: dict[str, int] = {}): ...",
        "def write(out: TextIO, **options): ...",
        "def write(label: str, path: Path): ...",
        "sorted(rows, key=lambda p: p.name)",
        "def add(t, out): ...",
        "import numpy as np\ndef agree(y_true, y_pred): ...",
        "import torch\ndef agree(y_true, y_pred): ...",
        "class ParseError(Exception): ...\ndef add(t, out): ...",
    ],
)
def test_most_files_are_not(text):
    assert not may_hold_loss(text)
