"""Loading losses: importing the module, evaluating the expression, turning the object into a loss."""

import functools
import importlib
import itertools
import linecache
import os
import sys
from pathlib import Path

import pytest

from losscheck.exceptions import TargetError
from losscheck.finding import Location
from losscheck.loading.importing import LoadFailed, load, loaded_from_object
from losscheck.loading.target import find_losses
from losscheck.loss import FoundLoss, Kind


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory; what a test imports from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        paths = [file] if isinstance(file, str) else list(getattr(module, "__path__", []))
        if any(str(path).startswith(str(tmp_path)) for path in paths):
            del sys.modules[name]
    importlib.invalidate_caches()


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def loaded(target):
    (found,) = find_losses(target).losses
    return load(found)


def error(target):
    with pytest.raises(TargetError) as raised:
        loaded(target)
    return str(raised.value)


def failure(target):
    with pytest.raises(LoadFailed) as raised:
        loaded(target)
    return raised.value.stage, type(raised.value.__cause__).__name__


MODULE = """
import functools
def f(y_true, y_pred):  # losscheck: task=binary
    return y_true - y_pred
g = lambda y_true, y_pred: 1
p = functools.partial(f, y_pred=3)
class Callable:
    def __call__(self, y_true, y_pred):
        return 2
c = Callable()
class Bare: pass
def make_focal(gamma=2):
    def focal(y_true, y_pred):
        return gamma
    return focal
def make_hard(alpha, gamma=1, *, table):
    return lambda y_true, y_pred: alpha
def make_broken(gamma=1):
    if gamma: raise RuntimeError("no")
    return lambda a, b: 0
TABLE = {"f": f, "n": 1}
N, LIST, NONE, TEXT = 3, [f], None, "mse"
"""


# --- functions, lambdas, partials, callables


def test_a_function_is_compiled_and_called_as_it_is():
    write("m.py", MODULE)
    loss = loaded("m.py:f")
    assert (loss.target, loss.name, loss.kind, loss.location) == (
        "m.py:f",
        "f",
        Kind.FUNCTION,
        Location("m.py", 3),
    )
    assert (loss.function is loss.compiled, loss.function(5, 2)) == (True, 3)
    assert (loss.spec_comment, loss.source.parameters) == ("task=binary", ("y_true", "y_pred"))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("g", 1),
        ("c", 2),
        ("Callable", 2),
        ("Callable()", 2),
        ("make_focal", 2),
        ("make_focal(gamma=7)", 7),
        ("make_focal(8)", 8),
        ("make_hard(4, table=1)", 4),
        ('TABLE["f"]', 0),
        ("LIST[0]", 0),
        ("LIST[-1]", 0),
        ("c.__call__", 2),
    ],
)
def test_other_callables_are_functions_too(expression, value):
    write("m.py", MODULE)
    loss = loaded(f"m.py:{expression}")
    assert (loss.kind, loss.function(1, 1), loss.name) == (Kind.FUNCTION, value, expression)


def test_a_partial_is_kept_as_it_is():
    write("m.py", MODULE)
    assert isinstance(loaded("m.py:p").compiled, functools.partial)


def test_what_is_no_loss_gets_one_clear_line():
    write("m.py", MODULE)
    messages = {
        "N": "`N` in m.py is an int, no loss",
        "LIST": "`LIST` in m.py is a list, no loss",
        "NONE": "`NONE` in m.py is None, no loss",
        "TEXT": "`TEXT` in m.py is a str, no loss",
        "functools": "`functools` in m.py is a module, no loss",
        "Bare": "`Bare` in m.py is a class, but no `Loss` subclass",
        "f(3, 1)": "`f(3, 1)` in m.py is an int, no loss",
        'TABLE["n"]': '`TABLE["n"]` in m.py is an int, no loss',
        'TABLE["x"]': 'no `TABLE["x"]` in m.py',
        "LIST[7]": "no `LIST[7]` in m.py",
        "f.x": "no `f.x` in m.py",
        "N[0]": "no `N[0]` in m.py",
        "N(2)": "`N` is no function and no class, so it cannot be called",
        "make_hard": "`make_hard` makes a loss and needs arguments:"
        " write `m.py:make_hard(alpha=0.25, table=...)`",
        "make_focal(gama=1)": "`make_focal(gama=1)` cannot be called:"
        " got an unexpected keyword argument 'gama'",
        "make_focal(1, 2)": "`make_focal(1, 2)` cannot be called: too many positional arguments",
    }
    assert {expression: error(f"m.py:{expression}") for expression in messages} == messages


