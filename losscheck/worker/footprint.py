"""What a check depended on: a result is used again as long as all of it is the same."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from losscheck.probes.auditing import WRITING, listening
from losscheck.worker.results import Footprint

#: Names by which code asks for what no file of the project says: the hour, the environment, the network.
_MOODS = frozenset(
    {
        *("environ", "getenv", "getcwd", "argv", "getpid", "gethostname"),
        *("time", "time_ns", "perf_counter", "monotonic", "process_time"),
        *("now", "today", "utcnow", "datetime"),
        *("urandom", "uuid", "uuid4", "socket", "urlopen", "requests"),
        *("read_file", "gfile", "list_physical_devices", "list_logical_devices"),
    }
)
_CODE = (".py", ".pyc", ".pyd", ".so", ".pth", ".dll", ".dylib")
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib")
#: Audit events beside the opening of a file that make a result depend on the world.
_WORLDLY = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "os.posix_spawn")


@contextlib.contextmanager
def footprint(path: str, libraries: Collection[str]) -> Iterator[Callable[[], Footprint]]:
    """Watch a check; the function that it gives tells its footprint afterwards.

    Args:
        path: the file of the loss.
        libraries: folders of installed code, which the versions of packages stand for.

    """
    since = time.time()
    last = next(reversed(sys.modules))
    worldly: list[str] = []
    own = (*libraries, tempfile.gettempdir(), *_SYSTEM)

    def listen(event: str, arguments: tuple[Any, ...], frame: FrameType) -> None:
        del frame
        if event in _WORLDLY:
            worldly.append(f"it reaches out ({event})")
        elif event == "open" and isinstance(arguments[0], str) and not (arguments[2] or 0) & WRITING:
            opened = Path(arguments[0]).absolute()
            is_known = (
                str(opened).startswith(own) or opened.suffix in _CODE or opened == Path(path).absolute()
            )
            is_hidden = any(part.startswith(".") for part in opened.parts)
            if not is_known and not is_hidden and opened.is_file():
                worldly.append(f"it reads {opened}")

    def tell() -> Footprint:
        files: dict[str, str] = {}
        for file in _project_files(path, libraries, last):
            try:
                content, changed = file.read_bytes(), file.stat().st_mtime
            except OSError:
                return Footprint(reason=f"{file} is gone")
            if changed >= since:
                return Footprint(reason=f"{file} was changed meanwhile")
            if mood := _mood(content):
                return Footprint(reason=f"{file} may ask for `{mood}`")
            files[str(file)] = hashlib.sha256(content).hexdigest()
        return Footprint(files, worldly[0] if worldly else "")

    with listening(listen):
        yield tell


def _project_files(path: str, libraries: Collection[str], last: str) -> tuple[Path, ...]:
    """The file of the loss and the modules of the project that were imported after the module ``last``.

    To look at the others as well would write to the memory of each, which a forked process has to copy.
    """
    files = {Path(path).resolve()}
    for new in tuple(itertools.takewhile(lambda name: name != last, reversed(sys.modules))):
        module = sys.modules[new]
        name = module.__dict__.get("__file__") if isinstance(module, ModuleType) else None
        if isinstance(name, str) and name.endswith(".py") and not name.startswith(tuple(libraries)):
            file = Path(name).resolve()
            if not str(file).startswith((*libraries, tempfile.gettempdir(), _OWN)):
                files.add(file)
    return tuple(sorted(files))


#: The folder of losscheck itself.
_OWN = str(Path(__file__).resolve().parent.parent)


def _mood(content: bytes) -> str:
    """A name in the code that makes its result depend on more than files; empty if there is none."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # a notebook: its code is not read apart
        text = content.decode("utf-8", "replace")
        return next((name for name in sorted(_MOODS) if f"{name}(" in text or f".{name}" in text), "")
    stored = {id(target) for target in _stored(tree)}
    for node in ast.walk(tree):
        if id(node) in stored:
            continue
        for name in _names(node):
            if name in _MOODS:
                return name
    return ""


def _stored(tree: ast.AST) -> Iterator[ast.AST]:
    """``os.environ`` in ``os.environ["X"] = "1"``: what is written is not asked for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield node.value


def _names(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        return (node.attr,)
    if isinstance(node, ast.ImportFrom):
        return (*(alias.name for alias in node.names), node.module or "")
    return ()
