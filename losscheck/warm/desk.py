"""A process that has imported losscheck and runs the command lines that others hand over, each in a fork."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
from typing import Any, NoReturn

from losscheck.options import parse
from losscheck.reporters import FORMATS
from losscheck.warm.wire import BEAT, PATIENCE, Wire, connect, listening
from losscheck.worker.terms import Place

_INTERRUPTED = 130  # 128 + SIGINT, as shells count
#: What a run imports when it comes to it.
_MODULES = (
    *("losscheck.__main__", "losscheck.cli", "losscheck.checking", "losscheck.loading.target"),
    *("losscheck.loading.cells", "losscheck.config.keys", "losscheck.earlier", "losscheck.cache"),
    *("losscheck.warm.client", "rich.console"),
    *("losscheck.worker.interpreter", "losscheck.worker.messages", "losscheck.reporters.progress"),
)


def main() -> None:
    """Serve at the socket that the line on stdin names, until stdin closes."""
    path = json.loads(sys.stdin.readline())
    gc.disable()
    for name in _MODULES:
        importlib.import_module(name)
    for name in FORMATS:
        importlib.import_module(f"losscheck.reporters.{name}")
    parse(["losses.py"])  # typer imports more when it comes to it
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    with contextlib.suppress(ConnectionRefusedError):
        if (other := connect(path, PATIENCE)) is not None:  # that of another server: one is enough
            with other:
                return
    with listening(path) as listener:
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:  # the server ends, or has been killed
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _serve(connection)
            connection.close()


def _serve(connection: socket.socket) -> NoReturn:
    """Run a command line, tell its exit code and end."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        wire = Wire(connection)
        if wire.peer is not None:
            files = wire.receive_files(3, PATIENCE)
            _enter(wire.receive(PATIENCE), files)
            wire.send(PATIENCE, pid=os.getpid())
            threading.Thread(target=_end_with, args=(connection, wire), daemon=True).start()
            from losscheck.__main__ import run_guarded

            code = run_guarded()
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError):
                    stream.flush()
            wire.send(PATIENCE, code=code)
    except (OSError, ValueError, KeyError):  # it has gone, or is no run
        pass
    except Exception:  # a bug of ours: the run is done where it came from
        traceback.print_exc()
    finally:
        os._exit(0)


def _enter(told: dict[str, Any], files: list[int]) -> None:
    """Be the process that has handed its run over."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering, encoding, errors, closefd=False)  # noqa: SIM115 - they live as long as it
        for number, (mode, buffering, encoding, errors) in enumerate(told["streams"])
    )
    Place(told["folder"], told["environment"], told["umask"]).enter()
    sys.argv[:] = told["arguments"]
    sys.path[:] = told["path"]
    tempfile.tempdir = None


def _end_with(connection: socket.socket, wire: Wire) -> None:
    """End with the process that has handed its run over; give it signs of life."""
    while True:
        ready, _, _ = select.select([connection], [], [], BEAT)
        if ready:
            os._exit(_INTERRUPTED)
        with contextlib.suppress(OSError):
            wire.send(PATIENCE)
