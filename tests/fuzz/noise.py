"""Text that is nearly right: a target, an option, a spec, a comment, a configuration as users type it."""

import json

from hypothesis import strategies as st

from losscheck.config.keys import FILE_KEYS, RUN_KEYS
from losscheck.finding import Mode
from losscheck.inputs.specs import DOMAINS, FLOATS, INTEGERS
from losscheck.inputs.tasks import TASKS
from losscheck.registry import all_rules
from losscheck.reporters import FORMATS

_ANY = st.text(max_size=8)
_CODES = st.sampled_from([word for rule in all_rules() for word in (rule.code, rule.name)])


def _of(*parts, most=8):
    """A few pieces of a grammar in any order, now and then with noise between."""
    piece = st.sampled_from(parts)
    return st.lists(st.one_of(piece, piece, piece, piece, _ANY), max_size=most).map("".join)


_NUMBER = st.one_of(st.integers(), st.floats()).map(str)
_DIM = st.one_of(st.sampled_from(("B", "B", "H", "10", "1", "0", "-1", "")), _NUMBER, _ANY)
_DOMAIN = st.one_of(
    st.sampled_from(
        [*DOMAINS, "labels<10", "labels<N", "labels<0", "labels<", "-1..1", "1..0", "boxes*4|prob"]
    ),
    st.builds("{}..{}".format, _NUMBER, _NUMBER),
    _of(*DOMAINS, "|", "*", "?", "<", "..", " ", "4", "0", "labels<10"),
)


@st.composite
def specs(draw):
    """An input spec, or nearly one: ``float32[B, 10] prob``."""
    dtype = draw(st.one_of(st.sampled_from((*FLOATS, *INTEGERS)), _ANY))
    dims = ",".join(draw(st.lists(_DIM, max_size=5)))
    spec = f"{dtype}[{dims}]{draw(st.sampled_from((' ', ':', '')))}{draw(_DOMAIN)}"
    return draw(st.one_of(st.just(spec), _of(*FLOATS, "[", "]", "B", ",", " ", "prob", ":")))


def comments():
    """A comment such as ``# losscheck: y_true=… ignore[LC105] a reason``."""
    directive = st.one_of(
        st.builds("{}={}".format, st.sampled_from(("y_true", "y_pred", "task", "y_treu", "")), specs()),
        st.builds("ignore[{}]".format, st.one_of(_CODES, _ANY)),
        _of("ignore", "[", "]", ",", " ", "LC105", "y_true=", "task=", "binary", "#", "losscheck:"),
    )
    words = st.lists(directive, max_size=3).map(" ".join)
    return st.builds(
        "#{}losscheck:{}{}".format, st.sampled_from(("", " ", "  ")), st.sampled_from(("", " ")), words
    ).map(lambda text: " ".join(text.splitlines()))


_CODE = (
    "def loss(y_true, y_pred):",
    "class Loss(keras.losses.Loss):",
    "    def call(self, y_true, y_pred):",
    "@tf.function",
    "    return y_true - y_pred",
    "    if True:",
    "loss = lambda a, b: a",
    "LOSSES = {'a': loss, 'b': Loss()}",
    "model.compile(loss=loss)",
    "model.compile(loss={'a': loss, 'b': 'mse'}, optimizer='sgd')",
    '    """',
    "'''",
    "def make(gamma):",
    "    def inner(y_true, y_pred): return gamma",
    "    return inner",
    "async def f(y_true,",
    "         y_pred):",
    "import tensorflow as tf",
    "from .losses import *",
    "for i in range(3):",
    "match loss:",
    "\tpass",
    "  pass",
    "%matplotlib inline",
    "!pip install x",
    "\\",
    "é = loss_ß = functools.partial(loss, y_true=1)",
    "x = 1 if",
    "\f",
    "# -*- coding: latin-1 -*-",
    "# coding: klingon",
    "del loss",
    "global loss",
    "__all__ = ['loss']",
)


def modules():
    """The text of a Python file, or nearly, with comments of losscheck in it."""
    code = st.sampled_from(_CODE)
    line = st.one_of(code, code, code, comments(), st.builds("{}  {}".format, code, comments()), _ANY)
    return st.builds(
        lambda lines, end: end.join(lines),
        st.lists(line, max_size=12),
        st.sampled_from(("\n", "\n", "\r\n", "\r")),
    )