def test_a_name_that_the_module_does_not_bind_after_all_gets_the_nearest():
    write("m.py", "from math import *\ndef dice_loss(y_true, y_pred): ...\n")
    assert error("m.py:dice_lss") == "no `dice_lss` in m.py; did you mean `dice_loss`?"


def test_names_bound_at_run_time_are_loaded():
    write("m.py", "globals()['made'] = lambda a, b: 4\nfor each in [made]: pass\na, b = made, made\n")
    write(
        "lazy.py",
        "def __getattr__(name):\n    if name != 'late': raise AttributeError(name)\n    return max\n",
    )
    assert [loaded(f"m.py:{name}").function(0, 0) for name in ("made", "each", "a")] == [4, 4, 4]
    assert loaded("lazy.py:late").function(1, 2) == 2
    assert error("lazy.py:other") == "no `other` in lazy.py"


# --- failures of the user's code


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("raise ValueError('x')", "ValueError"),
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("import sys; sys.exit()", "SystemExit"),
        ("class E(BaseException): pass\nraise E", "E"),
        ("def f(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_whatever_the_module_raises_is_a_failed_import(text, kind):
    write("m.py", f"def loss(y_true, y_pred): ...\n{text}\n")
    before = set(sys.modules)
    assert failure("m.py:loss") == ("import", kind)
    assert set(sys.modules) - before == set()


def test_a_real_keyboard_interrupt_is_let_through():
    write("m.py", "raise KeyboardInterrupt\ndef loss(y_true, y_pred): ...\n")
    with pytest.raises(KeyboardInterrupt):
        loaded("m.py:loss")


def test_whatever_a_factory_raises_is_a_failed_build():
    write("m.py", MODULE)
    assert [failure("m.py:make_broken"), failure("m.py:make_broken(1)")] == [("build", "RuntimeError")] * 2


def test_a_module_that_fails_to_import_is_tried_again():
    write("m.py", "def loss(y_true, y_pred): ...\nimport absent_module_x\n")
    assert failure("m.py:loss") == ("import", "ModuleNotFoundError")
    write("absent_module_x.py", "")
    assert loaded("m.py:loss").name == "loss"


def test_a_file_that_vanished_is_a_target_error():
    with pytest.raises(TargetError, match=r"^no such file: gone\.py$"):
        load(FoundLoss("gone.py:f", "gone.py", "f", 1, Kind.FUNCTION))


# --- where modules come from


def test_a_file_sees_its_neighbours_and_the_working_directory_as_a_script_does():
    write("deep/neighbour_x.py", "value = 1\n")
    write("top_x.py", "value = 2\n")
    write("deep/m.py", "import neighbour_x, top_x\ndef loss(a, b): return neighbour_x.value + top_x.value\n")
    assert loaded("deep/m.py:loss").function(0, 0) == 3


def test_a_file_of_a_package_is_imported_as_its_module():
    write("src/pkg_x/__init__.py", "")
    write("src/pkg_x/sub/__init__.py", "")
    write("src/pkg_x/consts.py", "K = 5\n")
    write("src/pkg_x/sub/flat.py", "V = 1\n")
    code = "from ..consts import K\nimport flat\ndef loss(a, b): return (__name__, K, flat.V)\n"
    write("src/pkg_x/sub/m.py", code)
    write("src/pkg_x/sub/not-a-name.py", code)
    write("src/pkg_x/__init__.py", "def loss(a, b): return __name__\n")
    assert loaded("src/pkg_x/sub/m.py:loss").function(0, 0) == ("pkg_x.sub.m", 5, 1)
    assert loaded("src/pkg_x/sub/not-a-name.py:loss").function(0, 0)[1:] == (5, 1)
    assert loaded("src/pkg_x/__init__.py:loss").function(0, 0) == "pkg_x"


def test_a_module_that_its_package_has_imported_is_not_run_again():
    write("pkg_y/__init__.py", "from pkg_y.m import loss\n")
    write(
        "pkg_y/m.py", "import sys\nsys.runs = getattr(sys, 'runs', 0) + 1\ndef loss(a, b): return sys.runs\n"
    )
    assert [loaded("pkg_y/m.py:loss").function(0, 0), loaded("pkg_y/m.py:loss").function(0, 0)] == [1, 1]
    del sys.runs


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("plain_x.py", "plain_x"),
        ("types.py", "losscheck_target_types"),
        ("numpy.py", "losscheck_target_numpy"),
        ("keras.py", "losscheck_target_keras"),
        ("pytest.py", "losscheck_target_pytest"),
        ("__main__.py", "losscheck_target___main__"),
        ("bcast-loss.py", "losscheck_target_bcast_loss"),
        ("2nd loss.py", "losscheck_target_2nd_loss"),
        ("class.py", "class"),
        ("verlust_ü.py", "verlust_ü"),
    ],
)
def test_a_file_never_takes_the_name_of_another_module(file, module):
    known = sys.modules.get(Path(file).stem)
    write(file, "import types, sys\nassert types.FunctionType\ndef loss(a, b): return __name__\n")
    loss = loaded(f"{file}:loss")
    assert (loss.function(0, 0), sys.modules[module].loss is loss.function) == (module, True)
    if known is not None:
        assert sys.modules[Path(file).stem] is known


