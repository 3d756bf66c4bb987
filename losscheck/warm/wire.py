"""What a run and a server say to each other: JSON lines over a UNIX socket, between processes of one user."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

#: Seconds that a server gets to say that it takes a run; it needs milliseconds.
AT_ONCE = 1.0
#: Seconds between two signs of life of who works for a run, and after which it is held for dead.
BEAT, SILENCE = 1.0, 10.0
#: Seconds that a run gets to say what it wants, and to read what it is told.
PATIENCE = 10.0
_CHUNK = 65536
#: pid, uid and gid, as the kernel gives them.
_CREDENTIALS = struct.Struct("3i")


class Wire:
    """One end of a connection.

    Args:
        connection: a connected socket, which is closed with the wire.

    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    @property
    def peer(self) -> int | None:
        """Number of the process at the other end; None if it is not one of this user."""
        told = self._connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(told)
        return int(pid) if uid == os.geteuid() else None

    def send(self, patience: float, **data: Any) -> None:
        """Write one line; no data is a sign of life.

        Raises:
            OSError: the other end has gone, or reads nothing for so many seconds.

        """
        self._connection.settimeout(patience)
        self._connection.sendall((json.dumps(data) if data else "").encode() + b"\n")

    def receive(self, patience: float) -> dict[str, Any]:
        """Wait for the next line, not longer than so many seconds for a sign of life.

        Raises:
            OSError: the other end has gone or is silent.
            ValueError: it says something else.

        """
        end = time.monotonic() + patience
        while True:
            line, is_whole, rest = self._rest.partition(b"\n")
            if is_whole:
                self._rest = rest
                end = time.monotonic() + patience
                if line:
                    data = json.loads(line)
                    if not isinstance(data, dict):
                        raise ValueError("no message")
                    return data
                continue
            self._connection.settimeout(max(0.001, end - time.monotonic()))
            if not (chunk := self._connection.recv(_CHUNK)):
                raise ConnectionResetError
            self._rest += chunk

    def send_files(self, *descriptors: int) -> None:
        """Give the other end these open files; to be received before anything else.

        Raises:
            OSError: it has gone.

        """
        socket.send_fds(self._connection, [b"\n"], descriptors)

    def receive_files(self, count: int, patience: float) -> list[int]:
        """Descriptors of so many open files of the other end.

        Raises:
            OSError: it has gone, is silent or sends none.

        """
        self._connection.settimeout(patience)
        _, descriptors, _, _ = socket.recv_fds(self._connection, 1, count)
        if len(descriptors) != count:
            raise ConnectionResetError
        return descriptors

    def is_closed(self) -> bool:
        """Whether the other end, which has nothing more to say, has gone."""
        self._connection.setblocking(False)
        try:
            return not self._connection.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            return True


def connect(path: str, patience: float) -> Wire | None:
    """A connection to the server that listens on a socket; None if there is none, or one of another user.

    Raises:
        ConnectionRefusedError: the socket is what a killed server left.

    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    wire = Wire(connection)
    try:
        connection.settimeout(patience)
        connection.connect(path)
        if wire.peer is not None:
            return wire
    except ConnectionRefusedError:
        connection.close()
        raise
    except OSError:
        pass
    connection.close()
    return None


@contextlib.contextmanager
def listening(path: str) -> Iterator[socket.socket]:
    """A socket for its owner alone, which gets its name once it listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        new = f"{os.path.splitext(path)[0]}.new"
        listener.bind(new)
        os.chmod(new, 0o600)
        listener.listen()
        os.rename(new, path)
        yield listener
