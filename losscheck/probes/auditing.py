"""Files, sockets and processes that a call opens, told by Python's own audit events.

An audit hook cannot be taken out again: one is installed when it is first needed, and hands on to whoever
listens.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from losscheck.observation import Effect, EffectKind
from losscheck.probes.frames import UserFiles, statement_location

#: Flags with which a file is opened for more than reading.
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND
SINKS = (os.devnull, "/dev/stdout", "/dev/stderr", "/dev/tty")
#: Event → what it does, in words; ``{}`` is its first argument.
_EVENTS = {
    "socket.connect": "connects to {}", "socket.getaddrinfo": "looks up the host {}",
    "subprocess.Popen": "starts the process {}", "os.system": "runs the command {}",
    "os.posix_spawn": "starts the process {}", "os.exec": "starts the process {}",
    "os.remove": "removes {}", "os.rename": "renames {}", "os.mkdir": "makes the folder {}",
    "os.rmdir": "removes the folder {}", "os.truncate": "truncates {}", "os.symlink": "links {}",
    "os.link": "links {}", "os.chmod": "changes the mode of {}", "os.utime": "touches {}",
    "shutil.copyfile": "copies {}", "shutil.copytree": "copies {}", "shutil.move": "moves {}",
    "shutil.rmtree": "removes {}", "shutil.make_archive": "packs {}", "shutil.unpack_archive": "unpacks {}",
    "urllib.Request": "requests {}", "http.client.connect": "connects to {}",
    "ftplib.connect": "connects to {}",
    "smtplib.connect": "connects to {}", "sqlite3.connect": "opens the database {}",
    "webbrowser.open": "opens {}",
}  # fmt: skip

Listener = Callable[[str, tuple[Any, ...], FrameType], None]
_listeners: list[Listener] = []


@functools.lru_cache(maxsize=1)
def _install() -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _listeners and (event == "open" or event in _EVENTS):
            for listener in tuple(_listeners):
                listener(event, arguments, sys._getframe(1))

    sys.addaudithook(hook)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have a function hear of each opening of a file and of each event that reaches beyond the process."""
    _install()
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextlib.contextmanager
def recorded_io(files: UserFiles) -> Iterator[list[Effect]]:
    """Record what the user's lines open, remove and start; reading a file is no side effect."""
    effects: list[Effect] = []

    def listen(event: str, arguments: tuple[Any, ...], frame: FrameType) -> None:
        words = _words(event, arguments)
        place = _user_line(frame, files) if words else None
        if place is not None:
            effects.append(Effect(EffectKind.IO, words, 0, statement_location(*place, files)))

    with listening(listen):
        yield effects


def _words(event: str, arguments: tuple[Any, ...]) -> str:
    first = arguments[1] if event == "socket.connect" else arguments[0]
    shown = f"`{os.fsdecode(first) if isinstance(first, (str, bytes, os.PathLike)) else first}`"
    if event != "open":
        return _EVENTS[event].format(shown)
    _, mode, flags = (*arguments, None, None)[:3]
    is_writing = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & WRITING)
    is_file = isinstance(first, (str, bytes, os.PathLike)) and os.fsdecode(first) not in SINKS
    return f"opens {shown} for writing" if is_writing and is_file else ""


def _user_line(frame: FrameType | None, files: UserFiles) -> tuple[str, int] | None:
    """The user's line that asked for it; None where an import or TensorFlow itself did."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path in files:
            return path, frame.f_lineno
        if path.startswith("<frozen importlib") or f"{os.sep}tensorflow{os.sep}" in path:
            return None
        frame = frame.f_back
    return None
