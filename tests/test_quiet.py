"""Where the graph, dtype, Keras and hardware rules must be silent, and what shows that they are.

What holds an entry is a GOOD example (`LC301-good-0`), the BAD example of another rule, whose test lets no
second rule speak (`LC307-bad-0`), a loss of the bank of right ones (`clean/plain.py:my_mse`), or a test.
"""

import re
from pathlib import Path

import pytest

from losscheck.registry import all_rules

ROOT = Path(__file__).parent.parent
EXAMPLES = {
    f"{rule.code}-{kind.lower()}-{number}"
    for rule in all_rules()
    for kind in ("GOOD", "BAD")
    for number in range(len(getattr(rule, kind)))
}
STATE = ("LC307-bad-0", "LC309-bad-0", "LC309-bad-1", "LC310-bad-0", "LC310-bad-1", "LC311-bad-0")
QUIET = {
    "LC301: NumPy on constants": ("LC301-good-0", "LC301-good-1", "clean/robust_regression.py:huber_loss"),
    "LC303: branches on Python values": ("LC303-good-0", "clean/branches.py:two_norms"),
    "LC305: created lazily, once": ("LC305-good-1",),
    "LC306: tf.print": ("LC701-bad-0", "clean/eager_history.py:remembered_error"),
    "LC307: tf.Variable.assign": ("LC307-good-0", "clean/looks_unused.py:counted"),
    "LC309: random operations of TensorFlow": (
        "LC309-good-0",
        "probes/test_watch.py::test_random_operations_of_tensorflow_are_no_side_effect",
    ),
    "LC310: constants": (
        "LC310-good-1",
        "probes/test_frozen.py::test_a_value_that_nobody_changes_behind_its_back_is_not_frozen",
    ),
    "LC312: TensorFlow's own caches, imports": (
        "clean/imports_late.py:relative_error",
        "clean/eager_history.py:configured_error",
        "probes/test_tracing.py::test_reading_importing_and_printing_open_no_file",
    ),
    "LC314: a tf.function of the module": ("LC314-good-0", "clean/same_in_both.py:numbers_that_stay"),
    "LC315: float noise": ("clean/float_noise.py:long_sum", "clean/same_in_both.py:folded"),
    "LC315: explained by LC307, LC309, LC310, LC311": STATE,
    "LC318: LC314": ("LC314-bad-0",),
    "LC319: bound by a default argument": ("LC319-good-0", "clean/quantiles_bound.py:low_default"),
    "LC319: bound by a partial": ("probes/test_siblings.py::test_losses_with_a_value_of_their_own_are_not",),
    "LC320: tables of classes": ("LC320-good-0", "clean/tables_of_other_axes.py:costly_crossentropy"),
    "LC320: grids": ("clean/tables_of_other_axes.py:moments_error",),
    "LC320: anchors": ("clean/tables_of_other_axes.py:anchored_error",),
    "LC321: another part is used": ("LC321-good-1", "clean/looks_unused.py:one_of_two"),
    "LC402: y_true that is no label": ("LC402-good-1",),
    "LC606: held and never read": (
        "clean/keras_tensor_shapes.py:per_unit_loss",
        "clean/keras_tensor_shapes.py:switched_loss",
    ),
    "LC610: losses per sample": ("LC610-good-0", "LC610-good-2"),
    "LC612: training loops of one's own": ("LC612-good-1", "clean/custom_loop.py:pixel_error"),
    "LC614: LC603 alone": ("LC614-good-1",),
    "LC702: float noise": ("clean/float_noise.py:long_sum", "clean/float_noise.py:difference_of_long_sums"),
    "LC704: statistics of the batch by design": (
        "test_fixtures.py::test_a_statistic_of_the_batch_that_is_meant_is_a_note_on_two_replicas",
        "clean/of_one_batch.py:contrast_in_batch",
        "clean/of_one_batch.py:mined_triplets",
        "clean/of_one_batch.py:ranked_pairs",
        "clean/of_one_batch.py:dice_of_batch",
        "clean/of_one_batch.py:masked_mean",
        "clean/of_one_batch.py:correlation_gap",
    ),
}


def exists(holder):
    """Whether an example, a loss of the bank or a test has this name."""
    path, _, name = re.sub("::", ":", holder).partition(":")
    if not name:
        return holder in EXAMPLES
    file = ROOT / "fixtures" / "losses" / path if path.startswith("clean/") else ROOT / "tests" / path
    defined = rf"^\s*(?:def|class) {name}\b|^{name}\b.*? = "
    return re.search(defined, file.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("entry", QUIET)
def test_what_holds_it_is_there(entry):
    assert [holder for holder in QUIET[entry] if not exists(holder)] == []


def test_an_example_holds_its_own_rule_or_is_the_defect_of_another():
    for entry, holders in QUIET.items():
        for code, kind in (holder.split("-")[:2] for holder in holders if holder in EXAMPLES):
            assert (code == entry[:5]) is (kind == "good"), (entry, code)


def test_what_is_not_there_is_missed():
    assert not exists("LC301-good-9")
    assert not exists("clean/plain.py:no_such_loss")
    assert not exists("clean/plain.py:y_pred"), "it is named there, and defined nowhere"
