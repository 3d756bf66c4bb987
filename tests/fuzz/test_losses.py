"""Whatever the loss, losscheck itself does not fail; what was planted is found at its line.

A few of each, the same every time; ``python -m tests.fuzz 2000`` runs as many as are asked for.
"""

import pytest

from losscheck.engine import Options, check_found
from losscheck.loading.target import find_losses

from .checks import hold
from .runs import Runner

pytestmark = [pytest.mark.field, pytest.mark.filterwarnings("ignore")]

#: Losses that once made losscheck fail, with what they have in common with nothing else here.
FELL_OUT = {
    "a value without an entry": "return tf.boolean_mask(y_pred, y_pred > y_pred)",
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with Runner(tmp_path_factory.mktemp("fuzzed"), is_shrinking=False) as runner:
        yield runner


@pytest.mark.parametrize("number", [1])
def test_losscheck_does_not_fail_on_a_tree(runner, number):
    assert [(fall.summary, fall.text) for fall in runner.batch("trees", number)] == []


@pytest.mark.parametrize("number", [1])
def test_what_was_planted_is_found_at_its_line(runner, number):
    assert [(fall.summary, fall.text) for fall in runner.batch("planted", number)] == []


@pytest.mark.parametrize("body", FELL_OUT.values(), ids=FELL_OUT.keys())
def test_what_fell_out_once_does_no_more(body, tmp_path):
    path = tmp_path / "losses.py"
    path.write_text(f"import tensorflow as tf\n\ndef loss(y_true, y_pred):\n    {body}\n")
    (found,) = find_losses(f"{path}:loss").losses

    hold(check_found(found, Options()), found)
