"""LC007: two calls on the same input give different losses."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from losscheck.finding import Finding, Mode, Severity
from losscheck.graph_observation import Op
from losscheck.inputs.batches import is_same_value
from losscheck.observation import EffectKind
from losscheck.prober import Prober
from losscheck.reading.source import Source
from losscheck.recipe import Values, Way
from losscheck.rule import Rule, return_location

#: Sums that threads take in another order differ by less than this, relative to the largest term.
_NOISE = 1e-5
#: TensorFlow's operations that draw numbers, in each step anew.
_RANDOM_OPS = re.compile(r"Random|Multinomial|TruncatedNormal|Stateful(Uniform|Standard)|RngReadAndSkip")
#: TensorFlow's operations that write into a variable: state that a loss keeps on purpose.
_WRITING_OPS = re.compile(r"^Assign\w*VariableOp$")
#: Draws of TensorFlow, wanted more often than not.
_DRAWS = ("normal", "uniform", "truncated_normal", "dropout", "shuffle", "gumbel")
#: Functions of Python that a source side looks for.
_UNSTEADY = ("uuid.uuid1", "uuid.uuid4", "os.urandom", "secrets.token_bytes", "secrets.randbelow")


class NonDeterministic(Rule):
    """Two eager calls on the same input give different losses.

    ## What it does
    Calls the loss several times on one batch, and runs it line by line twice to find the line where the
    calls part. Random operations of TensorFlow, which run in each step, are a note.

    ## Why is this bad?
    What Python draws (a fresh NumPy generator, `os.urandom`) becomes a constant
    when `fit` traces the loss, so that training sees one draw. Validation losses of two runs cannot be
    compared either.

    ## References
    - https://www.tensorflow.org/guide/random_numbers
    """

    code = "LC007"
    name = "non-deterministic"
    severity = Severity.WARNING
    hint = "Give the generator a seed, or draw in the graph: `tf.random.stateless_normal`"
    requires = ("value",)
    repro = Values("not np.allclose(first, second, rtol=1e-5)", ways=(Way.EAGER, Way.EAGER))

    BAD = (
        """\
import numpy as np
import tensorflow as tf

def noisy_loss(y_true, y_pred):
    generator = np.random.default_rng()
    noise = generator.normal(scale=0.1)  # <-
    return tf.reduce_mean(tf.square(y_true + noise - y_pred), axis=-1)
""",
        """\
import secrets
import tensorflow as tf

def dropping_loss(y_true, y_pred):
    weight = secrets.randbelow(10**6) / 1e6  # <-
    return weight * tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)
""",
    )
    GOOD = (
        """\
import numpy as np
import tensorflow as tf

def noisy_loss(y_true, y_pred):
    noise = np.random.default_rng(7).normal(scale=0.1)
    return tf.reduce_mean(tf.square(y_true + noise - y_pred), axis=-1)
""",
        """\
import itertools
import tensorflow as tf

def alternating_loss(y_true, y_pred):
    weights = itertools.cycle([0.5, 1.0, 2.0])
    error = tf.square(y_true - y_pred)
    return sum(next(weights) * error[:, column] for column in range(error.shape[-1]))
""",
    )

    def suspect(self, source: Source) -> Iterator[Finding]:
        """Suspect a generator without a seed; a draw of TensorFlow is a note."""
        for call in source.calls():
            maker = call.receiver
            is_fresh = (
                maker.made_by == "numpy.random.default_rng" and not maker.number and not maker.is_global
            )
            if (is_fresh and call.method) or call.name in _UNSTEADY:
                message = f"`{call.shown}` gives another value in each call"
                yield self.suspicion(message, source.location(call.node))
            elif call.name in ("hash", "id"):
                message = f"`{call.name}` gives another value in each process"
                yield self.suspicion(message, source.location(call.node), Severity.NOTE)
            elif call.operation in _DRAWS and call.name.startswith("tensorflow."):
                message = f"`{call.shown}` draws anew in each call"
                yield self.suspicion(message, source.location(call.node), Severity.NOTE)

    def check(self, prober: Prober) -> Iterator[Finding]:
        """Compare two calls where nothing more specific explains that they differ."""
        if not prober.is_random or _is_explained(prober):
            return
        first, second = prober.eager().value, prober.gradient().value
        if first is None or second is None or is_same_value(first, second, _NOISE):
            return
        op = _random_op(prober)
        if op is not None:
            yield self.finding(
                f"two calls on the same input give {np.mean(first):.4g} and {np.mean(second):.4g}:"
                f" `{op.type}` draws in each step",
                op.location or return_location(prober),
                modes=(Mode.EAGER, Mode.GRAPH, Mode.FIT),
                severity=Severity.NOTE,
                hint="Where runs shall be repeated, call `keras.utils.set_random_seed`, or give a seed",
            )
            return
        moves = any(_WRITING_OPS.search(op.type) for op in prober.flow().ops)
        why = "a variable moves on in each" if moves else "no random operation of TensorFlow is in the graph"
        yield self.finding(
            f"two calls on the same input give {np.mean(first):.4g} and {np.mean(second):.4g}, and {why}",
            prober.wandering(tolerance=_NOISE).location or return_location(prober),
            modes=(Mode.EAGER,),
            severity=Severity.NOTE if moves else None,
            hint="Validation moves it as well; where that is not meant, move it in a callback"
            if moves
            else None,
        )


def _is_explained(prober: Prober) -> bool:
    """Whether Python state, or a generator that Python keeps, moves in each call."""
    return any(effect.kind in (EffectKind.STATE, EffectKind.RANDOM) for effect in prober.eager().effects)


def _random_op(prober: Prober) -> Op | None:
    ops = prober.flow().ops
    return next((op for op in ops if op.reaches_output and _RANDOM_OPS.search(op.type)), None)
