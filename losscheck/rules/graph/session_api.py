"""LC316: the loss uses TensorFlow 1's sessions and graphs, which raise in TensorFlow 2."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from losscheck.finding import Finding, Mode, Severity
from losscheck.observation import Raised
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Raises, Recipe, Special
from losscheck.rule import FailureRule, first_line

_ERRORS = re.compile(
    r"not supported when eager execution is enabled|not compatible with eager execution"
    r"|must be called at program startup|The Session graph is empty|[Nn]o default session is registered"
    r"|[Cc]annot evaluate tensor using|Cannot use the (?:given|default) session"
)
#: Errors with other causes too: they count where the loss names a session or a graph of its own.
_WITH_SESSION = re.compile(
    r"is not an element of this graph|[Ff]etch argument|without building a function"
    r"|'NoneType' object has no attribute 'run'|must be from the same graph|not from the passed-in graph"
)
_SESSIONS = {"Session", "InteractiveSession", "get_session", "get_default_session", "Graph", "placeholder"}
#: What a source side looks for.
_OF_TENSORFLOW_1 = (
    *(f"keras.backend.{name}" for name in ("eval", "gradients", "get_session")),
    *(f"tensorflow.{name}" for name in ("gradients", "compat.v1.gradients")),
)
_SWITCHES = (".disable_eager_execution", ".disable_v2_behavior")


class SessionApi(FailureRule):
    """The loss calls TensorFlow 1's session API, or the file switches eager execution off.

    ## What it does
    Recognises the errors of `tf.gradients` outside a graph, `tf.compat.v1.Session`, `placeholder`,
    `tensor.eval()` and `K.eval`, and sees whether importing the file has switched eager execution off.

    ## Why is this bad?
    TensorFlow 2 has no session: a tensor holds its value eagerly, and a graph is a `tf.function`. With
    eager execution switched off Keras 3 does not train at all, and nothing here can be checked.

    ## References
    - https://www.tensorflow.org/guide/migrate/tf1_vs_tf2
    """

    code = "LC316"
    name = "session-api"
    severity = Severity.ERROR
    hint = "Remove the session: `tf.GradientTape` gives gradients, and tensors are used as they are"
    supersedes = ("LC003", "LC201")
    silences_at_line = ("LC302",)
    needs_process = True
    repro = Raises()

    BAD = (
        """\
import tensorflow as tf

def penalised_loss(y_true, y_pred):
    slope = tf.gradients(tf.reduce_sum(tf.square(y_pred)), y_pred)[0]  # <-
    return tf.reduce_mean(tf.square(y_true - y_pred) + tf.square(slope), axis=-1)
""",
        """\
import tensorflow as tf

def weighted_loss(y_true, y_pred):
    with tf.compat.v1.Session() as session:
        weight = session.run(tf.reduce_mean(y_true))  # <-
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
        """\
import tensorflow as tf

tf.compat.v1.disable_eager_execution()  # <-

def squared_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import tensorflow as tf

def penalised_loss(y_true, y_pred):
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        size = tf.reduce_sum(tf.square(y_pred))
    slope = tape.gradient(size, y_pred)
    return tf.reduce_mean(tf.square(y_true - y_pred) + tf.square(slope), axis=-1)
""",
        """\
import tensorflow as tf

tf.compat.v1.enable_eager_execution()

def weighted_loss(y_true, y_pred):
    weight = 1.0 + tf.abs(tf.reduce_mean(y_true))
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a session, what needs one, and the switch that turns eager execution off."""
        for call in source.calls():
            is_run = call.method == "run" and call.receiver.made_by.endswith(".Session")
            is_eval = call.method == "eval" and call.receiver.is_tensor
            if is_run or is_eval or call.name in _OF_TENSORFLOW_1:
                message = f"`{call.shown}()` needs the graph and the session of TensorFlow 1"
                yield self.suspicion(message, source.location(call.node))
        for node in ast.walk(source.module.tree) if "disable_" in source.text else ():
            if isinstance(node, ast.Call) and source.name_of(node).endswith(_SWITCHES):
                yield self.suspicion("the file switches eager execution off", source.location(node))

    def recipe(self, finding: Finding) -> Recipe:
        """How a script shows it: the call raises, or the import switches eager execution off."""
        is_off = finding.message.startswith("eager execution is switched off")
        return Special("eager switched off", ()) if is_off else self.repro

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Report the switch, else the errors."""
        load = prober.evidence.load
        if load is not None and load.eager_off_at is not None:
            yield self.finding(
                "eager execution is switched off when the file is imported: nothing can be checked",
                load.eager_off_at,
                modes=tuple(Mode),
                hint="Remove the call; a graph for one function is `tf.function`",
            )
            return
        yield from super().check(prober)

    def explain(self, mode: Mode, raised: Raised, prober: Prober) -> str | None:
        """Recognise an error of the session API."""
        names_session = bool(_SESSIONS & prober.loss.source.names)
        if _ERRORS.search(raised.message) or (names_session and _WITH_SESSION.search(raised.message)):
            return f"the call belongs to TensorFlow 1 and raises `{raised.type}`: {first_line(raised)}"
        if mode is not Mode.EAGER and _is_backend_eval(raised):
            return "`K.eval` needs a session or an eager tensor, and in a graph there is neither"
        return None


def _is_backend_eval(raised: Raised) -> bool:
    """Whether Keras's own `eval` was called by the user's line, and failed."""
    deepest = max((number for number, frame in enumerate(raised.frames) if frame.is_user), default=-1)
    below = raised.frames[deepest + 1 :]
    return any(frame.function == "eval" and "keras" in frame.path for frame in below)
