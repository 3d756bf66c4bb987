"""What can be asked of the probes: one method each."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, TypeVar

from losscheck.graph_observation import (
    ActivationsObservation,
    CallbacksObservation,
    CastsObservation,
    CustomGradientsObservation,
    DiscardedObservation,
    DivergenceObservation,
    ExchangedObservation,
    FlowObservation,
    HalfObservation,
    HalfValuesObservation,
    MixingObservation,
    PassingObservation,
    SaturationObservation,
    TermsObservation,
    ValuesObservation,
)
from losscheck.keras_observation import (
    CapturedSymbolObservation,
    ConfigObservation,
    MaskedObservation,
    ReloadObservation,
    SymbolicObservation,
    UnreducedObservation,
    WeightedObservation,
)
from losscheck.numerics_observation import (
    DirectionsObservation,
    SingularObservation,
    SmallestObservation,
    UnstableLogObservation,
)
from losscheck.observation import (
    EagerObservation,
    FitObservation,
    GradientObservation,
    Observation,
)
from losscheck.state_observation import (
    CapturedObservation,
    FrozenObservation,
    SiblingsObservation,
    TraceObservation,
    UntrainedObservation,
)

if TYPE_CHECKING:
    from losscheck.inputs.specs import Domain

Seen = TypeVar("Seen", bound=Observation)


class Asking(abc.ABC):
    """The probes by name; how they are asked, and what is remembered, is the prober's."""

    @abc.abstractmethod
    def _ask(self, probe: str, kind: type[Seen], batch: str, **options: Any) -> Seen:
        """The observation of a probe on a batch."""

    def eager(self, batch: str = "typical", *, extra: tuple[Any, ...] = ()) -> EagerObservation:
        """The loss called eagerly: three times on the typical batch, once on the others."""
        calls = 3 if batch == "typical" and not extra else 1
        return self._ask("eager", EagerObservation, batch, calls=calls, extra=extra)

    def trace(self, batch: str = "typical") -> TraceObservation:
        """What the loss does in Python while `fit` traces it: leaked tensors, clocks, files."""
        return self._ask("trace", TraceObservation, batch)

    def frozen(self, batch: str = "typical") -> FrozenObservation:
        """The values that other code changes and that the traced loss does not look at again."""
        return self._ask("frozen", FrozenObservation, batch)

    def siblings(self, batch: str = "typical") -> SiblingsObservation:
        """The losses that were made in the same loop, if they all are one loss."""
        return self._ask("siblings", SiblingsObservation, batch)

    def captured(self, batch: str = "typical") -> CapturedObservation:
        """An array of the user's code whose rows stand for those of one batch."""
        return self._ask("captured", CapturedObservation, batch)

    def gradient(self, batch: str = "typical", *, in_graph: bool = False) -> GradientObservation:
        """The loss and its gradient with respect to ``y_pred``, eagerly or in a graph."""
        return self._ask("gradient", GradientObservation, batch, in_graph=in_graph)

    def fit(self, batch: str = "typical") -> FitObservation:
        """The loss in `model.fit`."""
        return self._ask("fit", FitObservation, batch)

    def flow(
        self, batch: str = "typical", *, known_batch: bool = True, shapes_only: bool = False
    ) -> FlowObservation:
        """The traced graph, read; with ``shapes_only`` it may say nothing of gradients."""
        options = {"known_batch": known_batch, "shapes_only": shapes_only}
        return self._ask("flow", FlowObservation, batch, **options)

    def passing(self, batch: str = "typical") -> PassingObservation:
        """The operations that keep a gradient to themselves."""
        return self._ask("passing", PassingObservation, batch)

    def values(self, batch: str = "typical") -> ValuesObservation:
        """The numbers inside the traced graph."""
        return self._ask("values", ValuesObservation, batch)

    def smallest(self, batch: str, *, of_gradient: bool, in_graph: bool) -> SmallestObservation:
        """The smallest part of a batch at which the loss, or its gradient alone, is not finite."""
        options = {"of_gradient": of_gradient, "in_graph": in_graph}
        return self._ask("smallest", SmallestObservation, batch, **options)

    def singular(self, batch: str = "typical", *, domains: tuple[Domain, Domain]) -> SingularObservation:
        """A point at which an operation gets its singular argument, inside the domains of the two inputs."""
        return self._ask("singular", SingularObservation, batch, domains=domains)

    def unstable_logs(self, batch: str = "typical") -> UnstableLogObservation:
        """The logarithms of a softmax or sigmoid, fed with large logits."""
        return self._ask("unstable_logs", UnstableLogObservation, batch)

    def directions(self, batch: str = "typical", *, is_told: bool) -> DirectionsObservation:
        """The loss along straight lines, far out; ``is_told``: the user gave the inputs."""
        return self._ask("directions", DirectionsObservation, batch, is_told=is_told)

    def compiled_values(self, batch: str = "typical") -> ValuesObservation:
        """The numbers inside the traced graph, compiled by XLA and not; only where XLA compiles the loss."""
        return self._ask("compiled_values", ValuesObservation, batch)

    def mixing(self, batch: str = "both around") -> MixingObservation:
        """The operation that takes rows together; the batch is two, with two rows that stand in both."""
        return self._ask("mixing", MixingObservation, batch)

    def exchanged(self, batch: str = "typical") -> ExchangedObservation:
        """A built-in loss that is called with ``y_pred`` in the place of ``y_true``."""
        return self._ask("exchanged", ExchangedObservation, batch)

    def callbacks(self, batch: str) -> CallbacksObservation:
        """The time of a step, and the part of it inside Python callbacks."""
        return self._ask("callbacks", CallbacksObservation, batch)

    def casts(self, batch: str = "highest labels") -> CastsObservation:
        """The casts of ``y_true`` to small dtypes, fed with the highest class ids."""
        return self._ask("casts", CastsObservation, batch)

    def discarded(self, batch: str = "typical") -> DiscardedObservation:
        """The statements that compute something for nothing."""
        return self._ask("discarded", DiscardedObservation, batch)

    def divergence(self, batch: str = "typical", *, tolerance: float) -> DivergenceObservation:
        """The first line where a call in a graph parts from an eager one."""
        return self._ask("divergence", DivergenceObservation, batch, tolerance=tolerance)

    def wandering(self, batch: str = "typical", *, tolerance: float) -> DivergenceObservation:
        """The first line where two eager calls on one input part."""
        return self._ask("wandering", DivergenceObservation, batch, tolerance=tolerance)

    def half(self, batch: str = "typical", *, dtype: str = "float16") -> HalfObservation:
        """The loss called directly with predictions in half precision; `fit` would cast them."""
        return self._ask("half", HalfObservation, batch, dtype=dtype)

    def half_values(self, batch: str = "typical") -> HalfValuesObservation:
        """The numbers inside the graph in float16."""
        return self._ask("half_values", HalfValuesObservation, batch)

    def symbolic(self, batch: str = "typical") -> SymbolicObservation:
        """The loss called on `KerasTensor`s."""
        return self._ask("symbolic", SymbolicObservation, batch)

    def captured_symbol(self, batch: str = "typical") -> CapturedSymbolObservation:
        """The `KerasTensor` that the loss reads from outside."""
        return self._ask("captured_symbol", CapturedSymbolObservation, batch)

    def reload(self, batch: str = "typical", *, remade: bool = False) -> ReloadObservation:
        """A model with the loss, saved and loaded; ``remade``: after its factory has run once more."""
        return self._ask("reload", ReloadObservation, batch, remade=remade)

    def config(self, batch: str = "typical") -> ConfigObservation:
        """A `Loss` object made anew from its config."""
        return self._ask("config", ConfigObservation, batch)

    def weighted(self, batch: str = "typical") -> WeightedObservation:
        """The loss with `sample_weight`, and without the rows that it weights with zero."""
        return self._ask("weighted", WeightedObservation, batch)

    def masked(self, batch: str = "typical") -> MaskedObservation:
        """The loss on predictions with a mask of their steps."""
        return self._ask("masked", MaskedObservation, batch)

    def unreduced(self, batch: str = "typical") -> UnreducedObservation:
        """The step that `fit` takes with the object's own reduction, in units of the mean's."""
        return self._ask("unreduced", UnreducedObservation, batch)

    def activations(self, batch: str = "typical", *, is_probability: bool = False) -> ActivationsObservation:
        """The softmaxes and sigmoids of ``y_pred``; ``is_probability``: the user told that it holds them."""
        return self._ask("activations", ActivationsObservation, batch, is_probability=is_probability)

    def terms(self, batch: str = "typical") -> TermsObservation:
        """The summands of the loss, each with its gradient."""
        return self._ask("terms", TermsObservation, batch)

    def custom_gradients(self, batch: str = "typical") -> CustomGradientsObservation:
        """The gradients that the user wrote, against the numeric ones."""
        return self._ask("custom_gradients", CustomGradientsObservation, batch)

    def untrained(self, batch: str = "typical") -> UntrainedObservation:
        """The trainable variables that the loss reads and that no Keras layer owns."""
        return self._ask("untrained", UntrainedObservation, batch)

    def saturation(self, batch: str = "surely wrong", *, rows: tuple[int, ...]) -> SaturationObservation:
        """The operation behind which the gradient of these rows is lost."""
        return self._ask("saturation", SaturationObservation, batch, rows=rows)
