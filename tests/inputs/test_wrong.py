"""Predictions that are wrong for the labels."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.inference.search import sized
from losscheck.inputs.draw import draw
from losscheck.inputs.tasks import TASKS
from losscheck.inputs.wrong import SURE, wrong_predictions


def of(name, logit=SURE):
    task = sized(TASKS[name], {})
    y_true = draw(task.y_true, 7, 0)
    return y_true, wrong_predictions(task, y_true, logit)


def test_a_label_gets_the_other_one():
    y_true, y_pred = of("binary")

    assert np.array_equal(np.round(y_pred), 1 - y_true)
    assert y_pred.dtype == np.float32
    assert y_pred.max() == 1  # a float32 sigmoid of 20


@pytest.mark.parametrize("name", ["categorical", "categorical_logits", "segmentation_classes"])
def test_a_class_gets_another_one(name):
    y_true, y_pred = of(name)

    assert y_pred.shape == y_true.shape
    assert (y_pred.argmax(-1) != y_true.argmax(-1)).all()


@pytest.mark.parametrize("name", ["sparse_categorical", "tokens"])
def test_a_class_id_gets_another_class(name):
    y_true, y_pred = of(name)

    assert (y_pred.argmax(-1) != y_true).all()


def test_doubt_leaves_a_simplex_less_sure():
    assert of("categorical", 1.0)[1].max() < 0.6
    assert of("categorical", SURE)[1].max() > 0.999


@pytest.mark.parametrize("name", ["regression", "embedding", "image", "pairs"])
def test_where_labels_do_not_tell_what_is_wrong_there_is_nothing(name):
    assert of(name)[1] is None
