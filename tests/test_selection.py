from types import SimpleNamespace

import pytest

from losscheck.exceptions import LosscheckError
from losscheck.selection import select, split

RULES = tuple(
    SimpleNamespace(code=code, name=name)
    for code, name in [
        ("LC101", "batch-broadcast"),
        ("LC201", "disconnected-gradient"),
        ("LC202", "zero-gradient"),
        ("LC901", "keras-backend-call"),
    ]
)


@pytest.mark.parametrize(
    ("selected", "ignored", "codes"),
    [
        ([], [], ["LC101", "LC201", "LC202"]),
        (["ALL"], [], ["LC101", "LC201", "LC202", "LC901"]),
        (["LC9"], [], ["LC901"]),
        (["LC2"], [], ["LC201", "LC202"]),
        (["lc201"], [], ["LC201"]),
        (["zero-gradient"], [], ["LC202"]),
        (["LC101", "LC202"], [], ["LC101", "LC202"]),
        ([], ["LC2"], ["LC101"]),
        ([], ["disconnected-gradient"], ["LC101", "LC202"]),
        (["LC201"], ["LC2"], ["LC201"]),
        (["LC2"], ["LC201"], ["LC202"]),
        (["LC201"], ["disconnected-gradient"], []),
        (["ALL"], ["LC"], []),
        (["zero-gradient"], ["ALL"], ["LC202"]),
    ],
)
def test_the_longest_selector_wins_and_a_tie_ignores(selected, ignored, codes):
    assert [rule.code for rule in select(RULES, selected, ignored)] == codes


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("LC8", "no rule matches `LC8`; `losscheck --rules` lists them all"),
        ("zero-gradients", "no rule matches `zero-gradients`; did you mean LC202 zero-gradient?"),
        ("", "no rule matches ``; `losscheck --rules` lists them all"),
    ],
)
def test_a_selector_that_matches_nothing_is_refused_also_where_it_ignores(selector, message):
    for selectors in ({"select": [selector]}, {"ignore": [selector]}):
        with pytest.raises(LosscheckError) as error:
            select(RULES, **selectors)
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("given", "selectors"),
    [
        ("LC2", ("LC2",)),
        ("LC2, LC501,", ("LC2", "LC501")),
        (["LC2,dead-term", "ALL"], ("LC2", "dead-term", "ALL")),
        ([], ()),
    ],
)
def test_selectors_may_come_one_by_one_or_with_commas(given, selectors):
    assert split(given) == selectors
