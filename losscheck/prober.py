"""The prober: asks a probe once and remembers the observation."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from losscheck.asking import Asking, Seen
from losscheck.attempts import Attempt, telling_attempt
from losscheck.finding import Location, Mode
from losscheck.graph_observation import (
    Op,
    XlaObservation,
)
from losscheck.loss import LoadedLoss
from losscheck.observation import (
    EffectKind,
    GraphObservation,
    LoadObservation,
    Observation,
    ProcessObservation,
    Raised,
    ReplicasObservation,
)

if TYPE_CHECKING:
    from losscheck.inputs.batches import Batch, Batches

#: What a loss that is made for several replicas reads.
REPLICA_NAMES = frozenset({"num_replicas_in_sync", "get_replica_context", "get_strategy", "all_reduce"})


@dataclass(frozen=True)
class Evidence:
    """What is known before a rule asks for anything."""

    load: LoadObservation | None = None
    process: ProcessObservation | None = None
    attempts: tuple[Attempt, ...] = ()  #: the search for the task, in order
    is_callable: bool = True  #: some kind of input does not raise eagerly
    takes_integers_only: bool = False  #: a `Loss` that raises on float labels and not on integer ones
    named_rows: int | None = None  #: the only batch size that works, where the source or an error names it
    fit_converts: bool = False  #: `fit` rewrites the loss with AutoGraph, as Keras 2 does
    wanted: frozenset[Mode] = frozenset()  #: modes to run also where a default run passes them over


@dataclass(frozen=True)
class IdleComment:
    """A comment ``# losscheck: ignore[…]`` inside the loss that silences nothing."""

    location: Location
    problem: str  #: what is wrong with it, as the end of a sentence that begins with the comment


