"""Which rules run: selectors from `--select` and `--ignore`, the longest one wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from losscheck.exceptions import LosscheckError
from losscheck.registry import nearest
from losscheck.rule import Rule

ALL = "ALL"  # the selector that every rule matches, more weakly than any other

_OPINIONS = "LC9"  # rules of taste, off unless they are selected
_NO_MATCH = -1


def select(rules: Iterable[Rule], select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """The rules that run, in the order given.

    A selector is the beginning of a code (``LC2``), a code, the name of a rule, or ``ALL``. Where one
    selects a rule and another ignores it, the longer one wins, and at equal length the rule is ignored.
    Without `select` every rule is selected but those of ``LC9``.
    """
    rules = tuple(rules)
    for selector in (*select, *ignore):
        _check_selector(selector, rules)
    return tuple(rule for rule in rules if _selection(rule, select) > _strongest(rule, ignore))


def split(selectors: str | Iterable[str]) -> tuple[str, ...]:
    """Selectors one by one, from one string or several, each of which may be a list with commas."""
    texts = (selectors,) if isinstance(selectors, str) else selectors
    return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())


def _check_selector(selector: str, rules: tuple[Rule, ...]) -> None:
    """Refuse a selector that matches no rule."""
    if not any(_match(rule, selector) > _NO_MATCH for rule in rules):
        raise LosscheckError(f"no rule matches `{selector}`{nearest(selector, rules)}")


def _selection(rule: Rule, select: Sequence[str]) -> int:
    """How strongly a rule is selected."""
    if select:
        return _strongest(rule, select)
    return _NO_MATCH if rule.code.startswith(_OPINIONS) else 0


def _strongest(rule: Rule, selectors: Sequence[str]) -> int:
    return max((_match(rule, selector) for selector in selectors), default=_NO_MATCH)


def _match(rule: Rule, selector: str) -> int:
    """How many letters of the rule's code a selector pins down: 0 for ``ALL``, -1 if it is another rule's."""
    word = selector.strip().upper()
    if word == ALL:
        return 0
    if word == rule.name.upper():
        return len(rule.code)
    return len(word) if word and rule.code.startswith(word) else _NO_MATCH
