"""Which Keras a loss is written for, and how the `fit` of that Keras calls it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from losscheck.loss import LoadedLoss

#: Keras 2 beside Keras 3, which `tf.keras` is where this variable is set.
_LEGACY, _LEGACY_VARIABLE = "tf_keras", "TF_USE_LEGACY_KERAS"


def keras_of(loss: LoadedLoss) -> Any:
    """The Keras that runs the loss: `tf_keras` where its class or its module uses that, else `keras`."""
    is_chosen = os.environ.get(_LEGACY_VARIABLE) in ("1", "True", "true")
    if _LEGACY in sys.modules and (is_chosen or _is_legacy(loss)):
        return sys.modules[_LEGACY]
    return importlib.import_module("keras")


def _is_legacy(loss: LoadedLoss) -> bool:
    classes = (type(loss.compiled), *type(loss.compiled).__mro__)
    if any(cls.__module__.partition(".")[0] == _LEGACY for cls in classes):
        return True
    function = getattr(loss.function, "__func__", loss.function)
    names = {
        value.__name__.partition(".")[0]
        for value in getattr(function, "__globals__", {}).values()
        if isinstance(value, ModuleType)
    }
    return _LEGACY in names and "keras" not in names


def fit_converts(loss: LoadedLoss) -> bool:
    """Whether `fit` rewrites the loss with AutoGraph: Keras 2 does, Keras 3 does not."""
    return int(str(keras_of(loss).__version__).partition(".")[0]) < 3


def as_fit_calls(loss: LoadedLoss) -> Callable[..., Any]:
    """The loss as the train step of `fit` calls it."""
    import tensorflow as tf

    called: Callable[..., Any] = tf.function(loss.function) if fit_converts(loss) else loss.function
    return called


def as_fit_wraps(loss: LoadedLoss) -> Any:
    """The loss as `compile` wraps it: values of a call, times mask and weights, reduced."""
    if loss.is_keras_loss:
        return loss.compiled
    keras = keras_of(loss)

    class Wrapped(keras.losses.Loss):  # type: ignore[misc, name-defined]
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return loss.function(y_true, y_pred)

    return Wrapped()
