"""The pattern of a rule: one class in one file that reads observations and yields findings."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from losscheck.finding import Finding, Location, Mode, Severity, source_line
from losscheck.recipe import NoScript, Recipe

if TYPE_CHECKING:
    from losscheck.observation import Raised
    from losscheck.prober import Prober
    from losscheck.reading.source import Source


class Rule(abc.ABC):
    """Base class of all rules.

    A rule asks the prober for observations and yields findings; it never touches TensorFlow and never
    prints. Its docstring is its page (``--explain``): one sentence, then ``## What it does``,
    ``## Why is this bad?`` and ``## References``. Its examples are run by the tests.
    """

    code: ClassVar[str]  #: ``LC201``
    name: ClassVar[str]  #: ``disconnected-gradient``: states the defect
    severity: ClassVar[Severity]  #: the usual severity; a finding may lower it
    hint: ClassVar[str]  #: the cure, in the imperative, one line

    requires: ClassVar[tuple[str, ...]] = ()  #: what must hold, else it is skipped: see `Prober.lacks`
    supersedes: ClassVar[tuple[str, ...]] = ()  #: codes that stay silent when this one has fired
    silences_at_line: ClassVar[tuple[str, ...]] = ()  #: codes that stay silent at a line where this one fired
    needs_process: ClassVar[bool] = False  #: its BAD examples hang or end the process that runs them
    is_fallback: ClassVar[bool] = False  #: stays silent where another finding explains the same failure

    is_last: ClassVar[bool] = False  #: judges what the other rules found, so that it is asked after them
    repro: ClassVar[Recipe]  #: how a script shows a finding of it with plain TensorFlow

    BAD: ClassVar[tuple[str, ...]]  #: sources with the defect, its line marked ``# <-``
    GOOD: ClassVar[tuple[str, ...]]  #: sources that look alike and are right
    also: ClassVar[tuple[str, ...]] = ()  #: codes that the BAD examples may raise besides

    @abc.abstractmethod
    def check(self, prober: Prober) -> Iterator[Finding]:
        """Yield a finding for each defect that the observations prove."""

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Yield a `suspicion` for each place where the source looks like the defect: for ``--static``."""
        del source
        return iter(())

    @property
    def reads_source(self) -> bool:
        """Whether the rule has a source side: it can suspect the defect without running the loss."""
        return type(self).suspect is not Rule.suspect

    def suspicion(
        self, message: str, location: Location, severity: Severity = Severity.WARNING, hint: str | None = None
    ) -> Finding:
        """A finding that nobody has proved: never an error, and never graver than the rule."""
        milder = min(severity, self.severity, Severity.WARNING, key=lambda each: each.rank)
        return self.finding(f"suspected: {message}", location, severity=milder, hint=hint, suspicion=True)

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows this very finding; `repro`, unless a rule has several kinds of proof."""
        return self.repro

    def finding(
        self,
        message: str,
        location: Location,
        *,
        modes: tuple[Mode, ...] = (),
        severity: Severity | None = None,
        hint: str | None = None,
        **evidence: Any,
    ) -> Finding:
        """A finding of this rule."""
        return Finding(
            code=self.code,
            name=self.name,
            severity=severity or self.severity,
            message=message,
            hint=hint or self.hint,
            location=location,
            modes=modes,
            evidence=evidence,
        )


class FailureRule(Rule):
    """A rule that recognises an exception which the loss raised in one of the modes."""

    @abc.abstractmethod
    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """The message for an exception that this rule recognises, else None."""

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it, where the installed Keras does."""
        return self.repro if finding.modes else NoScript("it shows with Keras 3 only")

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Yield one finding for each line that raises, with all modes in which it does."""
        found: dict[tuple[str, int], tuple[str, Location, list[Mode]]] = {}
        for mode, raised in prober.failures():
            message = self.explain(mode, raised, prober)
            if message is None:
                continue
            place = raised.location or prober.loss.location
            entry = found.setdefault((place.path, place.line), (message, place, []))
            if mode not in entry[2]:
                entry[2].append(mode)
        for message, place, modes in found.values():
            yield self.finding(message, place, modes=tuple(modes))
        for mode, raised in prober.failures_elsewhere():
            message = self.explain(mode, raised, prober)
            place = raised.location or prober.loss.location
            if message is not None and (place.path, place.line) not in found:
                yield self.finding(
                    f"passes here, where `fit` has AutoGraph on; with Keras 3, {message}",
                    place,
                    severity=Severity.NOTE,
                )


def code_at(location: Location) -> str:
    """The source of a location's first line, from its first column on; empty where the file is gone."""
    text = source_line(location.path, location.line).rstrip()
    if location.end_line in (None, location.line) and location.end_column:
        text = text[: location.end_column - 1]
    return text[location.column - 1 :].strip()


def whole_line(location: Location) -> Location:
    """The line of a location from its first column to its last."""
    return Location(location.path, location.line)


def return_location(prober: Prober) -> Location:
    """The last `return` of the loss, else its def line."""
    place = prober.loss.location
    lines = prober.loss.source.returns
    return Location(place.path, lines[-1]) if lines else place


def def_location(prober: Prober) -> Location:
    """The def line; of a `Loss` subclass that of its `call`."""
    place = prober.loss.location
    code = getattr(getattr(prober.loss.function, "__func__", None), "__code__", None)
    if prober.loss.is_keras_loss and code is not None and code.co_filename.endswith(place.path):
        return Location(place.path, code.co_firstlineno)
    return place


def first_line(raised: Raised, limit: int = 160) -> str:
    """The first line of an error's text, short enough for a message."""
    text = raised.message.strip().splitlines()[0] if raised.message.strip() else ""
    return text if len(text) <= limit else text[: limit - 1] + "…"
