"""Where servers listen: a folder that is the user's alone, in it a socket for each kind of run.

Every run asks here whether there is a server, so that this imports next to nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from typing import TYPE_CHECKING

from losscheck.exceptions import LosscheckError
from losscheck.likeness import own_fingerprint, packages, variables

if TYPE_CHECKING:
    from losscheck.choices import Device

#: Of the socket that lends workers.
SUFFIX = ".sock"
#: Of the socket that takes whole command lines.
DESK_SUFFIX = ".desk"
#: Bytes of a socket's path that Linux takes, the last one a zero.
_LONGEST_PATH = 108
#: Characters of a socket's name: two kinds of run never share one.
_NAME = 24


def folder() -> str:
    """The folder of the sockets, which may not exist."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime) and os.path.isdir(runtime):
        return os.path.join(runtime, "losscheck")
    return f"/tmp/losscheck-{os.geteuid()}"


def check_private(place: str) -> None:
    """Refuse a folder that somebody else could have put a socket into.

    Raises:
        FileNotFoundError: there is none.
        LosscheckError: it is another user's, open to others, or no folder.

    """
    status = os.lstat(place)
    if not stat.S_ISDIR(status.st_mode):
        raise LosscheckError(f"`{place}` is no folder: the server's socket cannot be put into it")
    if status.st_uid != os.geteuid():
        raise LosscheckError(f"the folder `{place}` belongs to another user: the server must not use it")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise LosscheckError(f"the folder `{place}` is open to others (mode {mode:04o}): `chmod 700` it")


def make_private(place: str) -> None:
    """Make the folder, or check the one that is there.

    Raises:
        LosscheckError: it cannot be made, or must not be used.

    """
    try:
        if not os.path.lexists(place):
            os.mkdir(place, mode=0o700)
        check_private(place)
    except FileExistsError:  # another run was faster
        check_private(place)
    except OSError as error:
        raise LosscheckError(f"cannot make the folder `{place}`: {error.strerror}") from None


def likeness(python: str, device: Device) -> str:
    """What a run and the server that lends it workers have in common, as a short text."""
    from losscheck.worker.wall import environment

    return _digest(
        losscheck=own_fingerprint(),
        client=sys.executable,  # the server reads results and judges ends, as the run would
        python=python,
        packages=packages(python),
        device=device.value,
        environment=variables(environment(device)),
    )


def desk_likeness() -> str:
    """What a run and the process that takes its command line have in common, as a short text."""
    typer = {name: value for name, value in os.environ.items() if name.startswith(("TYPER_", "_TYPER_"))}
    return _digest(
        losscheck=own_fingerprint(),
        python=sys.executable,
        packages=packages(sys.executable),
        environment=variables(os.environ) | typer,
    )


def socket_in(place: str, name: str, suffix: str = SUFFIX) -> str:
    """The path of the socket of a likeness.

    Raises:
        LosscheckError: it is too long for a socket.

    """
    path = os.path.join(place, f"{name}{suffix}")
    if len(os.fsencode(path)) >= _LONGEST_PATH:
        raise LosscheckError(
            f"the path `{path}` is too long for a socket: set XDG_RUNTIME_DIR to a shorter one"
        )
    return path


def _digest(**alike: object) -> str:
    return hashlib.sha256(json.dumps(alike, sort_keys=True).encode()).hexdigest()[:_NAME]
