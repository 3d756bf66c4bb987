"""The child that a worker forks while nobody waits: tests that count the processes of losses leave it out."""

from pathlib import Path


def is_waiting(pid):
    """Whether a process was forked from a worker that is still there, and has been given no loss yet.

    A loss's output goes into a file of its own, that of the child which waits where the worker's goes.
    """
    here = Path("/proc", str(pid))
    try:
        parent = here.parent / (here / "stat").read_text().rpartition(") ")[2].split()[1]
        own, others = ((place / "cmdline").read_bytes() for place in (here, parent))
        return own == others and (here / "fd/1").readlink() == (parent / "fd/1").readlink()
    except OSError:  # it has ended meanwhile
        return False
