"""Finding losses by reading: which names are losses, where they stand, and what a wrong target gets."""

import subprocess
import sys
from pathlib import Path

import pytest

from losscheck.exceptions import TargetError
from losscheck.loading.target import Found, find_losses
from losscheck.loss import FoundLoss, Kind

TF = "import tensorflow as tf\nimport keras\nimport functools\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def one(target):
    (loss,) = find_losses(target).losses
    return loss


def names(target):
    return [loss.name for loss in find_losses(target).losses]


def error(target):
    with pytest.raises(TargetError) as raised:
        find_losses(target)
    assert "\n" not in str(raised.value)
    return str(raised.value)


# --- targets


def test_a_named_function_is_found_at_its_def_line_and_not_at_its_decorator():
    write("losses.py", "import tensorflow as tf\n\n@tf.function\ndef f(y_true, y_pred):\n    return 0\n")
    assert FoundLoss("losses.py:f", "losses.py", "f", 4, Kind.FUNCTION) == one("losses.py:f")


def test_every_way_to_write_the_same_file_gives_the_same_loss(folder):
    write("src/losses.py", "def loss(y_true, y_pred):\n    return 0\n")
    expected = FoundLoss("src/losses.py:loss", "src/losses.py", "loss", 1, Kind.FUNCTION)
    typed = [
        "src/losses.py",
        "./src/losses.py",
        f"{folder}/src/losses.py",
        f"src/../../{folder.name}/src/losses.py",
    ]
    assert [expected] * 4 == [one(f"{path}:loss") for path in typed]


def test_a_file_outside_the_working_directory_keeps_the_path_as_typed(folder, monkeypatch):
    write("losses.py", "def loss(y_true, y_pred):\n    return 0\n")
    (folder / "deep").mkdir()
    monkeypatch.chdir("deep")
    assert one("../losses.py:loss").target == "../losses.py:loss"
    assert f"{folder}/losses.py" == one(f"{folder}/losses.py:loss").path


def test_the_kind_is_read_from_the_definition():
    write(
        "k.py",
        TF
        + "class A(keras.losses.Loss):\n    pass\ndef f(y_true, y_pred):\n    return 0\ng = lambda a, b: 0\n"
        "p = functools.partial(f)\na = A()\nm = make()\nal = A\nal2 = f\nk = keras.losses.Huber()\n",
    )
    kinds = {
        name: one(f"k.py:{name}").kind.value for name in ("A", "f", "g", "p", "a", "m", "al", "al2", "k")
    }
    assert kinds == {
        "A": "class",
        "f": "function",
        "g": "function",
        "p": "function",
        "a": "instance",
        "m": "function",
        "al": "class",
        "al2": "function",
        "k": "instance",
    }


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("make_focal(gamma=2)", "function"),
        ("make_focal( -1.5, x=[1, {'a': None}] )", "function"),
        ('FocalLoss(2.0, name="x:y")', "instance"),
        ('LOSSES["dice"]', "function"),
        ("LOSSES[-1]", "function"),
        ("ns.loss", "function"),
        ("ns.Loss", "class"),
        ("ns.make(2)", "function"),
        ('LOSSES["a"].inner', "function"),
    ],
)
def test_literal_expressions_are_targets(expression, kind):
    write("e.py", "def make_focal(gamma): ...\nclass FocalLoss: ...\n\nLOSSES = ns = object()\n")
    line = {"m": 1, "F": 2}.get(expression[0], 4)
    assert FoundLoss(f"e.py:{expression}", "e.py", expression, line, Kind(kind)) == one(f"e.py:{expression}")


@pytest.mark.parametrize(
    "expression",
    ["f(x)", "f(*[1])", "f(**{})", "lambda: 0", "f + g", "1.5", "f()()", "f[g]", "(f, g)", "f'{x}'"],
)
def test_other_expressions_are_refused(expression):
    write("e.py", "def f(): ...\ng = x = 1\n")
    assert error(f"e.py:{expression}") == (
        f'`{expression}` cannot be a target: write a name, `obj.attr`, `LOSSES["dice"]` or a call'
        " with literal arguments such as `make_focal(gamma=2)`"
    )


@pytest.mark.parametrize("expression", ["f(", "a b", "def", "x = 1", "((((", "f\n\ng"])
def test_what_is_no_python_expression_is_refused(expression):
    write("e.py", "def f(): ...\n")
    with pytest.raises(TargetError, match="is no Python expression"):
        find_losses(f"e.py:{expression}")


