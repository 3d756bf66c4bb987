"""LC611: a function of the user's is replaced by Keras's own of the same name at reload."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule

#: Functions that Keras finds by their names.
_BUILTINS = (
    *(f"{kind}_crossentropy" for kind in ("binary", "categorical", "sparse_categorical")),
    *(
        "binary_focal_crossentropy",
        "categorical_focal_crossentropy",
        "categorical_hinge",
        "circle",
        "cosine_similarity",
    ),
    *("ctc", "dice", "hinge", "huber", "kl_divergence", "log_cosh", "poisson", "squared_hinge", "tversky"),
    *(f"mean_{kind}_error" for kind in ("squared", "absolute", "squared_logarithmic", "absolute_percentage")),
)


class ShadowedBuiltinName(Rule):
    """The loss has the name of a function of Keras, and Keras's own comes back from a saved model.

    ## What it does
    Saves a compiled model, loads it, and looks which function the loaded model is compiled with.

    ## Why is this bad?
    A saved model holds the name of a loss function and nothing else. Under the name `huber` Keras finds its
    own function: loading works, and training goes on with another loss.

    ## References
    - https://keras.io/guides/serialization_and_saving/#registering-the-custom-object
    """

    code = "LC611"
    name = "shadowed-builtin-name"
    severity = Severity.WARNING
    hint = 'Give it another name, or register it: `@keras.saving.register_keras_serializable("my_project")`'
    requires = ("callable",)
    repro = Special("reload")

    BAD = (
        """\
from keras import ops

def huber(y_true, y_pred):  # <-
    gap = ops.abs(y_true - y_pred)
    return ops.mean(ops.where(gap < 0.1, 5.0 * ops.square(gap), gap - 0.05), axis=-1)
""",
    )
    GOOD = (
        """\
import keras
from keras import ops

@keras.saving.register_keras_serializable("examples")
def huber(y_true, y_pred):
    gap = ops.abs(y_true - y_pred)
    return ops.mean(ops.where(gap < 0.1, 5.0 * ops.square(gap), gap - 0.05), axis=-1)
""",
        """\
from keras import ops

def huber_loss(y_true, y_pred):
    gap = ops.abs(y_true - y_pred)
    return ops.mean(ops.where(gap < 0.1, 5.0 * ops.square(gap), gap - 0.05), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a function with the name of one of Keras's own that nothing registers."""
        function = source.function
        if not isinstance(function, ast.FunctionDef) or function not in source.module.tree.body:
            return
        if function.name in _BUILTINS and not (source.is_registered or source.is_wrapped):
            message = f"`{function.name}` is a function of Keras, which a saved model comes back with"
            yield self.suspicion(message, source.def_location())

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a function of Keras in the place of the user's; a note where both give the same value."""
        from losscheck.inputs.batches import is_same_value

        seen = prober.reload()
        if not seen.came_back:
            return
        values = "which cannot be called on its inputs"
        is_same = False
        if seen.value is not None and seen.before is not None:
            is_same = is_same_value(seen.before, seen.value)
            values = f"{seen.before.mean():.4g} before saving, {seen.value.mean():.4g} after loading"
        yield self.finding(
            f"a saved model comes back with `{seen.came_back}` in its place: {values}",
            prober.loss.location,
            modes=(Mode.RELOAD,),
            severity=Severity.NOTE if is_same else None,
        )
