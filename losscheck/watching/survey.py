"""The losses that the targets name and the files that each depends on; only what changed is read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from losscheck.checking import find_targets
from losscheck.config import FILE, forget_configs
from losscheck.exceptions import TargetError
from losscheck.loading.address import split_target
from losscheck.loading.dependencies import imported_files
from losscheck.loading.folders import losses_of, python_files
from losscheck.loading.target import Found, find_in_files, find_losses
from losscheck.loss import FoundLoss
from losscheck.report import Failure
from losscheck.settings import FileSettings, Settings

#: The file of a loss and its name: the same loss after a change.
Key = tuple[Path, str]


@dataclass(frozen=True)
class WatchedLoss:
    """A loss and what it is made of."""

    found: FoundLoss
    files: frozenset[Path]  #: its own, what it imports, and what an option names
    settings: FileSettings  #: what the project says of its file

    @property
    def key(self) -> Key:
        """What stays when its file is changed."""
        return Path(self.found.path).resolve(), self.found.name

    def differs_from(self, other: WatchedLoss) -> bool:
        """Whether the project now says something else of its inputs or its rules."""
        return (self.found.spec_config, self.settings) != (other.found.spec_config, other.settings)


@dataclass(frozen=True)
class Surveyed:
    """What the targets give now."""

    losses: dict[Key, WatchedLoss] = field(default_factory=dict)  #: in the order of the targets
    failures: tuple[Failure, ...] = ()  #: targets that name nothing
    files: int = 0  #: files that were read


class Survey:
    """Reads the targets, again and again.

    Args:
        targets: as on the command line.
        settings: what the command line and the project say.
        more: targets and files on which every loss depends.

    """

    def __init__(self, targets: Iterable[str], settings: Settings, more: Iterable[str] = ()) -> None:
        self._targets = tuple(targets)
        self._settings = settings
        self._more = tuple(_file_of(target) for target in more)
        self._folders = tuple(folder for folder in map(_folder_of, self._targets) if folder is not None)
        self._named = tuple(_file_of(target) for target in self._targets if _folder_of(target) is None)
        self._read_ones: dict[Path, tuple[FoundLoss, ...] | None] = {}
        self._imports: dict[Path, frozenset[Path]] = {}
        self._now = Surveyed()

    def read(self, changed: Iterable[Path] = ()) -> Surveyed:
        """The losses as they are now; ``changed`` are the files that are not as at the last time."""
        for path in changed:
            self._read_ones.pop(path, None)
            self._imports[path] = imported_files(path) or self._imports.get(path, frozenset())
        forget_configs()
        found = find_targets(self._targets, self._settings, self._find)
        losses = [
            WatchedLoss(loss, self._files_of(loss), self._settings.of_file(Path(loss.path)))
            for loss in found.losses
        ]
        self._now = Surveyed({loss.key: loss for loss in losses}, found.failures, found.files)
        return self._now

    def paths(self) -> frozenset[Path]:
        """The files to watch: all of the folders, those of the losses, and those that may come."""
        paths = {*self._named, *self._more}
        paths.update(path.absolute() for folder in self._folders for path in python_files(folder))
        for loss in self._now.losses.values():
            paths |= loss.files
        folders = {folder for path in paths for folder in path.parents}
        return frozenset(paths | {folder / FILE for folder in folders if (folder / FILE).is_file()})

    def _find(self, target: str) -> Found:
        folder = _folder_of(target)
        return find_losses(target) if folder is None else find_in_files(python_files(folder), self._losses_of)

    def _losses_of(self, path: Path) -> tuple[FoundLoss, ...] | None:
        key = path.absolute()
        if key not in self._read_ones:
            self._read_ones[key] = losses_of(path)
        return self._read_ones[key]

    def _files_of(self, loss: FoundLoss) -> frozenset[Path]:
        return frozenset(self._with_imports([Path(loss.path).absolute(), *self._more]))

    def _with_imports(self, paths: Iterable[Path]) -> Iterator[Path]:
        waiting, seen = list(paths), set()
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            yield path
            if path not in self._imports:
                self._imports[path] = imported_files(path) or frozenset()
            waiting += self._imports[path]


def _folder_of(target: str) -> Path | None:
    """The folder that a target names, all of it; None if it names something else."""
    try:
        address = split_target(target)
    except TargetError:
        return None
    folder = Path(address.place)
    return folder if not address.is_module and not address.expression and folder.is_dir() else None


def _file_of(target: str) -> Path:
    """The file that a target names, where a file it is; a module's is known from its losses."""
    try:
        return Path(split_target(target).place).absolute()
    except TargetError:
        return Path(target).absolute()
