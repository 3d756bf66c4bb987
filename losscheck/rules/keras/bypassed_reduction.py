"""LC607: `reduction` or `sample_weight` has no effect on a `Loss` subclass."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.keras_observation import WeightedObservation
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule, first_line

if TYPE_CHECKING:
    import numpy as np


class BypassedReduction(Rule):
    """A `Loss` subclass overrides `__call__` or skips `super().__init__`: Keras's part is not done.

    ## What it does
    Calls the object as `fit` does, with a `sample_weight` that is zero on two rows, and with another
    `reduction`, and compares the values.

    ## Why is this bad?
    `Loss.__call__` casts, calls `call`, weights each sample and reduces. An override that does less takes no
    `sample_weight`, or takes it and ignores it; an object without `super().__init__` has no reduction at all.

    ## References
    - https://keras.io/api/losses/#base-loss-api
    """

    code = "LC607"
    name = "bypassed-reduction"
    severity = Severity.WARNING
    hint = (
        "Override `call(self, y_true, y_pred)`, return one value for each sample, and leave the rest to Keras"
    )
    requires = ("callable",)
    supersedes = ("LC002", "LC601", "LC604")
    repro = Special("bypassed")

    BAD = (
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):  # <-
        return ops.mean(ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred))
""",
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def __init__(self, scale=2.0):  # <-
        self.scale = scale

    def call(self, y_true, y_pred):
        return self.scale * ops.mean(ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred), axis=-1)
""",
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def __call__(self, y_true, y_pred):  # <-
        return ops.mean(ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred), axis=-1)
""",
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return super().__call__(ops.reshape(y_true, ops.shape(y_pred)), y_pred, sample_weight)

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a `__call__` or an `__init__` that does not call Keras's own."""
        for name in ("__call__", "__init__") if source.is_keras_loss else ():
            method = source.module.methods.get(name)
            calls = ast.walk(method) if method is not None else ()
            if method is not None and not any(isinstance(n, ast.Attribute) and n.attr == name for n in calls):
                yield self.suspicion(f"`{name}` does not call that of `Loss`", source.location(method))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare the object's values; look at `fit` where something is missing."""
        if not prober.loss.is_keras_loss:
            return
        seen = prober.weighted()
        place = _place(seen, prober)
        if place is None:
            return
        missing = _missing(seen)
        raised = prober.fit().raised
        is_refused = seen.raised is not None and (seen.skips_super or seen.plain is not None)
        if not missing and not (is_refused and raised is not None):
            return
        if raised is not None:
            message = f"`model.fit` raises `{raised.type}`: {first_line(raised, 110)}"
        else:
            message = f"{' and '.join(missing)} on this object: Keras's own `__call__` is not run"
        yield self.finding(
            message,
            place,
            modes=(Mode.FIT,),
            severity=Severity.ERROR if raised is not None else None,
            hint="Call `super().__init__(name=…, reduction=…)` first" if seen.skips_super else None,
        )


def _place(seen: WeightedObservation, prober: Prober) -> Location | None:
    """The user's `__init__` that sets nothing up (a dataclass has none in the file), or his `__call__`."""
    return (seen.init or seen.call or prober.loss.location) if seen.skips_super else seen.call


def _missing(seen: WeightedObservation) -> list[str]:
    """What has no effect; nothing is said of a loss that is zero on the rows in question."""
    found = []
    if _is_same(seen.plain, seen.weighted) and seen.plain is not None and seen.plain.any():
        found.append("`sample_weight` changes nothing")
    is_reduced = not _is_same(seen.summed, seen.unreduced)
    if not is_reduced and _is_same(seen.plain, seen.summed) and seen.plain is not None and seen.plain.any():
        found.append("`reduction` changes nothing")
    return found


def _is_same(left: np.ndarray | None, right: np.ndarray | None) -> bool:
    from losscheck.inputs.batches import is_same_value

    return left is not None and right is not None and is_same_value(left, right)
