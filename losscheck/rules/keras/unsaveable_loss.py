"""LC613: `model.save` raises because of the loss object."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule, first_line


class UnsaveableLoss(Rule):
    """A model that was compiled with the loss cannot be saved.

    ## What it does
    Saves a compiled model to a `.keras` file, after `compile` and `fit` have taken the loss.

    ## Why is this bad?
    A `functools.partial`, or an object that is no `Loss`, has no name and no config for Keras to write down.
    `ModelCheckpoint` finds out after the first epoch, `model.save` after the whole training.

    ## References
    - https://keras.io/guides/serialization_and_saving/
    """

    code = "LC613"
    name = "unsaveable-loss"
    severity = Severity.WARNING
    hint = "Make it a function with a name, or a `keras.losses.Loss` subclass with `get_config`"
    requires = ("callable",)
    repro = Special("save raises")

    BAD = (
        """\
import functools
from keras import ops

def scaled_loss(y_true, y_pred, scale):
    return scale * ops.mean(ops.square(y_true - y_pred), axis=-1)

doubled_loss = functools.partial(scaled_loss, scale=2.0)  # <-
""",
        """\
from keras import ops

class ScaledLoss:
    def __init__(self, scale=2.0):
        self.scale = scale

    def __call__(self, y_true, y_pred):
        return self.scale * ops.mean(ops.square(y_true - y_pred), axis=-1)

doubled_loss = ScaledLoss()  # <-
""",
    )
    GOOD = (
        """\
from keras import ops

def scaled_loss(y_true, y_pred, scale=2.0):
    return scale * ops.mean(ops.square(y_true - y_pred), axis=-1)
""",
        """\
import keras
from keras import ops

def scaled_loss(y_true, y_pred, scale):
    return scale * ops.mean(ops.square(y_true - y_pred), axis=-1)

@keras.saving.register_keras_serializable(package="examples")
def doubled_loss(y_true, y_pred):
    return scaled_loss(y_true, y_pred, scale=2.0)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a `functools.partial`, and an object of a class that is no `Loss`."""
        found = source.module.definitions.get(source.loss.name)
        value = found.value if found is not None else None
        if found is None or not isinstance(value, ast.Call) or f"{source.loss.name}.__name__" in source.text:
            return
        is_partial = source.name_of(value) == "functools.partial"
        is_object = bool(source.module.classes) and not any(class_.bases for class_ in source.module.classes)
        if is_partial or is_object:
            message = (
                "a `functools.partial` has no name" if is_partial else "its class is no `keras.losses.Loss`"
            )
            yield self.suspicion(f"{message}: `model.save` refuses it", source.location(found.node))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a model that cannot be saved; for a `Loss` object LC604 looks at its config."""
        seen = prober.reload()
        if seen.raised is None or seen.stage != "save" or prober.loss.is_keras_loss:
            return
        yield self.finding(
            f"`model.save` raises `{seen.raised.type}` because of this loss: {first_line(seen.raised, 110)}",
            prober.loss.location,
            modes=(Mode.RELOAD,),
        )
