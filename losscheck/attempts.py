"""The tries of a loss on one kind of input after the other, and the one whose error tells most."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from losscheck.observation import EagerObservation

#: Errors of the code itself: no other input cures them.
_UNBOUND = ("NameError", "ImportError", "ModuleNotFoundError")


@dataclass(frozen=True)
class Attempt:
    """One kind of input that was tried on the loss while its task was looked for."""

    task: str  #: name of the task
    y_true: str  #: spec
    y_pred: str  #: spec
    rows: int  #: batch size
    observation: EagerObservation


#: What is said of too few or too many axes, or of whole numbers: any loss refuses what it was not made for.
_ABOUT_KIND = re.compile(
    r"\brank\b|-dimensional|[Ii]nvalid reduction dim|out of bounds|[Ii]ndex out of range"
    r"|of int(?:32|64) is not in the list of allowed"
)
#: A float of another width than the inputs': it comes from the loss itself.
_FLOATS_CLASH = re.compile(r"expected to be a (float|double|half) tensor but is a (float|double|half) tensor")


def telling_attempt(attempts: Iterable[Attempt]) -> Attempt | None:
    """The first try with the error that most of them raised; one about ranks only where there is no other.

    A name that nothing binds, or two widths of floats, is an error of the code, whatever the inputs: it comes
    before all others.
    """
    every = [(attempt, error) for attempt in attempts if (error := attempt.observation.raised)]
    own = [pair for pair in every if pair[1].type in _UNBOUND or _FLOATS_CLASH.search(pair[1].message)]
    raised = own or [pair for pair in every if not _ABOUT_KIND.search(pair[1].message)] or every
    kinds = [(error.type, error.location and error.location.line) for _, error in raised]
    if not kinds:
        return None
    return raised[kinds.index(Counter(kinds).most_common(1)[0][0])][0]
