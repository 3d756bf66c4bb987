"""The probes that read the traced graph of one loss: each shape is traced once and its graph read once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from losscheck.graph_observation import FlowObservation
from losscheck.inputs.batches import Batch
from losscheck.inputs.specs import Domain
from losscheck.loss import LoadedLoss
from losscheck.observation import Observation
from losscheck.probes.activations import run_activations
from losscheck.probes.callbacks import run_callbacks
from losscheck.probes.casts import run_casts
from losscheck.probes.custom_gradients import run_custom_gradients
from losscheck.probes.directions import run_directions
from losscheck.probes.discarded import run_discarded
from losscheck.probes.flow import Traced, read_flow, trace
from losscheck.probes.frames import UserFiles
from losscheck.probes.half import HalfGraph
from losscheck.probes.mixing import halves, run_mixing
from losscheck.probes.passing import run_passing
from losscheck.probes.saturation import run_saturation
from losscheck.probes.singular import run_singular
from losscheck.probes.terms import run_terms
from losscheck.probes.unstable_logs import run_unstable_logs
from losscheck.probes.untrained import run_untrained
from losscheck.probes.values import run_compiled_values, run_values


class GraphProbes:
    """The probes of one loss that share its traced graph.

    Args:
        loss: the loss.
        files: which files are the user's.
        cast: the batch as a direct call passes it to the loss.

    """

    def __init__(self, loss: LoadedLoss, files: UserFiles, cast: Callable[[Batch], Batch]) -> None:
        self._loss = loss
        self._files = files
        self._cast = cast
        self._half_graph = HalfGraph(loss, files)
        self._traces: dict[tuple[object, ...], Traced] = {}
        self._flows: dict[tuple[object, ...], FlowObservation] = {}

    def by_name(self) -> Mapping[str, Callable[..., Observation]]:
        """The probes as the prober asks for them."""
        return {
            "flow": self.flow,
            "passing": self.passing,
            "values": self.values,
            "compiled_values": self.compiled_values,
            "mixing": self.mixing,
            "callbacks": self.callbacks,
            "casts": self.casts,
            "discarded": self.discarded,
            "half_values": self.half_values,
            "unstable_logs": self.unstable_logs,
            "directions": self.directions,
            "singular": self.singular,
            "activations": self.activations,
            "terms": self.terms,
            "custom_gradients": self.custom_gradients,
            "untrained": self.untrained,
            "saturation": self.saturation,
        }

    def flow(self, batch: Batch, *, known_batch: bool = True, shapes_only: bool = False) -> FlowObservation:
        """The traced graph, read; with ``shapes_only`` no gradient is asked for that is not known yet."""
        fed = self._cast(batch)
        key = _shapes(fed, known_batch)
        if key in self._flows:
            return replace(self._flows[key], batch=batch.name)
        if not shapes_only or key in self._traces:
            self._flows[key] = read_flow(self._trace(fed, known_batch=known_batch), fed, self._files)
            return replace(self._flows[key], batch=batch.name)
        traced = trace(self._loss, fed, self._files, known_batch=known_batch, with_gradients=False)
        return read_flow(traced, batch, self._files)

    def passing(self, batch: Batch) -> Observation:
        """The operations that keep a gradient to themselves."""
        return run_passing(self._trace(self._cast(batch)), self.flow(batch))

    def values(self, batch: Batch) -> Observation:
        """The numbers inside the traced graph."""
        return run_values(*self._read(batch))

    def compiled_values(self, batch: Batch) -> Observation:
        """The numbers inside the traced graph, compiled and not."""
        return run_compiled_values(*self._read(batch))

    def mixing(self, batch: Batch) -> Observation:
        """Where the rows of a batch come together."""
        fed = self._cast(batch)
        traced, flow, _ = self._read(halves(fed)[0])
        return run_mixing(traced, flow, fed)

    def callbacks(self, batch: Batch) -> Observation:
        """The share of the callbacks in the time of a step."""
        fed = self._cast(batch)
        return run_callbacks(self._trace(fed), fed)

    def casts(self, batch: Batch) -> Observation:
        """What casts make of class ids."""
        return run_casts(*self._read(batch))

    def discarded(self, batch: Batch) -> Observation:
        """The statements without effect."""
        traced, flow, _ = self._read(batch)
        return run_discarded(traced, flow, batch, self._files)

    def half_values(self, batch: Batch) -> Observation:
        """The numbers inside the graph in float16."""
        return self._half_graph.run(batch, self.flow(batch))

    def unstable_logs(self, batch: Batch) -> Observation:
        """The logarithms of a softmax or sigmoid at large logits."""
        return run_unstable_logs(*self._read(batch))

    def directions(self, batch: Batch, *, is_told: bool) -> Observation:
        """The loss far out on straight lines."""
        fed = self._cast(batch)
        return run_directions(self._trace(fed), fed, is_told=is_told)

    def singular(self, batch: Batch, *, domains: tuple[Domain, Domain]) -> Observation:
        """A point of the domain at which an operation gets its singular argument."""
        return run_singular(*self._read(batch), domains)

    def activations(self, batch: Batch, *, is_probability: bool) -> Observation:
        """The softmaxes and sigmoids that `y_pred` goes through."""
        return run_activations(self._loss, *self._read(batch), self._files, is_probability=is_probability)

    def terms(self, batch: Batch) -> Observation:
        """The summands of the loss."""
        return run_terms(*self._read(batch))

    def custom_gradients(self, batch: Batch) -> Observation:
        """The gradients that the user wrote."""
        return run_custom_gradients(*self._read(batch), self._files)

    def untrained(self, batch: Batch) -> Observation:
        """The trainable variables that the loss reads and nothing trains."""
        return run_untrained(self._loss, self._trace(self._cast(batch)), batch.name, self._files)

    def saturation(self, batch: Batch, *, rows: tuple[int, ...]) -> Observation:
        """Where the gradients of these rows are lost."""
        return run_saturation(*self._read(batch), self._files, rows)

    def _read(self, batch: Batch) -> tuple[Traced, FlowObservation, Batch]:
        """The traced graph, its rows, and what to feed it with."""
        fed = self._cast(batch)
        return self._trace(fed), self.flow(batch), fed

    def _trace(self, fed: Batch, *, known_batch: bool = True) -> Traced:
        key = _shapes(fed, known_batch)
        if key not in self._traces:
            self._traces[key] = trace(self._loss, fed, self._files, known_batch=known_batch)
        return self._traces[key]


def _shapes(fed: Batch, known_batch: bool) -> tuple[object, ...]:
    """What a graph depends on."""
    return fed.y_true.shape, fed.y_pred.shape, fed.y_true.dtype, fed.y_pred.dtype, known_batch
