"""Shapes that a docstring or a comment writes."""

from __future__ import annotations

import pytest

from losscheck.inference.shaped import written_tasks
from losscheck.inference.words import ranked_tasks
from losscheck.inference.written import read_written
from losscheck.loss import SourceFacts

NAMES = ("y_true", "y_pred")


def read(text, values=None, *, comment="", names=NAMES):
    return read_written(SourceFacts(docstring=text, text=comment, parameters=names), values or {})


SAID = {
    "y_pred: logits of shape (batch, height, width, 1).": (None, ("B", "H", "W", 1)),
    "y_true: (batch_size, 10) one-hot\ny_pred: (batch_size, 10) probabilities": (("B", 10), ("B", 10)),
    "Cross-entropy of class probabilities [batch, 847] against class ids [batch, 1].": (
        ("B", 1),
        ("B", 847),
    ),
    "Dice loss of softmax masks of shape (batch, height, width, organ)": (("B", "H", "W", "C"), None),
    "L1 of depth maps [batch, h, w, 1].": (("B", "H", "W", 1), ("B", "H", "W", 1)),
    "y_true, y_pred: tensors [B, 6 steps, 3 channels]": (("B", 6, 3), ("B", 6, 3)),
    "y_true: class ids (batch,); y_pred: (batch, num_classes)": (("B",), ("B", "C")),
    "y_true: (batch,)\ny_pred: (batch, 1)": (None, ("B", 1)),
    "y_pred: (None, T, E)": (None, ("B", "T", "E")),
    "y_true: (users, 1)\ny_pred: (users, 2)": (("B", 1), ("B", 2)),
    "y_pred: waves (batch, T) or (batch, T, 1)": (None, ("B", "T")),
    "Of waves (B, T) or (B, T, 1).": (("B", "T"), ("B", "T")),
    "for a model that ends in Dense(1)": (None, ("B", 1)),
    "y_pred: (batch, foo, bar)": (None, ("B", "D", "N")),
}


@pytest.mark.parametrize(("text", "expected"), SAID.items())
def test_the_shapes_are_read(text, expected):
    written = read(text)
    assert (written.y_true, written.y_pred) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A loss.",
        "f(y_true, y_pred) is symmetric",
        "y_true: (time, event)",
        "y_true: (users, 1)\ny_pred: (flats, 2)",
        "y_true: (classes, 3)\ny_pred: (classes, 3)",
        "y_pred: [batch_size, d0, .. dN]",
        "Returns:\n    a loss of shape (batch, 4)",
        "gives one value per sample, (batch, 4)",
        "bounds (0, 1) of shape (batch, 3 * k / 2)",
    ],
)
def test_what_is_no_shape_of_an_argument_is_not(text):
    assert read(text) is None


def test_sizes_are_reckoned_from_the_names_of_the_loss():
    written = read("y_pred: (batch, GRID, 4 + num_classes)", {"GRID": 7, "num_classes": 3})
    assert written.y_pred == ("B", 7, 7)


@pytest.mark.parametrize("values", [{"k": "3"}, {"k": True}, {"k": -1}, {"k": 10**6}, {}])
def test_a_name_without_a_size_names_an_axis(values):
    assert read("y_pred: (batch, k)", values).y_pred == ("B", "D")


def test_the_names_are_those_of_the_parameters():
    written = read("labels: (batch, 3)\nboxes: (batch, 4)", names=("labels", "boxes"))
    assert (written.y_true, written.y_pred) == (("B", 3), ("B", 4))


def test_a_comment_says_it_where_it_names_the_argument():
    comment = "def f(y_true, y_pred):\n    # y_true: (batch, 2)\n    x = g((batch, 9))  # (batch, 3)\n"
    written = read("", comment=comment)
    assert (written.y_true, written.y_pred) == (("B", 2), None)
    assert written.words == "the source says that y_true is (batch, 2)"


def test_the_comment_with_the_inputs_is_none():
    assert read("", comment="# losscheck: y_true=float32[B,3] y_pred=(B, 3)") is None


def tasks(text, name="f"):
    found = written_tasks(read(text), ranked_tasks(SourceFacts(), name))
    return [(task.name, str(task.y_true), str(task.y_pred)) for task in found]


def test_the_tasks_have_the_sizes_that_are_written():
    names = [name for name, *_ in tasks("y_pred: (batch, 7)")]
    assert "regression" in names
    assert "regression_column" not in names
    assert all(y_pred.startswith("float32[B, 7]") for *_, y_pred in tasks("y_pred: (batch, 7)"))


def test_two_axes_that_are_written_otherwise_are_not_taken_for_one():
    for _, y_true, y_pred in tasks("y_true: (batch, 1); y_pred: (batch, dim)"):
        assert y_true.startswith(("float32[B, 1]", "int32[B, 1]"))
        assert not y_pred.startswith("float32[B, 1]")


def test_classes_are_more_than_one():
    assert not [name for name, *_ in tasks("y_pred: (batch, 1)") if name.startswith("categorical")]


def test_shapes_of_no_task_are_tried_with_any_numbers():
    spec = "float32[B, 9, 8, 7, 6, 5] real"
    assert tasks("y_pred: (batch, 9, 8, 7, 6, 5)") == [("written", spec, spec)]


def test_the_list_of_arguments_counts_before_the_rest():
    written = read("y_pred has shape [batch, 9].\n\nArgs:\n  y_pred: a tensor of shape\n    `[batch, 4]`.")
    assert written.y_pred == ("B", 4)


def test_a_shape_behind_another_name_is_no_arguments():
    assert read("The product `y_pred` of `a` and `b`, of shape `[batch, 9]`.") is None


def test_the_functions_that_a_loss_calls_say_it_by_name():
    facts = SourceFacts(helpers_say="y_pred: (batch, 4)\nsize: (batch, 9)", parameters=NAMES)
    assert read_written(facts, {}).y_pred == ("B", 4)


@pytest.mark.parametrize("shape", ["[batch_size, batch_size]", "(B, B)", "(n, n)"])
def test_a_number_for_each_pair_of_rows_is_known(shape):
    assert read(f"y_pred: {shape}").is_pairwise
    assert not read("y_pred: (batch, n)").is_pairwise


LARGE = {
    "(batch, 64, 64, 3)": ("B", 64, 64, 3),
    "(batch, 256, 256, 3)": ("B", "H", "W", 3),
    "(batch, 16, 512, 512, 1)": ("B", 16, "H", "W", 1),
    "(batch, 128, 30522)": ("B", "T", "C"),
    "(batch, 847)": ("B", 847),
}


@pytest.mark.parametrize(("shape", "expected"), LARGE.items())
def test_large_images_and_vocabularies_get_a_size_that_takes_no_time(shape, expected):
    assert read(f"y_pred: {shape}").y_pred == expected
