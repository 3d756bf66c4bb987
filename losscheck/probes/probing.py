"""The probes of one loss, which feed it as a user's call would."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from losscheck.graph_observation import FlowObservation
from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import EagerObservation, Observation
from losscheck.probes.captured import run_captured
from losscheck.probes.captured_symbol import run_captured_symbol
from losscheck.probes.config import run_config
from losscheck.probes.divergence import run_divergence
from losscheck.probes.eager import run_eager
from losscheck.probes.exchanged import run_exchanged
from losscheck.probes.fit import run_fit
from losscheck.probes.frames import UserFiles
from losscheck.probes.frozen import run_frozen
from losscheck.probes.gradient import GraphGradient, run_gradient
from losscheck.probes.graph import run_graph
from losscheck.probes.graph_probing import GraphProbes
from losscheck.probes.half import run_half
from losscheck.probes.keras_version import fit_converts
from losscheck.probes.masked import run_masked
from losscheck.probes.reload import run_reload
from losscheck.probes.replicas import run_replicas
from losscheck.probes.saved_state import SavedState
from losscheck.probes.siblings import run_siblings
from losscheck.probes.smallest import run_smallest
from losscheck.probes.state import restoring_variables, variables
from losscheck.probes.symbolic import run_symbolic
from losscheck.probes.tracing import TraceRun, run_trace
from losscheck.probes.unreduced import run_unreduced
from losscheck.probes.wandering import run_wandering
from losscheck.probes.weighted import run_weighted
from losscheck.probes.xla import CompiledGradient


class Probes:
    """The probes of one loss; those of its traced graph are in `graph_probing`.

    Args:
        loss: the loss.
        is_expendable: whether a probe may end this process, as compiling can.

    """

    def __init__(self, loss: LoadedLoss, *, is_expendable: bool = False) -> None:
        self._loss = loss
        self._files = UserFiles(loss.location.path)
        self._graph_gradient = GraphGradient(loss, self._files)
        self._compiled_gradient = CompiledGradient(
            loss, self._files, self._graph_gradient, is_expendable=is_expendable
        )
        self._of_graph = GraphProbes(loss, self._files, self._cast)
        self._untouched = SavedState(loss.function, self._files)
        self._trace_runs: dict[str, TraceRun] = {}

    def by_name(self) -> Mapping[str, Callable[..., Observation]]:
        """The probes as the prober asks for them; what they move the loss's variables by is taken back."""
        probes: dict[str, Callable[..., Observation]] = {
            **self._of_graph.by_name(),
            "eager": self.eager,
            "graph": self.graph,
            "gradient": self.gradient,
            "fit": self.fit,
            "exchanged": self.exchanged,
            "xla": self.xla,
            "replicas": self.replicas,
            "trace": self.trace,
            "frozen": self.frozen,
            "captured": self.captured,
            "siblings": self.siblings,
            "divergence": self.divergence,
            "wandering": self.wandering,
            "half": self.half,
            "symbolic": self.symbolic,
            "captured_symbol": self.captured_symbol,
            "reload": self.reload,
            "config": self.config,
            "weighted": self.weighted,
            "masked": self.masked,
            "unreduced": self.unreduced,
            "smallest": self.smallest,
        }
        return {name: self._restoring(probe) for name, probe in probes.items()}

    def _restoring(self, probe: Callable[..., Observation]) -> Callable[..., Observation]:
        @functools.wraps(probe)
        def run(*args: Any, **options: Any) -> Observation:
            with restoring_variables(self._variables):
                return probe(*args, **options)

        return run

    @functools.cached_property
    def _variables(self) -> list[Any]:
        return variables(self._loss.function, self._files)

    def eager(self, batch: Batch, *, calls: int = 1, extra: tuple[object, ...] = ()) -> EagerObservation:
        """The loss called eagerly."""
        return run_eager(self._loss, self._cast(batch), self._files, calls=calls, extra=extra)

    def eager_uncast(self, batch: Batch) -> EagerObservation:
        """The loss called without the casts that a Keras `Loss` does first."""
        return run_eager(self._loss, batch, self._files)

    def read(self, batch: Batch) -> FlowObservation:
        """The traced graph, read, for the search for the inputs."""
        return self._of_graph.flow(batch)

    @property
    def fit_converts(self) -> bool:
        """Whether `fit` rewrites the loss with AutoGraph."""
        return fit_converts(self._loss)

    def graph(self, batch: Batch, *, known_batch: bool, as_fit: bool, autograph: bool) -> Observation:
        """The loss under `tf.function`."""
        fed = self._as_fit(batch) if as_fit else self._cast(batch)
        return run_graph(self._loss, fed, self._files, known_batch=known_batch, autograph=autograph)

    def gradient(self, batch: Batch, *, in_graph: bool) -> Observation:
        """The loss inside `GradientTape`."""
        if in_graph:
            return self._graph_gradient.run(self._cast(batch))
        return run_gradient(self._loss, self._cast(batch), self._files)

    def fit(self, batch: Batch) -> Observation:
        """The loss in `model.fit`."""
        return run_fit(self._loss, batch, self._files)

    def trace(self, batch: Batch) -> Observation:
        """What the loss does in Python while it is traced."""
        return self._trace_run(batch).seen

    def frozen(self, batch: Batch) -> Observation:
        """What other code changes, and the traced loss does not see."""
        return run_frozen(self._loss, self._as_fit(batch), self._files, self._trace_run(batch))

    def siblings(self, batch: Batch) -> Observation:
        """The losses that were made in the same loop."""
        return run_siblings(self._loss, self._cast(batch), self._files)

    def captured(self, batch: Batch) -> Observation:
        """The arrays that are as long as one batch or data set."""
        codes = self._trace_run(batch).codes
        return run_captured(self._loss, self._cast(batch), self._files, codes)

    def xla(self, batch: Batch, *, has_list: bool) -> Observation:
        """The loss and its gradient compiled."""
        return self._compiled_gradient.run(self._as_fit(batch), has_list=has_list)

    def replicas(self, batch: Batch) -> Observation:
        """The loss on two replicas and on one device."""
        return run_replicas(self._loss, batch, self._files)

    def exchanged(self, batch: Batch) -> Observation:
        """The built-in losses that the loss calls."""
        return run_exchanged(self._loss, self._cast(batch), self._files)

    def _trace_run(self, batch: Batch) -> TraceRun:
        if batch.name not in self._trace_runs:
            self._trace_runs[batch.name] = run_trace(
                self._loss, self._as_fit(batch), self._files, self._untouched
            )
        return self._trace_runs[batch.name]

    def divergence(self, batch: Batch, *, tolerance: float) -> Observation:
        """Where a call in a graph parts from an eager one."""
        return run_divergence(self._loss, self._cast(batch), self._files, tolerance=tolerance)

    def wandering(self, batch: Batch, *, tolerance: float) -> Observation:
        """Where two eager calls part."""
        return run_wandering(self._loss, self._cast(batch), self._files, tolerance=tolerance)

    def half(self, batch: Batch, *, dtype: str) -> Observation:
        """The loss called directly with predictions in half precision."""
        return run_half(self._loss, batch, self._files, dtype=dtype)

    def symbolic(self, batch: Batch) -> Observation:
        """The loss called on `KerasTensor`s."""
        return run_symbolic(self._loss, self._cast(batch), self._files)

    def captured_symbol(self, batch: Batch) -> Observation:
        """The `KerasTensor` that the loss reads from outside."""
        return run_captured_symbol(self._loss, self._cast(batch), self._files)

    def reload(self, batch: Batch, *, remade: bool) -> Observation:
        """A model with the loss, saved and loaded."""
        return run_reload(self._loss, self._as_fit(batch), self._files, remade=remade)

    def config(self, batch: Batch) -> Observation:
        """A `Loss` object made anew from its config."""
        return run_config(self._loss, self._as_fit(batch), self._files)

    def weighted(self, batch: Batch) -> Observation:
        """The loss with `sample_weight`."""
        return run_weighted(self._loss, self._as_fit(batch), self._files)

    def masked(self, batch: Batch) -> Observation:
        """The loss with a mask of the steps."""
        return run_masked(self._loss, self._as_fit(batch), self._files)

    def unreduced(self, batch: Batch) -> Observation:
        """The step that `fit` takes with the object's own reduction."""
        return run_unreduced(self._loss, batch, self._files)

    def smallest(self, batch: Batch, *, of_gradient: bool, in_graph: bool) -> Observation:
        """The smallest part of a batch that shows a bad number."""
        if in_graph:
            return run_smallest(self._graph_gradient.run, self._cast(batch), of_gradient=of_gradient)
        return run_smallest(
            lambda part: run_gradient(self._loss, part, self._files),
            self._cast(batch),
            of_gradient=of_gradient,
        )

    def _cast(self, batch: Batch) -> Batch:
        """The batch as a direct call passes it: a Keras `Loss` casts before it calls its own `call`."""
        return batch.as_float32() if self._loss.is_keras_loss else batch

    def _as_fit(self, batch: Batch) -> Batch:
        return batch.as_float32() if self._loss.is_keras_loss else batch.aligned()
