"""The pattern of a rule: one class in one file that reads observations and yields findings."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from losscheck.finding import Finding, Location, Mode, Severity

if TYPE_CHECKING:
    from losscheck.prober import Prober


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
    is_fallback: ClassVar[bool] = False  #: stays silent where another finding explains the same failure

    BAD: ClassVar[tuple[str, ...]]  #: sources with the defect, its line marked ``# <-``
    GOOD: ClassVar[tuple[str, ...]]  #: sources that look alike and are right
    also: ClassVar[tuple[str, ...]] = ()  #: codes that the BAD examples may raise besides

    @abc.abstractmethod
    def check(self, prober: Prober) -> Iterator[Finding]:
        """Yield a finding for each defect that the observations prove."""

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