def notebooks():
    """The text of a notebook, or nearly."""
    source = st.one_of(modules(), st.lists(modules(), max_size=2), st.none(), st.integers())
    cell = st.one_of(
        st.fixed_dictionaries(
            {"cell_type": st.sampled_from(("code", "markdown", 3)), "source": source},
            optional={"outputs": st.none()},
        ),
        st.none(),
        _ANY,
    )
    cells = st.one_of(st.lists(cell, max_size=4), st.none(), _ANY)
    whole = st.fixed_dictionaries(
        {}, optional={"cells": cells, "worksheets": cells, "nbformat": st.integers(0, 5)}
    )
    return st.one_of(
        whole.map(json.dumps), whole.map(json.dumps), _of("{", "}", "[", "]", '"cells":', ",", "null")
    )


_PLACES = (
    *("losses.py", "losses.ipynb", "folder", ".", "pkg.losses", "no_such.py", "~", "losses", ""),
    *(
        "x" * 300 + ".py",
        "d/" * 2100 + "losses.py",
        "lo\0sses.py",
        "folder/../losses.py",
        "losses.py/x.py",
    ),
)
_NAMES = (
    "loss",
    "Loss",
    "Loss()",
    "make(gamma=2)",
    'LOSSES["a"]',
    "loss.attr",
    "make(gamma=",
    "12",
    "lambda",
    "π",
    "",
)


def targets():
    """A target such as ``losses.py:dice_loss``."""
    usual = st.builds(
        "{}{}{}".format,
        st.sampled_from(_PLACES),
        st.sampled_from((":", "::", "", ":")),
        st.sampled_from(_NAMES),
    )
    return st.one_of(
        usual, _of(*_PLACES, *_NAMES, ":", "/", ".", "(", ")", "[", "]", "=", "'", " "), st.text()
    )


_OPTIONS = (
    *(
        "--y-true",
        "--y-pred",
        "--task",
        "--batch",
        "--model",
        "--select",
        "--ignore",
        "--explain",
        "--rules",
        "--baseline",
    ),
    *(
        "--config",
        "--isolated",
        "--fail-on",
        "--mode",
        "--load",
        "--timeout",
        "--jobs",
        "--format",
        "--output",
    ),
    *("--verbose", "--quiet", "--color", "--version", "-j", "-v", "-q", "-vq", "--", "-", "---", "--no-such"),
)


def command_lines():
    """The words of a command line."""
    value = st.one_of(
        st.sampled_from(
            [*TASKS, *FORMATS, *(mode.value for mode in Mode), "error", "never", "ALL", "LC2,LC5", "auto"]
        ),
        st.sampled_from(
            ("0", "-1", "nan", "inf", "1e9", "3", "", "x.sarif", "junit:x.xml", "x.y", ":", "none.npz")
        ),
        _CODES,
        specs(),
        targets(),
        _ANY,
    )
    option = st.sampled_from(_OPTIONS)
    word = st.one_of(option, value, st.builds("{}={}".format, option, value))
    pair = st.tuples(option, value).map(list)
    return st.lists(st.one_of(pair, word.map(lambda one: [one])), max_size=5).map(
        lambda parts: [word for part in parts for word in part]
    )


def configurations():
    """The text of a ``pyproject.toml`` with our table, or nearly."""
    scalar = st.one_of(
        st.integers(),
        st.floats(),
        st.booleans(),
        _ANY,
        _CODES,
        specs(),
        st.sampled_from((*TASKS, "error", "auto", "fit")),
    )
    value = st.one_of(scalar, st.lists(scalar, max_size=3), st.dictionaries(_ANY, scalar, max_size=2))
    key = st.one_of(st.sampled_from((*RUN_KEYS, *FILE_KEYS, "losses", "fail_on")), _ANY)
    table = st.dictionaries(key, value, max_size=4)
    loss = st.dictionaries(
        st.sampled_from(("y_true", "y_pred", "task", "y")), st.one_of(specs(), scalar), max_size=3
    )
    losses = st.dictionaries(targets(), loss, max_size=2)
    proper = st.builds(_toml, table, losses)
    return st.one_of(
        proper,
        proper,
        _of("[tool.losscheck]\n", "[", "]", "=", '"', "\n", "losscheck", "select", "'", "{", "}"),
    )


def _toml(table, losses):
    """Both tables as TOML; JSON's texts, numbers and lists are TOML's."""
    lines = ["[tool.losscheck]", *(f"{json.dumps(key)} = {_value(value)}" for key, value in table.items())]
    for target, loss in losses.items():
        lines += [
            f"[tool.losscheck.losses.{json.dumps(target)}]",
            *(f"{key} = {_value(one)}" for key, one in loss.items()),
        ]
    return "\n".join(lines) + "\n"


def _value(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return str(value) if isinstance(value, float) else json.dumps(value)
