"""Imports point down only: every import in losscheck/ is read and held against the floor of its module."""

import ast
import functools
import sys
from pathlib import Path

import pytest

import losscheck

PACKAGE = Path(losscheck.__file__).parent

#: Module or package → floor; the longest name that fits wins. A new module needs a line here.
FLOORS = {
    "losscheck": 0,  # the names it offers are looked up when they are asked for, each on its own floor
    "losscheck.choices": 0,
    "losscheck.exceptions": 0,
    "losscheck.drawing": 0,
    "losscheck.finding": 0,
    "losscheck.observation": 0,
    "losscheck.graph_observation": 0,
    "losscheck.keras_observation": 0,
    "losscheck.state_observation": 0,
    "losscheck.numerics_observation": 0,
    "losscheck.report": 0,
    "losscheck.loss": 0,
    "losscheck.recipe": 0,
    "losscheck.probes": 1,
    **dict.fromkeys((f"losscheck.loading.{name}" for name in ("definitions", "expression", "folding")), 1),
    **dict.fromkeys((f"losscheck.loading.{name}" for name in ("names", "naming", "objects", "remarks")), 1),
    "losscheck.loading.subject": 1,
    "losscheck.reading": 1,
    "losscheck.inputs": 1,
    "losscheck.attempts": 0,
    "losscheck.asking": 2,
    "losscheck.cures": 2,
    "losscheck.hunting": 2,
    "losscheck.rule": 2,
    "losscheck.prober": 2,
    "losscheck.rules": 3,
    "losscheck.registry": 4,
    "losscheck.selection": 4,
    "losscheck.suppression": 4,
    "losscheck.baseline": 4,
    "losscheck.cache": 7,
    "losscheck.likeness": 4,
    "losscheck.config": 4,
    "losscheck.settings": 4,
    "losscheck.engine": 5,
    "losscheck.inference": 5,
    "losscheck.verdict": 5,
    "losscheck.sketch": 5,
    "losscheck.ingredients": 5,
    "losscheck.explain": 5,
    "losscheck.loading": 5,
    "losscheck.worker": 6,
    "losscheck.reporters": 7,
    "losscheck.repro": 7,
    "losscheck.warm": 7,
    "losscheck.warm.desk": 8,  # it does what __main__ does
    "losscheck.checking": 8,
    "losscheck.earlier": 8,
    "losscheck.watching": 8,
    "losscheck.api": 8,
    "losscheck.static": 8,
    "losscheck.options": 8,
    "losscheck.refusals": 8,
    "losscheck.request": 8,
    "losscheck.cli": 8,
    "losscheck.pytest_plugin": 8,
    "losscheck.testing": 8,
    "losscheck.__main__": 8,
}
WORKER = 6  #: this floor and those below run in the child, where only TensorFlow's own dependencies are sure
IN_WORKER = {"numpy", "tensorflow", "keras"}
#: Above the worker: what losscheck itself depends on.
OUTSIDE = {"numpy", "platformdirs", "rich", "typer", "pytest"}
TENSORFLOW = {"tensorflow", "keras"}
TENSORFLOW_LIVES_IN = ("losscheck.probes", "losscheck.loading")


def modules():
    """Name and source of every module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path.read_text(encoding="utf-8")


def placed():
    """The modules that have a floor; a test says so of all."""
    return [(name, source) for name, source in modules() if floor(name) is not None]


@functools.cache
def names():
    return frozenset(name for name, _ in modules())


def floor(module):
    """The floor of a module; None where nobody has said it."""
    if module == "losscheck":
        return FLOORS[module]
    parts = module.split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts), 1, -1))
    return next((FLOORS[prefix] for prefix in prefixes if prefix in FLOORS), None)


def imported(tree):
    """Every imported module with its line, those inside functions too, those for type checkers not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for other in node.orelse:
                yield from imported(ast.Module([other], []))
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: write the whole name of the module"
            for alias in node.names:
                yield home(node.module, alias.name), node.lineno
        else:
            yield from imported(node)


def home(module, name):
    """The module that `from module import name` really imports."""
    if module == "losscheck":
        module = losscheck._HOMES.get(name, module)
    return f"{module}.{name}" if f"{module}.{name}" in names() else module


def upward(module, source):
    """What a module imports from a higher floor, one sentence each."""
    here = floor(module)
    for target, line in imported(ast.parse(source)):
        if target.partition(".")[0] != "losscheck":
            continue
        there = floor(target)
        if there is None or there > here:
            yield f"{module}:{line} on floor {here} imports {target} on floor {there}"


def strangers(module, source):
    """What a module imports that its floor cannot count on, one sentence each."""
    allowed = OUTSIDE if floor(module) > WORKER else IN_WORKER
    for target, line in imported(ast.parse(source)):
        root = target.partition(".")[0]
        if root not in sys.stdlib_module_names and root not in allowed | {"losscheck"}:
            yield f"{module}:{line} imports {root}"


def test_every_module_has_a_floor():
    assert [name for name in sorted(names()) if floor(name) is None] == []


def test_no_import_points_up():
    assert [sentence for name, source in placed() for sentence in upward(name, source)] == []


def test_what_runs_in_the_child_needs_only_numpy_and_tensorflow():
    assert [sentence for name, source in placed() for sentence in strangers(name, source)] == []


def test_only_probes_and_loading_import_tensorflow_and_only_inside_functions():
    found = []
    for name, source in modules():
        tree = ast.parse(source)
        at_the_top = {
            line for node in tree.body for _, line in imported(ast.Module([node], [])) if is_top(node)
        }
        for target, line in imported(tree):
            if target.partition(".")[0] in TENSORFLOW and (
                not name.startswith(TENSORFLOW_LIVES_IN) or line in at_the_top
            ):
                found.append(f"{name}:{line} imports {target}")
    assert found == []


def is_top(node):
    return not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("from losscheck.engine import Options", "losscheck.engine on floor 5"),
        ("import losscheck.cli", "losscheck.cli on floor 8"),
        ("from losscheck import engine", "losscheck.engine on floor 5"),
        ("from losscheck import check_loss", "losscheck.api on floor 8"),
        ("def f():\n    while True:\n        import losscheck.worker.pool", "losscheck.worker"),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import losscheck.cli", "losscheck.cli on floor 8"),
    ],
)  # fmt: skip
def test_a_planted_upward_import_is_reported(source, target):
    (sentence,) = upward("losscheck.probes.eager", source)

    assert sentence.startswith("losscheck.probes.eager:")
    assert f" on floor 1 imports {target}" in sentence


@pytest.mark.parametrize(
    "source",
    [
        "if TYPE_CHECKING:\n    from losscheck.engine import Options",
        "if typing.TYPE_CHECKING:\n    from losscheck.engine import Options",
        "from losscheck.inputs.specs import parse_spec",
        "import losscheck",
    ],
)
def test_an_import_that_points_down_or_serves_the_type_checker_is_not_reported(source):
    assert list(upward("losscheck.probes.eager", source)) == []


def test_a_planted_stranger_is_reported():
    source = "def f():\n    import rich.console"

    assert list(strangers("losscheck.worker.child", source)) == ["losscheck.worker.child:2 imports rich"]
    assert list(strangers("losscheck.cli", source)) == []
