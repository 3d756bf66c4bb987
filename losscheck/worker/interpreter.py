"""The interpreter that probes the losses: losscheck's own, or one that need not have losscheck."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from losscheck.exceptions import LosscheckError

#: Instead of a path: that of the active environment where it can probe losses, else losscheck's own.
AUTO = "auto"

_OLDEST_PYTHON = (3, 10)
_OLDEST_TENSORFLOW = (2, 15)
#: Where an environment keeps its interpreter: a virtual one, on Windows, and one of conda on Windows.
_INSIDE = ("bin/python", "Scripts/python.exe", "python.exe")
#: Seconds for starting an interpreter and finding two packages; it needs a tenth of one.
_PATIENCE = 60.0
#: Says what an interpreter has, without importing it; any Python understands it. As in the worker, the
#: working directory is not searched: a file `numpy.py` in it is not NumPy.
_QUESTION = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import json
answer = {"python": list(sys.version_info[:2])}
if sys.version_info >= (3, 10):
    from importlib import metadata, util
    for name in ("numpy", "tensorflow"):
        found = util.find_spec(name)
        if found is not None and found.origin:
            try:
                answer[name] = metadata.version(name)
            except metadata.PackageNotFoundError:  # tensorflow-cpu, tensorflow-macos, tf-nightly, ...
                others = metadata.packages_distributions().get(name)
                answer[name] = metadata.version(others[0]) if others else ""
print()
print(json.dumps(answer))
"""


def find_interpreter(path: str) -> str:
    """The interpreter that a path means: an interpreter itself, its name on PATH, or an environment's folder.

    Raises:
        LosscheckError: there is none.

    """
    place = Path(path).expanduser()
    if place.is_dir():
        inside = _interpreter_in(place)
        if inside is None:
            raise LosscheckError(f"no interpreter in the folder `{path}`: it is no virtual environment")
        return inside
    is_link = place.is_symlink()
    if not place.exists():
        if len(place.parts) == 1 and not is_link and (named := shutil.which(path)) is not None:
            return named
        where = " (a link to nowhere)" if is_link else ""
        raise LosscheckError(f"no such interpreter: {path}{where}")
    if not os.access(place, os.X_OK):
        raise LosscheckError(f"`{path}` is not executable, so it is no interpreter")
    return os.path.abspath(place)  # noqa: PTH100 - a link is not followed: it says which environment is meant


def choose_interpreter(path: str | None) -> str:
    """The interpreter for the worker: None is losscheck's own, `AUTO` the active environment's.

    Raises:
        LosscheckError: there is none, or it lacks what probing a loss needs.

    """
    if path is None:
        return sys.executable
    if path == AUTO:
        return next((python for python in _active_interpreters() if not _fault(python)), sys.executable)
    python = find_interpreter(path)
    if fault := _fault(python):
        raise LosscheckError(f"`{path}` {fault}")
    return python


def _active_interpreters() -> Iterator[str]:
    """The interpreters of the environments that the user works in, the likeliest first, not losscheck's own.

    Under pre-commit ``VIRTUAL_ENV`` names the environment of the hook; the user's is still on PATH then.
    """
    conda = os.environ.get("CONDA_PREFIX", "")
    is_base = os.environ.get("CONDA_DEFAULT_ENV") == "base"  # active in every shell, whatever the project
    on_path = (Path(entry).parent for entry in os.get_exec_path() if entry)
    folders = [
        os.environ.get("VIRTUAL_ENV", ""),
        *(str(folder) for folder in on_path if (folder / "pyvenv.cfg").is_file()),
        "" if is_base else conda,
        str(Path.cwd() / ".venv"),
        conda,
    ]
    own = Path(sys.prefix).resolve()
    for folder in dict.fromkeys(filter(None, folders)):
        if Path(folder).resolve() != own and (python := _interpreter_in(Path(folder))) is not None:
            yield python


def _interpreter_in(folder: Path) -> str | None:
    """The interpreter of an environment; its path is absolute and its links are not followed."""
    paths = (os.path.abspath(folder / inside) for inside in _INSIDE)  # noqa: PTH100 - resolving follows links
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), None)  # noqa: PTH113


def _fault(python: str) -> str:
    """Why an interpreter cannot probe losses, to be read behind its name; empty if it can."""
    try:
        done = subprocess.run(
            # a shell or a tool that is no Python refuses -X and does not try to run the question
            [python, "-X", "utf8", "-c", _QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
        version, numpy, tensorflow = answer["python"], answer.get("numpy"), answer.get("tensorflow")
    except subprocess.TimeoutExpired:
        return f"did not start within {_PATIENCE:.0f} s"
    except (OSError, ValueError, LookupError, TypeError):
        return "does not run as Python 3"
    if tuple(version) < _OLDEST_PYTHON:
        return f"is Python {_dotted(version)}; losscheck needs {_dotted(_OLDEST_PYTHON)} or newer"
    if tensorflow is None:
        return "has no TensorFlow: install it there, or name another interpreter"
    if numpy is None:
        return "has no NumPy: install it there, or name another interpreter"
    if tensorflow and _release(tensorflow) < _OLDEST_TENSORFLOW:
        return f"has TensorFlow {tensorflow}; losscheck needs {_dotted(_OLDEST_TENSORFLOW)} or newer"
    return ""


def _release(version: str) -> tuple[int, ...]:
    """Major and minor of a version such as ``2.16.0rc1``."""
    return tuple(int(part) for part in version.split(".")[:2])


def _dotted(numbers: tuple[int, ...] | list[int]) -> str:
    return ".".join(map(str, numbers))
