"""LC301: NumPy, SciPy or another library is handed a symbolic tensor."""

from __future__ import annotations

import re
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.naming import is_foreign
from losscheck.reading.source import Source
from losscheck.reading.values import Kind
from losscheck.recipe import Raises
from losscheck.rule import FailureRule, code_at

_ERRORS = re.compile(
    r"[Cc]annot convert a symbolic|to a NumPy array|to a numpy array|NumPy call"
    r"|which has no callable \w+ method|object does not have attribute '?__array|__array__\(\)"
    r"|numpy\(\) is only available"
)
_ENTRY = "setting an array element with a sequence"
_CALL = re.compile(r"\b((?:np|numpy|scipy|sp|sklearn|cv2|skimage|math|special|stats)(?:\.\w+)+|\w+)\s*\(")
_BUILTINS = ("float", "int", "len", "list", "tuple", "bool")


class NumpyOnTensor(FailureRule):
    """A library outside TensorFlow is handed a symbolic tensor.

    ## What it does
    Recognises the errors that NumPy, SciPy, scikit-learn or OpenCV raise when they are handed a tensor
    without a value: the loss passes eagerly and raises in a graph.

    ## Why is this bad?
    `model.fit` traces the loss, so every NumPy call on a tensor raises there. Even eagerly, it cuts the
    gradient.

    ## References
    - https://www.tensorflow.org/guide/function#limitations
    """

    code = "LC301"
    name = "numpy-on-tensor"
    severity = Severity.ERROR
    hint = "Use the TensorFlow function of the same name (`tf.math.log`, `tf.reduce_mean`), or `keras.ops`"
    supersedes = ("LC003", "LC201")
    repro = Raises()

    BAD = (
        """\
import numpy as np
import tensorflow as tf

def log_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - np.log(1.0 + np.exp(y_pred))), axis=-1)  # <-
""",
        """\
import numpy as np
import tensorflow as tf

def mean_loss(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)  # <-
""",
    )
    GOOD = (
        """\
import numpy as np
import tensorflow as tf

def scaled_loss(y_true, y_pred):
    scale = np.sqrt(2.0 * np.pi).astype("float32")
    return scale * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import numpy as np
import tensorflow as tf

def averaged_loss(y_true, y_pred):
    count = float(np.prod(y_pred.shape[1:]))
    return tf.reduce_sum(tf.square(y_true - y_pred), axis=-1) / count
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a call of NumPy or its like that is handed a tensor of the batch."""
        for call in source.calls():
            handed = [value for value in call.given if value.is_of_batch]
            tensors = [value for value in handed if value.is_tensor or value.kind is Kind.SEQUENCE]
            if tensors and is_foreign(call.name) and not call.name.endswith((".shape", ".ndim")):
                message = f"`{call.shown}` is handed a tensor, which has no value while `fit` traces"
                yield self.suspicion(message, source.location(call.node))

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise NumPy's refusal of a symbolic tensor."""
        if mode is not Mode.EAGER and _ENTRY in raised.message:
            return "a NumPy array is given a symbolic tensor as an entry: that raises in a graph"
        if mode is Mode.EAGER or not _ERRORS.search(raised.message) or raised.is_a("AttributeError"):
            return None
        code = code_at(raised.location) if raised.location else ""
        call = next((m[1] for m in _CALL.finditer(code) if "." in m[1] and not m[1].startswith("tf.")), "")
        if not call and any(re.search(rf"\b{name}\(", code) for name in _BUILTINS):
            return None
        culprit = f"`{call}`" if call else "a library outside TensorFlow"
        return f"{culprit} is handed a symbolic tensor: it passes eagerly and raises in a graph"
