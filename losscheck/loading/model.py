"""Builds the user's model and reads what it gives: shape, dtype and the activation at its end."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losscheck.exceptions import SpecError, TargetError
from losscheck.inputs.specs import BATCH_AXIS, FLOATS, Domain, InputSpec
from losscheck.loading.address import split_target
from losscheck.loading.expression import base_name, evaluate, parse_expression
from losscheck.loading.live import attribute
from losscheck.loading.objects import described, required_arguments
from losscheck.loading.running import LoadFailed, LoadMode, RunModule, guarded
from losscheck.loading.target import find_losses, missing_name

#: What an activation makes of any number; one that is not here may give any number.
_RANGES = {
    "softmax": Domain("simplex"),
    "sigmoid": Domain("prob"),
    "hard_sigmoid": Domain("prob"),
    "softplus": Domain("positive"),
    "exponential": Domain("positive"),
    "relu": Domain("positive"),
    "tanh": Domain("interval", -1.0, 1.0),
    "softsign": Domain("interval", -1.0, 1.0),
}
#: Layers that hand on the numbers of the one before.
_PASSING = frozenset({"Dropout", "Flatten", "Identity", "Permute", "Reshape", "RepeatVector", "Cropping1D"})
#: Layers that are an activation themselves.
_ACTIVATIONS = {"Softmax": "softmax", "ReLU": "relu", "Sigmoid": "sigmoid"}
_AXES = {2: "D", 3: "TD", 4: "HWC", 5: "XHWC"}  # names for sizes that the model leaves open
_MAX_LAYERS = 20


@dataclass(frozen=True)
class ModelOutput:
    """What a model gives."""

    spec: InputSpec
    words: str  #: a sentence for the report


def read_model(target: str) -> ModelOutput:
    """The output of the model that a target builds: ``model.py:build_model``, a class or a model.

    Raises:
        TargetError: the target names no model, or the user's code raises.
        SpecError: the model has no single output of a known shape.

    """
    address = split_target(target)
    if not address.expression:
        raise TargetError(f"name what builds the model: `{target}:build_model`")
    (found,) = find_losses(target).losses
    expression = parse_expression(address.expression)
    base = base_name(expression)
    path = Path(found.path if address.is_module else address.place)
    try:
        ran = RunModule(address, path, LoadMode.AUTO, (base,))
        thing = guarded("build", lambda: evaluate(expression, ran.get(base)))
        if _is_builder(thing):
            if missing := required_arguments(thing):
                given = ", ".join(f"{name}=..." for name in missing)
                raise TargetError(f"`{address.expression}` needs arguments: write `{target}({given})`")
            thing = guarded("build", thing)
    except LoadFailed as failed:
        cause = failed.__cause__
        if isinstance(cause, AttributeError) and not isinstance(cause, LoadFailed) and cause.name == base:
            raise missing_name(base, found.path, ()) from None
        reason = str(cause).strip().split("\n")[0]
        text = f"{type(cause).__name__}: {reason}" if reason else type(cause).__name__
        raise TargetError(f"the model `{target}` cannot be built: {text}") from None
    if not _is_model(type(thing)):
        raise TargetError(f"`{target}` gives {described(thing)}, no Keras model")
    return _output_of(thing, address.expression)


def _is_builder(thing: Any) -> bool:
    return inspect.isroutine(thing) or isinstance(thing, type)


def _is_model(class_: type) -> bool:
    return any(
        base.__name__ == "Model" and base.__module__.partition(".")[0] in ("keras", "tf_keras", "tensorflow")
        for base in class_.__mro__
    )


def _output_of(model: Any, name: str) -> ModelOutput:
    outputs = attribute(model, "outputs")
    if not outputs:
        raise SpecError(f"the model of `{name}` has no known output: build it with `keras.Input`")
    if len(outputs) != 1:
        names = ", ".join(f"`{output}`" for output in attribute(model, "output_names") or ())
        raise SpecError(
            f"the model of `{name}` has {len(outputs)} outputs ({names}): give one with one output"
        )
    (output,) = outputs
    shape = tuple(output.shape)
    dtype = str(getattr(output.dtype, "name", output.dtype))
    if not shape or dtype not in FLOATS:
        raise SpecError(f"the model of `{name}` gives `{dtype}{shape}`, which no loss takes")
    names = _AXES.get(len(shape), "DDDDDDDD")
    dims = (BATCH_AXIS, *(names[i] if size is None else int(size) for i, size in enumerate(shape[1:])))
    activation = _activation(output)
    domain = _RANGES.get(activation, Domain("real"))
    if activation == "softmax" and shape[-1] == 1:
        domain = Domain("real")  # it gives 1 whatever comes in
    spec = InputSpec(dtype, dims, domain)
    inputs = ", ".join(_shown(tensor.shape) for tensor in attribute(model, "inputs") or ())
    words = f"`{name}` turns {inputs} into {spec}, its last activation is {activation}"
    return ModelOutput(spec, words)


def _shown(shape: Any) -> str:
    """``[B, 28, 28, 1]``; ``?`` for a size that the model leaves open."""
    sizes = [BATCH_AXIS, *("?" if size is None else str(size) for size in tuple(shape)[1:])]
    return f"[{', '.join(sizes)}]"


def _activation(output: Any) -> str:
    """The name of the last activation on the way to a tensor."""
    for _ in range(_MAX_LAYERS):
        history = attribute(output, "_keras_history")
        layer = attribute(history, "operation") or attribute(history, "layer")
        if layer is None:
            return "linear"
        kind = type(layer).__name__
        if kind in _ACTIVATIONS:
            return _ACTIVATIONS[kind]
        if _is_model(type(layer)) and attribute(layer, "outputs"):
            output = layer.outputs[0]
        elif kind in _PASSING and attribute(layer, "input") is not None:
            output = layer.input
        else:
            function = attribute(layer, "activation")
            name = attribute(function, "__name__") or type(function).__name__
            return "linear" if function is None else str(name).lower()
    return "linear"
