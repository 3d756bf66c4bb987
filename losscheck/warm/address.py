"""Where servers listen: a folder that is the user's alone, in it a socket for each kind of run."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from pathlib import Path

from losscheck.choices import Device
from losscheck.exceptions import LosscheckError
from losscheck.likeness import own_fingerprint, packages, variables
from losscheck.worker.wall import environment

#: Environment variable: a run uses no server.
OFF = "LOSSCHECK_NO_SERVER"
SUFFIX = ".sock"
#: Bytes of a socket's path that Linux takes, the last one a zero.
_LONGEST_PATH = 108
#: Characters of a socket's name: two kinds of run never share one.
_NAME = 24


def folder() -> Path:
    """The folder of the sockets, which may not exist."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):  # noqa: PTH112, PTH117
        return Path(runtime, "losscheck")
    return Path(f"/tmp/losscheck-{os.geteuid()}")


def check_private(place: Path) -> None:
    """Refuse a folder that somebody else could have put a socket into.

    Raises:
        FileNotFoundError: there is none.
        LosscheckError: it is another user's, open to others, or no folder.

    """
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise LosscheckError(f"`{place}` is no folder: the server's socket cannot be put into it")
    if status.st_uid != os.geteuid():
        raise LosscheckError(f"the folder `{place}` belongs to another user: the server must not use it")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise LosscheckError(f"the folder `{place}` is open to others (mode {mode:04o}): `chmod 700` it")


def make_private(place: Path) -> None:
    """Make the folder, or check the one that is there.

    Raises:
        LosscheckError: it cannot be made, or must not be used.

    """
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        check_private(place)
    except OSError as error:
        raise LosscheckError(f"cannot make the folder `{place}`: {error.strerror}") from None


def likeness(python: str, device: Device) -> str:
    """What a server and a run must have in common, as a short text."""
    alike = {
        "losscheck": own_fingerprint(),
        "client": sys.executable,  # it reads and judges, in the version of its own Python
        "python": python,
        "packages": packages(python),
        "device": device.value,
        "environment": variables(environment(device)),
    }
    return hashlib.sha256(json.dumps(alike, sort_keys=True).encode()).hexdigest()[:_NAME]


def socket_in(place: Path, name: str) -> str:
    """The path of the socket of a likeness.

    Raises:
        LosscheckError: it is too long for a socket.

    """
    path = str(place / f"{name}{SUFFIX}")
    if len(os.fsencode(path)) >= _LONGEST_PATH:
        raise LosscheckError(
            f"the path `{path}` is too long for a socket: set XDG_RUNTIME_DIR to a shorter one"
        )
    return path
