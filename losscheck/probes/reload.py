"""The reload probe: a model compiled with the loss, saved to a temporary folder and loaded again."""

from __future__ import annotations

import inspect
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from losscheck.inputs.batches import Batch
from losscheck.keras_observation import ReloadObservation
from losscheck.loss import LoadedLoss
from losscheck.observation import Raised
from losscheck.probes.definitions import def_location
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import keras_of
from losscheck.probes.raising import raised_from
from losscheck.probes.serializing import from_json, registered_only, through_json, value_of
from losscheck.probes.session import isolated, unoptimized
from losscheck.probes.watch import Watch

#: Where Keras looks for a function that it knows by its name alone.
_KERAS_MODULES = ("losses", "metrics", "activations", "regularizers", "initializers", "constraints", "utils")


@dataclass
class _Seen:
    stage: str = ""
    raised: Raised | None = None
    known: Raised | None = None
    skipped: str = ""
    loss: Any = None


def run_reload(
    loss: LoadedLoss, batch: Batch, files: UserFiles, *, remade: bool = False
) -> ReloadObservation:
    """Save and load a model with this loss.

    Args:
        loss: the loss.
        batch: on which the loss that comes back is compared with the one that was saved.
        files: which files are the user's.
        remade: between saving and loading, the factory that made the loss runs with its defaults, as in a
            new process that needs the factory's function to be registered.

    """
    start = time.perf_counter()
    if isinstance(loss.compiled, type):
        return ReloadObservation(batch.name, skipped="a class is compiled, no object of it")
    with isolated(), unoptimized(), registered_only(keras_of(loss)):
        is_registered = _is_registered(keras_of(loss), loss.compiled)
        factory = _factory(loss.compiled, files)
        seen = _Seen()
        Watch(loss.function, files).run(
            lambda: _save_and_load(seen, loss, files, factory if remade else None)
        )
        value = before = None
        if seen.loss is not None and seen.loss is not loss.compiled:
            value = value_of(seen.loss, loss, batch)
            before = value_of(loss.compiled, loss, batch)
    return ReloadObservation(
        batch.name,
        seen.raised,
        value=value,
        seconds=time.perf_counter() - start,
        skipped=seen.skipped,
        stage=seen.stage,
        known=seen.known,
        before=before,
        came_back=_public_name(seen.loss) if seen.loss is not loss.compiled else "",
        is_registered=is_registered,
        factory=factory.__name__ if factory is not None and _needs_nothing(factory) else "",
        factory_place=def_location(factory, files) if factory is not None else None,
        is_bound=factory is not None and _is_bound(loss.compiled),
    )


def _save_and_load(
    seen: _Seen, loss: LoadedLoss, files: UserFiles, factory: Callable[[], Any] | None
) -> None:
    try:
        with tempfile.TemporaryDirectory(prefix="losscheck") as folder:
            _pass_through(seen, loss, str(Path(folder) / "model.keras"), factory)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, OSError) and error.errno is not None:
            seen.skipped = f"no model can be saved here: {error.strerror}"
            return
        seen.raised = raised_from(error, files)
    if seen.stage in ("compile", "factory"):
        seen.skipped, seen.raised = f"`{seen.stage}` raises", None
    elif seen.stage == "load":
        seen.known = _raised_if_known(keras_of(loss), loss.compiled, files)


def _pass_through(seen: _Seen, loss: LoadedLoss, path: str, factory: Callable[[], Any] | None) -> None:
    keras = keras_of(loss)
    seen.stage = "compile"
    model = _small_model(keras)
    model.compile(optimizer=keras.optimizers.SGD(name="losscheck_sgd"), loss=loss.compiled)
    seen.stage = "save"
    model.save(path)
    if factory is not None:
        seen.stage = "factory"
        factory()
    seen.stage = "load"
    seen.loss = keras.models.load_model(path).loss
    seen.stage = ""


def _small_model(keras: Any) -> Any:
    inputs = keras.Input((1,), name="losscheck_input")
    return keras.Model(
        inputs, keras.layers.Activation("linear", name="losscheck")(inputs), name="losscheck_model"
    )


def _raised_if_known(keras: Any, thing: Any, files: UserFiles) -> Raised | None:
    """What loading raises where ``custom_objects`` gives the name of the loss."""
    try:
        name = getattr(thing, "__name__", type(thing).__name__)
        known = {name: thing if hasattr(thing, "__name__") else type(thing)}
        from_json(keras, through_json(keras, thing), known)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return raised_from(error, files)
    return None


def _is_registered(keras: Any, thing: Any) -> bool:
    known = keras.saving.get_custom_objects().values()
    return any(value is thing or value is type(thing) for value in known)


def _public_name(thing: Any) -> str:
    """The name of a function of Keras; empty for anything else."""
    module = str(getattr(thing, "__module__", ""))
    if not isinstance(thing, FunctionType) or module.partition(".")[0] not in ("keras", "tf_keras"):
        return ""
    own = thing.__name__
    places = [f"keras.{name}" for name in _KERAS_MODULES]
    known = (place for place in places if vars(sys.modules.get(place, object)).get(own) is thing)
    return f"{next(known, module)}.{own}"


def _factory(thing: Any, files: UserFiles) -> FunctionType | None:
    """The module's function inside which a loss function was defined."""
    if not isinstance(thing, FunctionType) or ".<locals>." not in thing.__qualname__:
        return None
    outer: Any = thing.__globals__.get(thing.__qualname__.partition(".<locals>.")[0])
    while hasattr(outer, "__wrapped__"):
        outer = outer.__wrapped__
    if not isinstance(outer, FunctionType) or outer.__code__.co_filename not in files:
        return None
    return outer if _holds(outer.__code__, thing.__code__) else None


def _holds(outer: CodeType, code: CodeType) -> bool:
    inner = [constant for constant in outer.co_consts if isinstance(constant, CodeType)]
    return code in inner or any(_holds(other, code) for other in inner)


def _needs_nothing(factory: FunctionType) -> bool:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(factory).parameters.values()
    return all(p.default is not inspect.Parameter.empty or p.kind in variable for p in parameters)


def _is_bound(thing: FunctionType) -> bool:
    """Whether a name of its module, or an entry of a module's list or dict, is this very function."""
    held: list[Any] = []
    for value in list(thing.__globals__.values()):
        held += (
            value.values()
            if isinstance(value, dict)
            else value
            if isinstance(value, (list, tuple))
            else [value]
        )
    return any(value is thing for value in held)
