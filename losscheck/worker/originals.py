"""The functions that losscheck runs on, and that a user's file may replace."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from losscheck.exceptions import SpecError, TargetError
from losscheck.report import Failure

#: Where people patch; a method of a class is not looked at.
_MODULES = (
    "builtins",
    "inspect",
    "io",
    "json",
    "os",
    "tempfile",
    "time",
    "traceback",
    "numpy",
    "tensorflow",
    "keras",
)
#: Failures that are the user's to mend.
_OF_USER = (TargetError.__name__, SpecError.__name__)
#: Names that a message tells; the others are the same idea.
_NAMED = 3


class Originals:
    """Remembers the functions and classes of these modules as they are now."""

    def __init__(self) -> None:
        self._modules = {name: sys.modules[name] for name in _MODULES if name in sys.modules}
        self._values = {name: _functions(module) for name, module in self._modules.items()}

    def put_back(self) -> list[str]:
        """Put back what was replaced or deleted since; the names of it, ``numpy.mean``."""
        gone = [name for name, module in self._modules.items() if sys.modules.get(name) is not module]
        sys.modules.update({name: self._modules[name] for name in gone})
        replaced = [f"sys.modules['{name}']" for name in gone]
        for name, values in self._values.items():
            present = vars(self._modules[name])
            changed = {key: value for key, value in values.items() if present.get(key) is not value}
            present.update(changed)
            replaced += [f"{name}.{key}" for key in sorted(changed)]
        return replaced


def explained(failures: Iterable[Failure], replaced: list[str]) -> tuple[Failure, ...]:
    """The failures, each of them the file's doing where it has replaced what losscheck runs on.

    Those that say what the user must write stay as they are: PyTorch replaces a function of `inspect`, too.
    """
    if not replaced:
        return tuple(failures)
    named = ", ".join(f"`{name}`" for name in replaced[:_NAMED])
    more = f" and {len(replaced) - _NAMED} more" if len(replaced) > _NAMED else ""
    reason = f"the file replaces {named}{more}, on which losscheck itself depends"
    told = (
        failure if failure.type in _OF_USER else Failure(failure.target, "load", "Replaced", reason)
        for failure in failures
    )
    return tuple(dict.fromkeys(told))


def _functions(module: ModuleType) -> dict[str, Any]:
    values = vars(module).items()
    return {key: value for key, value in values if callable(value) and not isinstance(value, ModuleType)}
