"""Keras's registries of custom objects, kept as they are, and calls of what comes back from a file."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from losscheck.inputs.batches import Batch
from losscheck.loss import LoadedLoss
from losscheck.probes.tensors import to_array, to_tensor

#: Keras has no public way to the names that go with its custom objects: module, then attribute by version.
_NAMES = ("GLOBAL_CUSTOM_NAMES", "_GLOBAL_CUSTOM_NAMES")


@contextlib.contextmanager
def registered_only(keras: Any) -> Iterator[None]:
    """Only what is registered is known, no scope of custom objects; then all is put back as it was."""
    module = sys.modules.get(f"{keras.__name__}.src.saving.object_registration")
    found = (getattr(module, name, None) for name in _NAMES)
    registries = [
        registry for registry in (keras.saving.get_custom_objects(), *found) if registry is not None
    ]
    copies = [dict(registry) for registry in registries]
    try:
        with keras.saving.custom_object_scope({}):
            yield
    finally:
        for registry, copy in zip(registries, copies, strict=True):
            registry.clear()
            registry.update(copy)


def through_json(keras: Any, thing: Any) -> Any:
    """The config of a Keras object, written to JSON and read again, as saving a model does."""
    return json.loads(json.dumps(keras.saving.serialize_keras_object(thing)))


def from_json(keras: Any, config: Any, custom_objects: Mapping[str, Any]) -> Any:
    """The object that a config describes, where these names are known besides."""
    return keras.saving.deserialize_keras_object(config, custom_objects=dict(custom_objects))


def value_of(thing: Any, loss: LoadedLoss, batch: Batch) -> np.ndarray | None:
    """What another object in the place of the loss gives on a batch, per sample; None if it raises."""
    is_wrapped = loss.is_keras_loss and loss.function is not loss.compiled and hasattr(thing, "call")
    function = thing.call if is_wrapped else thing
    try:
        return to_array(function(to_tensor(batch.y_true), to_tensor(batch.y_pred)))
    except Exception:  # the user's code, which may raise anything: then there is nothing to compare
        return None
