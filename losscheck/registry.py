"""All rules, found by walking the package `losscheck.rules`; there is no list to edit."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType

from losscheck.exceptions import LosscheckError
from losscheck.rule import Rule

#: Folder of rules → how their codes begin.
FAMILIES = {
    "contract": "LC0",
    "shape": "LC1",
    "gradient": "LC2",
    "graph": "LC3",
    "dtype": "LC4",
    "numerics": "LC5",
    "keras": "LC6",
    "hardware": "LC7",
}


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """One instance of every rule that losscheck ships, by code."""
    import losscheck.rules

    return find_rules(losscheck.rules)


def find_rules(package: ModuleType) -> tuple[Rule, ...]:
    """One instance of every rule defined in a package or below it, by code."""
    modules = (
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    )
    classes = (cls for module in modules for cls in _rule_classes(module))
    return tuple(sorted((cls() for cls in classes), key=lambda rule: rule.code))


def rule(code_or_name: str, rules: Iterable[Rule] | None = None) -> Rule:
    """The rule with this code or name, in any case; a `LosscheckError` names the nearest ones."""
    known = all_rules() if rules is None else tuple(rules)
    wanted = code_or_name.strip().lower()
    for candidate in known:
        if wanted in (candidate.code.lower(), candidate.name):
            return candidate
    raise LosscheckError(f"no rule `{code_or_name}`{nearest(code_or_name, known)}")


def nearest(word: str, rules: Iterable[Rule]) -> str:
    """The end of a sentence that names the rules nearest to a mistyped code or name."""
    rules = tuple(rules)
    by_word = {rule.code.lower(): rule for rule in rules} | {rule.name: rule for rule in rules}
    matches = difflib.get_close_matches(word.strip().lower(), by_word, n=3, cutoff=0.6)
    if not matches:
        return "; `losscheck --rules` lists them all"
    unique = dict.fromkeys(f"{by_word[match].code} {by_word[match].name}" for match in matches)
    return f"; did you mean {' or '.join(unique)}?"


def _rule_classes(module: ModuleType) -> Iterator[type[Rule]]:
    """The concrete rules that a module defines itself (not those that it imports)."""
    for member in vars(module).values():
        if not inspect.isclass(member) or not issubclass(member, Rule) or inspect.isabstract(member):
            continue
        if member.__module__ == module.__name__:
            yield member
