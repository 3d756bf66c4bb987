"""Where one weight for each row does not fit the loss: values of entries, of pairs of rows, of sequences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from losscheck.finding import Severity
from losscheck.prober import Prober
from losscheck.recipe import NoScript, Recipe, Special
from losscheck.rule import first_line
from losscheck.rules.shape.pairs import compares_samples

#: Tasks whose second axis holds steps, which `Masking` and `Embedding(mask_zero=True)` mask.
_OF_STEPS = ("sequence", "tokens")
#: Key of the evidence → how a script shows it.
RECIPES: dict[str, Recipe] = {
    "entries": Special("weights of rows"),
    "pairs": NoScript("the shape of the loss shows it"),
    "mask": NoScript("it shows in a model with a mask"),
}


@dataclass(frozen=True)
class Misfit:
    """What the weights of rows meet instead of values of rows."""

    message: str
    severity: Severity
    hint: str | None = None  #: None: that of the rule
    evidence: dict[str, Any] = field(default_factory=dict)


def mask_misfit(prober: Prober) -> Iterator[Misfit]:
    """One value for a whole sequence is multiplied with one weight for each of its steps."""
    value = prober.eager().value
    if prober.inputs.task.name not in _OF_STEPS or value is None or value.ndim != 1:
        return
    seen = prober.masked()
    if seen.raised is not None:
        shape = ", ".join(map(str, seen.mask))
        yield Misfit(
            f"on a model that masks steps, as `Masking` does, `fit` raises `{seen.raised.type}`: one value"
            f" for a row meets a mask of shape ({shape}): {first_line(seen.raised, 90)}",
            Severity.NOTE,
            "Return one value for each step: reduce the last axis alone",
            {"mask": list(seen.mask)},
        )


def row_misfits(prober: Prober) -> Iterator[Misfit]:
    """One weight for a row meets a value for each entry of it, or for each pair of rows."""
    seen, shape = prober.weighted(), prober.inputs["typical"].y_pred.shape
    if seen.raised is not None and seen.is_per_entry(shape):
        shown = ", ".join(("B", *map(str, shape[1:])))
        yield Misfit(
            f"`fit` with `sample_weight` raises `{seen.raised.type}`: one weight of a row meets values of"
            f" shape ({shown}): {first_line(seen.raised, 90)}",
            Severity.NOTE if len(shape) == 2 else Severity.WARNING,
            "Return one value for each sample: take the mean over all axes but the first",
            {"entries": list(shape[1:])},
        )
    full, alone = seen.value, seen.of_kept
    if full is None or alone is None or (full.ndim, alone.ndim) < (2, 2):
        return
    batch, rows = prober.inputs.typical_size, len(seen.kept)
    if (full.shape[:2], alone.shape[:2]) == ((batch, batch), (rows, rows)):
        yield Misfit(
            "the loss has a value for each pair of rows, of shape (B, B): no weight of a row takes it out of"
            " the others",
            Severity.NOTE if compares_samples(prober) else Severity.WARNING,
            evidence={"pairs": batch},
        )
