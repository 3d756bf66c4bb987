"""Running of a file what its loss needs: each statement at its own line, and none of the work around it."""

import importlib
import sys
import traceback
from pathlib import Path

import pytest

from losscheck.exceptions import TargetError
from losscheck.loading.importing import LoadFailed, LoadMode, load
from losscheck.loading.slicing import Slicer
from losscheck.loading.source import parse
from losscheck.loading.target import find_losses
from losscheck.loading.work import has_work


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory; what a test imports from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or getattr(getattr(module, "__spec__", None), "origin", None)
        if isinstance(file, str) and file.startswith(str(tmp_path)):
            del sys.modules[name]
    importlib.invalidate_caches()


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def loaded(target, mode=LoadMode.AUTO):
    (found,) = find_losses(target).losses
    return load(found, mode)


def lines_taken(text, *names):
    """Lines of the statements that a slice for the names runs."""
    tree = Slicer(parse(text)).take(names)
    return [] if tree is None else [statement.lineno for statement in tree.body]


TRAIN = """\
import os, sys, package_that_is_not_there
from elsewhere_missing import load_data, plot
from math import (
    sqrt,
    floor)

ALPHA = 2
data = load_data()
model = package_that_is_not_there.Model(data)

def helper(x):
    return ALPHA * x

def my_loss(y_true, y_pred):
    return helper(y_true) + sqrt(y_pred)

model.compile(loss=my_loss)
for epoch in range(3):
    model.fit(data)
plot(model)
input("press a key")
sys.exit(1)
"""


def test_a_script_that_trains_gives_its_loss_without_training():
    write("train.py", TRAIN)
    loss = loaded("train.py:my_loss")
    assert loss.function(1, 4) == 4
    assert loss.left_out == "8 of 11 statements, among them `data = load_data()` at line 8"
    assert sys.modules["train"].my_loss is loss.function
    assert (loss.function.__module__, sys.modules["train"].__file__) == (
        "train",
        str(Path("train.py").absolute()),
    )


def test_tracebacks_of_a_slice_name_the_file_and_its_lines():
    write("train.py", TRAIN)
    loss = loaded("train.py:my_loss")
    with pytest.raises(TypeError) as raised:
        loss.function(1, "x")
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (Path(last.filename).name, last.lineno, last.line) == (
        "train.py",
        15,
        "return helper(y_true) + sqrt(y_pred)",
    )


def test_what_the_loss_does_not_need_need_not_be_importable():
    write("train.py", TRAIN)
    with pytest.raises(LoadFailed) as raised:
        loaded("train.py:my_loss", LoadMode.IMPORT)
    assert raised.value.stage == "import"
    assert loaded("train.py:my_loss", LoadMode.SLICE).function(2, 0) == 4


def test_a_file_without_work_is_imported_whole_unless_told_otherwise():
    write("m.py", "import absent_x\ndef loss(y_true, y_pred): return 1\n")
    with pytest.raises(LoadFailed):
        loaded("m.py:loss")
    loss = loaded("m.py:loss", LoadMode.SLICE)
    assert (loss.function(0, 0), loss.left_out) == (1, "")


def test_what_a_needed_constant_comes_from_is_run_too_and_its_error_says_so():
    text = "def compute(y): return {y}\ny_train = [1, 2]\nw = compute(y_train)\nprint(open('x').read())\n"
    write("a.py", text.format(y="sum(y)") + "def loss(y_true, y_pred): return w\n")
    write("b.py", text.format(y="y['a']") + "def loss(y_true, y_pred): return w\n")
    assert loaded("a.py:loss").function(0, 0) == 3
    with pytest.raises(LoadFailed) as raised:
        loaded("b.py:loss")
    assert (raised.value.stage, type(raised.value.__cause__)) == ("slice", TypeError)


@pytest.mark.parametrize(
    "text",
    [
        "model.fit(x, y)",
        "(x, y), _ = keras.datasets.mnist.load_data()",
        "for epoch in range(3):\n    train_step(x)",
        "with open('x') as f:\n    w = f.read()",
        "name = input()",
        "plt.show()",
        "df = pd.read_csv('x.csv')",
        "args = parser.parse_args()",
        "main()",
        "vgg = VGG16(weights='imagenet')",
        "if True:\n    model.summary()",
        "try:\n    x = np.load('x.npy')\nexcept OSError:\n    x = None",
    ],
)
def test_training_reading_and_plotting_is_work(text):
    assert has_work(parse(text).body)


