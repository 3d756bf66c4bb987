"""Results of earlier runs, in the user's cache directory, for losses of which nothing has changed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losscheck.likeness import own_fingerprint, packages, variables
from losscheck.loss import FoundLoss
from losscheck.report import LossReport

#: Environment variable: the folder of the cache, in place of the user's.
FOLDER = "LOSSCHECK_CACHE_DIR"
#: Environment variable: a run keeps nothing and reads nothing.
OFF = "LOSSCHECK_NO_CACHE"
_MAX_BYTES = 64 * 2**20
_STALE_SECONDS = 3600.0  #: after which a half-written file was left by a run that was killed


@dataclass(frozen=True)
class Kept:
    """A result that is still true."""

    report: LossReport
    python: str  #: version that it was made with
    tensorflow: str  #: version
    keras: str  #: version


class Cache:
    """The results of one interpreter with one set of options.

    Args:
        python: the interpreter that runs the losses.
        more: what else two runs must have in common.
        folder: where the results lie; None: `LOSSCHECK_CACHE_DIR`, else the user's cache directory.

    """

    def __init__(
        self, python: str = sys.executable, more: Sequence[object] = (), folder: Path | None = None
    ) -> None:
        self.folder = folder or default_folder()
        self._surroundings = {
            "losscheck": own_fingerprint(),
            "python": python,
            "packages": packages(python),
            "more": list(more),
            "folder": str(Path.cwd()),
            "environment": variables(),
        }

    def look_up(self, loss: FoundLoss, options: Any) -> Kept | None:
        """The result of an earlier run, if all files that it ran are as they were."""
        path = self._path(loss, options)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if not all(_digest(file) == digest for file, digest in data["files"].items()):
                return None
            kept = Kept(LossReport.from_dict(data["report"]), *data["versions"])
        except (OSError, ValueError, KeyError, TypeError):  # none, or one that a killed run left
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the oldest are dropped first
        return kept

    def keep(self, loss: FoundLoss, options: Any, kept: Kept, files: Mapping[str, str]) -> None:
        """Keep a result with the digests of the files that it ran; a full disk is no failure of the run."""
        data = {
            "files": dict(files),
            "versions": [kept.python, kept.tensorflow, kept.keras],
            "report": kept.report.to_dict(),
        }
        path = self._path(loss, options)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(data, file)
            Path(name).replace(path)

    def prune(self, limit: int = _MAX_BYTES) -> None:
        """Drop the results that were not used for longest until the rest fits, and what killed runs left."""
        entries = []
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for changed, size, path in sorted(entries):
            is_left = path.suffix == ".part" and time.time() - changed > _STALE_SECONDS
            if total > limit or is_left:
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= size

    def _path(self, loss: FoundLoss, options: Any) -> Path:
        key = {
            **self._surroundings,
            "loss": dataclasses.asdict(loss),
            "options": dataclasses.asdict(options),
            "given": _digest(options.batch) if options.batch else "",
        }
        name = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.json"


def is_off() -> bool:
    """Whether the environment says that nothing is kept."""
    return bool(os.environ.get(OFF))


def default_folder() -> Path:
    """Where results lie unless a run says otherwise."""
    if told := os.environ.get(FOLDER):
        return Path(told)
    from platformdirs import user_cache_path

    return user_cache_path("losscheck", appauthor=False)


def clear() -> Path:
    """Delete all results; gives the folder."""
    folder = default_folder()
    shutil.rmtree(folder, ignore_errors=True)
    return folder


@functools.lru_cache(maxsize=4096)
def _digest(path: str) -> str:
    """SHA-256 of a file; empty where there is none."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
