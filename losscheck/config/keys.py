"""The keys of ``[tool.losscheck]`` and what each may hold.

A reader takes the value as TOML gives it and returns the value that losscheck works with; it raises
`ConfigError` with the end of a sentence that begins with the key.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from losscheck.choices import LONGEST_TIMEOUT, Device, FailOn, Load
from losscheck.exceptions import ConfigError, LosscheckError
from losscheck.finding import Mode
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.tasks import TASKS
from losscheck.selection import split

Reader = Callable[[Any], Any]


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that names the nearest known word, or all of them."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else f"; use one of {', '.join(known)}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"must be text, not {value!r}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f"must be a list of texts, not {value!r}")
    return tuple(value)


def _selectors(value: Any) -> tuple[str, ...]:
    """Codes, beginnings of codes or names, each of which some rule has."""
    from losscheck.registry import all_rules
    from losscheck.selection import select

    selectors = split(_texts(value))
    try:
        select(all_rules(), selectors)
    except LosscheckError as error:
        raise ConfigError(str(error)) from None
    return selectors


def _one_of(known: Iterable[str], noun: str) -> Reader:
    words = tuple(known)

    def read(value: Any) -> str:
        if _text(value) not in words:
            raise ConfigError(f"unknown {noun} `{value}`{meant(value, words)}")
        return str(value)

    return read


def _some_of(known: Iterable[str], noun: str) -> Reader:
    read_one = _one_of(known, noun)
    return lambda value: tuple(read_one(entry) for entry in _texts(value))


def _by_pattern(read_one: Reader) -> Reader:
    """A table from a file pattern to a value."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ConfigError(f"must be a table from file pattern to value, not {value!r}")
        return {pattern: _read_entry(read_one, pattern, entry) for pattern, entry in value.items()}

    return read


def _read_entry(read_one: Reader, pattern: str, entry: Any) -> Any:
    try:
        return read_one(entry)
    except ConfigError as error:
        raise ConfigError(f'"{pattern}": {error}') from None


def _positive(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
        raise ConfigError(f"must be a number above 0, not {value!r}")
    return float(value)


def _seconds(value: Any) -> float:
    if _positive(value) > LONGEST_TIMEOUT:
        raise ConfigError(f"must be at most {LONGEST_TIMEOUT:.0f} seconds, not {value!r}")
    return float(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"must be a whole number of at least 1, not {value!r}")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"must be true or false, not {value!r}")
    return value


def _spec(value: Any) -> str:
    try:
        parse_spec(_text(value))
    except LosscheckError as error:
        raise ConfigError(str(error)) from None
    return str(value)


_task = _one_of(TASKS, "task")

#: Of the whole run: they are read from the file closest to the working directory.
RUN_KEYS: Mapping[str, Reader] = {
    "targets": _texts,
    "fail-on": _one_of([choice.value for choice in FailOn], "severity"),
    "timeout": _seconds,
    "memory": _positive,
    "device": _one_of([choice.value for choice in Device], "device"),
    "jobs": _count,
    "baseline": _text,
    "python": _text,
    "cache": _flag,
}
#: Of the losses of a file: they are read from the file closest to it.
FILE_KEYS: Mapping[str, Reader] = {
    "select": _selectors,
    "ignore": _selectors,
    "per-file-ignores": _by_pattern(_selectors),
    "tasks": _by_pattern(_task),
    "modes": _some_of([mode.value for mode in Mode], "mode"),
    "load": _one_of([choice.value for choice in Load], "way to load"),
}
KEYS: Mapping[str, Reader] = {**RUN_KEYS, **FILE_KEYS}
#: Of one loss: ``[tool.losscheck.losses."losses.py:dice_loss"]``.
LOSS_KEYS: Mapping[str, Reader] = {"y_true": _spec, "y_pred": _spec, "task": _task}
