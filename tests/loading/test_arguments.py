"""Obvious values for arguments that a loss needs and has no default for."""

from __future__ import annotations

import pytest

from losscheck.exceptions import TargetError
from losscheck.inputs.batches import default_batch_size
from losscheck.inputs.tasks import DEFAULT_SIZES, TASKS
from losscheck.loading.arguments import CLASSES, ROWS, are_obvious, given_for, obvious_arguments


def made(num_classes, class_weights, margin, *, axis, batch_size, reduction):
    return num_classes


def test_the_obvious_ones_are_those_of_the_probes():
    assert (DEFAULT_SIZES["C"], default_batch_size(TASKS["regression"])) == (CLASSES, ROWS)


def test_names_say_which_values_would_do():
    names = ["num_classes", "class_weights", "margin", "axis", "batch_size", "reduction"]
    assert obvious_arguments(made, names).values == {
        "num_classes": 4,
        "class_weights": [1.0] * 4,
        "margin": 1.0,
        "axis": -1,
        "batch_size": 7,
        "reduction": "sum_over_batch_size",
    }


@pytest.mark.parametrize("name", ["n_classes", "classes", "nb_classes", "focal_gamma", "tau", "alphas"])
def test_other_spellings_are_known(name):
    assert are_obvious([name])


@pytest.mark.parametrize("name", ["fn", "model", "table", "path", "memory_size", "encoder", "x"])
def test_nothing_is_invented(name):
    assert not are_obvious([name])


def test_an_annotation_speaks_against_a_name():
    def takes(margin: Callable): ...  # noqa: F821 - only its text counts

    assert obvious_arguments(takes, ["margin"]).unknown == ("margin",)


def test_an_argument_that_nothing_is_obvious_for_is_named_beside_the_others():
    def makes(margin, table):
        return margin

    with pytest.raises(TargetError) as error:
        given_for(makes, "losses.py:makes", True)
    assert (
        str(error.value)
        == "`makes` makes a loss and needs arguments: write `losses.py:makes(margin=1.0, table=...)`"
    )


def test_what_was_given_is_said_in_words():
    assert given_for(made, "m.py:made", True).words.startswith("built with num_classes=4, class_weights=")
    assert given_for(made, "m.py:made", False).words == ""
