"""LC603: a saved model cannot be loaded without `custom_objects`."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule, first_line


class UnregisteredLoss(Rule):
    """A model that was compiled with the loss is saved, and cannot be loaded by itself.

    ## What it does
    Saves a compiled model to a `.keras` file and loads it where only what is registered with
    `keras.saving.register_keras_serializable` is known.

    ## Why is this bad?
    The file holds the name of the loss, not its code. Whoever loads it must pass
    `custom_objects={"my_loss": my_loss}` or `compile=False`, and learns so from an error.

    ## References
    - https://keras.io/guides/serialization_and_saving/#registering-the-custom-object
    """

    code = "LC603"
    name = "unregistered-loss"
    severity = Severity.NOTE
    hint = 'Register it: `@keras.saving.register_keras_serializable(package="my_project")`'
    requires = ("callable",)
    repro = Special("load raises")

    BAD = (
        """\
from keras import ops

def squared_loss(y_true, y_pred):  # <-
    return ops.mean(ops.square(y_true - y_pred), axis=-1)
""",
        """\
from keras import ops

squared_loss = lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred), axis=-1)  # <-
""",
    )
    GOOD = (
        """\
import keras
from keras import ops

@keras.saving.register_keras_serializable(package="examples")
def squared_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)
""",
        """\
import keras
from keras import ops

def squared_loss(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)

keras.saving.get_custom_objects()["squared_loss"] = squared_loss
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a loss that nothing registers."""
        if source.function is not None and not source.is_registered:
            place = Location(source.loss.path, source.loss.line)
            yield self.suspicion("nothing registers it with Keras", place)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report a model that cannot be loaded."""
        seen = prober.reload()
        if seen.raised is None or seen.stage != "load":
            return
        is_hopeless = seen.known is not None and not prober.loss.is_keras_loss  # else LC604 says why
        if seen.is_registered and not is_hopeless:
            return
        raised = seen.known if is_hopeless and seen.known is not None else seen.raised
        anyway = ", not even with `custom_objects`" if is_hopeless else ""
        yield self.finding(
            f"a saved model with this loss cannot be loaded{anyway}: {_sentence(raised)}",
            prober.loss.location,
            modes=(Mode.RELOAD,),
            hint="Write a plain function with a name and register it with `register_keras_serializable`"
            if is_hopeless
            else None,
        )


def _sentence(raised: Raised) -> str:
    """What an error says, without Keras's advice after it."""
    return first_line(raised, 90).partition(". ")[0].rstrip(",.")
