"""The named conventions for inputs."""

from __future__ import annotations

import pytest

from losscheck.inputs.batches import default_batch_size
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.tasks import DEFAULT_SIZES, TASKS, told_task

by_name = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


@by_name
def test_the_specs_of_a_task_are_shown_as_they_are_read(task):
    assert (parse_spec(str(task.y_true)), parse_spec(str(task.y_pred))) == (task.y_true, task.y_pred)


@by_name
def test_every_named_axis_of_a_task_has_a_size(task):
    assert {*task.y_true.names(), *task.y_pred.names()} - DEFAULT_SIZES.keys() == set()


@by_name
def test_a_task_is_known_by_its_own_name_and_told_by_nobody(task):
    assert (TASKS[task.name], task.is_told) == (task, False)


@by_name
def test_the_words_of_a_task_are_lower_case(task):
    assert task.words == {word.lower() for word in task.words}


@by_name
def test_a_task_that_is_no_common_one_has_words_that_speak_of_it(task):
    assert task.is_common or task.words


def test_no_usual_size_is_a_batch_size():
    assert {default_batch_size(task) for task in TASKS.values()} & set(DEFAULT_SIZES.values()) == set()


def test_all_tasks_are_tried_in_a_fixed_order():
    assert list(TASKS) == [
        "regression", "regression_column", "binary", "binary_logits", "categorical", "categorical_logits",
        "sparse_categorical", "sparse_categorical_logits", "regression_positive", "multilabel",
        "segmentation", "segmentation_logits", "segmentation_classes", "image", "sequence", "tokens", "ctc",
        "ctc_blank_last", "embedding", "embedding_column", "sparse_column", "pairs", "location_scale",
        "triplets", "quantiles", "boxes", "detection", "survival", "segmentation_ids",
        "segmentation_ids_column", "ordinal", "flow", "volume",
        "volume_classes", "image_network", "image_large",
    ]  # fmt: skip


def test_embeddings_and_distances_are_no_predictions_of_the_labels():
    assert [name for name, task in TASKS.items() if task.is_embedding] == [
        "embedding", "embedding_column", "pairs", "triplets",
    ]  # fmt: skip


def test_tasks_whose_labels_are_ids_or_columns_have_other_shapes():
    assert [name for name, task in TASKS.items() if not task.has_same_shapes] == [
        "sparse_categorical", "sparse_categorical_logits", "tokens", "ctc", "ctc_blank_last",
        "embedding", "embedding_column", "sparse_column", "location_scale", "triplets",
        "quantiles", "survival", "segmentation_ids", "segmentation_ids_column", "ordinal",
    ]  # fmt: skip


def test_a_task_that_the_user_told_says_so():
    y_true, y_pred = parse_spec("int32[B] labels<3"), parse_spec("float32[B, 3] logits")
    task = told_task(y_true, y_pred)
    assert (
        task.name,
        task.y_true,
        task.y_pred,
        task.is_told,
        task.words,
    ) == ("told", y_true, y_pred, True, frozenset())
