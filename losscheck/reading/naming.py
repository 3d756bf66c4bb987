"""The full names of what a file imports: ``tf.math.log`` is ``tensorflow.math.log``, whatever it calls it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from losscheck.loading.expression import dotted

#: Names under which Keras is imported.
_KERAS = re.compile(r"^(?:tensorflow\.keras|tensorflow\.python\.keras|tf_keras|keras\.src|keras_core)\b")
#: Modules of Keras and TensorFlow whose functions are operations.
_OPERATIONS = re.compile(r"^(?:keras\.(?:ops|backend|activations)|tensorflow)\.(?:\w+\.)*(?P<name>\w+)$")
_OTHERS = ("numpy", "scipy", "sklearn", "cv2", "skimage", "math")


def full_name(node: ast.AST, imports: Mapping[str, str]) -> str:
    """The dotted name as the library has it, ``tensorflow.math.log``; empty for names of the file's own."""
    parts = dotted(node)
    if not parts or parts[0] not in imports:
        return ""
    return ".".join((imports[parts[0]], *parts[1:]))


def plain_name(name: str) -> str:
    """The same with one name for Keras: ``tensorflow.keras.losses.Loss`` is ``keras.losses.Loss``."""
    return _KERAS.sub("keras", name).replace("tensorflow.compat.v2.", "tensorflow.")


def operation(name: str) -> str:
    """The last part of the plain name of an operation, ``log``; empty if it is none."""
    if name.startswith("tensorflow.experimental.numpy"):
        return ""
    match = _OPERATIONS.match(name)
    return match["name"] if match else ""


def is_foreign(name: str) -> bool:
    """Whether it is a function of NumPy and its like, which needs the values of what it is handed."""
    return name.partition(".")[0] in _OTHERS
