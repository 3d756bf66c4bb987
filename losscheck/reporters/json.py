"""The report as JSON, for programs; the schema is described in the documentation of `Report.to_dict`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TextIO

from losscheck.report import Report
from losscheck.reporters import Style


def write(report: Report, stream: TextIO, style: Style) -> None:
    """Write one object, in ASCII, so that no encoding can spoil it."""
    del style  # programs take everything
    json.dump(_finite(report.to_dict()), stream, indent=2, allow_nan=False)
    stream.write("\n")


def _finite(value: Any) -> Any:
    """The same data with NaN and infinities as strings: JSON has no numbers for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
