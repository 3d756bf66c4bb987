"""The worker's end of the pipes to the parent."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from losscheck.worker.child import redirect
from losscheck.worker.messages import Goodbye, Message, Request, Welcome, decode, encode

_CHUNK = 65536


class Channel:
    """The pipes to the parent, moved away from stdin and stdout before anybody writes there."""

    def __init__(self) -> None:
        self.requests, self._replies, self._log = os.dup(0), os.dup(1), os.dup(2)
        self._rest = b""
        self._folder = ""
        self.silence()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a child has no business with."""
        return self.requests, self._replies, self._log

    def silence(self) -> None:
        """Send what this process prints into its log."""
        redirect(os.dup(self._log))

    def send(self, message: Message) -> None:
        """Write one message."""
        data = encode(message)
        while data:
            data = data[os.write(self._replies, data) :]

    def receive(self) -> list[Request] | None:
        """Wait for the parent; the requests that it has sent, or None when there will be no more."""
        data = os.read(self.requests, _CHUNK)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        requests = []
        for message in map(decode, lines):
            if isinstance(message, Goodbye):
                self._folder = ""  # the parent deletes it
                return None
            if isinstance(message, Request):
                requests.append(message)
            elif isinstance(message, Welcome):
                self._folder = message.folder
        return requests

    def clean_up(self) -> None:
        """Delete the files of a parent that died without saying goodbye."""
        if self._folder:
            gone = Path(f"{self._folder}-gone")  # what is still being killed writes no more into it
            with contextlib.suppress(OSError):
                Path(self._folder).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
