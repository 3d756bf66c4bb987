"""What a loss has started and left: processes that no longer belong to its group, or to anybody."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
#: Whether the system tells of its processes in files.
HAS_PROC = sys.platform == "linux"
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Process:
    """A process of this machine."""

    pid: int
    parent: int
    group: int
    session: int


def processes() -> list[Process]:
    """Every process; none where the system does not tell (Windows)."""
    if not HAS_PROC:
        return _told_by_ps()
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
                text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
                parent, group, session = map(int, text.rpartition(") ")[2].split()[1:4])
                found.append(Process(int(entry.name), parent, group, session))
    return found


def descendants(pid: int) -> set[int]:
    """What a process has started, and what these have started, as far as their parents live."""
    found: set[int] = set()
    everything = processes()
    new = {pid}
    while new:
        new = {process.pid for process in everything if process.parent in new} - found
        found |= new
    return found


def adopt_orphans() -> None:
    """Become the parent of whatever the processes below this one leave behind (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _told_by_ps() -> list[Process]:
    try:
        columns = "pid=,ppid=,pgid="
        text = subprocess.check_output(["ps", "-A", "-o", columns], text=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return []
    rows = (map(int, row.split()) for row in text.splitlines())
    return [Process(pid, parent, group, group) for pid, parent, group in rows]


def kill_orphans(children: Collection[int]) -> None:
    """Kill what has been adopted and belongs to the session of no child that still runs."""
    own = os.getpid()
    for process in processes():
        if process.parent == own and process.pid not in children and process.session not in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
            if process.group not in (*children, os.getpgrp()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.group, signal.SIGKILL)