@pytest.mark.parametrize(
    "text",
    [
        "import tensorflow as tf\nfrom keras import losses",
        "A = 1\nB = [x * 2 for x in range(3)]\nC = tf.constant([1.0])\nD: int = len('x')",
        "def main():\n    model.fit(x)\nclass A:\n    def f(self): open('x')",
        "if __name__ == '__main__':\n    model.fit(x, y)",
        "tf.config.run_functions_eagerly(True)\ntf.random.set_seed(1)\nnp.random.seed(1)",
        "sys.path.append('..')\nos.environ['X'] = '1'\nwarnings.filterwarnings('ignore')",
        "LOSSES = {}\nLOSSES['a'] = make(1)\nLOSSES.update(b=make(2))\nregister(dice)",
        "for name in ('a', 'b'):\n    LOSSES[name] = partial(f, name)",
        "loss = keras.losses.Huber()\nf = lambda x: open(x)",
        "print('loaded')\nraise ValueError\nsys.exit()",
        "@tf.function\n@keras.saving.register_keras_serializable(package='x')\ndef f(a, b): ...",
    ],
)
def test_defining_and_setting_is_no_work(text):
    assert not has_work(parse(text).body)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("import a\nimport b\ndef loss(y, p):\n    return a.f(b)\n", [1, 2, 3]),
        ("import a.b\nimport a.c\nimport d\ndef loss(y, p):\n    return a.c.f()\n", [1, 2, 4]),
        ("x = 1\ndef loss(x, p):\n    return x\n", [2]),  # a parameter is no global
        ("x = 1\ny = x\nx = 2\ndef loss(a, p):\n    return x\n", [3, 4]),
        ("x = 1\nif z:\n    x = 2\ndef loss(a, p):\n    return x\nz = 3\n", [1, 2, 4, 6]),
        ("x = []\nx.append(1)\nx.sort()\ndef loss(a, p):\n    return x\nx[0] = 3\n", [1, 2, 3, 4, 6]),
        ("n = 1\nn += 1\ndef loss(a, p):\n    return n\n", [1, 2, 3]),
        ("def deco(f): return f\n@deco\ndef loss(a, p):\n    return 1\n", [1, 3]),
        ("class B: pass\nK = 2\nclass loss(B):\n    k = K\n    def call(self, a, p): ...\n", [1, 2, 3]),
        ("def init():\n    global w\n    w = 3\nw = 0\ninit()\ndef loss(a, p): return w\n", [1, 4, 5, 6]),
        ("T = {}\ndef reg(f):\n    T[1] = f\n@reg\ndef a(y): ...\ndef loss(y, p): return T\n", [1, 2, 5, 6]),
        ("try:\n    import q\nexcept ImportError:\n    q = None\ndef loss(a, p):\n    return q\n", [1, 5]),
        ("try:\n    import q\nexcept ImportError:\n    q = None\ndef loss(a, p):\n    return 1\n", [5]),
        ("with open('x') as f:\n    w = f.read()\n    z = 1\ndef loss(a, p):\n    return w\n", [1, 4]),
        ("def loss(a, p):\n    return helper(a)\ndef helper(a):\n    return C\nC = 1\nD = 2\n", [1, 3, 5]),
        ("from __future__ import annotations\nx = 1\ndef loss(a: X, p): return 1\n", [1, 3]),
        ("import sys\nimport x\nsys.path.append('a')\nx.set_up(1)\ndef loss(a, p): return 1\n", [1, 3, 5]),
        ("if __name__ == '__main__':\n    k = 1\nelse:\n    k = 2\ndef loss(a, p): return k\n", [4, 5]),
        ("loss = lambda a, p: g(a)\ndef g(a): return [K for K in L]\nK = 1\nL = 2\n", [1, 2, 4]),
        ("from a import *\ndef loss(a, p):\n    return mean(len(a))\n", [1, 2]),
        ("import f, g\nloss = f.partial(g)\nf.update_wrapper(loss, g)\nprint(loss)\n", [1, 1, 2, 3]),
    ],
)  # fmt: skip
def test_a_slice_takes_what_the_name_needs(text, lines):
    assert lines_taken(text, "loss") == lines


def test_an_import_of_several_names_is_taken_apart():
    tree = Slicer(parse("import a, b, c as d\nfrom x import e, f\ndef loss(y, p): return d.g(f)\n")).take(
        ["loss"]
    )
    assert [s.names[0].name for s in tree.body[:-1]] == ["c", "f"]


def test_a_loop_runs_without_the_training_inside():
    write(
        "loop.py",
        "import absent_y\nLOSSES = {}\n"
        "for n in (1, 2):\n    absent_y.fit(n)\n    LOSSES[n] = lambda a, b, n=n: n\n",
    )
    assert [loaded(f"loop.py:LOSSES[{n}]").function(0, 0) for n in (1, 2)] == [1, 2]


def test_a_module_of_a_package_is_sliced_also_where_its_package_imports_it():
    write("pkg_s/__init__.py", "from .train import first_loss, OTHER\n")
    write("pkg_s/consts.py", "K = 5\n")
    write(
        "pkg_s/train.py",
        "from .consts import K\nimport absent_z\nOTHER = 7\nabsent_z.fit()\n"
        "def first_loss(y_true, y_pred): return K\ndef my_loss(y_true, y_pred): return __name__\n",
    )
    assert loaded("pkg_s/train.py:my_loss").function(0, 0) == "pkg_s.train"
    assert loaded("pkg_s.train:my_loss").function(0, 0) == "pkg_s.train"
    assert loaded("pkg_s:first_loss").function(0, 0) == 5
    assert sys.modules["pkg_s"].OTHER == 7


def test_a_name_that_is_not_there_gets_one_line_and_runs_nothing():
    write("train.py", TRAIN)
    with pytest.raises(TargetError, match=r"^no `my_los` in train\.py; did you mean `my_loss`\?$"):
        loaded("train.py:my_los")


def test_names_bound_at_run_time_make_the_whole_file_run():
    write("m.py", "globals()['made'] = lambda a, b: 4\nwith open('m.py') as f: pass\n")
    assert loaded("m.py:made").function(0, 0) == 4
    del sys.modules["m"]
    with pytest.raises(TargetError, match=r"^no `made` in m\.py"):
        loaded("m.py:made", LoadMode.SLICE)


def test_two_losses_of_one_sliced_module_share_its_state():
    write("m.py", "input()\nstate = []\ndef a(y, p): return state\ndef b(y, p): return state\n")
    a, b = loaded("m.py:a"), loaded("m.py:b")
    assert a.function(0, 0) is b.function(0, 0)
