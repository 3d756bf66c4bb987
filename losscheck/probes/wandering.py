"""The wandering probe: where two eager calls on one input part."""

from __future__ import annotations

import time

from losscheck.graph_observation import DivergenceObservation
from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.probes.divergence import LineRecorder, first_difference, is_same_number
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import to_tensor
from losscheck.probes.watch import Watch


def run_wandering(
    loss: LoadedLoss, batch: Batch, files: UserFiles, *, tolerance: float
) -> DivergenceObservation:
    """Run the loss line by line twice, and compare what the lines bind.

    Args:
        loss: the loss.
        batch: an input on which two calls differ.
        files: which files are the user's.
        tolerance: relative difference of numbers that counts as float noise.

    """
    start = time.perf_counter()
    feeds = [to_tensor(array) for array in (batch.y_true, batch.y_pred)]
    first, second = LineRecorder(files), LineRecorder(files)
    watch = Watch(loss.function, files)
    with isolated():
        try:
            watch.run(lambda: first.run(lambda: loss.function(*feeds)))
            watch.run(lambda: second.run(lambda: loss.function(*feeds)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return DivergenceObservation(batch.name, raised_from(error, files))
        place, branches = first_difference(
            first.steps, second.steps, lambda left, right: is_same_number(left, right, tolerance)
        )
    return DivergenceObservation(
        batch.name,
        seconds=time.perf_counter() - start,
        location=statement_location(*place, files) if place else None,
        branches=branches,
    )
