"""losscheck says before you train whether your custom Keras loss will train.

The public names are `check_loss`, `assert_loss` and the types of their report. Importing this package
imports neither TensorFlow nor anything else that is slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from losscheck.api import assert_loss, check_loss
    from losscheck.exceptions import LosscheckError, LossCheckFailed, SpecError, TargetError
    from losscheck.finding import Finding, Location, Mode, Severity
    from losscheck.report import LossReport, Report
    from losscheck.testing import parametrize

_HOMES = {
    "assert_loss": "losscheck.api",
    "check_loss": "losscheck.api",
    "LosscheckError": "losscheck.exceptions",
    "LossCheckFailed": "losscheck.exceptions",
    "SpecError": "losscheck.exceptions",
    "TargetError": "losscheck.exceptions",
    "Finding": "losscheck.finding",
    "Location": "losscheck.finding",
    "Mode": "losscheck.finding",
    "Severity": "losscheck.finding",
    "LossReport": "losscheck.report",
    "Report": "losscheck.report",
    "parametrize": "losscheck.testing",
}

__all__ = [
    "Finding",
    "Location",
    "LossCheckFailed",
    "LossReport",
    "LosscheckError",
    "Mode",
    "Report",
    "Severity",
    "SpecError",
    "TargetError",
    "assert_loss",
    "check_loss",
    "parametrize",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
