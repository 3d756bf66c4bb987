"""Reads ``[tool.losscheck]`` from the closest ``pyproject.toml``; a key that nobody knows is an error."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscheck.exceptions import ConfigError

if TYPE_CHECKING:
    from losscheck.config.keys import Reader

FILE = "pyproject.toml"


@dataclass(frozen=True)
class Config:
    """What a project says."""

    file: Path  #: where it says so
    values: Mapping[str, Any] = field(default_factory=dict)  #: by key of `KEYS`, those that it gives
    #: file of a loss (absolute) and its name → specs by ``y_true``, ``y_pred``, ``task``
    losses: Mapping[tuple[Path, str], Mapping[str, str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder from which its paths count."""
        return self.file.parent

    def specs_of(self, path: Path, name: str) -> dict[str, str]:
        """What the project says of the inputs of a loss; empty if nothing."""
        return dict(self.losses.get((path.resolve(), _squeezed(name)), {}))

    def of_file(self, key: str, path: Path) -> tuple[Any, ...]:
        """The values of a table by file pattern that hold for a file, in order.

        A pattern is a folder, or matches the path below the configuration's folder or the name alone;
        ``*`` also matches slashes.
        """
        table: Mapping[str, Any] = self.values.get(key, {})
        path = path.resolve()
        if not path.is_relative_to(self.folder):
            return ()
        shown = path.relative_to(self.folder).as_posix()
        return tuple(value for pattern, value in table.items() if _matches(shown, path.name, pattern))


def find_config(path: Path) -> Config | None:
    """The configuration that holds for a file: of the closest folder upward that has one.

    Raises:
        ConfigError: the file is no TOML, or a key or a value in it is unknown.

    """
    for folder in path.resolve().parents:
        if (found := read_config(folder / FILE)) is not None:
            return found
    return None


def forget_configs() -> None:
    """Read every ``pyproject.toml`` anew when it is next asked for."""
    read_config.cache_clear()


@functools.lru_cache(maxsize=256)
def read_config(path: Path) -> Config | None:
    """The configuration in a file; None if there is no file or it has no table of ours.

    Raises:
        ConfigError: as for `find_config`.

    """
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
        if "losscheck" not in text:  # most files: neither TOML nor the keys are imported for them
            return None
        # part of Python from 3.11 on; losscheck depends on its forerunner before
        toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
        data = toml.loads(text)
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise ConfigError(f"cannot read {path}: {error}") from None
    from losscheck.config.keys import KEYS

    table = _table(data.get("tool", {}), path, "tool").get("losscheck")
    if table is None:
        return None
    table = dict(_table(table, path, "tool.losscheck"))
    losses = _table(table.pop("losses", {}), path, "tool.losscheck.losses")
    values = _values(table, KEYS, path, "tool.losscheck", others=("losses",))
    return Config(path, values, dict(_loss(path, key, value) for key, value in losses.items()))


def _values(
    table: Mapping[str, Any],
    readers: Mapping[str, Reader],
    path: Path,
    title: str,
    others: tuple[str, ...] = (),
) -> dict[str, Any]:
    from losscheck.config.keys import meant

    values = {}
    for key, value in table.items():
        if key not in readers:
            raise ConfigError(f"{path}: [{title}]: unknown key `{key}`{meant(key, (*readers, *others))}")
        try:
            values[key] = readers[key](value)
        except ConfigError as error:
            raise ConfigError(f"{path}: [{title}]: {key}: {error}") from None
    return values


def _loss(path: Path, key: str, value: Any) -> tuple[tuple[Path, str], Mapping[str, str]]:
    from losscheck.config.keys import LOSS_KEYS

    title = f'tool.losscheck.losses."{key}"'
    place, _, name = key.partition(".py:") if ".py:" in key else key.partition(".ipynb:")
    suffix = ".py" if ".py:" in key else ".ipynb"
    if not name:
        raise ConfigError(
            f'{path}: `{key}` names no loss: write [tool.losscheck.losses."losses.py:dice_loss"]'
        )
    try:
        file = (path.parent / f"{place}{suffix}").resolve()
        is_file = file.is_file()
    except (OSError, ValueError) as error:  # no name of a file, a folder that may not be entered
        raise ConfigError(f"{path}: [{title}]: {getattr(error, 'strerror', error)}") from None
    if not is_file:
        raise ConfigError(f"{path}: [{title}]: no such file: {file}")
    specs = _values(_table(value, path, title), LOSS_KEYS, path, title)
    return (file, _squeezed(name)), specs


def _table(value: Any, path: Path, title: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: [{title}] must be a table")
    return value


def _matches(shown: str, name: str, pattern: str) -> bool:
    pattern = pattern.removeprefix("./").rstrip("/")
    short = pattern.removeprefix("**/")
    return any(fnmatch(shown, p) or fnmatch(shown, f"{p}/*") or fnmatch(name, p) for p in (pattern, short))


def _squeezed(name: str) -> str:
    """A name or expression without its spaces: ``make( gamma=2 )`` is ``make(gamma=2)``."""
    return "".join(name.split())
