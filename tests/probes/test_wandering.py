"""The first line where two eager calls part."""

from __future__ import annotations

import pytest

from losscheck.probes.wandering import run_wandering

from .conftest import regression


@pytest.mark.parametrize(
    "body",
    [
        "scale = float(int.from_bytes(os.urandom(8), 'big'))  # <-\n    y_pred = y_pred * scale",
        "y_pred = y_pred * 2.0\n    noise = DICE.random()  # <-\n    y_pred = y_pred + noise",
        "if int(next(TICKS)) % 2:  # <-\n        y_pred = y_pred * 3.0",
        "y_pred = y_pred * 2.0\n    return tf.reduce_mean(y_pred, axis=-1) * DICE.random()  # <-",
    ],
)
def test_the_line_is_found(write, body):
    written = write(
        "import itertools\nimport os\nimport random\n\n"
        "TICKS, DICE = itertools.count(), random.SystemRandom()\n\n"
        f"def loss_fn(y_true, y_pred):\n    {body}\n    return tf.reduce_mean(y_pred, axis=-1)\n"
    )
    seen = run_wandering(written.loss, regression(), written.files, tolerance=1e-5)

    assert seen.location.line == written.line()


def test_a_loss_that_repeats_itself_parts_nowhere(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(y_pred, axis=-1)\n")

    assert run_wandering(written.loss, regression(), written.files, tolerance=1e-5).location is None


def test_an_error_is_part_of_what_is_seen(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred.missing\n")
    seen = run_wandering(written.loss, regression(), written.files, tolerance=1e-5)

    assert seen.raised.type == "AttributeError"
