"""What makes two runs alike: losscheck's own files, the interpreter, what is installed, the environment."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping

#: What begins with these changes what TensorFlow, Keras, NumPy, Python or the C library do from their start.
_VARIABLES = (
    *("TF_", "KERAS_", "XLA_", "CUDA_", "HIP_", "PYTHON", "NPY_", "LOSSCHECK_NO_FORK"),
    *("OMP_", "KMP_", "MKL_", "OPENBLAS_", "ONEDNN_", "DNNL_", "LD_", "LANG", "LC_", "HOME"),
)
#: How Python writes on the streams of its own, which no loss has.
_NEVERTHELESS = ("PYTHONIOENCODING", "PYTHONUNBUFFERED")


def own_fingerprint() -> str:
    """What this losscheck is: another version, or an edited checkout, gives another one."""
    rows = sorted(_sources(os.path.dirname(os.path.abspath(__file__))))
    return hashlib.sha256("\n".join(rows).encode(errors="surrogateescape")).hexdigest()


def packages(python: str) -> list[str]:
    """The packages installed for an interpreter, by the names of their ``dist-info`` folders."""
    if python == sys.executable:
        folders = _import_folders()
    else:
        import glob

        home = os.path.dirname(os.path.dirname(os.path.abspath(python)))
        inside = os.path.join("lib*", "python*", "site-packages")
        folders = [*glob.glob(inside, root_dir=home), os.path.join("Lib", "site-packages")]
        folders = [os.path.join(home, folder) for folder in folders]
    names = {f"{python} {_changed(python)}"}
    for folder in folders:
        with contextlib.suppress(OSError):
            names.update(name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info")))
    return sorted(names)


def variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment variables that matter, and what they stand for: folders and Keras's own settings."""
    told = {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(_VARIABLES) and name not in _NEVERTHELESS
    }
    if "PYTHONPATH" in told:  # Python makes them absolute when it starts
        told["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, told["PYTHONPATH"].split(os.pathsep)))
    home = told.get("KERAS_HOME") or os.path.join(told.get("HOME") or os.path.expanduser("~"), ".keras")
    with (
        contextlib.suppress(OSError),
        open(os.path.join(home, "keras.json"), encoding="utf-8", errors="replace") as file,
    ):
        told["keras.json"] = file.read()
    return told


def _sources(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _sources(entry.path)
            elif entry.name.endswith(".py"):
                status = entry.stat()
                yield f"{entry.path} {status.st_mtime_ns} {status.st_size}"


def _import_folders() -> list[str]:
    """Where this interpreter imports from, but for the folder of the program that was started."""
    program = sys.argv[0] if sys.argv else ""
    own = {os.getcwd(), *(os.path.dirname(path(program)) for path in (os.path.abspath, os.path.realpath))}
    first = [entry for entry in sys.path[:1] if entry not in own]
    return [entry for entry in (*first, *sys.path[1:]) if entry]


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
