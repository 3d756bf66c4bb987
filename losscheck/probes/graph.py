"""The graph probe: the loss under `tf.function`."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import GraphObservation, Raised
from losscheck.probes.frames import UserFiles
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import describe, to_array, to_tensor, traced_shape
from losscheck.probes.watch import Watch

#: Steps after the trace: what changes in the trace and in none of them is frozen.
_STEPS = 2


def run_graph(
    loss: LoadedLoss, batch: Batch, files: UserFiles, *, known_batch: bool = True, autograph: bool = True
) -> GraphObservation:
    """Trace the loss once and run it twice.

    Call 0 of the observation is the trace, the others are steps.

    Args:
        loss: the loss.
        batch: its input.
        files: which files are the user's.
        known_batch: whether the batch size is known when it is traced, else None.
        autograph: as ``@tf.function`` has it by default; the `fit` of Keras 3 has it off.

    """
    import tensorflow as tf

    start = time.perf_counter()
    watch = Watch(loss.function, files)
    y_true, y_pred = to_tensor(batch.y_true), to_tensor(batch.y_pred)
    specs = [tf.TensorSpec(traced_shape(tensor, known_batch), tensor.dtype) for tensor in (y_true, y_pred)]
    raised: Raised | None = None
    result: Any = None
    concrete: Any = None
    with isolated():
        is_plain = autograph and not _has_bound_arguments(loss.function)
        function = tf.function(loss.function if is_plain else _called(loss), autograph=autograph)
        try:
            concrete = watch.run(lambda: function.get_concrete_function(*specs))
            for _ in range(_STEPS):
                result = watch.run(lambda: concrete(y_true, y_pred))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raised = raised_from(error, files)
    output = getattr(concrete, "structured_outputs", None)
    return GraphObservation(
        batch.name,
        raised,
        describe(result) if raised is None else None,
        to_array(result) if raised is None else None,
        tuple(watch.effects),
        watch.call + 1,
        time.perf_counter() - start,
        static_shape=describe(output).shape if output is not None else None,
        traces=int(concrete is not None),
    )


def _has_bound_arguments(function: Any) -> bool:
    """Whether it is a partial, of which `tf.function` asks the arguments that it has bound."""
    return isinstance(function, functools.partial)


def _called(loss: LoadedLoss) -> Callable[[Any, Any], Any]:
    """The loss with the two arguments that Keras gives it: `tf.function` minds a default that is changed."""

    def call(y_true: Any, y_pred: Any) -> Any:
        return loss.function(y_true, y_pred)

    return call
