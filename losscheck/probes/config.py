"""The config probe: a ``Loss`` object made anew from its config, which has been JSON in between."""

from __future__ import annotations

import inspect
import sys
import time
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch, is_same_value
from losscheck.keras_observation import ConfigObservation
from losscheck.loss import LoadedLoss
from losscheck.observation import Raised
from losscheck.probes.definitions import def_location, entry_location, own_method, return_location
from losscheck.probes.frames import UserFiles
from losscheck.probes.keras_version import keras_of
from losscheck.probes.raising import raised_from
from losscheck.probes.serializing import registered_only, through_json, value_of
from losscheck.probes.session import isolated
from losscheck.probes.watch import Watch

#: Arguments of Keras's own `Loss`, which its config holds (``dtype`` in some versions).
_OF_KERAS = ("self", "name", "reduction", "dtype")
#: The one of them that changes the value: a config without it comes back with the constructor's default.
_REDUCTION = "reduction"
#: Each changed argument costs a new object and two calls.
_MAX_ARGUMENTS = 6


class _Failed(Exception):  # noqa: N818 - carries the stage, the cause is what the user's code raised
    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


def run_config(loss: LoadedLoss, batch: Batch, files: UserFiles) -> ConfigObservation:
    """Take the config of a `Loss` object, through JSON, and build it again.

    Where that works, each number among the user's own constructor arguments is changed once, and a
    `reduction` that the constructor names; the object built with it must come back with it.
    """
    start = time.perf_counter()
    thing = loss.compiled
    init, get_config = own_method(thing, "__init__", files), own_method(thing, "get_config", files)
    if not loss.is_keras_loss or isinstance(thing, type):
        return ConfigObservation(batch.name, skipped="it is no `Loss` object")
    if init is None and get_config is None:
        return ConfigObservation(batch.name, skipped="its config is Keras's own")
    raised: Raised | None = None
    stage = ""
    before = value = None
    unbuilt = ""
    lost: list[tuple[str, str, str]] = []
    names = _own_arguments(type(thing))

    def run() -> None:
        nonlocal before, value, lost, unbuilt
        again = _remade(keras_of(loss), thing)
        unbuilt = next((name for name in names if _is_unbuilt(thing, again, name)), "")
        before, value = value_of(thing, loss, batch), value_of(again, loss, batch)
        lost = [
            (name, _shown(getattr(thing, name)), _shown(getattr(again, name)))
            for name in (*names, _REDUCTION)
            if _differs(getattr(thing, name, None), getattr(again, name, None))
        ]
        if not lost:
            tried = (*names[:_MAX_ARGUMENTS], *_named_reduction(type(thing)))
            lost = [found for name in tried if (found := _lost(name, loss, batch))]

    with isolated(), registered_only(keras_of(loss)):
        try:
            Watch(loss.function, files).run(run)
        except _Failed as failed:
            stage = failed.stage
            raised = raised_from(failed.__cause__ or failed, files)
    entry = unbuilt or (lost[0][0] if lost else "")
    return ConfigObservation(
        batch.name,
        raised,
        value=value,
        seconds=time.perf_counter() - start,
        stage=stage,
        before=before,
        arguments=names,
        lost=tuple(lost),
        unbuilt=unbuilt,
        entry=entry_location(get_config, entry, files) if get_config is not None and entry else None,
        init=def_location(init, files) if init is not None else None,
        get_config=return_location(get_config, files) if get_config is not None else None,
    )


def _is_unbuilt(thing: Any, again: Any, name: str) -> bool:
    """Whether an attribute is an object that `from_config` leaves as the dict which stands for it in JSON."""
    return isinstance(getattr(again, name, None), dict) and not isinstance(getattr(thing, name, {}), dict)


def _remade(keras: Any, thing: Any) -> Any:
    """The object that Keras makes of a config which has been on disk."""
    try:
        stage = "get_config"
        thing.get_config()
        stage = "json"
        config = through_json(keras, thing)["config"]
        stage = "from_config"
        with keras.saving.custom_object_scope(_known(type(thing))):
            return type(thing).from_config(config)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _Failed(stage) from error


def _known(cls: type) -> dict[str, Any]:
    """What a careful user passes as ``custom_objects``: the classes and functions of the module."""
    module = sys.modules.get(cls.__module__)
    own = {name: value for name, value in vars(module).items() if callable(value)} if module else {}
    return {**own, cls.__name__: cls}


def _own_arguments(cls: type) -> tuple[str, ...]:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(cls).parameters.items()
    return tuple(name for name, p in parameters if p.kind not in variable and name not in _OF_KERAS)


def _named_reduction(cls: type) -> tuple[str, ...]:
    """The argument ``reduction``, where the user's own constructor names it."""
    parameter = inspect.signature(cls).parameters.get(_REDUCTION)
    return () if parameter is None or not isinstance(parameter.default, str) else (_REDUCTION,)


def _lost(name: str, loss: LoadedLoss, batch: Batch) -> tuple[str, str, str] | None:
    """An argument that does not come back: it is given another number than its default."""
    cls = type(loss.compiled)
    default = inspect.signature(cls).parameters[name].default
    if not isinstance(default, (bool, int, float)) and name != _REDUCTION:
        return None
    other = _other(default)
    try:
        thing = cls(**{name: other})
    except Exception:  # the constructor refuses this number, or needs other arguments
        return None
    try:
        again = _remade(keras_of(loss), thing)
    except _Failed:  # with its own numbers it came back
        return None
    first, second = (getattr(made, name, getattr(made, f"_{name}", None)) for made in (thing, again))
    if first is not None and second is not None:
        return (name, _shown(other), _shown(second)) if _differs(first, second) else None
    one, two = value_of(thing, loss, batch), value_of(again, loss, batch)
    if one is None or two is None or is_same_value(one, two):
        return None
    return name, _shown(other), "another value"


def _other(default: Any) -> Any:
    """Another number of the same kind, one between 0 and 1 stays there; or another reduction."""
    if isinstance(default, str):
        return "sum_over_batch_size" if default == "sum" else "sum"
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 1
    return default / 2 if default else 0.5


def _differs(left: Any, right: Any) -> bool:
    """Whether two plain values differ; of anything else nothing is said."""
    plain = (bool, int, float, str, list, tuple, np.ndarray, np.generic)
    if not isinstance(left, plain) or not isinstance(right, plain):
        return False
    try:
        if isinstance(left, str) or isinstance(right, str):
            return left != right
        return not np.allclose(np.asarray(left, float), np.asarray(right, float), equal_nan=True)
    except (TypeError, ValueError):  # ragged lists, or arrays of unlike shapes
        return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
