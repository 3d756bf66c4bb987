"""The defects that are planted into right losses, each with the codes that may name it."""

from dataclasses import dataclass

MARK = "  # <-"  #: ends the line to find; it is taken out before the file is written
HEADER = "header"  #: the def line, or the one that binds the loss, is right too
RETURN = "return"  #: so is the line that hands on what a helper returns
REGRESSION, BINARY, CATEGORICAL = "regression", "binary", "categorical"


@dataclass(frozen=True)
class Defect:
    """A mechanism by which a loss goes wrong.

    In its lines ``{t}`` and ``{p}`` are the arguments, ``{e}`` is the loss of each element; one is marked.
    """

    name: str
    codes: str  #: any of these is right, with a blank between
    severity: str  #: and at least this bad
    before: tuple[str, ...] = ()  #: lines before the elements are computed
    after: tuple[str, ...] = ()  #: lines behind
    elements: str = ""  #: what computes the elements, in place of the base's
    returned: str = ""  #: the last line, in place of the base's
    module: tuple[str, ...] = ()  #: lines of the module
    extra: str = ""  #: further parameters
    tasks: tuple[str, ...] = (REGRESSION, BINARY, CATEGORICAL)  #: where it is a defect
    places: tuple[str, ...] = ()  #: of `HEADER` and `RETURN`, right beside the marked line
    in_child: bool = False  #: it hangs or ends the process that calls it


def _line(name, codes, line, *, more=(), **rest):
    """A defect that is one line behind the elements."""
    return Defect(name, codes, rest.pop("severity", "error"), after=(line + MARK, *more), **rest)


def _on_input(name, codes, line, **rest):
    """A defect that is one line before the elements."""
    return Defect(name, codes, rest.pop("severity", "error"), before=(line + MARK,), **rest)


