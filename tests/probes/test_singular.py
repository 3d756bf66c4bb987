"""A short walk to where an operation is singular, and the guards that make it needless."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.inputs.specs import Domain
from losscheck.numerics_observation import SingularObservation
from losscheck.probes.bounds import interval
from losscheck.probes.flow import read_flow, trace
from losscheck.probes.singular import run_singular

from .conftest import numbers

REAL, PROB = Domain("real"), Domain("prob")


def walked(write, code: str, domain: Domain) -> tuple[str | None, SingularObservation]:
    written = write(f"def loss_fn(y_true, y_pred):\n    return tf.reduce_mean({code})\n")
    batch = numbers(0.8, 0.6)
    traced = trace(written.loss, batch, written.files)
    flow = read_flow(traced, batch, written.files)
    seen = run_singular(traced, flow, batch, (domain, domain))
    return (None if seen.op is None else flow.ops[seen.op].type), seen


@pytest.mark.parametrize(
    ("code", "kind", "is_region", "is_loss_bad"),
    [
        ("tf.math.log(y_pred - 0.3)", "Log", True, True),
        ("tf.sqrt(y_pred * y_pred - 0.04)", "Sqrt", True, True),
        ("tf.sqrt(tf.abs(y_pred - 0.5))", "Sqrt", False, False),
        ("1.0 / (y_pred - 0.5)", "RealDiv", False, True),
        ("tf.acos(2.0 * y_pred - 0.9)", "Acos", True, True),
    ],
)
def test_the_walk_finds_a_point_inside_the_domain(write, code, kind, is_region, is_loss_bad):
    found, seen = walked(write, code, PROB)
    assert seen.y_pred is not None
    assert (found, seen.is_region, seen.is_loss_bad) == (kind, is_region, is_loss_bad)
    assert np.all((seen.y_pred > 0) & (seen.y_pred < 1))


@pytest.mark.parametrize(
    ("code", "domain"),
    [
        ("tf.math.log(tf.clip_by_value(y_pred, 1e-7, 1.0))", REAL),
        ("tf.math.log(1.0 - tf.clip_by_value(y_pred, 1e-7, 1.0 - 1e-7))", REAL),
        ("1.0 / (tf.reduce_sum(tf.square(y_pred)) + 1e-3)", REAL),
        ("tf.math.log(y_pred + 3.0)", PROB),
        ("tf.math.log(tf.nn.softmax(y_pred[None]))", REAL),
        ("tf.square(y_pred)", REAL),
    ],
)
def test_a_guard_leaves_nowhere_to_walk_to(write, code, domain):
    assert walked(write, code, domain)[0] is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("tf.clip_by_value(y_pred, -2.0, 3.0)", (-2, 3)),
        ("1.0 - tf.sigmoid(y_pred)", (0, 1)),
        ("tf.abs(y_pred) + 2.0", (2, np.inf)),
        ("tf.minimum(tf.exp(y_pred), 5.0)", (0, 5)),
        ("2.0 * tf.nn.relu(y_pred)", (0, np.inf)),
        ("tf.reduce_sum(y_true * y_true + y_pred, axis=0)", (-np.inf, np.inf)),
        ("-y_pred", (-np.inf, np.inf)),
    ],
)
def test_the_numbers_between_which_a_result_lies(write, code, expected):
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    batch = numbers(0.8, 0.6)
    flow = read_flow(trace(written.loss, batch, written.files), batch, written.files)
    assert flow.output is not None
    assert interval(flow.ops, flow.output, {}) == pytest.approx(expected)
