"""The arrays that a loss is fed with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from losscheck.inputs.batches import Batch, Batches, default_batch_size, is_same_value
from losscheck.inputs.specs import InputSpec, parse_spec
from losscheck.inputs.tasks import DEFAULT_SIZES, TASKS, Task, told_task
from losscheck.inputs.variants import KEPT_ROWS
from losscheck.loss import SourceFacts

by_task = pytest.mark.parametrize("name", TASKS)

NAMES = (
    "typical", "other_size", "partial", "one", "rows 16", "scaled 3", "flat", "column", "relabelled",
    "rotated labels", "flipped labels", "repredicted", "float labels", "expanded labels", "squeezed labels",
    "extended", "extended again", "typical 1", "column 2", "others changed", "both around", "right",
    "nearly right", "half right",
)  # fmt: skip


def sized(task: Task) -> Task:
    return replace(
        task, y_true=task.y_true.with_sizes(DEFAULT_SIZES), y_pred=task.y_pred.with_sizes(DEFAULT_SIZES)
    )


def batches(name: str, facts: SourceFacts | None = None, **options) -> Batches:
    return Batches(sized(TASKS[name]), facts or SourceFacts(), **options)


def told(y_true: str, y_pred: str, facts: SourceFacts | None = None, **options) -> Batches:
    return Batches(told_task(parse_spec(y_true), parse_spec(y_pred)), facts or SourceFacts(), **options)


def every_batch(name: str) -> list[Batch]:
    made = batches(name)
    return [made[batch] for batch in NAMES] + list(made.edges())


def is_inside(array: np.ndarray, spec: InputSpec) -> bool:
    """Whether the entries are of the domain, its ends included."""
    name = spec.domain.name
    if name in ("prob", "simplex", "onehot"):
        rest = array[np.isfinite(array)]
        is_right = bool(((rest >= 0) & (rest <= 1)).all())
        if name != "prob":
            is_right &= bool(np.allclose(array.sum(-1), 1, atol=1e-5))
        return is_right and (name != "onehot" or set(np.unique(array)) <= {0, 1})
    if name == "binary":
        return set(np.unique(array)) <= {0, 1}
    if name == "labels":
        return set(np.unique(array)) <= set(range(int(spec.domain.classes)))
    if name == "interval":
        return bool(((array >= spec.domain.low) & (array <= spec.domain.high)).all())
    if name == "positive":
        return bool((array > 0).all())
    return bool(np.isfinite(array).all())


@by_task
def test_a_batch_is_the_same_each_time(name):
    for first, second in zip(every_batch(name), every_batch(name), strict=True):
        assert second.name == first.name
        np.testing.assert_array_equal(first.y_true, second.y_true, err_msg=first.name)
        np.testing.assert_array_equal(first.y_pred, second.y_pred, err_msg=first.name)


@by_task
def test_a_batch_cannot_be_written_to(name):
    made = every_batch(name)
    assert [b.name for b in made if b.y_true.flags.writeable or b.y_pred.flags.writeable] == []


@by_task
def test_a_batch_is_made_once(name):
    made = batches(name)
    assert made["typical"] is made["typical"]
    assert all(first is second for first, second in zip(made.edges(), made.edges(), strict=True))


@by_task
def test_the_arrays_are_of_the_shape_and_dtype_of_the_specs(name):
    made = batches(name)
    task = made.task
    for batch, rows in (("typical", made.typical_size), ("one", 1), ("rows 16", 16)):
        expected = [(spec.shape(rows), spec.dtype) for spec in (task.y_true, task.y_pred)]
        assert [(a.shape, a.dtype.name) for a in (made[batch].y_true, made[batch].y_pred)] == expected


@by_task
def test_the_sizes_of_the_batches_differ_from_each_other_and_from_every_axis(name):
    made = batches(name)
    sizes = [made[batch].size for batch in ("typical", "other_size", "partial")]
    axes = {int(dim) for spec in (made.task.y_true, made.task.y_pred) for dim in spec.dims if dim != "B"}
    assert (len(set(sizes)), axes & set(sizes)) == (3, set())


def test_a_batch_size_that_an_axis_has_is_passed_over():
    made = told("float32[B, 7, 11]", "float32[B, 2]")
    assert [made[name].size for name in ("typical", "other_size", "partial", "one")] == [13, 17, 3, 1]
    assert default_batch_size(made.task) == 13


def test_many_axes_leave_a_size_for_the_partial_batch():
    made = told("float32[B, 2, 5]", "float32[B, 9, 10]")
    assert made.partial_size not in (2, 5, 9, 10, made.typical_size, made.other_size)


def test_a_batch_size_can_be_asked_for():
    made = batches("binary", batch_size=16)
    assert [made[name].size for name in ("typical", "other_size", "partial", "one", "rows 4")] == [
        16,
        17,
        2,
        1,
        4,
    ]
    assert made.sized(4).size == 4


def test_the_other_size_of_a_large_batch_is_a_small_one():
    assert batches("binary", batch_size=512).other_size == 7


@by_task
def test_the_entries_are_of_the_domain(name):
    made = batches(name)
    outside = [
        (batch, str(spec))
        for batch in ("typical", "other_size", "partial", "one", "repredicted", "relabelled")
        for spec, array in (
            (made.task.y_true, made[batch].y_true),
            (made.task.y_pred, made[batch].y_pred),
        )
        if not is_inside(array, spec)
    ]
    assert outside == []


@by_task
def test_ordinary_probabilities_lie_inside_0_and_1(name):
    made = batches(name)
    if made.task.y_pred.domain.name in ("prob", "simplex"):
        array = made["typical"].y_pred
        assert 0 < array.min() <= array.max() < 1


@pytest.mark.parametrize("rows", [7, 23])
def test_every_class_is_present(rows):
    made = batches("sparse_categorical")
    assert set(made.sized(rows).y_true.tolist()) == {0, 1, 2, 3}
    assert batches("categorical").sized(rows).y_true.any(axis=0).tolist() == [True] * 4


def test_both_labels_are_present():
    assert [set(np.unique(batches(n)["typical"].y_true)) for n in ("binary", "multilabel")] == [
        {0, 1},
        {0, 1},
    ]


def test_the_classes_stand_in_no_order():
    labels = batches("sparse_categorical")["other_size"].y_true
    assert (np.arange(len(labels)) % 4).tolist() != labels.tolist()


def test_a_question_mark_puts_nans_among_ordinary_entries():
    array = told("float32[B, 50] prob?", "float32[B, 50]")["typical"].y_true
    ordinary = array[~np.isnan(array)]
    assert 0.05 < np.isnan(array).mean() < 0.5
    assert 0 < ordinary.min() <= ordinary.max() < 1


def test_an_interval_is_drawn_from_its_inside():
    array = told("float32[B, 100]", "float32[B, 100] -2..6")["typical"].y_pred
    assert -2 < array.min() < -1 < 5 < array.max() < 6


def test_bfloat16_is_drawn_as_float32_since_numpy_has_no_such_type():
    assert told("float32[B]", "bfloat16[B]")["typical"].y_pred.dtype == np.float32


@pytest.mark.parametrize(
    ("domain", "values"), [("0..1", {0, 1}), ("-1..1", {-1, 0, 1}), ("positive", {1, 2, 3})]
)
def test_integers_are_drawn_whole_and_not_cut_off(domain, values):
    array = told(f"int32[B, 20] {domain}", "float32[B]")["typical"].y_true
    assert set(np.unique(array)) == values


# Batches made from the typical one


def test_other_labels_leave_the_predictions_as_they_are():
    made = batches("sparse_categorical")
    for name in ("relabelled", "rotated labels", "flipped labels"):
        np.testing.assert_array_equal(made["typical"].y_pred, made[name].y_pred)
        assert not np.array_equal(made["typical"].y_true, made[name].y_true)


@by_task
def test_other_labels_differ_in_numbers_alone(name):
    made = batches(name)
    before = made["typical"].y_true
    for batch in ("relabelled", "rotated labels", "flipped labels"):
        after = made[batch].y_true
        assert (after.shape, after.dtype, np.array_equal(before, after)) == (
            before.shape,
            before.dtype,
            False,
        )


@by_task
def test_other_predictions_leave_the_labels_as_they_are(name):
    made = batches(name)
    np.testing.assert_array_equal(made["typical"].y_true, made["repredicted"].y_true)
    assert not np.array_equal(made["typical"].y_pred, made["repredicted"].y_pred)


@by_task
def test_a_longer_batch_begins_with_the_typical_one(name):
    made = batches(name)
    typical, first, second = made["typical"], made["extended"], made["extended again"]
    for longer in (first, second):
        np.testing.assert_array_equal(typical.y_true, longer.y_true[: typical.size])
        np.testing.assert_array_equal(typical.y_pred, longer.y_pred[: typical.size])
    assert typical.size + made.other_size == first.size == second.size
    assert not np.array_equal(first.y_pred, second.y_pred)


@by_task
def test_a_shorter_batch_holds_the_first_rows_of_the_typical_batch(name):
    made = batches(name)

    for rows in (1, 2, 3):
        assert np.array_equal(made[f"typical {rows}"].y_true, made["typical"].y_true[:rows])
        assert np.array_equal(made[f"typical {rows}"].y_pred, made["typical"].y_pred[:rows])


@by_task
def test_two_rows_stay_where_the_others_change(name):
    made = batches(name)
    before, after = made["typical"].y_pred, made["others changed"].y_pred

    is_same = [np.array_equal(old, new) for old, new in zip(before, after, strict=True)]
    assert [row for row, same in enumerate(is_same) if same] == list(KEPT_ROWS)


def test_a_right_prediction_of_numbers_is_the_truth_and_one_beyond_lies_on_the_other_side():
    made = batches("regression")
    y_true = made["typical"].y_true
    near, beyond = (made[f"{words} right"].y_pred - y_true for words in ("nearly", "beyond"))

    assert np.array_equal(made["right"].y_pred, y_true)
    assert np.allclose(beyond, -3 * near, atol=1e-5)


def test_a_right_probability_keeps_off_the_corners():
    made = batches("binary")
    gap = np.abs(made["right"].y_pred - made["typical"].y_true)

    assert 0 < gap.min() <= gap.max() < 0.02


def test_a_scaled_batch_has_larger_logits_and_other_probabilities():
    logits, probs = batches("binary_logits"), batches("binary")
    np.testing.assert_allclose(3 * logits["typical"].y_pred, logits["scaled 3"].y_pred, rtol=1e-6)
    assert is_inside(probs["scaled 3"].y_pred, probs.task.y_pred)
    assert not np.array_equal(probs["typical"].y_pred, probs["scaled 3"].y_pred)


def test_flat_labels_have_one_axis_less_than_columns():
    made = batches("regression")
    shapes = [(made[name].y_true.shape, made[name].y_pred.shape) for name in ("flat", "column")]
    assert shapes == [((7,), (7, 1)), ((7, 1), (7, 1))]
    np.testing.assert_array_equal(made["column"].y_true[:, 0], made["flat"].y_true)
    np.testing.assert_array_equal(made["column"].y_pred, made["flat"].y_pred)


def test_labels_can_get_an_axis_and_lose_one():
    made = batches("sparse_categorical")
    assert [
        made["expanded labels"].y_true.shape,
        made["expanded labels"].words,
    ] == [(7, 1), "labels of shape (B, 1)"]
    assert batches("binary")["squeezed labels"].y_true.shape == (7,)


def test_float_labels_hold_the_same_numbers():
    made = batches("sparse_categorical")
    assert (
        made["float labels"].y_true.dtype,
        made["float labels"].y_true.tolist(),
    ) == (np.float32, made["typical"].y_true.tolist())


def test_an_unknown_batch_is_a_key_error():
    with pytest.raises(KeyError, match="nonsense"):
        batches("binary")["nonsense"]


# The user's own arrays


def test_the_users_arrays_are_the_typical_batch_and_stay_writeable():
    y_true, y_pred = np.zeros((5, 2)), np.ones((5, 2))
    made = told("float64[B, 2]", "float64[B, 2]", arrays=(y_true, y_pred))
    y_true[0, 0] = 9
    assert (
        made["typical"].size,
        made["typical"].words,
        made["typical"].y_true[0, 0],
    ) == (5, "your arrays", 0.0)


def test_the_labels_of_the_users_arrays_are_changed_even_if_they_are_all_the_same_kind():
    y_true = np.arange(5.0)
    made = told("float64[B]", "float64[B]", arrays=(y_true, y_true))
    assert y_true.tolist() != [4, 0, 1, 2, 3]
    assert not np.array_equal(y_true, made["relabelled"].y_true)


# Edges


FACTS = SourceFacts(
    compared=(-1.0, 0.0, 1.0, 255.0), bounds=(0.0, 1e-7, 1.0, 4.0, 1e6), names=frozenset({"is_nan"})
)


@by_task
def test_the_names_and_words_of_edges_differ(name):
    edges = list(batches(name, FACTS).edges())
    assert [len({edge.name for edge in edges}), len({edge.words for edge in edges})] == [len(edges)] * 2


@by_task
def test_edges_say_that_they_are_edges_and_ordinary_batches_do_not(name):
    made = batches(name)
    assert all(edge.is_edge for edge in made.edges())
    assert not any(made[batch].is_edge for batch in NAMES)


@by_task
def test_an_edge_keeps_shape_and_dtype(name):
    made = batches(name, FACTS)
    typical = made["typical"]
    expected = [(array.shape, array.dtype) for array in (typical.y_true, typical.y_pred)]
    assert all(expected == [(a.shape, a.dtype) for a in (edge.y_true, edge.y_pred)] for edge in made.edges())


@by_task
def test_an_edge_that_nothing_in_the_source_asks_for_is_of_the_domain(name):
    made = batches(name)
    outside = [
        edge.name
        for edge in made.edges()
        if not (is_inside(edge.y_true, made.task.y_true) and is_inside(edge.y_pred, made.task.y_pred))
    ]
    assert outside == []


def test_a_bound_outside_an_interval_is_no_edge_of_it():
    made = told("float32[B]", "float32[B] -1..1", SourceFacts(bounds=(-1.0, 0.5, 5.0)))
    assert [edge.name for edge in made.edges() if "exactly" in edge.name] == [
        "y_pred exactly -1",
        "y_pred exactly 0.5",
    ]


@pytest.mark.parametrize("name", ["regression", "regression_column", "regression_positive", "sequence"])
def test_a_perfect_prediction_equals_its_labels(name):
    perfect = next(batches(name).edges())
    assert (perfect.name, perfect.words) == ("perfect", "y_pred equal to y_true")
    np.testing.assert_array_equal(perfect.y_true, perfect.y_pred)


@pytest.mark.parametrize("name", ["binary", "categorical", "segmentation", "segmentation_classes", "image"])
def test_a_perfect_probability_equals_its_label(name):
    perfect = next(batches(name).edges())
    np.testing.assert_array_equal(perfect.y_true, perfect.y_pred)


def test_a_perfect_prediction_of_class_ids_is_sure_of_each():
    perfect = next(batches("sparse_categorical").edges())
    np.testing.assert_array_equal(np.eye(4)[perfect.y_true], perfect.y_pred)


@pytest.mark.parametrize("name", ["binary_logits", "categorical_logits", "segmentation_logits"])
def test_a_perfect_logit_is_sure_and_finite(name):
    perfect = next(batches(name).edges())
    np.testing.assert_array_equal(np.where(perfect.y_true == 1, 10, -10), perfect.y_pred)


def test_a_perfect_logit_of_class_ids_is_sure_and_finite():
    perfect = next(batches("tokens").edges())
    np.testing.assert_array_equal(np.eye(4)[perfect.y_true] * 20 - 10, perfect.y_pred)


@pytest.mark.parametrize("name", ["ctc", "embedding", "pairs"])
def test_nothing_is_perfect_where_the_prediction_is_none_of_the_labels(name):
    assert "perfect" not in [edge.name for edge in batches(name).edges()]


def names_of_edges(name: str, facts: SourceFacts | None = None) -> list[str]:
    return [edge.name for edge in batches(name, facts).edges()]


def test_the_edges_of_a_task_come_in_the_order_of_how_ordinary_they_are():
    assert names_of_edges("binary") == [
        "perfect", "y_pred exactly 0 and 1, against the label", "y_pred exactly 0", "y_pred exactly 1",
        "y_true all zero", "y_true all one", "all zero", "equal rows",
    ]  # fmt: skip
    assert names_of_edges("categorical_logits") == [
        "perfect", "y_pred saturated at ±100", "y_true of one class only", "constant rows", "equal rows",
    ]  # fmt: skip
    assert names_of_edges("categorical") == [
        "perfect",
        "y_pred exactly 0 and 1",
        "y_true of one class only",
        "equal rows",
    ]


def test_an_edge_against_the_label_is_sure_and_wrong():
    edge = next(e for e in batches("binary").edges() if "against" in e.name)
    np.testing.assert_array_equal(1 - edge.y_true, edge.y_pred)


def test_a_value_that_the_source_compares_with_fills_y_true():
    edges = {edge.name: edge for edge in batches("regression", SourceFacts(compared=(-1.0,))).edges()}
    edge = edges["y_true all -1, which the source compares with"]
    assert set(np.unique(edge.y_true)) == {-1.0}


def test_a_fraction_that_the_source_compares_with_is_no_class_id():
    names = names_of_edges("sparse_categorical", SourceFacts(compared=(0.5, -1.0)))
    assert [n for n in names if "compares" in n] == ["y_true all -1, which the source compares with"]


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int8"])
def test_a_value_that_the_dtype_cannot_hold_is_no_edge(dtype):
    made = told(f"{dtype}[B] binary", "float32[B] prob", SourceFacts(compared=(-1.0, 300.0)))
    expected = {"uint8": [], "bool": [], "int8": [-1]}[dtype]
    assert [int(e.y_true[0]) for e in made.edges() if "compares" in e.name] == expected


def test_labels_are_all_nan_where_the_source_looks_for_nan():
    looking = SourceFacts(names=frozenset({"is_nan"}))
    assert "y_true all NaN" in names_of_edges("regression", looking)
    assert "y_true all NaN" not in names_of_edges("regression")
    assert "y_true all NaN" not in names_of_edges("sparse_categorical", looking)


def test_a_number_that_the_source_clips_with_fills_the_logits():
    edges = {edge.name: edge for edge in batches("binary_logits", SourceFacts(bounds=(0.5, 1e6))).edges()}
    assert set(np.unique(edges["y_pred exactly 0.5"].y_pred)) == {0.5}
    assert "y_pred exactly 1e+06" not in edges


# What `fit` does to a batch


def test_fit_passes_float32():
    batch = batches("sparse_categorical")["typical"].as_float32()
    assert [batch.y_true.dtype, batch.y_pred.dtype] == [np.float32, np.float32]


SHAPES = [(), (1,), (5,), (5, 1), (1, 1), (5, 3), (5, 3, 1), (5, 1, 1), (5, 3, 2), (5, 3, 2, 1)]


@pytest.mark.parametrize("y_true", SHAPES, ids=str)
def test_an_aligned_batch_is_what_keras_makes_of_it(y_true):
    from keras.src.losses.loss import squeeze_or_expand_to_same_rank

    for y_pred in SHAPES:
        arrays = [
            np.arange(np.prod(shape, dtype=int), dtype="float32").reshape(shape) for shape in (y_true, y_pred)
        ]
        expected = [np.asarray(tensor) for tensor in squeeze_or_expand_to_same_rank(*arrays)]
        aligned = Batch("x", "x", *arrays).aligned()
        np.testing.assert_array_equal(expected[0], aligned.y_true, strict=True)
        np.testing.assert_array_equal(expected[1], aligned.y_pred, strict=True)


def test_an_aligned_batch_keeps_its_name():
    edge = Batch("perfect", "words", np.zeros(3, int), np.zeros((3, 1)), is_edge=True).aligned()
    assert (edge.name, edge.words, edge.is_edge, edge.y_true.shape) == ("perfect", "words", True, (3, 1))


# Equal values


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


SAME = {
    "noise of float32": (array(1, 2), array(1.00001, 2)),
    "noise beside a large entry": (array(1e6, 0), array(1e6, 10)),
    "NaN and NaN": (array(np.nan, 1), array(np.nan, 1)),
    "nothing but NaN": (array(np.nan), array(np.nan)),
    "Inf and Inf": (array(np.inf, 1), array(np.inf, 1)),
    "noise beside Inf": (array(np.inf, 1), array(np.inf, 1.00001)),
    "nothing": (array(), array()),
    "scalars": (np.float32(2), np.array(2.0)),
    "booleans": (np.array([True]), np.array([True])),
}
DIFFERENT = {
    "another number": (array(1, 2), array(1, 2.01)),
    "another small number": (array(0.001), array(0.002)),
    "another shape": (array(1, 1), array(1)),
    "NaN and a number": (array(np.nan, 1), array(0, 1)),
    "Inf and -Inf": (array(np.inf), array(-np.inf)),
    "Inf and a number": (array(np.inf), array(1e30)),
    "a number and Inf": (array(1), array(np.inf)),
    "another number beside Inf": (array(np.inf, 1), array(np.inf, 2)),
}


@pytest.mark.parametrize(("left", "right"), SAME.values(), ids=SAME)
def test_two_losses_are_the_same_up_to_noise(left, right):
    assert [is_same_value(left, right), is_same_value(right, left)] == [True, True]


@pytest.mark.parametrize(("left", "right"), DIFFERENT.values(), ids=DIFFERENT)
def test_two_losses_differ_beyond_noise(left, right):
    assert [is_same_value(left, right), is_same_value(right, left)] == [False, False]


def test_the_tolerance_can_be_told():
    assert [is_same_value(array(1), array(1.005), tolerance=t) for t in (1e-2, 1e-3)] == [True, False]