@dataclass
class Prober(Asking):
    """What the rules ask.

    Args:
        loss: the loss.
        batches: its inputs; None where it was never called.
        probes: by name, functions that take a batch and options and give an observation.
        evidence: what loading and the search for the task saw.

    """

    loss: LoadedLoss
    batches: Batches | None = None
    probes: Mapping[str, Callable[..., Observation]] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    allowed: set[Mode] = field(default_factory=set)  #: the risky modes that may run now
    postponed: set[Mode] = field(default_factory=set)  #: those that were asked for and may not
    idle_comments: tuple[IdleComment, ...] = ()  #: known once all other rules have answered
    _seen: dict[Hashable, Observation] = field(default_factory=dict)

    @property
    def inputs(self) -> Batches:
        """The batches of a loss that can be called."""
        assert self.batches is not None, "a rule that needs batches must require `callable`"
        return self.batches

    def lacks(self, requirement: str) -> str:
        """Why a rule's requirement does not hold; empty if it does.

        ``callable``: some input does not raise eagerly. ``value``: it gives a float tensor on the typical
        batch. ``graph``: it can be traced. ``gradient``: `y_pred` has a gradient.
        """
        if self.batches is None or not self.evidence.is_callable:
            return "the loss cannot be called"
        if requirement == "callable":
            return ""
        returned = self.eager().returned
        if requirement in ("value", "graph", "gradient") and (
            returned is None or not returned.is_float_tensor
        ):
            return "the loss gives no float tensor"
        if requirement == "graph" and self.flow().output is None:
            return "the loss cannot be traced"
        if requirement == "gradient" and self.gradient().gradient is None:
            return "the loss has no gradient"
        return ""

    def graph(
        self,
        batch: str = "typical",
        *,
        known_batch: bool = True,
        as_fit: bool = False,
        autograph: bool | None = None,
    ) -> GraphObservation:
        """The loss under `tf.function`.

        ``as_fit``: inputs cast and aligned and AutoGraph off as in `fit` (on in that of Keras 2, unless
        ``autograph`` says otherwise).
        """
        if autograph is None:
            autograph = not as_fit or self.evidence.fit_converts
        options = {"known_batch": known_batch, "as_fit": as_fit, "autograph": autograph}
        return self._ask("graph", GraphObservation, batch, **options)

    def xla(self, batch: str = "typical") -> XlaObservation:
        """The loss and its gradient compiled by XLA."""
        has_list = any("TensorList" in op.type for op in self.flow().ops)
        return self._risk(Mode.XLA, XlaObservation, batch, has_list=has_list)

    def replicas(self) -> ReplicasObservation:
        """The loss on two replicas; where a batch is the mean of its halves on request, or if it asks."""
        is_wanted = Mode.REPLICAS in self.evidence.wanted or self.asks_for_replicas
        if not is_wanted and (reason := self.why_plain_mean()):
            self._seen[("replicas",)] = ReplicasObservation("even", skipped=reason)
            return cast("ReplicasObservation", self._seen[("replicas",)])
        return self._risk(Mode.REPLICAS, ReplicasObservation, "even")

    @property
    def asks_for_replicas(self) -> bool:
        """Whether its source asks under which replicas it runs."""
        return not REPLICA_NAMES.isdisjoint(self.loss.source.names)

    def risk_location(self) -> Location | None:
        """The user's line that makes compiling risky: the first that keeps a list of tensors."""
        lists = (op.location for op in self.flow().ops if "TensorList" in op.type)
        return next((place for place in lists if place is not None), None)

    def why_plain_mean(self) -> str:
        """Why two replicas cannot differ from one device; empty if they may."""
        import numpy as np

        from losscheck.inputs.batches import is_same_value

        whole, *halves = (self.eager(name).value for name in ("even", "first half", "second half"))
        if whole is None or any(half is None for half in halves):
            return "the loss gives no value on a batch or on one half of it"
        mean = np.mean([np.mean(half) for half in halves if half is not None])
        if is_same_value(np.mean(whole), mean):
            return "a batch is the mean of its halves (`--mode replicas` runs it)"
        if whole.ndim == 0 and is_same_value(whole, 2 * mean):
            return "a batch is the sum of its halves (`--mode replicas` runs it)"
        return ""

    def op(self, index: int | None, batch: str = "typical") -> Op | None:
        """A row of the traced graph."""
        return None if index is None else self.flow(batch).ops[index]

    @property
    def is_random(self) -> bool:
        """Whether two calls on the same input differ: no evidence for a rule that compares values."""
        import numpy as np

        first, second = self.eager().value, self.gradient().value
        return first is None or second is None or not np.array_equal(first, second, equal_nan=True)

    @property
    def is_steady(self) -> bool:
        """Whether two calls or traces on one input may be compared: no randomness, no state that moves.

        What changes in the first call alone (a table made lazily) does not move.
        """
        seen = self.eager()
        last = {effect.kind for effect in seen.effects if effect.call == seen.calls - 1}
        return not {EffectKind.STATE, EffectKind.RANDOM} & last and not self.is_random

    def edges(self) -> list[Batch]:
        """The limits that training reaches; NaN labels only where the loss itself looks for them."""
        import numpy as np

        asks = any(
            op.from_y_true and (op.type == "IsNan" or (op.type == "IsFinite" and not op.from_y_pred))
            for op in self.flow().ops  # whether its own result is finite, a loss asks as well
        )
        return [batch for batch in self.inputs.edges() if asks or not np.isnan(batch.y_true).any()]

    def asked(self, probe: str) -> list[Observation]:
        """What a probe has been asked so far."""
        return [seen for key, seen in self._seen.items() if cast("tuple[Any, ...]", key)[0] == probe]

    def failures(self) -> list[tuple[Mode, Raised]]:
        """What the modes raised, in the order in which a user meets it.

        Where no input works, it is the error that most of the tries raised.
        """
        if not self.evidence.is_callable:
            telling = self.telling_error()
            return [(Mode.EAGER, telling)] if telling else []
        asked: list[tuple[Mode, Observation]] = [
            (Mode.EAGER, self.eager()),
            (Mode.GRAPH, self.graph()),
            (Mode.GRAPH, self.graph(known_batch=False)),
            (Mode.FIT, self.fit()),
        ]
        if self.fit().raised is not None:  # traced apart, the same error has the user's line
            asked.insert(3, (Mode.FIT, self.graph(known_batch=False, as_fit=True)))
            asked.append((Mode.FIT, self.graph(as_fit=True)))  # batches that are all of one size
        return [(mode, seen.raised) for mode, seen in asked if seen.raised is not None]

    def failures_elsewhere(self) -> list[tuple[Mode, Raised]]:
        """What `fit` would raise with Keras 3, where the installed Keras 2 rewrites the loss first."""
        if not self.evidence.fit_converts or not self.evidence.is_callable:
            return []
        raised = self.graph(known_batch=False, as_fit=True, autograph=False).raised
        return [] if raised is None else [(Mode.FIT, raised)]

    def telling_error(self) -> Raised | None:
        """The error that most of the tries raised; of equals the one that came first."""
        attempt = telling_attempt(self.evidence.attempts)
        return None if attempt is None else attempt.observation.raised

    def _risk(self, mode: Mode, kind: type[Seen], batch: str, **options: Any) -> Seen:
        """Ask a probe that may end the process; before it is allowed, note that it was asked for."""
        if mode in self.allowed:
            return self._ask(mode.value, kind, batch, **options)
        self.postponed.add(mode)
        return kind(batch, skipped="not run yet")

    def _ask(self, probe: str, kind: type[Seen], batch: str, **options: Any) -> Seen:
        key = (probe, batch, tuple(sorted(options.items())))
        if key not in self._seen:
            self._seen[key] = self.probes[probe](self.inputs[batch], **options)
        return cast("Seen", self._seen[key])
