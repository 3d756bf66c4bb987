"""What runs around the check of one loss, in the process that the loss may hang or kill."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from losscheck.report import Failure
from losscheck.worker.footprint import footprint
from losscheck.worker.memory import STACK_SIGNAL
from losscheck.worker.messages import UNABLE, Check, Request, RequestFiles
from losscheck.worker.originals import Originals, explained
from losscheck.worker.results import Checked, Result
from losscheck.worker.stacks import CURRENT_THREAD, MAIN_THREAD, library_folders, stack_seconds

_PR_SET_PDEATHSIG = 1
#: Seconds; `faulthandler` refuses what it rounds to none.
_SHORTEST = 1e-3


def check_request(request: Request, check: Check) -> bool:
    """Check one loss and leave result, output and, at a hang or a fatal signal, the stacks in its files.

    The answer says whether the process is as it was, so that it can check another loss.
    """
    files = RequestFiles(Path(request.folder))
    own = os.getpid()

    def write(result: Checked) -> None:
        if os.getpid() != own:
            os._exit(0)  # the loss has forked: its first process answers, and this is the second
        files.write_result(result)

    originals = Originals()
    replaced: list[str] = []
    try:
        try:
            redirect(os.open(files.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            sys.argv = [request.loss.path]
            _keep_temporary_files(files.folder)
            _offer_to_be_killed()
            watched = footprint(request.loss.path, library_folders())
            with _stacks(files.stack, request.limit), watched as footprint_of_it:
                try:
                    result = check(request.loss, request.options, write)
                finally:
                    replaced = originals.put_back()
                _flush()
                failures = explained(result.failures, replaced)
                whole = Result(result.report, failures, result.pending, footprint_of_it())
                write(whole)
        except KeyboardInterrupt as error:  # the user's code raised it: nobody else interrupts this process
            _end_interrupted(files, error)
        except BaseException:  # the engine catches what the user's code raises: this is a bug in losscheck
            write(Result(None, explained([_bug(request)], replaced)))
    except BaseException:
        os._exit(UNABLE)
    return not replaced


def run_child(receive: Callable[[], Request], check: Check, private: tuple[int, ...]) -> NoReturn:
    """Check one loss in a process that was just forked, and end it whatever the loss left running.

    Args:
        receive: gives the request; an `EOFError` says that there is none.
        check: the engine.
        private: the server's descriptors, which are none of the loss's business.

    """
    code = UNABLE
    try:
        os.setsid()
        _die_with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in private:
            os.close(descriptor)
        request = receive()
        if request.place is not None:
            request.place.enter()
        check_request(request, check)
        code = 0
    except EOFError:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # no atexit function and no thread of the user's may hold it


def _end_interrupted(files: RequestFiles, error: KeyboardInterrupt) -> NoReturn:
    """End as Python ends at a `KeyboardInterrupt` that nobody catches, by the signal."""
    rows = [
        f'  File "{frame.filename}", line {frame.lineno} in {frame.name}'
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    ]
    stack = "\n".join([CURRENT_THREAD.format(threading.get_ident()), *rows, ""])
    with files.stack.open("a", encoding="ascii", errors="backslashreplace") as file:
        file.write(stack)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)
    os._exit(UNABLE)  # it is blocked


def _keep_temporary_files(folder: Path) -> None:
    """Temporary files (AutoGraph writes one for each function) are removed with the files of the request."""
    tempfile.tempdir = str(folder)
    os.environ["TMPDIR"] = str(folder)


def redirect(target: int) -> None:
    """Send stdout and stderr into an open descriptor, which is used up, and read nothing from stdin."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for descriptor in (1, 2):
        os.dup2(target, descriptor)
    for descriptor in (null, target):
        if descriptor > 2:
            os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stdout, sys.stderr = (
        open(fd, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
        for fd in (1, 2)
    )


def _bug(request: Request) -> Failure:
    error = sys.exc_info()[0]
    text = traceback.format_exc().rstrip()
    return Failure(request.loss.target, "worker", error.__name__ if error else "", text, is_bug=True)


@contextlib.contextmanager
def _stacks(path: Path, limit: float) -> Iterator[None]:
    """Write all Python stacks to a file shortly before the time limit, at a fatal signal and when asked."""
    file = path.open("wb", buffering=0)
    file.write(MAIN_THREAD.format(threading.get_ident()).encode())
    faulthandler.enable(file)
    soon = max(_SHORTEST, limit - stack_seconds(limit))
    faulthandler.dump_traceback_later(soon, file=file)
    if STACK_SIGNAL is not None:
        faulthandler.register(STACK_SIGNAL, file)
    try:
        yield
    finally:
        if STACK_SIGNAL is not None:
            faulthandler.unregister(STACK_SIGNAL)
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()
        with contextlib.suppress(OSError):  # the loss has closed every descriptor
            file.close()


def _flush() -> None:
    """Write what `print` has buffered, where the loss has left a descriptor to write to."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed, None, or the user's own object
            stream.flush()


def _offer_to_be_killed() -> None:
    """Have the kernel take this process first where the machine itself runs out of memory (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _die_with_parent() -> None:
    """Have the kernel kill this process when the server dies (Linux; the caller's thread is its only one)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
