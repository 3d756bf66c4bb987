"""What the parent and a worker process say to each other: typed messages, one JSON line each."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losscheck.loss import FoundLoss, Kind
from losscheck.worker.results import Checked, Result, read, written
from losscheck.worker.terms import Place

#: Exit status of a child that could not write what was found.
UNABLE = 199
#: Environment variable that makes a worker check its losses without a fork, as on Windows.
NO_FORK = "LOSSCHECK_NO_FORK"


def can_fork() -> bool:
    """Whether a worker forks a child for each loss.

    Linux only: on macOS a process that has loaded the system's own frameworks must not go on after a fork.
    """
    return sys.platform == "linux" and hasattr(os, "fork") and not os.environ.get(NO_FORK)


@dataclass(frozen=True)
class WorkerOptions:
    """What the user said about how to check the losses."""

    y_true: str | None = None  #: input spec
    y_pred: str | None = None  #: input spec
    task: str | None = None  #: name of a task
    select: tuple[str, ...] = ()  #: codes or prefixes of rules; empty: all
    ignore: tuple[str, ...] = ()  #: codes or prefixes of rules
    modes: tuple[str, ...] = ()  #: modes to run also where a default run passes them over
    load: str = "auto"  #: how much of the user's file to run: ``auto``, ``import`` or ``slice``
    batch: str | None = None  #: file with arrays
    model: str | None = None  #: target of a function that builds a model
    drawing: bool = False  #: whether to draw the curve of each loss and the path of its gradient
    repro: bool = False  #: keep what scripts need that show the findings again


#: Loads a loss and checks it, in the worker; hands each result that a mode may still cost it to the last.
Check = Callable[[FoundLoss, WorkerOptions, Callable[[Checked], None]], Checked]


@dataclass(frozen=True)
class Welcome:
    """Parent to worker, at once."""

    folder: str  #: of all files of the pool


@dataclass(frozen=True)
class Request:
    """Parent to worker: check this loss."""

    number: int  #: unique in the pool
    loss: FoundLoss
    options: WorkerOptions
    folder: str  #: where the files of this request go (see `RequestFiles`)
    limit: float  #: seconds that the check may take
    memory: float  #: GiB that it may take above the import
    place: Place | None = None  #: where to check it; None: where the worker was started


@dataclass(frozen=True)
class Goodbye:
    """Parent to worker: end. A pipe that closes without it says that the parent died."""


@dataclass(frozen=True)
class Hello:
    """Worker to parent: everything is imported."""

    tensorflow: str  #: version
    keras: str  #: version
    python: str  #: version
    libraries: tuple[str, ...]  #: folders of code that is not the user's


@dataclass(frozen=True)
class Broken:
    """Worker to parent: something cannot be imported; the worker ends."""

    type: str  #: exception class
    message: str


@dataclass(frozen=True)
class Started:
    """Worker to parent: a child was forked."""

    number: int
    pid: int  #: of the child; also its process group


@dataclass(frozen=True)
class Ended:
    """Worker to parent: a check is over. The result lies in its file, if it came to one."""

    number: int
    exit_code: int | None = None  #: exit status, None if a signal ended the child
    signal: str | None = None  #: ``SIGSEGV``
    timed_out: bool = False  #: killed because its time was over
    out_of_memory: bool = False  #: killed because it took too much memory
    is_last: bool = False  #: the loss has changed the worker: it must check no other

    @classmethod
    def by(cls, number: int, code: int, *, timed_out: bool = False, out_of_memory: bool = False) -> Ended:
        """From an exit status as `subprocess` gives it, negative for a signal."""
        if code >= 0:
            return cls(number, code, timed_out=timed_out, out_of_memory=out_of_memory)
        return cls(number, None, signal_name(-code), timed_out, out_of_memory)


Message = Welcome | Request | Goodbye | Hello | Broken | Started | Ended
_TYPES: dict[str, type[Message]] = {
    cls.__name__: cls for cls in (Welcome, Request, Goodbye, Hello, Broken, Started, Ended)
}


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def encode(message: Message) -> bytes:
    """The message as one line."""
    return json.dumps({"is": type(message).__name__, **dataclasses.asdict(message)}).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The inverse of `encode`."""
    data = json.loads(line)
    cls = _TYPES[data.pop("is")]
    if cls is Request:
        data["loss"], data["options"] = read_loss(data["loss"]), read_options(data["options"])
        data["place"] = data["place"] and Place(**data["place"])
    return cls(**{key: _as_tuple(value) for key, value in data.items()})


def read_loss(data: dict[str, Any]) -> FoundLoss:
    """The inverse of `dataclasses.asdict`."""
    return FoundLoss(**{**data, "kind": Kind(data["kind"])})


def read_options(data: dict[str, Any]) -> WorkerOptions:
    """The inverse of `dataclasses.asdict`."""
    return WorkerOptions(**{key: _as_tuple(value) for key, value in data.items()})


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class RequestFiles:
    """The files of one request: they outlive the process that writes them, whatever ends it."""

    folder: Path

    @property
    def result(self) -> Path:
        """Report and failures as JSON, as far as the check came."""
        return self.folder / "result.json"

    @property
    def output(self) -> Path:
        """What was written to stdout and stderr."""
        return self.folder / "output.txt"

    @property
    def stack(self) -> Path:
        """The Python stacks at the time limit or at a fatal signal, by `faulthandler`."""
        return self.folder / "stack.txt"

    def write_result(self, result: Checked) -> None:
        """Write a result in one step: it is there as a whole or not at all."""
        text = written(result)
        self.folder.mkdir(exist_ok=True)  # the loss may have emptied the folder of temporary files
        temporary = self.folder / "result.part"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.result)

    def read_result(self) -> Result | None:
        """The inverse of `write_result`; None if there is no result."""
        if not self.result.exists():
            return None
        return read(self.result.read_text(encoding="utf-8"))