def test_two_files_of_one_name_are_two_modules():
    for name in "abc":
        write(f"{name}/same_x.py", f"def loss(y, p): return ({name!r}, __name__)\n")
    assert [loaded(f"{name}/same_x.py:loss").function(0, 0) for name in "abcab"] == [
        ("a", "same_x"),
        ("b", "losscheck_target_same_x"),
        ("c", "losscheck_target_same_x_2"),
        ("a", "same_x"),
        ("b", "losscheck_target_same_x"),
    ]


def test_the_main_guard_does_not_run():
    write("m.py", "def loss(a, b): return 1\nif __name__ == '__main__':\n    raise SystemExit\n")
    assert loaded("m.py:loss").function(0, 0) == 1


def test_loading_writes_nothing_into_the_users_folder(folder):
    write("m.py", "def loss(a, b): return 1\n")
    loaded("m.py:loss")
    assert [path.name for path in folder.iterdir()] == ["m.py"]


def test_a_module_path_is_imported_by_name():
    write("pkg_z/__init__.py", "from .inner import loss as renamed\n")
    write("pkg_z/inner.py", "\ndef loss(y_true, y_pred): return __name__\n")
    loss = loaded("pkg_z:renamed")
    assert (loss.function(0, 0), loss.location) == ("pkg_z.inner", Location("pkg_z/inner.py", 2))
    assert loss.source.parameters == ("y_true", "y_pred")


def test_a_module_path_that_python_does_not_find_is_a_target_error():
    write("lazy_y/__init__.py", "def __getattr__(name): ...\n")
    assert error("lazy_y.sub:loss") == "no module `lazy_y.sub`"


def test_a_checkout_wins_over_an_installed_package_of_its_name(folder, monkeypatch):
    write("site/pkg_dup/__init__.py", "")
    write("site/pkg_dup/m.py", "def loss(a, b): return 'installed'\n")
    write("checkout/pkg_dup/__init__.py", "from .consts import K\n")
    write("checkout/pkg_dup/consts.py", "K = 'mine'\n")
    write("checkout/pkg_dup/m.py", "from .consts import K\ndef loss(a, b): return K\n")
    monkeypatch.syspath_prepend(str(folder / "site"))
    assert loaded("checkout/pkg_dup/m.py:loss").function(0, 0) == "mine"


# --- Keras


KERAS = """
import keras
from keras.losses import Huber
from keras.losses import MeanSquaredError as renamed
class MarginLoss(keras.losses.Loss):
    '''Doc.'''
    def call(self, y_true, y_pred):
        return y_true - y_pred
class FocalLoss(MarginLoss):
    def __init__(self, gamma, *, table, name="f"):
        super().__init__(name=name)
        self.gamma = gamma
class Own(MarginLoss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return 42
class Broken(MarginLoss):
    def __init__(self):
        raise KeyError("x")
instance = FocalLoss(2.0, table=1)
alias = MarginLoss
ALIAS = MarginLoss
OldName = MarginLoss
def make(x=1):
    class Inner(MarginLoss): pass
    return Inner()
"""


@pytest.fixture
def keras_module():
    pytest.importorskip("tensorflow")
    write("k.py", KERAS)


def test_keras_losses_are_built_and_called_below_the_reduction(keras_module):
    seen = {}
    for expression in ("MarginLoss", "instance", "FocalLoss(3, table=2)", "OldName", "Huber", "Own"):
        loss = loaded(f"k.py:{expression}")
        seen[expression] = (loss.kind.value, type(loss.compiled).__name__, loss.function == loss.compiled)
    assert seen == {
        "MarginLoss": ("class", "MarginLoss", False),
        "instance": ("instance", "FocalLoss", False),
        "FocalLoss(3, table=2)": ("instance", "FocalLoss", False),
        "OldName": ("class", "MarginLoss", False),
        "Huber": ("class", "Huber", False),
        "Own": ("class", "Own", True),
    }
    assert (loaded("k.py:MarginLoss").function(5, 3), loaded("k.py:Own").function(5, 3)) == (2, 42)
    assert loaded("k.py:MarginLoss").source.docstring == "Doc."


