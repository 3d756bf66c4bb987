"""What the probes of Keras's own machinery saw: saving, configs, ``sample_weight``, ``KerasTensor``s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from losscheck.observation import Observation

if TYPE_CHECKING:
    import numpy as np

    from losscheck.finding import Location
    from losscheck.observation import Raised


@dataclass(frozen=True)
class SymbolicObservation(Observation):
    """The loss called on ``KerasTensor``s, as in a functional model."""


@dataclass(frozen=True)
class CapturedSymbolObservation(Observation):
    """A ``KerasTensor`` that the loss reads from outside while it is called on tensors."""

    place: Location | None = None  #: the line that reads it
    name: str = ""  #: what is read, ``self.encoder.output``


@dataclass(frozen=True)
class ReloadObservation(Observation):
    """A model compiled with the loss, saved, and loaded where only what is registered is known.

    `value` is the loss that came back, per sample, called as `fit` does.
    """

    stage: str = ""  #: what raised: ``save`` or ``load``
    known: Raised | None = None  #: what loading raises where ``custom_objects`` names the loss as well
    before: np.ndarray | None = None  #: the loss that was saved, on the same batch
    came_back: str = ""  #: the object of Keras that came back in its place, ``keras.losses.huber``
    is_registered: bool = False  #: its name in the file is one that the program has registered
    factory: str = ""  #: name of the function that made it, where that can be called without arguments
    factory_place: Location | None = None  #: the factory's def line, whatever arguments it needs
    is_bound: bool = False  #: the module binds it to a name, so that importing the module makes it again


@dataclass(frozen=True)
class ConfigObservation(Observation):
    """A ``Loss`` object made anew from its config, the config written to JSON in between."""

    stage: str = ""  #: what raised: ``get_config``, ``json`` or ``from_config``
    before: np.ndarray | None = None  #: the object's own value; `value` is that of the new one
    arguments: tuple[str, ...] = ()  #: constructor arguments that Keras's own ``Loss`` does not have
    lost: tuple[tuple[str, str, str], ...] = ()  #: argument, what was given, what came back
    unbuilt: str = ""  #: an argument that was an object and comes back as a dict
    entry: Location | None = None  #: where the user's ``get_config`` writes it, or the first of those lost
    init: Location | None = None  #: the user's ``__init__``
    get_config: Location | None = None  #: the ``return`` of the user's ``get_config``


@dataclass(frozen=True)
class WeightedObservation(Observation):
    """The loss with a ``sample_weight`` of zero on some rows, and without those rows.

    `value` is the loss of each row as `fit` computes it; `raised` what passing ``sample_weight`` raises.
    """

    kept: tuple[int, ...] = ()  #: the rows with a weight of one
    of_kept: np.ndarray | None = None  #: the loss of these rows, called on them alone
    plain: np.ndarray | None = None  #: what Keras makes of it without ``sample_weight``
    weighted: np.ndarray | None = None  #: what Keras makes of it with ``sample_weight``
    summed: np.ndarray | None = None  #: the same object without weights and with ``reduction="sum"``
    unreduced: np.ndarray | None = None  #: the same with ``reduction=None``
    call: Location | None = None  #: the user's ``__call__`` where it overrides that of ``Loss``
    init: Location | None = None  #: the user's ``__init__``
    skips_super: bool = False  #: attributes that ``Loss.__init__`` sets are missing

    def is_per_entry(self, shape: tuple[int, ...]) -> bool:
        """Whether the loss has a value for each entry of predictions of this shape, not for each row."""
        return self.value is not None and len(shape) > 1 and shape[-1] > 1 and self.value.shape == shape


@dataclass(frozen=True)
class MaskedObservation(Observation):
    """The loss with a mask of the steps of ``y_pred``, as `fit` passes it on from a layer.

    `value` is the number that Keras makes of it.
    """

    mask: tuple[int, ...] = ()  #: shape of the mask


@dataclass(frozen=True)
class UnreducedObservation(Observation):
    """One step of `fit` with the ``Loss`` object's own reduction, and with the mean."""

    factor: float | None = None  #: size of its step in units of the step with the mean
    place: Location | None = None  #: where ``reduction`` is given, inside the class
    is_called_by_hand: bool = False  #: the file itself calls it on ``y_true`` and ``y_pred``
