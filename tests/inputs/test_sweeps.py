"""Predictions along a line."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.inference.search import sized
from losscheck.inputs.batches import Batches
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.sweeps import make_sweeps
from losscheck.inputs.tasks import TASKS, told_task
from losscheck.loss import SourceFacts


def of(task, *, whole=False, points=11):
    task = sized(TASKS[task], {}) if isinstance(task, str) else task
    return make_sweeps(task, Batches(task, SourceFacts())["typical"], whole=whole, points=points)


def test_a_probability_goes_from_below_zero_to_above_one_for_both_labels():
    found = of("binary")

    assert (found.low, found.high, found.axis) == (0.0, 1.0, "y_pred")
    assert (found.x[0], found.x[-1]) == (pytest.approx(-0.2), pytest.approx(1.2))
    assert [sweep.label for sweep in found.sweeps] == ["y_true = 0", "y_true = 1"]
    assert [sweep.y_true.tolist() for sweep in found.sweeps] == [[[0.0]], [[1.0]]]
    assert np.array_equal(found.sweeps[0].y_pred[:, 0, 0], found.x.astype(np.float32))


def test_the_ends_of_the_domain_are_points_exactly():
    for task in ("binary", "categorical", "image", told_task(*map(parse_spec, ["float32[B] -1..3"] * 2))):
        found = of(task, points=161)
        assert {found.low, found.high} <= set(found.x.tolist())


def test_of_a_mask_all_pixels_with_the_label_move_and_the_others_stay():
    zero, one = of("segmentation").sweeps

    assert np.array_equal(zero.direction == 1, one.y_true == 0)
    assert (one.y_pred[3][one.y_true == 1] == np.float32(of("segmentation").x[3])).all()
    assert np.array_equal(one.y_pred[3][one.y_true == 0], one.y_pred[7][one.y_true == 0])


@pytest.mark.parametrize("task", ["categorical", "sparse_categorical"])
def test_on_a_simplex_the_other_classes_share_what_is_left(task):
    found = of(task)
    sweep = found.sweeps[1]

    assert found.axis == "y_pred of the true class"
    assert [s.label for s in found.sweeps] == ["class 0", "class 1", "class 2"]
    assert np.allclose(sweep.y_pred.sum(axis=-1), 1)
    assert np.allclose(sweep.y_pred[:, 0, 1], found.x)
    assert np.allclose(np.gradient(sweep.y_pred[:, 0], found.x, axis=0), sweep.direction[0])


def test_the_logit_of_the_true_class_moves_alone():
    found = of("sparse_categorical_logits")

    assert (found.x[0], found.x[-1], found.low, found.high) == (-10, 10, -10, 10)
    assert found.sweeps[2].y_true.tolist() == [2]
    assert np.count_nonzero(found.sweeps[2].y_pred[0]) == 1


def test_of_a_regression_the_first_prediction_moves_and_the_others_are_right():
    found = of("regression")
    sweep = found.sweeps[0]

    assert sweep.label == "y_true = -0.4"
    assert np.array_equal(sweep.y_pred[5][0, 1:], sweep.y_true[0, 1:])
    assert sweep.direction.tolist() == [[1, 0, 0]]
    assert found.caption == "the first prediction moves in an ordinary sample; the others are right"


def test_what_is_above_zero_begins_below_it():
    found = of("regression_positive")

    assert found.x[0] < found.low == 0
    assert found.high == found.x[-1] == 5


def test_a_whole_batch_keeps_its_rows():
    found = of("binary", whole=True)

    assert {sweep.y_pred.shape for sweep in found.sweeps} == {(len(found.x), 7, 1)}
    assert np.array_equal(found.sweeps[1].direction == 1, found.sweeps[1].y_true == 1)


def test_an_image_gets_fewer_points():
    assert len(of("image_large", points=161).x) < 30


@pytest.mark.parametrize("task", [task for task in TASKS if task not in ("image_large", "volume_classes")])
@pytest.mark.parametrize("whole", [False, True])
def test_every_task_has_a_sweep_of_the_shape_and_the_kind_of_its_batch(task, whole):
    sized_task = sized(TASKS[task], {})
    typical = Batches(sized_task, SourceFacts())["typical"]

    found = make_sweeps(sized_task, typical, whole=whole, points=5)

    assert found.sweeps
    for sweep in found.sweeps:
        assert sweep.y_pred.shape[2:] == typical.y_pred.shape[1:]
        assert sweep.y_true.shape[1:] == typical.y_true.shape[1:]
        assert len(sweep.y_true) == sweep.y_pred.shape[1] == (typical.size if whole else 1)
        assert (sweep.y_pred.dtype, sweep.y_true.dtype) == (typical.y_pred.dtype, typical.y_true.dtype)
        assert sweep.direction.shape == sweep.y_pred.shape[1:]
        assert sweep.direction.any()
