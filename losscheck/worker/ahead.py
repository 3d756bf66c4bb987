"""A child that is forked before its loss is known, while nobody waits: what the fork costs is then paid."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from losscheck.worker.messages import Request, decode, encode

#: `madvise`: give this process its own copy of each page now (Linux 5.14).
_MADV_POPULATE_WRITE = 23
_WRITABLE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw.p \S+ \S+ \d+ *(?!\[v|\[stack)")
_CHUNK = 65536


@dataclass(frozen=True)
class Ahead:
    """A child that waits for its request."""

    pid: int
    pipe: int  #: write the request there

    def hand_over(self, request: Request) -> bool:
        """Give it the request; whether it was still there."""
        data = encode(request)
        try:
            while data:
                data = data[os.write(self.pipe, data) :]
        except BrokenPipeError:
            return False
        finally:
            self.close()
        return True

    def close(self) -> None:
        """Leave it without a request: it ends."""
        os.close(self.pipe)


def await_request(pipe: int) -> Request:
    """In the child: get the memory ready, and wait.

    Raises:
        EOFError: there is no request; the server has ended.

    """
    _copy_pages()
    data = b""
    while not data.endswith(b"\n"):
        chunk = os.read(pipe, _CHUNK)
        if not chunk:
            raise EOFError
        data += chunk
    os.close(pipe)
    request = decode(data)
    assert isinstance(request, Request)
    return request


def _copy_pages() -> None:
    """Copy the pages that are shared with the server: else the loss waits for each when it is written to."""
    with contextlib.suppress(OSError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in _writable():
            madvise(start, end - start, _MADV_POPULATE_WRITE)


def _writable() -> Iterator[tuple[int, int]]:
    """First address and end of each part of the memory that only this process writes to."""
    for row in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        if found := _WRITABLE.match(row):
            yield int(found[1], 16), int(found[2], 16)
