"""Decides which top-level statements do work (training, reading data, plotting) and which only define."""

from __future__ import annotations

import ast
import re

from losscheck.loading.definitions import is_main_guard
from losscheck.loading.expression import dotted
from losscheck.loading.names import COMPOUND, head

#: Calls that train, read, download, plot, ask or wait, by the last part of their name.
_WORK = re.compile(
    r"(?:fit|fit_\w+|train|train_\w+|predict|predict_\w+|evaluate|adapt|minimize|load|load_\w+|loadtxt|loadmat"
    r"|genfromtxt|read|read_\w+|readlines|imread|open|input|urlopen|urlretrieve|get_file|download\w*|fetch_\w+"
    r"|parse_args|parse_known_args|flow|flow_from_\w+|\w+_from_directory|from_tensor_slices|from_generator"
    r"|from_pretrained|TFRecordDataset|glob|iglob|rglob|listdir|scandir|walk|savefig|show|imshow|plot|subplots"
    r"|figure|summary|system|popen|Popen|check_output|check_call|sleep|run|main|login|mount|connect|upload\w*|save|save_\w+"
    r"|VGG\d+|ResNet\w*|Inception\w+|Xception|MobileNet\w*|DenseNet\w+|NASNet\w+|EfficientNet\w+|ConvNeXt\w+)$"
)
#: Calls whose value nobody uses, and which are no work all the same: settings, registering, leaving.
_HARMLESS = re.compile(
    r"(?:set\w*|enable_\w+|disable_\w+|use|use_\w+|seed|register\w*|init\w*|config\w*|basicConfig|filterwarnings"
    r"|simplefilter|captureWarnings|run_functions_eagerly|clear_session|append|extend|insert|update|add|setdefault"
    r"|remove|pop|print|exit|_exit|quit|exec|collect|getLogger|experimental_\w+|putenv|chdir|assert\w*)$"
)


def is_work(statement: ast.stmt) -> bool:
    """Whether a simple statement, or the head of a compound one, does work when it runs."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return False
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    if any(isinstance(node, ast.Await) for node in ast.walk(statement)):
        return True
    calls = _calls(statement)
    if any(_WORK.match(_last_name(call)) for call in calls):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        # a function that is called for nothing but what it does; a method may set up its object
        function = statement.value.func
        return isinstance(function, ast.Name) and not _HARMLESS.match(function.id)
    return False


def has_work(body: list[ast.stmt]) -> bool:
    """Whether importing a module of these statements does more than define things."""
    for statement in body:
        if is_main_guard(statement):
            assert isinstance(statement, ast.If)
            if has_work(statement.orelse):
                return True
            continue
        if is_work(head(statement)):
            return True
        if isinstance(statement, COMPOUND):
            inner = [getattr(statement, field, []) for field in ("body", "orelse", "finalbody")]
            inner += [handler.body for handler in getattr(statement, "handlers", [])]
            if any(map(has_work, inner)):
                return True
    return False


def is_setting(statement: ast.stmt) -> bool:
    """Whether it sets something for the whole process: a seed, ``floatx``, ``sys.path``, ``os.environ``."""
    if isinstance(statement, ast.Assign):
        return any(dotted(target.value)[:2] == ("os", "environ") for target in _subscripts(statement))
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    parts = dotted(statement.value.func)
    if parts[:2] in (("sys", "path"), ("os", "environ")):
        return True
    return len(parts) > 1 and bool(
        re.match(r"set_\w+$|enable_\w+$|disable_\w+$|seed$|run_functions_eagerly$|chdir$", parts[-1])
    )


def _subscripts(statement: ast.Assign) -> list[ast.Subscript]:
    return [target for target in statement.targets if isinstance(target, ast.Subscript)]


def _calls(node: ast.AST) -> list[ast.Call]:
    """The calls of a statement but those inside lambdas."""
    found = [node] if isinstance(node, ast.Call) else []
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda):
            found += _calls(child)
    return found


def _last_name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
