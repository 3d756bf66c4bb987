"""Reads ``[tool.losscheck]`` from the closest ``pyproject.toml``; a key that nobody knows is an error."""

from __future__ import annotations

import difflib
import functools
import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from losscheck.exceptions import ConfigError, SpecError
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.tasks import TASKS

FILE = "pyproject.toml"
_KEYS = ("losses",)
_LOSS_KEYS = ("y_true", "y_pred", "task")


@dataclass(frozen=True)
class Config:
    """What a project says."""

    folder: Path  #: where its file lies
    #: file of a loss (absolute) and its name → specs by ``y_true``, ``y_pred``, ``task``
    losses: Mapping[tuple[Path, str], Mapping[str, str]] = field(default_factory=dict)

    def specs_of(self, path: Path, name: str) -> dict[str, str]:
        """What the project says of the inputs of a loss; empty if nothing."""
        return dict(self.losses.get((path.resolve(), _squeezed(name)), {}))


def find_config(path: Path) -> Config | None:
    """The configuration that holds for a file: of the closest folder upward that has one.

    Raises:
        ConfigError: the file is no TOML, or a key or a value in it is unknown.

    """
    for folder in path.resolve().parents:
        if (found := _read(folder)) is not None:
            return found
    return None


@functools.lru_cache(maxsize=256)
def _read(folder: Path) -> Config | None:
    path = folder / FILE
    if not path.is_file():
        return None
    # part of Python from 3.11 on; losscheck depends on its forerunner before
    toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        data = toml.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise ConfigError(f"cannot read {path}: {error}") from None
    table = _table(data.get("tool", {}), path, "tool").get("losscheck")
    if table is None:
        return None
    _refuse_unknown(_table(table, path, "tool.losscheck"), _KEYS, path, "tool.losscheck")
    losses = _table(table.get("losses", {}), path, "tool.losscheck.losses")
    return Config(folder, dict(_loss(path, key, value) for key, value in losses.items()))


def _loss(path: Path, key: str, value: Any) -> tuple[tuple[Path, str], Mapping[str, str]]:
    title = f'tool.losscheck.losses."{key}"'
    place, _, name = key.partition(".py:") if ".py:" in key else key.partition(".ipynb:")
    suffix = ".py" if ".py:" in key else ".ipynb"
    if not name:
        raise ConfigError(
            f'{path}: `{key}` names no loss: write [tool.losscheck.losses."losses.py:dice_loss"]'
        )
    file = (path.parent / f"{place}{suffix}").resolve()
    if not file.is_file():
        raise ConfigError(f"{path}: [{title}]: no such file: {file}")
    specs = _table(value, path, title)
    _refuse_unknown(specs, _LOSS_KEYS, path, title)
    for side, spec in specs.items():
        if not isinstance(spec, str):
            raise ConfigError(f"{path}: [{title}]: `{side}` must be text, not {spec!r}")
        if side == "task" and spec not in TASKS:
            raise ConfigError(f"{path}: [{title}]: unknown task `{spec}`{_meant(spec, TASKS)}")
        if side != "task":
            try:
                parse_spec(spec)
            except SpecError as error:
                raise ConfigError(f"{path}: [{title}]: {side}: {error}") from None
    return (file, _squeezed(name)), specs


def _table(value: Any, path: Path, title: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: [{title}] must be a table")
    return value


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str], path: Path, title: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{path}: [{title}]: unknown key `{key}`{_meant(key, known)}")


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else f"; use one of {', '.join(known)}"


def _squeezed(name: str) -> str:
    """A name or expression without its spaces: ``make( gamma=2 )`` is ``make(gamma=2)``."""
    return "".join(name.split())


def forget_configs() -> None:
    """Read every ``pyproject.toml`` anew when it is next asked for."""
    _read.cache_clear()
