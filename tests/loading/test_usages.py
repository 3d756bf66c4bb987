"""Losses that are given to ``compile``, kept in containers, or written inside classes and factories."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from losscheck.exceptions import TargetError
from losscheck.loading.importing import load
from losscheck.loading.prefilter import may_hold_loss
from losscheck.loading.target import find_losses

HEAD = "import functools\nimport keras\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        if isinstance(origin, str) and origin.startswith(str(tmp_path)):
            del sys.modules[name]
    importlib.invalidate_caches()


def write(text, path="m.py"):
    Path(path).write_text(text, encoding="utf-8")


def names(target="m.py"):
    return [loss.name for loss in find_losses(target).losses]


def loaded(target):
    (found,) = find_losses(target).losses
    return load(found)


def error(target):
    with pytest.raises(TargetError) as raised:
        loaded(target)
    return str(raised.value)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(inp, out): return 0\nmodel.compile(loss=f)", ["f"]),
        ("def f(inp, out): return 0\nmodel.compile('adam', f)", ["f"]),
        ("def f(inp, out): return 0\ndef build(m):\n    m.compile(loss={'a': f, 'b': 'mse'})", ["f"]),
        ("def f(inp, out): return 0\nm.compile(loss=[f, None])", ["f"]),
        ("def iou(y_true, y_pred): return 0\nm.compile(loss='mse', metrics=['mae', iou])", []),
        ("def iou(y_true, y_pred): return 0\nm.compile(loss=iou, metrics=[iou])", ["iou"]),
        ("def iou_loss(y_true, y_pred): return 0\nm.compile(metrics=[iou_loss])", ["iou_loss"]),
        ("m.compile(loss='mse')\nm.compile(loss=keras.losses.Huber())", []),
        ("from x import f\nm.compile(loss=f)", []),
        ("def make(w):\n    def g(a, b): return w\n    return g\nm.compile(loss=make(2))", ["make(2)"]),
        ("def make(w):\n    def g(a, b): return w\n    return g\nm.compile(loss=make(W))", []),
        ("K = 2\nm.compile(loss=lambda t, p: K * t)", ["lambda at line 4"]),
        ("def build(k):\n    m.compile(loss=lambda t, p: k * t)", []),
        ("LOSSES = {'a': lambda t, p: t, 3: lambda t, p: p}", ['LOSSES["a"]', "LOSSES[3]"]),
        ("def f(a, b): return 0\nLOSSES = [f, functools.partial(f, c=1)]", ["f", "LOSSES[1]"]),
        ("LOSSES = {'a': 'mse', 'b': keras.losses.Huber(), 'c': helper}", []),
        ("losses = [lambda t, p: q * t for q in QS]", ["losses[0]"]),
        ("LOSSES = {n: lambda t, p: w * t for n, w in {'a': 1, 'b': 2}.items()}", ['LOSSES["a"]']),
        ("LOSSES = {n: lambda t, p: t for n in NAMES}", []),
        ("losses = []\nfor q in QS:\n    losses.append(lambda t, p: q * t)", ["losses[0]"]),
        ("names = []\nfor q in QS:\n    names.append(lambda t, p: q * t)", []),
        ("losses = [1]\nfor q in QS:\n    losses.append(lambda t, p: q * t)", []),
        ("LOSSES = {}\nfor i, (n, w) in [(1, 2)]:\n    LOSSES[n] = lambda t, p: w * t", []),
        ("LOSSES = {}\nfor n, w in [('a', 1)]:\n    LOSSES[n] = lambda t, p: w * t", ['LOSSES["a"]']),
        ("LOSSES = {}\nfor n in ['a', 'b']:\n    LOSSES[n] = lambda t, p: len(n) * t", ['LOSSES["a"]']),
        ("def make(w):\n    return [lambda t, p: w for _ in W]\nm.compile(loss=make(2))", ["make(2)[0]"]),
        ("def make(w):\n    return f, g\nm.compile(loss=make(2))", ["make(2)[0]", "make(2)[1]"]),
        ("def make(w):\n    def one(y_true, y_pred): return w\n    def two(y_true, y_pred): return 2 * w\n"
         "    return one, two\none_loss, two_loss = make(2)", ["one_loss", "two_loss"]),
        ("class T:\n    def my_loss(self, y_true, y_pred): return 0", ["T.my_loss"]),
        ("class T:\n    @staticmethod\n    def my_loss(y_true, y_pred): return 0", ["T.my_loss"]),
        ("class T:\n    def __init__(self, k): ...\n    def my_loss(self, y_true, y_pred): return 0", []),
        ("class T:\n    def plot_loss(self, y_true, y_pred): ...\n    def loss(self, x): ...", []),
        ("class T(keras.metrics.Metric):\n    def my_loss(self, y_true, y_pred): return 0", []),
        ("class T(keras.losses.Loss):\n    def call(self, y_true, y_pred): return self.a_loss(1, 2)\n"
         "    def a_loss(self, y_true, y_pred): return 0", ["T"]),
    ],
)  # fmt: skip
def test_a_scan_lists_what_is_used_as_a_loss(code, expected):
    write(HEAD + code + "\n")
    assert names() == expected


@pytest.mark.parametrize(
    "text", ["m.compile(optimizer=f(1),\n  loss=custom)", "m.compile(loss=lambda inp, out: 0)"]
)
def test_a_file_that_compiles_a_loss_is_read(text):
    assert may_hold_loss(text)


def test_a_file_that_compiles_a_built_in_loss_is_not():
    assert not may_hold_loss("m.compile(optimizer='adam', loss='mse')")


def test_a_lambda_in_compile_is_run_alone():
    write(
        "import absent_m\nK = 2\n\ndef twice(x): return K * x\n"
        "absent_m.compile(\n    loss=lambda t, p: twice(t) - p)\nabsent_m.fit()\n"
    )
    (found,) = find_losses("m.py").losses
    assert (found.target, found.line, found.name) == ("m.py:6", 6, "lambda at line 6")
    loss = load(found)
    assert (loss.function(3, 1), loss.source.parameters) == (5, ("t", "p"))
    assert loss.left_out == "2 of 4 statements, among them `absent_m.fit()` at line 7"


def test_a_lambda_of_a_notebook_is_named_by_cell_and_line():
    cell = {"cell_type": "code", "source": "import absent_m\nabsent_m.compile(loss=lambda t, p: t - p)"}
    write(json.dumps({"cells": [{"cell_type": "markdown", "source": ""}, cell]}), "n.ipynb")
    (found,) = find_losses("n.ipynb").losses
    assert found.target == "n.ipynb:cell 2:2"
    assert loaded("n.ipynb:cell 2:2").function(3, 1) == 2
    assert error("n.ipynb:cell 7:1") == "no code cell 7 in n.ipynb"
    assert error("n.ipynb:2").startswith("`2` names no line: write ")


def test_a_line_names_the_loss_around_it():
    write("\ndef my_loss(y_true, y_pred):\n    x = 1\n    return x\nK = 1\n")
    assert loaded("m.py:3").name == "my_loss"
    assert error("m.py:5") == "no loss at `5` in m.py"


def test_a_lambda_that_needs_the_function_around_it_says_so():
    write("def build(m, beta):\n    m.compile(loss=lambda t, p: beta * t)\n")
    assert error("m.py:2") == (
        "the lambda at line 2 of m.py uses `beta`, which is no name of the module: make it a function there"
    )


INSIDE = """
class Trainer:
    def __init__(self, scale=2):
        self.scale = scale
    def my_loss(self, y_true, y_pred):
        return self.scale * y_true
    @staticmethod
    def free_loss(y_true, y_pred):
        return y_pred
    @classmethod
    def class_loss(cls, y_true, y_pred):
        return cls.__name__
