"""The probes of one loss: they share its traced graph, and feed it as a user's call would."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import EagerObservation, Observation
from losscheck.probes.callbacks import run_callbacks
from losscheck.probes.captured import run_captured
from losscheck.probes.captured_symbol import run_captured_symbol
from losscheck.probes.casts import run_casts
from losscheck.probes.config import run_config
from losscheck.probes.discarded import run_discarded
from losscheck.probes.divergence import run_divergence
from losscheck.probes.eager import run_eager
from losscheck.probes.exchanged import run_exchanged
from losscheck.probes.fit import run_fit
from losscheck.probes.flow import Traced, read_flow, trace
from losscheck.probes.frames import UserFiles
from losscheck.probes.frozen import run_frozen
from losscheck.probes.gradient import GraphGradient, run_gradient
from losscheck.probes.graph import run_graph
from losscheck.probes.half import HalfGraph, run_half
from losscheck.probes.keras_version import fit_converts
from losscheck.probes.mixing import halves, run_mixing
from losscheck.probes.reload import run_reload
from losscheck.probes.replicas import run_replicas
from losscheck.probes.saved_state import SavedState
from losscheck.probes.siblings import run_siblings
from losscheck.probes.symbolic import run_symbolic
from losscheck.probes.tracing import TraceRun, run_trace
from losscheck.probes.unreduced import run_unreduced
from losscheck.probes.values import run_compiled_values, run_values
from losscheck.probes.wandering import run_wandering
from losscheck.probes.weighted import run_weighted
from losscheck.probes.xla import CompiledGradient


class Probes:
    """The probes of one loss, which share its traced graph.

    Args:
        loss: the loss.
        is_expendable: whether a probe may end this process, as compiling can.

    """

    def __init__(self, loss: LoadedLoss, *, is_expendable: bool = False) -> None:
        self._loss = loss
        self._files = UserFiles(loss.location.path)
        self._graph_gradient = GraphGradient(loss, self._files)
        self._compiled_gradient = CompiledGradient(loss, self._files, is_expendable=is_expendable)
        self._half_graph = HalfGraph(loss, self._files)
        self._traces: dict[tuple[object, ...], Traced] = {}
        self._untouched = SavedState(loss.function, self._files)
        self._trace_runs: dict[str, TraceRun] = {}

    def by_name(self) -> Mapping[str, Callable[..., Observation]]:
        """The probes as the prober asks for them."""
        return {
            "eager": self.eager,
            "graph": self.graph,
            "gradient": self.gradient,
            "fit": self.fit,
            "flow": self.flow,
            "values": self.values,
            "compiled_values": self.compiled_values,
            "mixing": self.mixing,
            "exchanged": self.exchanged,
            "xla": self.xla,
            "replicas": self.replicas,
            "trace": self.trace,
            "frozen": self.frozen,
            "captured": self.captured,
            "siblings": self.siblings,
            "callbacks": self.callbacks,
            "casts": self.casts,
            "discarded": self.discarded,
            "divergence": self.divergence,
            "wandering": self.wandering,
            "half": self.half,
            "half_values": self.half_values,
            "symbolic": self.symbolic,
            "captured_symbol": self.captured_symbol,
            "reload": self.reload,
            "config": self.config,
            "weighted": self.weighted,
            "unreduced": self.unreduced,
        }

    def eager(self, batch: Batch, *, calls: int = 1, extra: tuple[object, ...] = ()) -> EagerObservation:
        """The loss called eagerly."""
        return run_eager(self._loss, self._cast(batch), self._files, calls=calls, extra=extra)

    def eager_uncast(self, batch: Batch) -> EagerObservation:
        """The loss called without the casts that a Keras `Loss` does first."""
        return run_eager(self._loss, batch, self._files)

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

    def flow(self, batch: Batch, *, known_batch: bool) -> Observation:
        """The traced graph, read."""
        return read_flow(self._trace(batch, known_batch=known_batch), self._cast(batch), self._files)

    def xla(self, batch: Batch, *, has_list: bool) -> Observation:
        """The loss and its gradient compiled."""
        return self._compiled_gradient.run(self._as_fit(batch), has_list=has_list)

    def replicas(self, batch: Batch) -> Observation:
        """The loss on two replicas and on one device."""
        return run_replicas(self._loss, batch, self._files)

    def has_empty(self, batch: Batch) -> bool:
        """Whether some tensor that the loss makes of `y_pred` holds nothing."""
        flow = read_flow(self._trace(batch), self._cast(batch), self._files)
        return any(op.from_y_pred and op.is_float and 0 in (op.shape or ()) for op in flow.ops)

    def values(self, batch: Batch) -> Observation:
        """The numbers inside the traced graph."""
        fed = self._cast(batch)
        traced = self._trace(batch)
        return run_values(traced, read_flow(traced, fed, self._files), fed)

    def compiled_values(self, batch: Batch) -> Observation:
        """The numbers inside the traced graph, compiled and not."""
        fed = self._cast(batch)
        traced = self._trace(batch)
        return run_compiled_values(traced, read_flow(traced, fed, self._files), fed)

    def mixing(self, batch: Batch) -> Observation:
        """Where the rows of a batch come together."""
        first, _ = halves(fed := self._cast(batch))
        traced = self._trace(first)
        return run_mixing(traced, read_flow(traced, first, self._files), fed)

    def exchanged(self, batch: Batch) -> Observation:
        """The built-in losses that the loss calls."""
        return run_exchanged(self._loss, self._cast(batch), self._files)

    def _trace_run(self, batch: Batch) -> TraceRun:
        if batch.name not in self._trace_runs:
            self._trace_runs[batch.name] = run_trace(
                self._loss, self._as_fit(batch), self._files, self._untouched
            )
        return self._trace_runs[batch.name]

    def callbacks(self, batch: Batch) -> Observation:
        """The share of the callbacks in the time of a step."""
        return run_callbacks(self._trace(batch), self._cast(batch))

    def casts(self, batch: Batch) -> Observation:
        """What casts make of class ids."""
        fed = self._cast(batch)
        traced = self._trace(batch)
        return run_casts(traced, read_flow(traced, fed, self._files), fed)

    def discarded(self, batch: Batch) -> Observation:
        """The statements without effect."""
        traced = self._trace(batch)
        flow = read_flow(traced, self._cast(batch), self._files)
        return run_discarded(traced, flow, batch, self._files)

    def divergence(self, batch: Batch, *, tolerance: float) -> Observation:
        """Where a call in a graph parts from an eager one."""
        return run_divergence(self._loss, self._cast(batch), self._files, tolerance=tolerance)

    def wandering(self, batch: Batch, *, tolerance: float) -> Observation:
        """Where two eager calls part."""
        return run_wandering(self._loss, self._cast(batch), self._files, tolerance=tolerance)

    def half(self, batch: Batch, *, dtype: str) -> Observation:
        """The loss called directly with predictions in half precision."""
        return run_half(self._loss, batch, self._files, dtype=dtype)

    def half_values(self, batch: Batch) -> Observation:
        """The numbers inside the graph in float16."""
        fed = self._cast(batch)
        whole = read_flow(self._trace(batch), fed, self._files)
        return self._half_graph.run(batch, whole)

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

    def unreduced(self, batch: Batch) -> Observation:
        """The step that `fit` takes with the object's own reduction."""
        return run_unreduced(self._loss, batch, self._files)

    def _trace(self, batch: Batch, *, known_batch: bool = True) -> Traced:
        fed = self._cast(batch)
        key = (fed.y_true.shape, fed.y_pred.shape, fed.y_true.dtype, fed.y_pred.dtype, known_batch)
        if key not in self._traces:
            self._traces[key] = trace(self._loss, fed, self._files, known_batch=known_batch)
        return self._traces[key]

    def _cast(self, batch: Batch) -> Batch:
        """The batch as a direct call passes it: a Keras `Loss` casts before it calls its own `call`."""
        return batch.as_float32() if self._loss.is_keras_loss else batch

    def _as_fit(self, batch: Batch) -> Batch:
        return batch.as_float32() if self._loss.is_keras_loss else batch.aligned()
