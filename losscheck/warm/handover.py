"""The first thing that a run does: hand its command line to a process that has imported all that it needs.

That process runs it as this one would, with its streams, its folder and its environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from losscheck.warm import OFF

if TYPE_CHECKING:
    from losscheck.warm.wire import Wire

#: Options of a run that must be this process itself, and the short one of them.
_OWN = ("--watch", "--server", "--no-server")
_OWN_SHORT = "w"


def hand_over(arguments: Sequence[str]) -> int | None:
    """The exit code of the run; None if nobody has taken it, or not to the end: it is still to be done."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if sys.platform != "linux" or os.environ.get(OFF) or None in streams or any(map(_is_own, arguments)):
        return None
    from losscheck.exceptions import LosscheckError
    from losscheck.warm.address import DESK_SUFFIX, check_private, desk_likeness, folder, socket_in

    place = folder()
    try:
        check_private(place)
        if not any(name.endswith(DESK_SUFFIX) for name in os.listdir(place)):
            return None
        path = socket_in(place, desk_likeness(), DESK_SUFFIX)
    except (OSError, LosscheckError):
        return None
    from losscheck.warm.wire import AT_ONCE, connect

    try:
        wire = connect(path, AT_ONCE)
        if wire is None:
            return None
        with wire:
            return _await(wire, arguments)
    except (OSError, ValueError, KeyError):
        return None


def _await(wire: Wire, arguments: Sequence[str]) -> int:
    """Hand the run over and wait for its end.

    Raises:
        OSError: the other process does not take it, or has died.
        ValueError: it says something else.
        KeyError: the same.

    """
    from losscheck.warm.wire import AT_ONCE, SILENCE

    umask = os.umask(0o077)
    os.umask(umask)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    wire.send_files(0, 1, 2)
    wire.send(
        AT_ONCE,
        arguments=[sys.argv[0], *arguments],
        path=sys.path,
        folder=os.getcwd(),
        environment=dict(os.environ),
        umask=umask,
        streams=[
            (mode, 1 if getattr(stream, "line_buffering", False) else -1, stream.encoding, stream.errors)
            for mode, stream in (("r", sys.stdin), ("w", sys.stdout), ("w", sys.stderr))
        ],
    )
    pid = int(wire.receive(AT_ONCE)["pid"])
    try:
        return int(wire.receive(SILENCE)["code"])
    except KeyboardInterrupt:
        import signal

        os.kill(pid, signal.SIGINT)  # it says so in our place
        return int(wire.receive(SILENCE)["code"])


def _is_own(argument: str) -> bool:
    is_short = argument.startswith("-") and not argument.startswith("--")
    return argument.startswith(_OWN) or (is_short and _OWN_SHORT in argument)