class Needs(Trainer):
    def __init__(self, scale):
        self.scale = scale
def make(gamma=3):
    def inner_loss(y_true, y_pred):
        return gamma
    return inner_loss
def make_hard(gamma):
    def hard_loss(y_true, y_pred):
        return gamma
    return hard_loss
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Trainer.my_loss", 10),
        ("Trainer(3).my_loss", 15),
        ("Needs(4).my_loss", 20),
        ("Trainer.free_loss", 1),
        ("Trainer.class_loss", "Trainer"),
        ("make.inner_loss", 3),
        ("make_hard(7)", 7),
        ("make_hard( gamma = -1 )", -1),
    ],
)
def test_methods_and_nested_functions_are_targets(expression, value):
    write(INSIDE)
    loss = loaded(f"m.py:{expression}")
    assert (loss.function(5, 1), loss.source.parameters) == (value, ("y_true", "y_pred"))


def test_what_stands_inside_and_cannot_be_had_says_what_to_write():
    write(INSIDE)
    assert (
        error("m.py:inner_loss") == "no `inner_loss` at the top level of m.py: write `m.py:make.inner_loss`"
    )
    assert error("m.py:my_loss") == "no `my_loss` at the top level of m.py: write `m.py:Trainer.my_loss`"
    assert error("m.py:Needs.my_loss") == "`Needs` needs arguments: write `Needs(scale=...).my_loss`"
    text = "`make_hard` makes `hard_loss` and needs arguments: write `make_hard(gamma=...)`"
    assert error("m.py:make_hard.hard_loss") == text
