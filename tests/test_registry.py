import sys

import pytest

from losscheck.exceptions import LosscheckError
from losscheck.registry import all_rules, find_rules, rule
from losscheck.rule import Rule

RULE = '''
from losscheck.finding import Severity
from losscheck.rule import Rule

class {cls}(Rule):
    """One sentence."""

    code, name, severity, hint = "{code}", "{name}", Severity.ERROR, "do it"
    BAD, GOOD = (), ()

    def check(self, prober):
        yield from ()
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with two rules, one module that only imports a rule, and an abstract rule."""
    root = tmp_path / "zoo_of_rules"
    family = root / "gradient"
    family.mkdir(parents=True)
    (root / "__init__.py").touch()
    (family / "__init__.py").touch()
    (root / "zero.py").write_text(RULE.format(cls="Zero", code="LC202", name="zero-gradient"))
    (family / "cut.py").write_text(RULE.format(cls="Cut", code="LC201", name="disconnected-gradient"))
    (family / "again.py").write_text("from zoo_of_rules.gradient.cut import Cut\n")
    (family / "base.py").write_text("from losscheck.rule import Rule\nclass Family(Rule): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import zoo_of_rules

    yield zoo_of_rules
    for name in [name for name in sys.modules if name.partition(".")[0] == "zoo_of_rules"]:
        del sys.modules[name]


def test_every_concrete_rule_below_a_package_is_found_once_by_code(package):
    assert [rule.code for rule in find_rules(package)] == ["LC201", "LC202"]


@pytest.mark.parametrize("word", ["LC201", "lc201", "disconnected-gradient", " LC201 "])
def test_a_rule_is_found_by_code_or_name(package, word):
    assert rule(word, find_rules(package)).code == "LC201"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("LC203", "no rule `LC203`; did you mean LC202 zero-gradient or LC201 disconnected-gradient?"),
        ("zero-gradent", "no rule `zero-gradent`; did you mean LC202 zero-gradient?"),
        ("banana", "no rule `banana`; `losscheck --rules` lists them all"),
    ],
)
def test_a_mistyped_rule_gets_the_nearest_names(package, word, message):
    with pytest.raises(LosscheckError) as error:
        rule(word, find_rules(package))

    assert str(error.value) == message


def test_losscheck_ships_rules_with_unique_codes_and_names():
    rules = all_rules()

    assert all(isinstance(rule, Rule) for rule in rules)
    assert len({rule.code for rule in rules}) == len({rule.name for rule in rules}) == len(rules)
    assert all_rules() is rules
