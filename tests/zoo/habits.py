"""What a careful user does today without losscheck, done to each loss in a forked process of its own.

``python habits.py REQUESTS ANSWERS``: JSON lines of ``{"target", "y_true", "y_pred"}``; an answer is a line
``{"target", "habit", "alarm", "line", "seconds"}``.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

SECONDS = 10
ROWS = 7


def eager_test(loss, y_true, y_pred):
    """A unit test as written by hand: a finite float per sample or a scalar, with a gradient."""
    import tensorflow as tf

    prediction = tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        value = loss.function(tf.constant(y_true), prediction)
    assert value.dtype.is_floating
    assert value.shape in ((), (len(y_pred),)) or value.shape[:1] == (len(y_pred),)
    assert np.isfinite(value).all()
    gradient = tape.gradient(value, prediction)
    assert gradient is not None
    assert np.isfinite(gradient).all()


def model_fit(loss, y_true, y_pred):
    """Just train: a model on symbolic inputs, one epoch, the reported loss is a number."""
    from losscheck.probes.fit import identity_model
    from losscheck.probes.keras_version import keras_of

    keras = keras_of(loss)
    model = identity_model(keras, y_pred)
    model.compile(optimizer=keras.optimizers.SGD(1e-3), loss=loss.compiled)
    history = model.fit(y_pred, y_true, batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def compute_gradient(loss, y_true, y_pred):
    """`tf.test.compute_gradient`: the gradient against finite differences."""
    import tensorflow as tf

    theirs, numeric = tf.test.compute_gradient(lambda p: loss.function(tf.constant(y_true), p), [y_pred])
    assert np.allclose(theirs[0], numeric[0], rtol=1e-2, atol=1e-2)


def check_numerics(loss, y_true, y_pred):
    """`tf.debugging.enable_check_numerics` over value and gradient."""
    import tensorflow as tf

    tf.debugging.enable_check_numerics()
    prediction = tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        value = loss.function(tf.constant(y_true), prediction)
    tape.gradient(value, prediction)


HABITS = {
    "`model.fit`": model_fit,
    "an eager test by hand": eager_test,
    "`tf.test.compute_gradient`": compute_gradient,
    "`enable_check_numerics`": check_numerics,
}


def answer(request, habit):
    """Try one habit on one loss: whether it alarms, and at which line of the user's file."""
    from losscheck.inference.search import sized
    from losscheck.inputs.draw import draw
    from losscheck.inputs.specs import parse_spec
    from losscheck.inputs.tasks import told_task
    from losscheck.loading.importing import load
    from losscheck.loading.target import find_losses
    from losscheck.probes.frames import UserFiles
    from losscheck.probes.raising import raised_from

    start = time.perf_counter()
    line, alarm = None, False
    path = request["target"].partition(":")[0]
    try:
        task = sized(told_task(parse_spec(request["y_true"]), parse_spec(request["y_pred"])), {})
        loss = load(find_losses(request["target"]).losses[0])
        HABITS[habit](loss, draw(task.y_true, ROWS, 1), draw(task.y_pred, ROWS, 2))
    except BaseException as error:
        alarm = True
        raised = raised_from(error, UserFiles(path))
        line = raised.location.line if raised.location else None
    return {"alarm": alarm, "line": line, "seconds": time.perf_counter() - start}


def in_child(request, habits):
    """The answers of a forked process in turn; it may die or hang, and then gives no more."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        for habit in habits:
            signal.alarm(SECONDS)
            os.write(write, json.dumps(answer(request, habit)).encode() + b"\n")
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answers = [json.loads(line) for line in pipe]
    os.waitpid(child, 0)
    return answers


def answers_to(request):
    """The answers of all habits; one in which the process dies or hangs is an alarm without a line."""
    left = list(HABITS)
    while left:
        start = time.perf_counter()
        given = in_child(request, left)
        if len(given) < len(left):
            given.append({"alarm": True, "line": None, "seconds": time.perf_counter() - start})
        for said in given:
            yield {"target": request["target"], "habit": left.pop(0)} | said


def main():
    """Answer every request; TensorFlow is imported once and never run in this process."""
    import tensorflow  # noqa: F401

    requests, answers = map(Path, sys.argv[1:])
    with answers.open("w") as file:
        for request in map(json.loads, requests.read_text().splitlines()):
            for said in answers_to(request):
                file.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
