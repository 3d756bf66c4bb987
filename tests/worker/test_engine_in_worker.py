"""The engine in a real worker: what a mode does to the process, and to the results before it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from losscheck.finding import Mode
from losscheck.loading.target import find_losses
from losscheck.report import Status
from losscheck.worker.pool import Pool, WorkerOptions

#: XLA ends the process here since some version after 2.16; that one refuses the loop with an error.
ABORTS = tuple(map(int, version("tensorflow").split(".")[:2])) > (2, 16)
LOOPED = """\
import tensorflow as tf


def looped_loss(y_true, y_pred):
    values = tf.TensorArray(tf.float32, size=0, dynamic_size=True)

    def body(i, values):
        return [i + 1, values.write(i, tf.reduce_mean((y_true[i] - y_pred[i]) ** 2))]

    rows = tf.shape(y_pred)[0]
    _, values = tf.while_loop(lambda i, _: i < rows, body, [0, values], maximum_iterations=rows)
    return values.stack()


def printing_loss(y_true, y_pred):
    print("called")
    return tf.sqrt(tf.reduce_mean((y_true - y_pred) ** 2))
"""


@pytest.fixture
def reports(tmp_path, monkeypatch):
    def run(**options):
        monkeypatch.chdir(tmp_path)
        Path("losses.py").write_text(LOOPED)
        with Pool(jobs=2, timeout=60, options=WorkerOptions(**options)) as pool:
            outcomes = sorted(pool.run(find_losses("losses.py").losses), key=lambda outcome: outcome.index)
        assert [outcome.failures for outcome in outcomes] == [(), ()]
        return [outcome.report for outcome in outcomes]

    return run


def test_a_process_that_xla_aborts_is_a_finding_and_keeps_the_rest(reports):
    looped, printing = reports()
    (finding,) = [f for f in looped.findings if f.code == "LC701"]
    if ABORTS:
        assert finding.message == "the process died of SIGABRT while XLA compiled the loss and its gradient"
        assert "TensorArray" in LOOPED.splitlines()[finding.location.line - 1]
    else:
        assert finding.message.startswith("XLA does not compile `")
        assert "while_loop" in LOOPED.splitlines()[finding.location.line - 1]
    assert looped.modes[Mode.XLA].status is Status.FAIL
    assert looped.modes[Mode.FIT].status is Status.PASS
    assert "LC306" in {f.code for f in printing.findings}
    assert printing.modes[Mode.REPLICAS].status is Status.PASS
    assert "LC704" in {f.code for f in printing.findings}


def test_replicas_run_on_request(reports):
    looped, _ = reports(modes=("replicas",), select=("LC704",))
    assert looped.modes[Mode.REPLICAS].status is Status.PASS
