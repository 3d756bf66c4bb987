"""LC614: a factory's closure comes back from a saved model with other parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.keras_observation import ReloadObservation
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Recipe, Special
from losscheck.rule import Rule


class LostParameter(Rule):
    """A function that a factory made comes back from a saved model with the parameters of another one.

    ## What it does
    Saves a model compiled with the function and loads it, as it stands and after the factory has run once
    more with its defaults, and compares the values.

    ## Why is this bad?
    The registered name stands for the function that was registered last. The parameters are in a closure,
    and no closure is saved: the model comes back with whatever parameters the factory was last called with.

    ## References
    - https://keras.io/guides/serialization_and_saving/#config-methods
    """

    code = "LC614"
    name = "lost-parameter"
    severity = Severity.WARNING
    hint = "Write a `keras.losses.Loss` subclass whose `get_config` returns the parameters"
    requires = ("callable",)
    repro = Special("reload")

    BAD = (
        """\
import keras
from keras import ops

def make_power_loss(power=2.0):  # <-
    @keras.saving.register_keras_serializable("examples")
    def power_loss(y_true, y_pred):
        return ops.mean(ops.power(ops.abs(y_true - y_pred) + 1e-6, power), axis=-1)

    return power_loss

quartic_loss, cubic_loss = make_power_loss(4.0), make_power_loss(3.0)

loss = quartic_loss
""",
    )
    GOOD = (
        """\
import keras
from keras import ops

def make_power_loss(power=2.0):
    @keras.saving.register_keras_serializable("examples", name=f"power_loss_{power}")
    def power_loss(y_true, y_pred):
        return ops.mean(ops.power(ops.abs(y_true - y_pred) + 1e-6, power), axis=-1)

    return power_loss

quartic_loss, cubic_loss = make_power_loss(4.0), make_power_loss(3.0)

loss = quartic_loss
""",
        """\
import keras
from keras import ops

def make_scaled_loss(scale=1.0):
    def scaled_loss(y_true, y_pred):
        return scale * ops.mean(ops.square(y_true - y_pred), axis=-1)

    return scaled_loss

loss = make_scaled_loss(3.0)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a function that is registered under one name whatever the parameters of its factory."""
        factory = source.subject.factory if source.subject is not None else None
        decorators = getattr(source.function, "decorator_list", ())
        fixed = [d for d in decorators if source.name_of(d).endswith("register_keras_serializable")]
        if factory is None or source.function is None or not fixed:
            return
        read = {node.id for node in ast.walk(source.function) if isinstance(node, ast.Name)}
        is_named = any(keyword.arg == "name" for d in fixed for keyword in getattr(d, "keywords", ()))
        if not is_named and read & {argument.arg for argument in factory.args.args}:
            message = "all functions of this factory are registered under one name"
            yield self.suspicion(message, source.location(factory), Severity.NOTE)

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: by loading, or by running the factory first as a new process does."""
        return Special("reload after factory") if finding.evidence["factory"] else self.repro

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report another value; a note where importing the module makes the right function once more."""
        seen = prober.reload()
        if seen.factory_place is None or not (seen.is_registered or _differs(seen)):
            return
        factory = ""
        if _differs(seen):
            how, severity = "another function of the same factory has taken its name", None
        else:
            if not seen.factory:
                return
            how = f"after `{seen.factory}()` has run with its defaults"
            factory, severity = seen.factory, Severity.NOTE if seen.is_bound else None
            seen = prober.reload(remade=True)
            if not _differs(seen):
                return
        assert seen.before is not None and seen.value is not None and seen.factory_place is not None
        yield self.finding(
            f"a saved model comes back with other parameters ({how}): the loss is {seen.before.mean():.4g}"
            f" before saving and {seen.value.mean():.4g} after loading",
            seen.factory_place,
            modes=(Mode.RELOAD,),
            severity=severity,
            factory=factory,
        )


def _differs(seen: ReloadObservation) -> bool:
    """Whether another function of the user's came back, and another value."""
    from losscheck.inputs.batches import is_same_value

    if seen.came_back or seen.before is None or seen.value is None:
        return False
    return not is_same_value(seen.before, seen.value)
