"""Which task does this loss take? With a call that needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from losscheck.exceptions import SpecError
from losscheck.finding import Location
from losscheck.graph_observation import FlowObservation, Op
from losscheck.inference.choose import Inferred, infer
from losscheck.inference.told import told_inputs
from losscheck.inference.words import ranked_tasks
from losscheck.inputs.batches import Batch
from losscheck.inputs.tasks import TASKS
from losscheck.loss import Kind, Layout, LoadedLoss, Part, SourceFacts
from losscheck.observation import EagerObservation, Raised, Returned
from losscheck.report import TaskSource

Answer = EagerObservation | str


def loss(name: str = "f", comment: str = "", **facts) -> LoadedLoss:
    return LoadedLoss(
        "losses.py:f",
        name,
        Kind.FUNCTION,
        Location("losses.py", 1),
        None,
        lambda y_true, y_pred: 0,
        SourceFacts(**{"names": frozenset(), **facts}),
        comment,
    )


def gives(value: np.ndarray) -> EagerObservation:
    return EagerObservation("x", returned=Returned("tensor", "float32", value.shape), value=value)


def raises(message: str = "", kind: str = "ValueError", line: int = 2) -> EagerObservation:
    return EagerObservation("x", Raised(kind, ("Exception",), message, Location("losses.py", line)))


class Tries:
    """A loss called in the fake: what it was called with, and the answers."""

    def __init__(self, answer: Callable[[Batch], EagerObservation | None]) -> None:
        self.batches: list[Batch] = []
        self._answer = answer

    def __call__(self, batch: Batch) -> EagerObservation:
        self.batches.append(batch)
        return self._answer(batch) or gives(np.zeros(batch.size))

    @property
    def shapes(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        return [(batch.y_true.shape, batch.y_pred.shape) for batch in self.batches]


def shown(inferred: Inferred) -> tuple[str, str, str]:
    return inferred.choice.name, inferred.choice.y_true, inferred.choice.y_pred


# The order of the tasks


def first(name: str = "f", **facts) -> str:
    return ranked_tasks(SourceFacts(**{"names": frozenset(), **facts}), name)[0].name


WORDS = [
    ("f", {}, "regression"),
    ("my_bce", {}, "binary"),
    ("FocalLoss", {}, "binary"),
    ("f", {"names": frozenset({"categorical_crossentropy", "categorical"})}, "categorical"),
    ("f", {"names": frozenset({"sparse_softmax_cross_entropy_with_logits"})}, "sparse_categorical_logits"),
    ("f", {"docstring": "A loss of images: SSIM and PSNR."}, "image"),
    ("triplet_loss", {}, "embedding"),
    ("ctc_loss", {}, "ctc"),
    ("siamese_loss", {}, "pairs"),
    ("f", {"text": "tf.reduce_sum(x, axis=[1, 2])"}, "segmentation"),
    ("f", {"text": "tf.reduce_sum(x, axis=(1,2,3))"}, "segmentation"),
    ("f", {"text": "tf.reduce_sum(x, axis=[1])"}, "regression"),
]


@pytest.mark.parametrize(("name", "facts", "expected"), WORDS)
def test_the_task_that_the_source_speaks_of_is_tried_first(name, facts, expected):
    assert first(name, **facts) == expected


def test_a_source_that_speaks_of_nothing_has_the_common_tasks_in_their_order():
    assert [task.name for task in ranked_tasks(SourceFacts(), "f")] == [
        name for name, task in TASKS.items() if task.is_common
    ]


def test_a_task_that_is_no_common_one_is_tried_where_a_word_speaks_of_it_alone():
    names = [task.name for task in ranked_tasks(SourceFacts(names=frozenset({"anchor"})), "f")]
    assert (names[0], "ctc" in names, "pairs" in names) == ("embedding", False, False)


# The search


def test_the_first_task_that_fits_is_chosen_and_no_other_tried():
    tries = Tries(lambda batch: None)
    found = infer(loss(), tries)
    assert shown(found) == ("regression", "float32[B, 3] real", "float32[B, 3] real")
    assert (
        found.choice.source,
        found.is_callable,
        found.named_rows,
        len(found.attempts),
        len(tries.batches),
    ) == (TaskSource.INFERRED, True, None, 1, 1)


def test_every_try_is_told_with_its_outcome():
    tries = Tries(lambda batch: raises("no\nsecond line") if batch.y_pred.shape[-1] == 3 else None)
    found = infer(loss("huber_mse"), tries)
    assert found.choice.evidence[-2:] == (
        "regression: float32[B, 3] real, float32[B, 3] real, B = 7: ValueError: no",
        "regression_column: float32[B, 1] real, float32[B, 1] real, B = 7: fits",
    )


def test_the_words_that_spoke_for_the_task_are_told():
    assert (
        infer(loss("huber_mse"), Tries(lambda _: None)).choice.evidence[0]
        == "the source speaks of huber, mse"
    )


def test_a_finite_value_is_better_than_one_that_is_not():
    nan = np.full(7, np.nan)
    tries = Tries(lambda batch: gives(nan) if batch.y_pred.shape[-1] == 3 else None)
    found = infer(loss(), tries)
    assert found.choice.name == "regression_column"
    assert found.choice.evidence[0].endswith("B = 7: runs, gives NaN or Inf")


@pytest.mark.parametrize(
    "value", [np.zeros((7, 7)), np.zeros(3), np.zeros((7, 0)), np.full(7, np.inf)], ids=str
)
def test_a_value_of_another_shape_is_worse_than_one_of_the_batchs(value):
    tries = Tries(lambda batch: gives(value) if batch.y_pred.shape[-1] == 3 else None)
    assert infer(loss(), tries).choice.name == "regression_column"


@pytest.mark.parametrize("value", [np.zeros(()), np.zeros(7), np.zeros((7, 4))], ids=str)
def test_a_scalar_and_a_value_for_each_row_fit(value):
    assert len(infer(loss(), Tries(lambda _: gives(value))).attempts) == 1


def test_what_runs_is_better_than_what_raises_though_it_gives_no_tensor():
    nothing = EagerObservation("x", returned=Returned("NoneType"))
    tries = Tries(lambda batch: nothing if batch.y_pred.shape[-1] == 1 else raises())
    found = infer(loss(), tries)
    assert (found.choice.name, found.is_callable) == ("regression_column", True)


def test_the_first_of_equals_is_chosen():
    tries = Tries(lambda batch: gives(np.full(batch.size, np.nan)))
    assert infer(loss(), tries).choice.name == "regression"


def test_a_loss_that_takes_nothing_is_not_callable_and_keeps_its_first_task():
    tries = Tries(lambda _: raises("never"))
    found = infer(loss("my_bce"), tries)
    assert (found.choice.name, found.is_callable, found.named_rows) == ("binary", False, None)
    assert len(found.attempts) == len(tries.batches)


def test_an_error_of_the_loss_itself_ends_the_search_after_three_tries():
    tries = Tries(lambda _: raises("module has no attribute `x`", "AttributeError"))
    assert (len(infer(loss(integers=(8, 16, 32)), tries).attempts), len(tries.batches) > 3) == (3, False)


def test_weights_that_cannot_be_downloaded_are_asked_for_three_times_and_no_more():
    tries = Tries(lambda _: raises("URL fetch failure on https://storage/vgg16.h5", "Exception"))
    assert len(infer(loss(), tries).attempts) == 3


@pytest.mark.parametrize(
    "answer",
    [
        lambda batch: raises("same", "ValueError"),
        lambda batch: raises(f"no attribute {batch.y_pred.shape}", "AttributeError"),
        lambda batch: raises("x", "AttributeError", line=batch.y_pred.shape[-1]),
    ],
)
def test_an_error_that_another_input_may_cure_does_not_end_the_search(answer):
    assert len(infer(loss(), Tries(answer)).attempts) > 10


def test_the_number_of_tries_is_bounded(monkeypatch):
    monkeypatch.setattr("losscheck.inference.search._MAX_ATTEMPTS", 40)
    numbers = " ".join(map(str, range(2, 120)))
    tries = Tries(lambda batch: raises(f"{batch.size} {numbers}"))
    infer(loss(integers=tuple(range(2, 500))), tries)
    assert len(tries.batches) == 40


def test_a_loss_that_took_long_on_two_large_inputs_is_not_tried_on_larger_ones():
    def slowly(batch: Batch) -> EagerObservation:
        return EagerObservation("x", raises().raised, seconds=batch.y_pred.size * 5e-5)

    tries = Tries(slowly)
    infer(loss(), tries)

    assert max(batch.y_pred.size for batch in tries.batches) < 200_000
    assert sum(slowly(batch).seconds for batch in tries.batches) < 15


def test_a_loss_that_took_long_on_one_large_input_is_tried_on_larger_ones():
    large: list[int] = []

    def slowly_at_first(batch: Batch) -> EagerObservation:
        large.extend([batch.y_pred.size] * (batch.y_pred.size >= 10_000))
        return EagerObservation("x", raises().raised, seconds=10.0 if len(large) == 1 else 0.0)

    tries = Tries(slowly_at_first)
    infer(loss(), tries)

    assert max(batch.y_pred.size for batch in tries.batches) > 500_000


def test_no_input_is_tried_twice():
    tries = Tries(lambda batch: raises(f"sizes 7 and 11 and {batch.size}"))
    found = infer(loss(integers=(3, 4, 7, 11)), tries)
    keys = [(attempt.y_true, attempt.y_pred, attempt.rows) for attempt in found.attempts]
    assert sorted(keys) == sorted(set(keys))


# Sizes


def graph(is_full: bool) -> FlowObservation:
    op = Op(0, "StridedSlice", "x", (), (), (7, int(is_full)), "float32", None, True, from_y_pred=True)
    return FlowObservation("typical", ops=(op,))


def test_an_input_that_leaves_a_tensor_of_the_loss_empty_is_worse_than_one_that_does_not():
    tries = Tries(lambda batch: None)
    found = infer(loss(), tries, read=lambda batch: graph(batch.y_pred.shape[-1] != 3))
    assert found.choice.name == "regression_column"


def test_a_class_count_that_the_source_names_is_tried():
    tries = Tries(lambda batch: None if batch.y_pred.shape[1:] == (10,) else raises("wrong"))
    found = infer(loss("categorical_loss", integers=(10,)), tries)
    assert shown(found) == ("categorical", "float32[B, 10] onehot", "float32[B, 10] simplex")


def test_a_class_count_that_an_error_names_is_tried():
    tries = Tries(
        lambda batch: None if batch.y_pred.shape[1:] == (12,) else raises("dimensions must be 12 and 4")
    )
    assert infer(loss("categorical_loss"), tries).choice.y_pred == "float32[B, 12] simplex"


def test_the_columns_that_the_source_reads_are_tried_before_its_other_numbers():
    tries = Tries(lambda batch: raises("index out of range") if batch.y_pred.shape[-1] != 5 else None)
    infer(loss(y_pred=Layout((Part(0, 5),)), integers=(2,)), tries)
    assert tries.shapes[0][1] == (7, 5)


def test_a_number_in_a_name_is_no_size():
    tries = Tries(lambda _: raises("cannot convert float32 to int64 at x2 and 1.25"))
    infer(loss("categorical_loss"), tries)
    assert {y_pred for _, y_pred in tries.shapes if len(y_pred) == 2} == {
        (7, 1),
        (7, 3),
        (7, 4),
        (7, 6),
        (7, 24),
    }


def rows_of(found: Inferred) -> tuple[int | None, int, bool]:
    return found.named_rows, found.batches["typical"].size, found.is_callable


def test_a_batch_size_that_the_source_names_is_tried_where_nothing_else_fits():
    tries = Tries(lambda batch: None if batch.size == 32 else raises("wrong"))
    assert rows_of(infer(loss(integers=(3, 32)), tries)) == (32, 32, True)


def test_a_batch_size_that_an_error_sets_against_the_tried_one_is_tried_where_no_other_input_fits():
    tries = Tries(lambda batch: None if batch.size == 16 else raises(f"[{batch.size},3] vs. [16,3]"))
    assert rows_of(infer(loss(), tries)) == (16, 16, True)


def test_a_batch_size_behind_the_size_of_a_whole_tensor_is_tried():
    tries = Tries(
        lambda batch: (
            None
            if batch.size == 32
            else raises(f"a tensor with {batch.y_pred.size} values, but the requested shape has 96")
        )
    )
    assert rows_of(infer(loss(), tries)) == (32, 32, True)


def test_the_only_batch_size_is_kept_though_the_value_is_not_finite():
    tries = Tries(
        lambda batch: gives(np.full(16, np.nan)) if batch.size == 16 else raises(f"{batch.size} vs. 16")
    )
    assert rows_of(infer(loss(), tries)) == (16, 16, True)


def test_a_batch_size_of_another_axis_is_not_tried():
    tries = Tries(lambda batch: raises(f"{batch.size} vs. 3"))
    infer(loss(), tries)
    assert not [1 for y_true, y_pred in tries.shapes if y_pred[0] in y_pred[1:] or y_true[0] in y_true[1:]]


def test_an_ordinary_batch_size_is_no_named_one():
    assert infer(loss(integers=(7, 16)), Tries(lambda _: None)).named_rows is None


# What the user tells


def told(comment: str = "", **given) -> tuple[str, str, str, TaskSource]:
    options = {"y_true": None, "y_pred": None, "task": None} | given
    task, source = told_inputs(loss(comment=comment), **options)
    assert task.is_told
    return task.name, str(task.y_true), str(task.y_pred), source


def test_nobody_said_anything():
    assert told_inputs(loss(), None, None, None) is None


def test_specs_are_told_by_options():
    assert told(y_true="int32[B] labels<10", y_pred="float32[B, 10] simplex") == (
        "told",
        "int32[B] labels<10",
        "float32[B, 10] simplex",
        TaskSource.OPTION,
    )


def test_named_axes_of_told_specs_get_sizes():
    assert told(y_true="int32[B, T] labels<C", y_pred="float32[B, T, C, X] logits") == (
        "told",
        "int32[B, 6] labels<4",
        "float32[B, 6, 4, 5] logits",
        TaskSource.OPTION,
    )


def test_a_task_is_told_by_its_name():
    assert told(task="binary") == ("binary", "float32[B, 1] binary", "float32[B, 1] prob", TaskSource.OPTION)


def test_one_spec_and_a_task_say_both():
    assert told(task="binary", y_pred="float32[B, 1] logits") == (
        "told",
        "float32[B, 1] binary",
        "float32[B, 1] logits",
        TaskSource.OPTION,
    )


def test_a_comment_tells_the_specs():
    assert told("y_true=float32[B,1]:binary y_pred=float32[B,1]:prob") == (
        "told",
        "float32[B, 1] binary",
        "float32[B, 1] prob",
        TaskSource.COMMENT,
    )


def test_a_comment_tells_the_task():
    assert (told("task=tokens")[0], told("task=tokens")[3]) == ("tokens", TaskSource.COMMENT)


def test_an_option_is_nearer_than_a_comment():
    assert (told("task=tokens", task="pairs")[0], told("", task="pairs")[3]) == ("pairs", TaskSource.OPTION)


def test_a_comment_that_tells_nothing_is_no_comment():
    assert told_inputs(loss(comment="ignore LC201"), None, None, None) is None


ARRAYS = [
    (np.zeros((4, 2), np.float32) + 0.5, "float32[B, 2] simplex"),
    (np.full((4, 2), 0.3, np.float32), "float32[B, 2] prob"),
    (np.eye(4, dtype=np.float32), "float32[B, 4] onehot"),
    (np.array([[0.0], [1.0]]), "float64[B, 1] binary"),
    (np.array([[-0.5], [1.0]]), "float64[B, 1] real"),
    (np.array([0, 1, 2]), "int64[B] labels<3"),
    (np.array([0, 1, 1], np.int32), "int32[B] binary"),
    (np.array([-1, 1]), "int64[B] real"),
    (np.array([True, False]), "bool[B] binary"),
    (np.array([[np.nan, 0.2], [0.3, 0.3]]), "float64[B, 2] prob"),
    (np.array([np.nan]), "float64[B] real"),
    (np.zeros((0, 3)), "float64[B, 3] real"),
    (np.zeros((2, 4, 4, 1), np.float16), "float16[B, 4, 4, 1] binary"),
]


@pytest.mark.parametrize(("array", "spec"), ARRAYS, ids=[spec for _, spec in ARRAYS])
def test_the_spec_of_an_array_is_read_off_its_numbers(array, spec):
    assert told(y_true=array, y_pred=array)[1::2] == (spec, TaskSource.ARRAYS)


MISTAKES = [
    ({"y_true": "float32[B]"}, "give both `y_true` and `y_pred`, or a task"),
    ({"y_pred": "float32[B]"}, "give both `y_true` and `y_pred`, or a task"),
    ({"y_true": np.zeros(3)}, "give both `y_true` and `y_pred`, or a task"),
    ({"task": "binry"}, f"unknown task `binry`; use one of {', '.join(TASKS)}"),
    (
        {"y_true": "float32[B]", "y_pred": "float32"},
        "`float32` is no input spec; write for example `float32[B, 10] prob`",
    ),
    (
        {"y_true": np.zeros(3), "y_pred": np.float32(1)},
        "`y_pred` is a scalar: give an array with a batch axis",
    ),
    (
        {"y_true": np.float32(1), "y_pred": np.zeros(3)},
        "`y_true` is a scalar: give an array with a batch axis",
    ),
]


@pytest.mark.parametrize(("given", "message"), MISTAKES)
def test_a_mistake_in_what_is_told_is_named(given, message):
    with pytest.raises(SpecError) as error:
        told(**given)
    assert str(error.value) == message


def test_a_mistake_in_a_comment_is_named():
    with pytest.raises(SpecError, match="unknown task `binry`"):
        told("task=binry")


def test_a_comment_that_tells_one_of_two_specs_is_a_mistake():
    with pytest.raises(SpecError, match="give both `y_true` and `y_pred`, or a task"):
        told("y_true=float32[B]")


def test_told_specs_are_tried_alone():
    tries = Tries(lambda _: raises("wrong"))
    found = infer(loss("triplet"), tries, told_inputs(loss(), "float32[B, 2]", "float32[B, 2]", None))
    assert (
        found.choice.name,
        found.choice.source,
        found.is_callable,
        len(tries.batches),
    ) == ("told", TaskSource.OPTION, False, 1)
    assert found.choice.evidence == ("you gave the inputs by option",)


def test_told_specs_of_a_fixed_batch_size_are_tried_with_it():
    tries = Tries(lambda batch: None if batch.size == 32 else raises(f"{batch.size} vs. 32"))
    found = infer(loss(), tries, told_inputs(loss(), "float32[B, 2]", "float32[B, 2]", None))
    assert rows_of(found) == (32, 32, True)


def test_the_users_arrays_are_tried_as_they_are():
    arrays = np.zeros((5, 2)), np.ones((5, 2))
    tries = Tries(lambda _: None)
    found = infer(loss(), tries, told_inputs(loss(), *arrays, None), arrays)
    np.testing.assert_array_equal(arrays[1], tries.batches[0].y_pred)
    assert (
        found.choice.source,
        found.choice.evidence,
        found.batches["typical"].size,
        found.is_callable,
        len(tries.batches),
    ) == (TaskSource.ARRAYS, ("you gave the arrays",), 5, True, 1)


def test_widths_that_differ_are_found_by_the_errors_that_name_them():
    def answer(batch):
        if batch.y_pred.shape[-1] != 15:
            return raises("the requested shape requires a multiple of 15", line=2)
        return None if batch.y_true.shape[-1] == 2 else raises("[21,1] vs. [7,2]", line=3)

    tries = Tries(answer)
    found = infer(loss(), tries)
    assert shown(found) == ("columns", "float32[B, 2] real", "float32[B, 15] real")


def test_a_width_that_another_axis_has_is_not_tried():
    tries = Tries(lambda _: raises("In[0]: [7,14,18,1], In[1]: [7,14,18,1]"))
    assert not infer(loss("dice_loss"), tries).is_callable
    assert not any(shape[-1] in shape[:-1] for pair in tries.shapes for shape in pair)


def test_predictions_that_are_said_to_be_raw_may_be_negative():
    said = "y_pred: output of the last linear layer"
    tries = Tries(lambda batch: gives(np.full(batch.size, np.nan)) if batch.y_pred.min() < 0 else None)
    assert infer(loss(docstring=said), tries).choice.y_pred.endswith("real")
    assert not infer(loss(), tries).choice.y_pred.endswith("real")


def test_a_loss_over_all_permutations_gets_few_of_them():
    tries = Tries(lambda batch: None if batch.y_pred.ndim == 3 else raises())
    assert infer(loss(names=frozenset({"permutations"})), tries).choice.y_pred == "float32[B, 2, 3] real"


def test_a_number_that_stands_where_the_batch_belongs_is_no_size():
    tries = Tries(lambda batch: None if batch.size == 32 else raises("the shape needs a multiple of 32"))
    found = infer(loss("pair_loss", integers=(32,), rows=(32,)), tries)
    assert found.named_rows == 32
    assert all(y_pred[-1] != 32 for _, y_pred in tries.shapes)
