"""Makes the drawing of a loss from what its probes see."""

from __future__ import annotations

from losscheck.drawing import Drawing
from losscheck.prober import Prober
from losscheck.sketch.curve import find_curve
from losscheck.sketch.path import find_path


def sketch(prober: Prober) -> Drawing:
    """The curve of a loss and the path of its gradient, each as far as it can be had."""
    reason = prober.lacks("value")
    if reason:
        return Drawing(no_curve=reason, no_path=reason)
    curve = find_curve(prober)
    path = find_path(prober)
    return Drawing(
        curve=None if isinstance(curve, str) else curve,
        no_curve=curve if isinstance(curve, str) else "",
        path=None if isinstance(path, str) else path,
        no_path=path if isinstance(path, str) else "",
    )
