"""Decides from the bare text whether a file is worth parsing; most files of a project hold no loss."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

from losscheck.loading.naming import CLEAR, pair_strength, says_loss
from losscheck.loading.scan import wants_word

_GAP = r"(?:\s|#[^\n]*\n|\\\n)*"
#: looked for first: a plain word is found many times faster than a pattern that starts with a choice
_HEADS = (re.compile("def"), re.compile("lambda"))
#: an annotation on one line, brackets in brackets at most
_ANNOTATION = r":[^,=()\[\]\n]*(?:\[(?:[^\[\]\n]|\[[^\[\]\n]*\])*\][^,=()\[\]\n]*)?"
#: the first two parameters of a function or lambda; the first alone behind a longer annotation
_PARAMETERS = re.compile(
    rf"\b(?:def{_GAP}\w+{_GAP}(?:\[[^\n]*\]{_GAP})?\(|lambda\b){_GAP}(?:(?:self|cls){_GAP},{_GAP})?"
    rf"(\w+){_GAP}(?:(?:{_ANNOTATION})?,{_GAP}(\w+)|(?!{_ANNOTATION}(?:[)=]|,{_GAP}[*/])):)"
)
#: what a file defines: functions, classes that are losses, and whatever stands before a `=` or `:`
_NAMES = re.compile(
    r"(?:\b(?:def|class(?=[ \t]+\w*loss))[ \t]+|^[ \t]*)(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*[(\[=:]", re.M
)
#: a class that is called loss or derives from one; a call of such a class; a module of losses
_LOSS_CLASS = (
    re.compile(r"class\s+(?:\w*Loss|\w+\s*\([^)]*[Ll]oss)"),
    re.compile(r"Loss\w*\s*\("),
    re.compile(r"losses\b"),
)
#: ``compile(loss=…)`` of anything but the name of a built-in
_COMPILED = re.compile(
    r"\.compile\s*\((?:(?:[^()]|\([^()]*\))*?\bloss\s*=\s*[^\"'\s]|[^,()=]+,\s*\w+\s*[,)])"
)


def is_suspicious(path: Path) -> bool:
    """Whether a file that cannot be read as text may hold a loss: nobody can say that it holds none."""
    try:
        return may_hold_loss(path.read_bytes().decode("latin-1"))
    except OSError:
        return True


def may_hold_loss(text: str) -> bool:
    """Whether the text has a function of truth and prediction or speaks of ``Loss`` classes.

    True for every file in which a scan would find a loss, and for a few others.
    """
    has_word = "loss" in text or "Loss" in text or "LOSS" in text
    strength = max((_strength(*pair, has_word) for pair in _first_parameters(text)), default=0)
    if strength and (has_word or not wants_word(text)) and (strength >= CLEAR or _names_loss(text)):
        return True
    is_class = has_word and any(pattern.search(text) for pattern in _LOSS_CLASS)
    return is_class or _COMPILED.search(text) is not None


def _first_parameters(text: str) -> Iterator[tuple[str, str | None]]:
    for head in _HEADS:
        for start in head.finditer(text):
            if match := _PARAMETERS.match(text, start.start()):
                yield match[1], match[2]


@functools.lru_cache(maxsize=4096)
def _strength(first: str, second: str | None, vague: bool) -> int:
    """How clearly two parameters are truth and prediction; a second one that is not known may be either."""
    if second is not None:
        return pair_strength(first, second, vague=vague)
    return max(pair_strength(first, "y_pred", vague=vague), pair_strength("y_true", first))


def _names_loss(text: str) -> bool:
    """Whether something that the text defines is called a loss."""
    return any(says_loss(name) for names in _NAMES.findall(text) for name in re.findall(r"\w+", names))