DEFECTS = (
    # eager only
    _line(
        "numpy method", "LC302", "scale = float({p}.numpy().max())", more=("{e} = {e} * (1.0 + 0.0 * scale)",)
    ),
    _line("item", "LC302", "{e} = {e} + 0.0 * tf.reduce_max({p}).numpy().item()"),
    _line("numpy function", "LC301", "{e} = {e} * (1.0 + np.std({p}))"),
    _line("numpy in a term", "LC301 LC203", "{e} = {e} + 0.1 * np.log1p(np.array({p}) ** 2)"),
    _line("if on a tensor", "LC303", "if tf.reduce_mean({p}) > 0.5:", more=("    {e} = {e} * 2.0",)),
    _line(
        "for over a tensor", "LC303", "for row in {p}:", more=("    {e} = {e} + 0.0 * tf.reduce_sum(row)",)
    ),
    _line("python max", "LC303", "{e} = {e} * max(tf.reduce_mean({p}), 0.1)"),
    _line("assert", "LC303", "assert tf.reduce_all(tf.math.is_finite({p}))"),
    _line("variable", "LC305", "step = tf.Variable(1.0)", more=("{e} = {e} * step",)),
    _line("item assignment", "LC304", "{e}[0] = 0.0"),
    # effects of the trace
    _line("print", "LC306", "print('loss called')", severity="warning"),
    _line(
        "logging", "LC306", "logging.warning('loss called')", severity="warning", module=("import logging",)
    ),
    Defect(
        "global counter",
        "LC307",
        "warning",
        module=("calls = 0",),
        before=("global calls", "calls += 1" + MARK),
    ),
    _on_input("list append", "LC307", "SEEN.append(1)", severity="warning", module=("SEEN = []",)),
    _on_input("dict entry", "LC307", "STATE['n'] += 1", severity="warning", module=("STATE = {'n': 0}",)),
    _line("kept tensor", "LC308", "SEEN.append({e})", module=("SEEN = []",)),
    _line("numpy random", "LC309", "{e} = {e} * np.random.uniform(0.9, 1.1)", severity="warning"),
    _line(
        "random",
        "LC309",
        "{e} = {e} * (1.0 + random.random())",
        severity="warning",
        module=("import random",),
    ),
    _line(
        "clock", "LC311", "{e} = {e} * (1.0 + time.time() % 1.0)", severity="warning", module=("import time",)
    ),
    _line("file", "LC312", "open('losses.txt', 'a').close()", severity="warning"),
    _line(
        "callback", "LC313 LC109", "{e} = tf.py_function(lambda v: v, [{e}], tf.float32)", severity="warning"
    ),
    _line("discarded", "LC321", "tf.clip_by_value({p}, 0.0, 1.0)", severity="warning"),
    # gradient
    _on_input("round", "LC201 LC202", "{p} = tf.round({p})"),
    _on_input("sign", "LC201 LC202", "{p} = tf.sign({p})", tasks=(REGRESSION,)),
    _on_input("whole numbers", "LC201 LC202", "{p} = tf.cast(tf.cast({p} * 10.0, tf.int32), tf.float32)"),
    _on_input("threshold", "LC201 LC202", "{p} = tf.cast({p} > 0.5, tf.float32)"),
    _on_input("stop_gradient", "LC201", "{p} = tf.stop_gradient({p})"),
    _on_input("constant", "LC201", "{p} = tf.zeros_like({p}) + 0.5", places=(HEADER,)),
    Defect(
        "softmax twice",
        "LC209",
        "warning",
        elements="-({t} * tf.nn.log_softmax(tf.nn.softmax({p})))" + MARK,
        tasks=(CATEGORICAL,),
    ),
    # numbers
    Defect(
        "log of zero", "LC501 LC204", "warning", elements="-({t} * tf.math.log({p}))" + MARK, tasks=(BINARY,)
    ),
    Defect(
        "count of none",
        "LC501 LC204",
        "warning",
        returned="return tf.reduce_sum({e}) / tf.reduce_sum({t})" + MARK,
        tasks=(BINARY,),
    ),
    Defect(
        "root of zero",
        "LC204",
        "warning",
        returned="return tf.sqrt(tf.reduce_sum(tf.square({t} - {p}), axis=-1))" + MARK,
        tasks=(REGRESSION,),
    ),
    # shapes and dtypes
    Defect("mean over all", "LC105", "note", returned="return tf.reduce_mean({e})" + MARK),
    Defect("mean over the batch", "LC106", "warning", returned="return tf.reduce_mean({e}, axis=0)" + MARK),
    Defect(
        "batch size",
        "LC102",
        "warning",
        before=("{p} = tf.reshape({p}, (32, -1))" + MARK, "{t} = tf.reshape({t}, (32, -1))"),
        tasks=(BINARY, CATEGORICAL),  # whose inputs are told: an image has entries enough for any reshape
    ),
    _line("static batch size", "LC104", "{e} = {e} / {p}.shape[0]"),
    _line("dtype", "LC401 LC001", "{e} = {e} * tf.constant(2.0, tf.float64)"),
    _line("float64", "LC405", "{e} = tf.cast({e}, tf.float64)", severity="note"),
    # not a loss
    _line("undefined name", "LC001", "{e} = {e} * gamma_of_nobody"),
    _line("removed name", "LC602", "{e} = {e} + 0.0 * tf.log({e} + 1.0)"),
    Defect(
        "no return", "LC003", "error", returned="tf.reduce_mean({e}, axis=-1)" + MARK, places=(HEADER, RETURN)
    ),
    Defect(
        "a number",
        "LC003 LC302",
        "error",
        returned="return float(tf.reduce_mean({e}))" + MARK,
        places=(RETURN,),
    ),
    Defect(
        "a pair",
        "LC003",
        "error",
        returned="return tf.reduce_mean({e}, axis=-1), 1.0" + MARK,
        places=(RETURN,),
    ),
    Defect("third parameter", "LC002", "error", extra=", epoch", places=(HEADER,)),
    Defect("at import", "LC010", "error", module=("raise RuntimeError('no data')" + MARK,)),
    Defect(
        "inverted",
        "LC006",
        "warning",
        returned="return -tf.reduce_mean({e}, axis=-1)" + MARK,
        places=(RETURN,),
        tasks=(REGRESSION,),
    ),
    _on_input("endless loop", "LC008", "while True: pass", places=(HEADER,), in_child=True),
    _on_input("sleep", "LC008", "time.sleep(1000)", module=("import time",), places=(HEADER,), in_child=True),
    _on_input("exit", "LC009", "os._exit(3)", module=("import os",), places=(HEADER,), in_child=True),
    _on_input("abort", "LC009", "os.abort()", module=("import os",), places=(HEADER,), in_child=True),
)
#: No defect: the base as it is gives nothing at warning or above.
NONE = Defect("none", "", "warning")
