"""What is in force: the command line over the closest ``pyproject.toml`` over the defaults."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscheck.choices import DEFAULT_MEMORY, DEFAULT_TIMEOUT, Device
from losscheck.exceptions import ConfigError

if TYPE_CHECKING:
    from losscheck.config import Config

_NOBODY = "default"
_COMMAND_LINE = "command line"
#: What stands for the active environment; it is weaker than an interpreter that the project names.
_ACTIVE = "auto"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class FileSettings:
    """What holds for the losses of one file."""

    select: tuple[str, ...]  #: selectors of rules; empty: the usual ones
    ignore: tuple[str, ...]  #: selectors of rules
    modes: tuple[str, ...]  #: modes to run also where a default run passes them over
    load: str  #: ``auto``, ``import`` or ``slice``


@dataclass(frozen=True)
class Settings:
    """The settings of a run."""

    given: Mapping[str, Any] = field(default_factory=dict)  #: by key of `KEYS`, from the command line
    file: Path | None = None  #: the configuration to read instead of the closest one
    is_isolated: bool = False  #: read no configuration

    def config_of(self, path: Path) -> Config | None:
        """The configuration that holds for a file or a folder; None if there is none.

        Raises:
            ConfigError: it is broken, or the file that was named has no table of ours.

        """
        from losscheck.config import find_config, read_config

        if self.is_isolated:
            return None
        if self.file is None:
            return find_config(path / "any" if path.is_dir() else path)
        config = read_config(self.file.resolve())
        if config is None:
            raise ConfigError(f"{self.file} has no [tool.losscheck]")
        return config

    def of_run(self, key: str) -> Any:
        """The value of a key of the whole run."""
        return self._value(key, self.config_of(Path.cwd()))[0]

    def targets(self) -> tuple[str, ...]:
        """The targets of a run that names none, as seen from the working directory."""
        config = self.config_of(Path.cwd())
        told = () if config is None else config.values.get("targets", ())
        return tuple(_from_here(target, config.folder) for target in told) if config else ()

    def baseline(self) -> Path | None:
        """The file of known findings, if there is one."""
        value, origin = self._value("baseline", config := self.config_of(Path.cwd()))
        if value is None:
            return None
        return Path(value) if origin == _COMMAND_LINE or config is None else config.folder / value

    def python(self) -> str | None:
        """The interpreter that probes, or ``auto``; None: losscheck's own."""
        config = self.config_of(Path.cwd())
        given = self.given.get("python")
        told = None if config is None else config.values.get("python")
        if told is None or given not in (None, _ACTIVE) or config is None:
            return given
        is_path = os.sep in told or (config.folder / told).exists()
        return str(config.folder / told) if is_path else str(told)

    def of_file(self, path: Path) -> FileSettings:
        """What holds for the losses of a file."""
        config = self.config_of(path)
        ignore = self._value("ignore", config)[0]
        never = [selector for entry in self._by_file(config, "per-file-ignores", path) for selector in entry]
        return FileSettings(
            select=self._value("select", config)[0],
            ignore=(*ignore, *_codes(never)),
            modes=self._value("modes", config)[0],
            load=self._value("load", config)[0],
        )

    def specs_of(self, path: Path, name: str) -> dict[str, str]:
        """What the project says of the inputs of a loss, by ``y_true``, ``y_pred`` and ``task``."""
        config = self.config_of(path)
        tasks = self._by_file(config, "tasks", path)
        specs = config.specs_of(path, name) if config else {}
        return specs or ({"task": tasks[-1]} if tasks else {})

    def shown(self, path: Path) -> str:
        """The settings that hold for a file or a folder, as TOML, each with where it comes from."""
        from losscheck.config.keys import FILE_KEYS, RUN_KEYS

        lines = list(self._lines(RUN_KEYS, self.config_of(Path.cwd())))
        lines += self._lines(FILE_KEYS, config := self.config_of(path))
        for (file, name), specs in config.losses.items() if config else ():
            shown = os.path.relpath(file, config.folder) if config else file
            lines += ["", f"[tool.losscheck.losses.{_toml(f'{shown}:{name}')}]"]
            lines += [f"{side} = {_toml(spec)}" for side, spec in specs.items()]
        return "\n".join(["[tool.losscheck]", *lines, ""])

    def _lines(self, keys: Mapping[str, Any], config: Config | None) -> Iterator[str]:
        for key in keys:
            value, origin = self._value(key, config)
            if value is None:
                yield f"# {key} is not set"
            else:
                yield f"{key} = {_toml(value)}  # {origin}"

    def _value(self, key: str, config: Config | None) -> tuple[Any, str]:
        """The value of a key and who gave it."""
        if key in self.given:
            return self.given[key], _COMMAND_LINE
        if config is not None and key in config.values:
            return config.values[key], str(config.file)
        return _DEFAULTS[key](), _NOBODY

    @staticmethod
    def _by_file(config: Config | None, key: str, path: Path) -> tuple[Any, ...]:
        return () if config is None else config.of_file(key, path)


_DEFAULTS: Mapping[str, Any] = {
    "targets": tuple,
    "fail-on": lambda: "warning",
    "timeout": lambda: DEFAULT_TIMEOUT,
    "jobs": cores,
    "memory": lambda: DEFAULT_MEMORY,
    "device": lambda: Device.CPU.value,
    "baseline": lambda: None,
    "python": lambda: None,
    "cache": lambda: True,
    "select": tuple,
    "ignore": tuple,
    "per-file-ignores": dict,
    "tasks": dict,
    "modes": tuple,
    "load": lambda: "auto",
}


def _codes(selectors: list[str]) -> tuple[str, ...]:
    """The codes of all rules that some selectors match: no longer selector brings one of them back."""
    if not selectors:
        return ()
    from losscheck.registry import all_rules
    from losscheck.selection import select

    return tuple(rule.code for rule in select(all_rules(), selectors))


def _from_here(target: str, folder: Path) -> str:
    """A target of a configuration, whose paths count from its folder."""
    head, colon, name = target.partition(":")
    path = folder / head
    if not path.exists() and "/" not in head and not head.endswith((".py", ".ipynb")):
        return target  # a module
    return f"{os.path.relpath(path)}{colon}{name}"


def _toml(value: Any) -> str:
    """A value as TOML; JSON's texts, numbers and lists are TOML's."""
    if isinstance(value, Mapping):
        entries = ", ".join(f"{_toml(key)} = {_toml(entry)}" for key, entry in value.items())
        return f"{{ {entries} }}" if entries else "{}"
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
