"""LC604: a `Loss` object does not come back from its config."""

from __future__ import annotations

from collections.abc import Iterator

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.keras_observation import ConfigObservation
from losscheck.prober import Prober
from losscheck.reading.classes import config_gap
from losscheck.reading.source import Source
from losscheck.recipe import Special
from losscheck.rule import Rule, first_line

#: Arguments that the config of every `Loss` holds.
_OF_KERAS = ("name", "reduction", "dtype")
_PLAIN = "Put plain numbers into the config, `float(self.delta)` for a tensor, and make the tensor from them"

_BUILT = (
    "Put `keras.saving.serialize_keras_object(…)` into the config, and build the object again in"
    " `from_config` with `keras.saving.deserialize_keras_object(…)`"
)


class BrokenConfig(Rule):
    """A `Loss` subclass does not come back from its own config: it raises, or is another loss.

    ## What it does
    Takes the config through JSON, builds the class from it, and compares arguments and values. Each number
    among the constructor's own arguments, and a `reduction` that it names, is changed once and must come
    back changed.

    ## Why is this bad?
    `keras.models.load_model` does the same. A constructor that does not take `name` and `reduction` raises
    there; an argument that `get_config` leaves out comes back as its default, without a word.

    ## References
    - https://keras.io/guides/serialization_and_saving/#config-methods
    """

    code = "LC604"
    name = "broken-config"
    severity = Severity.WARNING
    hint = (
        "Take `**kwargs` for `super().__init__`, and return `{**super().get_config(), …}` with each argument"
    )
    requires = ("callable",)
    repro = Special("config")

    BAD = (
        """\
import keras
from keras import ops

class FocalLoss(keras.losses.Loss):
    def __init__(self, gamma=2.0, name="focal_loss", **kwargs):  # <-
        super().__init__(name=name, **kwargs)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        return ops.power(ops.abs(ops.reshape(y_true, ops.shape(y_pred)) - y_pred) + 1e-6, self.gamma)
""",
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def __init__(self):  # <-
        super().__init__(name="squared_loss")

    def call(self, y_true, y_pred):
        return ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred)
""",
        """\
import keras
from keras import ops

class WeightedLoss(keras.losses.Loss):
    def __init__(self, weights=(1.0, 2.0, 3.0), **kwargs):
        super().__init__(**kwargs)
        self.weights = ops.convert_to_tensor(weights)

    def call(self, y_true, y_pred):  # losscheck: y_true=float32[B,3] y_pred=float32[B,3]
        return self.weights * ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred)

    def get_config(self):
        return {**super().get_config(), "weights": self.weights}  # <-
""",
    )
    GOOD = (
        """\
import keras
from keras import ops

class FocalLoss(keras.losses.Loss):
    def __init__(self, gamma=2.0, name="focal_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        return ops.power(ops.abs(ops.reshape(y_true, ops.shape(y_pred)) - y_pred) + 1e-6, self.gamma)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}
""",
        """\
import keras
from keras import ops

class SquaredLoss(keras.losses.Loss):
    def __init__(self, name="squared_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(ops.reshape(y_true, ops.shape(y_pred)) - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect an `__init__` that does not go together with the config."""
        if (gap := config_gap(source)) is not None:
            yield self.suspicion(gap[1], source.location(gap[0]))

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report what the way through the config raises, loses or changes."""
        seen = prober.config()
        message = _message(seen)
        if message is None or (seen.raised is None and not seen.lost and not prober.is_steady):
            return
        yield self.finding(
            message,
            _place(seen) or prober.loss.location,
            modes=(Mode.RELOAD,),
            hint=_hint(seen),
            lost=[name for name, _, _ in seen.lost],
        )


def _message(seen: ConfigObservation) -> str | None:
    from losscheck.inputs.batches import is_same_value

    if seen.skipped:
        return None
    if seen.raised is not None:
        what = {
            "get_config": "`get_config` raises",
            "json": "the config cannot be written to JSON:",
            "from_config": "`from_config` raises on its own config, so no saved model can be loaded:",
        }[seen.stage]
        return f"{what} `{seen.raised.type}`: {first_line(seen.raised, 110)}"
    if seen.lost:
        name, given, got = seen.lost[0]
        verb = "changes" if seen.entry is not None else "is lost"
        return f"the argument `{name}` {verb} in a saved model: built with {given}, it comes back with {got}"
    if seen.before is None or (seen.value is not None and is_same_value(seen.before, seen.value)):
        return None
    if seen.value is None and seen.unbuilt:
        return f"`{seen.unbuilt}` comes back from the config as a dict, and the loss raises when it is called"
    if seen.value is None:
        return "the loss that is built from its own config raises when it is called"
    before, after = seen.before.mean(), seen.value.mean()
    return f"the loss changes through its own config: {before:.4g} before saving, {after:.4g} after loading"


def _hint(seen: ConfigObservation) -> str | None:
    if seen.unbuilt:
        return _BUILT
    if seen.lost and seen.entry is not None:
        return f"Keep `{seen.lost[0][0]}` as it was given, and put that into the config"
    return _PLAIN if seen.raised is not None and "__tensor__" in seen.raised.message else None


def _place(seen: ConfigObservation) -> Location | None:
    """The user's `get_config`, unless the constructor refuses what Keras's own `Loss` puts into a config."""
    message = seen.raised.message if seen.raised is not None else ""
    if any(f"unexpected keyword argument '{name}'" in message for name in _OF_KERAS):
        return seen.init or seen.get_config
    return seen.entry or seen.get_config or seen.init