def test_a_windows_drive_letter_is_no_file_name():
    assert error(r"C:\x\losses.py:fn") == r"no such file: C:\x\losses.py"


def test_a_colon_in_a_folder_name_does_not_end_the_path():
    write("a:b/losses.py", "def loss(y_true, y_pred):\n    return 0\n")
    assert one("a:b/losses.py:loss").target == "a:b/losses.py:loss"
    assert names("a:b/losses.py") == ["loss"]


# --- wrong targets


def test_wrong_targets_get_one_clear_line_each(folder):
    write("losses.py", "def dice_loss(y_true, y_pred):\n    return 0\n")
    write("sub/inner.py", "")
    write("notes.txt", "")
    (folder / "bad.py").write_bytes(b"x = '\xff\xfe'\n")
    (folder / "dir.py").mkdir()
    messages = {
        "": "the target is empty: write `losses.py` or `losses.py:dice_loss`",
        "  ": "the target is empty: write `losses.py` or `losses.py:dice_loss`",
        "losess.py": "no such file: losess.py; did you mean `losses.py`?",
        "sub/iner.py:f": "no such file: sub/iner.py; did you mean `sub/inner.py`?",
        "nowhere/x.py": "no such file: nowhere/x.py",
        "losses.py:dice_los": "no `dice_los` in losses.py; did you mean `dice_loss`?",
        "losses.py:DICE_LOSS": "no `DICE_LOSS` in losses.py; did you mean `dice_loss`?",
        "losses.py:zzz": "no `zzz` in losses.py",
        "losses.py:": "no name stands behind the colon in `losses.py:`",
        "losses.py::dice_loss": "`losses.py::dice_loss` has two colons: write `losses.py:dice_loss`",
        ":dice_loss": "no file or module stands before the colon in `:dice_loss`",
        "notes.txt": "`notes.txt` is not a Python file (.py) or a notebook (.ipynb)",
        "notes.txt:f": "`notes.txt` is not a Python file (.py) or a notebook (.ipynb)",
        "bad.py": "cannot read `bad.py`: it is not UTF-8 text",
        "sub/:f": "`sub/` is a folder: name a file, `sub/losses.py:f`",
        "lossses": "no file or module `lossses`; did you mean `losses.py`?",
        "lossses:f": "no file or module `lossses`; did you mean `losses.py`?",
        "json.decodr:f": "no module `decodr` in `json`; did you mean `decoder` or `encoder`?",
        "_socket:socket": "module `_socket` has no Python source to read",
        "sys:exit": "module `sys` has no Python source to read",
    }
    assert messages == {target: error(target) for target in messages}


def test_a_nul_character_in_the_target_is_an_error():
    assert error("a\0.py") == "the target 'a\\x00.py' holds a NUL character"


def test_a_very_long_target_is_an_error_and_no_crash():
    place = "x" * 5000 + ".py"
    assert error(f"{place}:f") in {f"cannot read `{place}`: File name too long", f"no such file: {place}"}


def test_a_file_with_a_syntax_error_gives_one_loss_for_the_load_to_report():
    write("broken.py", "def ok():\n    pass\ndef loss(y_true, y_pred:\n    return\n")
    line = one("broken.py").line
    assert line in {3, 4}  # Python versions differ in the line that they name
    assert FoundLoss("broken.py:f", "broken.py", "f", line, Kind.FUNCTION) == one("broken.py:f")
    assert FoundLoss("broken.py", "broken.py", "broken", line, Kind.FUNCTION) == one("broken.py")


def test_nul_bytes_and_endless_nesting_count_as_syntax_errors():
    write("nul.py", "def f(y_true, y_pred): ...\0\n")
    write("deep.py", "def f(y_true, y_pred): ...\nx = " + "(" * 100_000 + "\n")
    assert [one("nul.py").name, one("deep.py").name] == ["nul", "deep"]


def test_a_broken_file_that_gives_no_sign_of_a_loss_is_not_even_parsed():
    write("template.py", "def {{ name }}(:\n")
    assert find_losses("template.py") == find_losses(".") == Found((), 1)


def test_a_file_without_a_loss_is_no_error():
    write("a.py", "x = 1\n")
    write("empty.py", "")
    assert [(f.losses, f.files) for f in map(find_losses, ("a.py", "empty.py"))] == [((), 1), ((), 1)]


