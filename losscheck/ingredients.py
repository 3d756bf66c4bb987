"""What a script needs to show the findings of a loss again, gathered where the loss was probed."""

from __future__ import annotations

from collections.abc import Iterable

from losscheck.finding import Finding
from losscheck.inputs.batches import Batch
from losscheck.inputs.written import written
from losscheck.prober import Prober
from losscheck.probes.keras_version import keras_of
from losscheck.recipe import PROVED_ON, Ingredients, WrittenBatch
from losscheck.registry import rule


def batch_names(finding: Finding) -> tuple[str, ...]:
    """The batches on which a script shows a finding, in the order of its recipe."""
    names: list[str] = []
    for name in rule(finding.code).recipe(finding).names:
        proved = finding.evidence.get("batch", "typical") if name == PROVED_ON else name
        names += [proved] if isinstance(proved, str) else proved
    return tuple(names)


def ingredients_for(prober: Prober, findings: Iterable[Finding]) -> Ingredients:
    """The expression that gives the loss, and the batches that the findings name, as source."""
    loss = prober.loss
    batches: dict[str, WrittenBatch] = {}
    for name in dict.fromkeys(name for finding in findings for name in batch_names(finding)):
        batch = _batch(prober, name)
        source = None if batch is None else written(batch, prober.inputs.task)
        if source is not None:
            batches[name] = source
    return Ingredients(
        built=loss.rebuilt,
        is_called_by_call=loss.is_keras_loss and loss.function is not loss.compiled,
        keras=keras_of(loss).__name__,
        batches=batches,
    )


def _batch(prober: Prober, name: str) -> Batch | None:
    """A batch as a direct call passes it; None where the task has none of that name."""
    if prober.batches is None:
        return None
    list(prober.batches.edges())  # they are known by name once they have been made
    try:
        batch = prober.batches[name]
    except KeyError:
        return None
    return batch.as_float32() if prober.loss.is_keras_loss else batch
