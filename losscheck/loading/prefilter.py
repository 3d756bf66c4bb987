"""Decides from the bare text whether a file is worth parsing; most files of a project hold no loss."""

from __future__ import annotations

import re
from pathlib import Path

from losscheck.loading.naming import pair_strength

_GAP = r"(?:\s|#[^\n]*\n|\\\n)*"
#: the first parameter of a function or lambda, and the second where the first has no annotation
_PARAMETERS = re.compile(
    rf"\b(?:def{_GAP}\w+{_GAP}(?:\[[^\n]*\]{_GAP})?\(|lambda\b){_GAP}(?:(?:self|cls){_GAP},{_GAP})?"
    rf"(\w+){_GAP}(?::|,{_GAP}(\w+))"
)
_LOSS_CLASS = re.compile(r"\bclass\s+\w*Loss|\bclass\s+\w+\s*\([^)]*[Ll]oss|Loss\w*\s*\(|\blosses\b")
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
    for match in _PARAMETERS.finditer(text):
        first, second = match.groups()
        if pair_strength(first, second or "y_pred", vague=has_word) or (
            second is None and pair_strength("y_true", first)
        ):
            return True
    return (has_word and _LOSS_CLASS.search(text) is not None) or _COMPILED.search(text) is not None