def test_byte_order_marks_crlf_and_declared_encodings_are_read(folder):
    code = "def loss(y_true, y_pred):\n    return 0  # é\n"
    (folder / "bom.py").write_bytes(b"\xef\xbb\xbf" + code.encode())
    (folder / "crlf.py").write_bytes(code.replace("\n", "\r\n").encode())
    (folder / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\n" + code.encode("latin-1"))
    assert [one(f"{name}.py").line for name in ("bom", "crlf", "latin")] == [1, 1, 2]


# --- names seen only at run time


def test_names_bound_by_unpacking_loops_with_and_imports_count_as_definitions():
    write(
        "n.py",
        "from other import imported_loss, x as renamed\n"
        "a_loss, (b_loss, *rest) = things\n"
        "for loop_loss in things:\n    inside = 1\n"
        "with open(x) as opened: pass\n"
        "try:\n    import keras.losses\nexcept ImportError as e:\n    fallback = 1\n"
        "def g():\n    global late_loss\n    late_loss = 1\n",
    )
    lines = {
        "imported_loss": 1,
        "renamed": 1,
        "a_loss": 2,
        "b_loss": 2,
        "rest": 2,
        "loop_loss": 3,
        "inside": 4,
        "opened": 5,
        "keras": 7,
        "fallback": 9,
        "late_loss": 11,
    }
    assert lines == {name: one(f"n.py:{name}").line for name in lines}


@pytest.mark.parametrize(
    "text",
    ["from x import *\n", "def __getattr__(name): ...\n", "globals()['f'] = 1\n", "exec('f = 1')\n"],
)
def test_a_module_that_may_bind_more_names_accepts_unknown_ones(text):
    write("o.py", text)
    assert FoundLoss("o.py:f", "o.py", "f", 1, Kind.FUNCTION) == one("o.py:f")


def test_a_name_defined_only_under_the_main_guard_is_not_there_on_import():
    write("m.py", 'if __name__ == "__main__":\n    def loss(y_true, y_pred):\n        return 0\n')
    assert names("m.py") == []
    assert error("m.py:loss") == "no `loss` in m.py"


def test_a_function_wrapped_under_its_own_name_keeps_its_def_line():
    write("w.py", TF + "def loss(y_true, y_pred):\n    return 0\nloss = tf.function(loss)\n")
    assert one("w.py:loss").line == 4


# --- modules


def test_a_module_path_is_located_without_importing_it():
    write("pkg/__init__.py", "raise SystemExit\n")
    write("pkg/losses.py", "raise SystemExit\ndef loss(y_true, y_pred):\n    return 0\n")
    assert FoundLoss("pkg.losses:loss", "pkg/losses.py", "loss", 2, Kind.FUNCTION) == one("pkg.losses:loss")
    assert names("pkg.losses") == ["loss"]


def test_a_re_exported_name_is_followed_to_its_def():
    write("pkg/__init__.py", "from .inner import dice as dice_loss\nfrom .inner.stars import *\n")
    write("pkg/inner/__init__.py", "from pkg.inner.deep import dice\n")
    write("pkg/inner/deep.py", "\n\ndef dice(y_true, y_pred): ...\n")
    write("pkg/inner/stars.py", "\ndef starred(y_true, y_pred): ...\n")
    assert FoundLoss("pkg:dice_loss", "pkg/inner/deep.py", "dice_loss", 3, Kind.FUNCTION) == one(
        "pkg:dice_loss"
    )
    assert (one("pkg:starred").path, one("pkg:starred").line) == ("pkg/inner/stars.py", 2)


def test_a_re_export_that_cannot_be_followed_is_left_to_the_import():
    write("mod.py", "import a\nfrom nowhere import loss\nfrom mod import circle\n")
    assert FoundLoss("mod:loss", "mod.py", "loss", 1, Kind.FUNCTION) == one("mod:loss")
    assert one("mod:circle").path == "mod.py"


def test_an_installed_package_is_followed_to_the_file_that_defines_the_loss():
    found = one("keras.losses:mean_squared_error")
    assert (found.target, Path(found.path).name) == ("keras.losses:mean_squared_error", "losses.py")
    assert "def mean_squared_error" in Path(found.path).read_text().splitlines()[found.line - 1]


def test_a_module_found_in_the_root_alone_is_named_by_its_path(folder, monkeypatch):
    write("src/only_in_root.py", "def loss(y_true, y_pred):\n    return 0\n")
    found = find_losses("only_in_root:loss", root=folder / "src").losses
    assert tuple(loss.target for loss in found) == ("src/only_in_root.py:loss",)


def test_a_module_without_source_of_an_open_package_is_left_to_the_import():
    write("lazy/__init__.py", "def __getattr__(name): ...\n")
    assert (one("lazy.sub:loss").target, one("lazy.sub:loss").line) == ("lazy.sub:loss", 1)


# --- folders


def test_a_folder_gives_every_loss_below_it_in_order_and_skips_what_is_not_the_users():
    loss = "def loss(y_true, y_pred):\n    return 0\n"
    kept = ["src/a.py", "src/b/z.py", "src/b.py", "src/test_x.py"]
    skipped = [".git", "__pycache__", ".venv", "venv", "node_modules", "build", "dist", "x/site-packages"]
    for path in kept + [f"src/{name}/x.py" for name in skipped]:
        write(path, loss)
    write("src/myenv/pyvenv.cfg", "")
    write("src/myenv/x.py", loss)
    write("src/notes.txt", loss)
    found = find_losses("src")
    assert (
        [loss.path for loss in found.losses],
        found.files,
    ) == (["src/a.py", "src/b.py", "src/test_x.py", "src/b/z.py"], 4)


def test_a_folder_that_cannot_be_looked_into_does_not_keep_the_others_from_being_read(folder, monkeypatch):
    write("src/losses.py", "def loss(y_true, y_pred):\n    return 0\n")
    monkeypatch.chdir("src")
    here = len(str(folder / "src"))
    while here < 3900:  # one more name and a path is longer than the system takes
        Path("x" * 90).mkdir()
        monkeypatch.chdir("x" * 90)
        here += 91
    Path("y" * (4088 - here)).mkdir()
    monkeypatch.chdir(folder)
    assert [loss.name for loss in find_losses(str(folder / "src")).losses] == ["loss"]


def test_a_file_that_cannot_be_parsed_stands_for_its_losses_and_an_unreadable_one_is_passed_over(folder):
    write("src/good.py", "def loss(y_true, y_pred):\n    return 0\n")
    write("src/python2.py", "print 'loss'\ndef loss(y_true, y_pred): return 0\n")
    (folder / "src/binary.py").write_bytes(b"\xff\xfe\x00")
    assert [loss.target for loss in find_losses("src").losses] == ["src/good.py:loss", "src/python2.py"]


def test_an_empty_folder_holds_no_files(folder):
    (folder / "empty").mkdir()
    assert (find_losses("empty").losses, find_losses("empty").files) == ((), 0)


def test_finding_losses_imports_no_tensorflow_and_no_user_code():
    write("x.py", "import tensorflow\nraise SystemExit(3)\ndef loss(y_true, y_pred):\n    return 0\n")
    code = (
        "import sys; from losscheck.loading.target import find_losses; import losscheck.loading.importing\n"
        "assert find_losses('x.py').losses and find_losses('keras.losses:mean_squared_error').losses\n"
        "sys.exit(bool({'tensorflow', 'keras', 'x'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


# --- what a scan takes for a loss

LOSSES = [
    "def dice_loss(y_true, y_pred):\n    return 0",
    "def balance(y_true, y_pred):\n    return 0",
    "def huber_fn(y_true, y_pred, delta=1.0):\n    return 0",
    "def f(target, prediction, *, smooth=1.0, **kwargs):\n    return 0",
    "def mse(targets, outputs):\n    return 0",
    "def focal(labels, logits):\n    return 0",
    "def relative_error(truth, guess):\n    return 0",
    "def objective(y, y_hat):\n    return 0",
    "def triplet_loss(_, embeddings):\n    return 0",
    "def kl_loss(dummy, z):\n    return 0",
    "def vae_loss(x, x_decoded_mean):\n    return 0",
    "def my_loss(a, b):\n    return 0",
    "def pinball_loss(y, f):\n    return 0",
    "def diceLoss(yTrue, yPred):\n    return 0",
    "def reversed_loss(y_pred, y_true):\n    return 0",
    "def f1_loss(y_true, y_pred):\n    return 0",
    "def soft_auc_loss(y_true, y_pred):\n    return 0",
    "def check_loss(y_true, y_pred):\n    return 0",
    "def accuracy_loss(y_true, y_pred):\n    return 0",
    "def forgot_loss(y_true, y_pred):\n    tf.square(y_true - y_pred)",
    "def iou(y_true, y_pred):\n    return 0",
    "def typed(y_true: 'dict[str, int]', y_pred: tf.Tensor) -> tf.Tensor:\n    return 0",
    "def positional(y_true, y_pred, /):\n    return 0",
    "@keras.saving.register('x')\n@tf.function(jit_compile=True)\ndef loss(y_true, y_pred):\n    return 0",
    "if tf:\n    def loss(y_true, y_pred):\n        return 0",
    "try:\n    pass\nexcept ImportError:\n    pass\nelse:\n    def loss(y_true, y_pred):\n        return 0",
    "scaled_mse = lambda y_true, y_pred: 0",
    "my_loss: object = lambda t, p: 0",
    "class DiceLoss(keras.losses.Loss):\n    def call(self, y_true, y_pred): return 0",
    "class Weighted(tf.keras.losses.BinaryCrossentropy):\n    pass",
    "class Wrapped(keras.src.losses.LossFunctionWrapper):\n    pass",
    "def make_focal(gamma=2.0):\n    def focal(y_true, y_pred):\n        return gamma\n    return focal",
    "def weighted(w=1):\n    return lambda y_true, y_pred: w",
    "def focal_loss(gamma=2.0):\n    def f(y_true, y_pred):\n        return gamma\n    return tf.function(f)",
    "bce = keras.losses.BinaryCrossentropy(from_logits=True)",
    "class DiceLoss:\n    def __call__(self, y_true, y_pred): return 0",
    "class SoftCrossEntropy:\n    def __call__(self, y_true, y_pred): return 0",
]


@pytest.mark.parametrize("code", LOSSES)
def test_a_scan_lists(code):
    write("s.py", TF + code + "\n")
    assert len(find_losses("s.py").losses) == 1


NO_LOSSES = [
    "def plot_loss(history, path):\n    return 0",
    "def plot_loss(y_true, y_pred):\n    return 0",
    "def load_loss(name, path):\n    return 0",
    "def train_step(x, y):\n    return 0",
    "def accuracy(y_true, y_pred):\n    return 0",
    "def dice_coef(y_true, y_pred):\n    return 0",
    "def dice_metric(y_true, y_pred):\n    return 0",
    "def f1_score(y_true, y_pred):\n    return 0",
    "def f1(y_true, y_pred):\n    return 0",
    "def r2(y_true, y_pred):\n    return 0",
    "def mean_iou_score(y_true, y_pred):\n    return 0",
    "def test_dice_loss(y_true, y_pred):\n    return 0",
    "def evaluate(y_true, y_pred):\n    return 0",
    "def align(y_true, y_pred):\n    return 0",
    "def show(y_true, y_pred):\n    print(y_true)",
    "def report(labels, predictions):\n    return 0",
    "def shift(labels, logits):\n    return 0",
    "def get_loss(name, config):\n    return 0",
    "def loss_weights(model, size):\n    return 0",
    "def generator_loss(fake_output):\n    return 0",
    "def discriminator_loss(real_output, fake_output):\n    return 0",
    "def compute_loss(model, x):\n    return 0",
    "def scaled_mse(y_true, y_pred, k):\n    return 0",
    "def keyword_loss(y_true, y_pred, *, k):\n    return 0",
    "def optional_loss(y_true, y_pred=None):\n    return 0",
    "def star_loss(*args):\n    return 0",
    "async def loss(y_true, y_pred):\n    return 0",
    "def batches_loss(y_true, y_pred):\n    yield 0",
    "def _loss(y_true, y_pred):\n    return 0",
    "def make(table):\n    def focal(y_true, y_pred):\n        return table\n    return focal",
    "def decorator(fn):\n    def loss(y_true, y_pred):\n        return fn\n    return loss",
    "@pytest.fixture\ndef loss(y_true, y_pred):\n    return 0",
    "def outer():\n    def loss(y_true, y_pred):\n        return 0",
    "def box_iou(boxes, anchors):\n    return 0",
    "def error(message, code):\n    return 0",
    "def distance(a, b):\n    return 0",
    "class _Base(keras.losses.Loss):\n    pass",
    "import abc\nclass Base(keras.losses.Loss, abc.ABC):\n    pass",
    "import abc\nclass Base(keras.losses.Loss):\n    @abc.abstractmethod\n    def call(self): ...",
    "class SignMixin(keras.losses.Loss):\n    def call(self, y_true, y_pred):\n"
    "        return -super().call(y_true, y_pred)",
    "class LossHistory(keras.callbacks.Callback):\n    pass",
    "class DiceMetric(keras.metrics.Metric):\n    pass",
    "class Config:\n    loss = 1",
    "class SoftDice:\n    def __call__(self, y_true, y_pred): return 0",
    "class FocalLayer:\n    def __call__(self, x, weights): return 0",
    "loss = 'mse'",
    "loss = keras.losses.get('mse')",
    "loss_tracker = keras.metrics.Mean(name='loss')",
    "mse = keras.losses.mean_squared_error",
    "loss_weights = [1.0, 2.0]",
    "key = lambda a, b: 0",
    "TEXT = '''\ndef loss(y_true, y_pred):\n    return 0\n'''",
]


@pytest.mark.parametrize("code", NO_LOSSES)
def test_a_scan_does_not_list(code):
    write("s.py", TF + code + "\n")
    assert names("s.py") == []


IOU = f"{TF}def iou(y_true, y_pred):\n    return 0\ndef iou_loss(y_true, y_pred):\n    return 1\n"


@pytest.mark.parametrize(
    ("path", "listed"),
    [
        ("metrics.py", ["iou_loss"]),
        ("metrics/overlap.py", ["iou_loss"]),
        ("losses_and_metrics.py", ["iou", "iou_loss"]),
        ("metrics/losses.py", ["iou", "iou_loss"]),
    ],
)
def test_functions_that_live_among_metrics_are_losses_only_by_name(path, listed):
    write(path, IOU)
    assert names(path) == listed


def test_a_metric_that_is_trained_on_is_listed():
    write("metrics.py", IOU + "model.compile(loss=iou)\n")
    assert names("metrics.py") == ["iou", "iou_loss"]


def test_losses_of_other_frameworks_are_not_listed():
    body = (
        "def dice_loss(y_true, y_pred):\n    return 0\n"
        "class L(nn.modules.loss._Loss): pass\nclass M(nn.Module): pass\nc = nn.MSELoss()\n"
    )
    write("torch_only.py", "import torch\nfrom torch import nn\n" + body)
    write("both.py", "from torch import nn\nimport tensorflow\n" + body)
    write("renamed.py", "import torch.nn as nn\nimport keras\n" + body)
    listed = [names(f"{name}.py") for name in ("torch_only", "both", "renamed")]
    assert listed == [[], ["dice_loss"], ["dice_loss"]]


def test_numpy_files_without_keras_need_the_word_loss():
    write(
        "n.py",
        "import numpy as np\n"
        "def rmse(y_true, y_pred):\n    return 0\ndef my_loss(y_true, y_pred):\n    return 0\n",
    )
    assert names("n.py") == ["my_loss"]


def test_classes_are_losses_through_chains_in_the_file_and_imports():
    write(
        "c.py",
        "from keras.losses import Loss, Huber\nfrom keras import losses\n"
        "class _B(Loss): ...\nclass One(_B): ...\nclass Two(One): ...\nclass H(Huber): ...\n"
        "class X(losses.Poisson): ...\nclass Other(dict): ...\nclass Three(Other): ...\n",
    )
    assert names("c.py") == ["One", "Two", "H", "X"]


def test_a_class_with_required_arguments_gives_way_to_its_instance():
    code = TF + "class MarginLoss(keras.losses.Loss):\n    def __init__(self, margin): ...\n"
    write("with.py", code + "loss = MarginLoss(0.2)\n")
    write("without.py", code)
    assert (names("with.py"), names("without.py")) == (["loss"], ["MarginLoss"])


def test_an_alias_of_a_class_in_lower_case_is_listed():
    write("a.py", TF + "class MarginLoss(keras.losses.Loss): ...\nloss = MarginLoss\nOldName = MarginLoss\n")
    assert names("a.py") == ["MarginLoss", "loss"]


def test_partials_made_losses_and_unpacked_lambdas_are_listed_under_their_own_names():
    write(
        "p.py",
        TF + "def scaled_mse(y_true, y_pred, k):\n    return k\n"
        "loss = functools.partial(scaled_mse, k=3.0)\n"
        "def make(table):\n    def focal(y_true, y_pred):\n        return table\n    return focal\n"
        "focal_2 = make(2)\n"
        "low_loss, high_loss = [lambda y, f, q=q: q for q in (0.1, 0.9)]\n"
        "compiled = tf.function(scaled_mse)\n",
    )
    assert names("p.py") == ["loss", "focal_2", "low_loss", "high_loss", "compiled"]


def test_a_helper_without_a_loss_name_is_not_listed_beside_the_loss_that_calls_it():
    write(
        "h.py",
        TF + "def dice(y_true, y_pred):\n    return 0\ndef masked(y_true, y_pred):\n    return 0\n"
        "mae = keras.losses.MeanAbsoluteError()\n"
        "def bce_loss(y_true, y_pred):\n    return 0\n"
        "def total_loss(y_true, y_pred):\n    return dice(1, 2) + masked(1) + mae(1, 2) + bce_loss(1, 2)\n",
    )
    assert names("h.py") == ["bce_loss", "total_loss"]


# --- spec comments

SPEC = "y_true=int32[B]:labels<10 y_pred=float32[B,10]:simplex"


@pytest.mark.parametrize(
    "code",
    [
        "def loss(y_true, y_pred):  # losscheck: {}\n    return 0",
        "# losscheck: {}\ndef loss(y_true, y_pred):\n    return 0",
        "# losscheck: {}\n@tf.function\ndef loss(y_true, y_pred):\n    return 0",
        "@tf.function\n# losscheck: {}\ndef loss(y_true, y_pred):\n    return 0",
        "def loss(\n    y_true,\n    y_pred=lambda: {{1: 2}},\n):  # losscheck: {}\n    return 0",
        "def loss(  # losscheck: {}\n    y_true, y_pred\n):\n    return 0",
        "def loss(y_true, y_pred): return 0  # noqa: E704  # losscheck: {}  # and more",
        "class loss(keras.losses.Loss):  # losscheck: {}\n    pass",
        "loss = lambda y_true, y_pred: 0  # losscheck: {}",
        "loss = functools.partial(\n    f,\n    k=3,\n)  # losscheck: {}",
        "# losscheck: {}\nloss = Made(2)",
        "# losscheck: {}\n# losscheck: ignore[LC201]\ndef loss(y_true, y_pred):\n    return 0",
        "def loss(y_true, y_pred):  # losscheck: ignore[LC201] {}\n    return 0",
        "#losscheck:{}\ndef loss(y_true, y_pred):\n    return 0",
    ],
)
def test_a_spec_comment_is_read_on_the_header_and_directly_above(code):
    write("c.py", TF + code.format(SPEC) + "\n")
    assert one("c.py:loss").spec_comment == SPEC


@pytest.mark.parametrize(
    "code",
    [
        "def loss(y_true, y_pred):\n    # losscheck: {}\n    return 0",
        "# losscheck: {}\n\ndef loss(y_true, y_pred):\n    return 0",
        "x = 1  # losscheck: {}\ndef loss(y_true, y_pred):\n    return 0",
        'def loss(y_true, y_pred, s="# losscheck: {}"):\n    return 0',
        "def loss(y_true, y_pred):  # losscheck: ignore[LC201]\n    return 0",
        "def loss(y_true, y_pred):  # losscheck is fond of y_true=...\n    return 0",
        "def loss(y_true, y_pred):\n    return 0\n# losscheck: {}",
    ],
)
def test_other_comments_are_no_specs(code):
    write("c.py", TF + code.format(SPEC) + "\n")
    assert one("c.py:loss").spec_comment == ""


def test_a_task_may_stand_in_the_comment():
    write("c.py", TF + "def loss(y_true, y_pred):  # losscheck: task=binary\n    return 0\n")
    assert one("c.py").spec_comment == "task=binary"


def test_a_base_class_whose_hook_a_subclass_fills_in_is_no_loss():
    write(
        "losses.py",
        "import keras\n"
        "class PairLoss(keras.losses.Loss):\n"
        "    def call(self, y_true, y_pred): return self.pair(y_true, y_pred)\n"
        "    def pair(self, y_true, y_pred): raise NotImplementedError\n"
        "class SquaredPairLoss(PairLoss):\n"
        "    def pair(self, y_true, y_pred): return (y_true - y_pred) ** 2\n",
    )
    assert [loss.name for loss in find_losses("losses.py").losses] == ["SquaredPairLoss"]
