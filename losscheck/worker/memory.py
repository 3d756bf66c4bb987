"""How much memory a loss takes, and when it is too much.

What counts is what its processes hold for themselves, not their address space: TensorFlow reserves far more
of that than it ever uses, so that `RLIMIT_AS` would stop losses that are right.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

from losscheck.worker.orphans import HAS_PROC, PROC, processes

#: Seconds between two looks: in this time a process can fill a few hundred megabytes.
LOOK_EVERY = 0.05
#: Asks a process for its stacks; nobody else sends it. None: there is no such signal (Windows).
STACK_SIGNAL: int | None = getattr(signal, "SIGRTMAX", None) or getattr(signal, "SIGUSR2", None)

#: Seconds that a process gets to write its stacks before it is killed; it needs a millisecond.
_STACK_SECONDS = 0.1
#: Seconds between two searches for the processes of a group: each looks at all of the machine.
_SEARCH_EVERY = 0.25
_GIB = 2**30
#: What a process holds for itself, also where it has been swapped out.
_OWN = ("RssAnon:", "RssShmem:", "VmSwap:")
#: The same, a page that several processes share divided among them.
_PROPORTIONAL = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")


class MemoryLimit:
    """Watches a loss and says when it must end.

    Args:
        leader: its process, which leads a group.
        limit: GiB that the group may take above what it began with.
        base: bytes that it began with; None: what it takes now.

    """

    def __init__(self, leader: int, limit: float, base: int | None = None) -> None:
        self.is_exceeded = False
        self._leader = leader
        self._group = _Group(leader) if HAS_PROC else _GroupByPs(leader)
        self._most = limit * _GIB + (self._group.taken() if base is None else base)
        self._kill_at = 0.0

    def is_over(self) -> bool:
        """Whether it must be killed now: it took too much, and has had time to write where it was."""
        now = time.monotonic()
        if not self.is_exceeded and self._group.takes_more_than(self._most):
            self.is_exceeded = True
            self._kill_at = now + _STACK_SECONDS
            if STACK_SIGNAL is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._leader, STACK_SIGNAL)
        return self.is_exceeded and now >= self._kill_at


def memory_of(pid: int) -> int:
    """Bytes that a process holds for itself; 0 where it is gone, or the system does not tell."""
    return _sum(pid, "status", _OWN)


class _Group:
    """The memory of a process group and of the session that it leads."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._members = {leader}
        self._searched = time.monotonic()

    def taken(self) -> int:
        """Bytes, in which pages that several processes share count several times."""
        now = time.monotonic()
        if now - self._searched >= _SEARCH_EVERY:
            self._searched = now
            self._members = {self._leader} | {
                p.pid for p in processes() if self._leader in (p.group, p.session)
            }
        return sum(map(memory_of, self._members))

    def takes_more_than(self, most: float) -> bool:
        """Whether it does, shared pages counted once."""
        if self.taken() <= most:
            return False
        return (
            len(self._members) == 1
            or sum(_sum(pid, "smaps_rollup", _PROPORTIONAL) for pid in self._members) > most
        )


class _GroupByPs:
    """The same where `ps` must tell (macOS): with the pages of libraries, and more slowly."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._searched = float("-inf")
        self._taken = 0

    def taken(self) -> int:
        """Bytes; 0 where there is no `ps` (Windows)."""
        now = time.monotonic()
        if now - self._searched >= _SEARCH_EVERY:
            self._searched = now
            self._taken = _resident(self._leader)
        return self._taken

    def takes_more_than(self, most: float) -> bool:
        """Whether it does."""
        return self.taken() > most


def _sum(pid: int, file: str, names: tuple[str, ...]) -> int:
    try:
        text = (PROC / str(pid) / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return sum(int(row.split()[1]) * 1024 for row in text.splitlines() if row.startswith(names))


def _resident(group: int) -> int:
    try:
        text = subprocess.check_output(["ps", "-A", "-o", "pgid=,rss="], text=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return 0
    rows = (map(int, row.split()) for row in text.splitlines())
    return sum(size * 1024 for number, size in rows if number == group)