@pytest.mark.parametrize("name", ["alias", "ALIAS", "renamed"])
def test_a_class_under_another_name_stays_a_class(keras_module, name):
    loss = loaded(f"k.py:{name}")
    assert (loss.kind, isinstance(loss.compiled, type), loss.function is loss.compiled) == (
        Kind.CLASS,
        True,
        True,
    )


def test_classes_that_cannot_be_built_say_why(keras_module):
    assert (
        error("k.py:FocalLoss") == "`FocalLoss` needs arguments: write `k.py:FocalLoss(gamma=2.0, table=...)`"
    )
    message = error("k.py:FocalLoss(1)")
    assert message.startswith("`FocalLoss(1)` cannot be called: missing a required")
    assert failure("k.py:Broken") == ("build", "KeyError")


def test_live_classes_and_instances_are_losses_too(keras_module):
    loaded("k.py:MarginLoss")
    module = sys.modules["k"]
    built, given = loaded_from_object(module.MarginLoss), loaded_from_object(module.instance)
    assert (built.kind, built.name, built.location) == (Kind.CLASS, "MarginLoss", Location("k.py", 5))
    assert (given.kind, given.target, given.location.line) == (Kind.INSTANCE, "k.py:FocalLoss", 9)
    with pytest.raises(TargetError) as raised:
        loaded_from_object(module.FocalLoss)
    assert str(raised.value) == "`FocalLoss` needs arguments: write `FocalLoss(gamma=2.0, table=...)`"


def test_a_tf_function_is_found_at_the_def_inside_it():
    tf = pytest.importorskip("tensorflow")
    write(
        "t.py",
        "import tensorflow as tf\n\n@tf.function(autograph=False)\ndef loss(y_true, y_pred):\n    return 1\n",
    )
    named = loaded("t.py:loss")
    live = loaded_from_object(named.compiled)
    assert isinstance(named.compiled, type(tf.function(lambda: 0)))
    assert (live.location, live.name, live.source.parameters) == (
        Location("t.py", 4),
        "loss",
        ("y_true", "y_pred"),
    )


# --- live objects


@functools.lru_cache
def cached_loss(y_true, y_pred):  # losscheck: task=binary
    return y_true


def make_live(gamma=3):
    def made(y_true, y_pred):
        return gamma

    return made


HERE = Path(__file__)


def line_of(text):
    return next(i for i, line in enumerate(HERE.read_text().splitlines(), 1) if line.startswith(text))


def test_a_live_function_is_placed_at_its_def_line():
    loss = loaded_from_object(cached_loss)
    assert (loss.name, loss.location) == ("cached_loss", Location(str(HERE), line_of("def cached_loss")))
    assert (loss.spec_comment, loss.target) == ("task=binary", f"{HERE}:cached_loss")


def test_a_live_factory_is_called_with_its_defaults():
    loss = loaded_from_object(make_live)
    assert (loss.name, loss.function(0, 0), loss.location.line) == (
        "make_live",
        3,
        line_of("def make_live") + 1,
    )


def test_a_live_closure_that_a_factory_made_is_kept():
    assert loaded_from_object(make_live(9), name="mine").function(0, 0) == 9


def test_a_notebook_cell_is_named_as_the_notebook_names_it():
    text = "# losscheck: task=regression\ndef loss(y_true, y_pred):\n    return 0\n"
    name = f"<ipython-input-{next(itertools.count(8))}-xyz>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    namespace = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), namespace)
    loss = loaded_from_object(namespace["loss"])
    assert (loss.target, loss.location, loss.spec_comment) == ("loss", Location(name, 2), "task=regression")


def test_a_live_function_without_source_is_still_a_loss():
    loss = loaded_from_object(eval("lambda a, b: 7"))
    assert (loss.name, loss.location, loss.function(0, 0)) == ("<lambda>", Location("<string>", 1), 7)
    assert loaded_from_object(max).location == Location("<unknown>", 1)


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (3, "`3` is an int, no loss"),
        ("mse", "`'mse'` is a str, no loss"),
        (None, "`None` is None, no loss"),
        (os, "is a module, no loss"),
        (dict, "`dict` is a class, but no `Loss` subclass"),
    ],
)
def test_live_objects_that_are_no_loss_are_refused(thing, message):
    with pytest.raises(TargetError) as raised:
        loaded_from_object(thing)
    assert str(raised.value).endswith(message)
