"""The eager probe: the loss called as in a notebook cell."""

from __future__ import annotations

import inspect
import sys
import time
from types import FrameType
from typing import Any

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.observation import EagerObservation, EffectKind, Raised, Returned
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.raising import raised_from
from losscheck.probes.session import isolated
from losscheck.probes.tensors import describe, to_array, to_tensor
from losscheck.probes.watch import Watch, hooked


def run_eager(
    loss: LoadedLoss, batch: Batch, files: UserFiles, *, calls: int = 1, extra: tuple[Any, ...] = ()
) -> EagerObservation:
    """Call the loss on a batch.

    Args:
        loss: the loss.
        batch: its input; the arrays become tensors of their own dtype.
        files: which files are the user's.
        calls: how often; from two on, side effects are compared from call to call, and their lines are
            looked for in the last one.
        extra: values for a third and further parameters.

    """
    start = time.perf_counter()
    watch = Watch(loss.function, files)
    y_true, y_pred = to_tensor(batch.y_true), to_tensor(batch.y_pred)
    result: Any = None
    raised: Raised | None = None
    returned: Returned | None = None
    with isolated(), hooked(watch, files):
        for call in range(calls):
            changes = {EffectKind.STATE, EffectKind.RANDOM} & {effect.kind for effect in watch.effects}
            try:
                result = watch.run(
                    lambda: loss.function(y_true, y_pred, *extra),
                    locate=bool(changes) and call == calls - 1,
                )
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raised = raised_from(error, files)
                break
        value = None
        if raised is None:
            returned = describe(result)
            value = to_array(result)
            if not returned.is_float_tensor:
                returned = _with_return_line(loss, y_true, y_pred, returned, files)
    return EagerObservation(
        batch.name,
        raised,
        returned,
        value,
        tuple(watch.effects),
        watch.call + 1,
        time.perf_counter() - start,
    )


def _with_return_line(
    loss: LoadedLoss, y_true: Any, y_pred: Any, returned: Returned, files: UserFiles
) -> Returned:
    """Call once more and note the line of the loss's own `return`."""
    code = getattr(inspect.unwrap(getattr(loss.function, "__func__", loss.function)), "__code__", None)
    last: list[int] = []

    def on_return(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "return":
            last[:] = [frame.f_lineno]
        return on_return

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        return on_return if frame.f_code is code else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        Watch(loss.function, files).run(lambda: loss.function(y_true, y_pred))
    except Exception:
        return returned
    finally:
        sys.settrace(before)
    if not last or code is None:
        return returned
    place = statement_location(code.co_filename, last[0], files)
    return Returned(returned.kind, returned.dtype, returned.shape, place)
