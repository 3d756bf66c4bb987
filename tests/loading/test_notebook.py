"""Losses in notebooks: magics, cells that are no Python, lines that count in their cell."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from losscheck.drawing import Drawing, GradientPath, PathNode
from losscheck.exceptions import TargetError
from losscheck.finding import Finding, Location, Severity
from losscheck.loading.cells import in_cells
from losscheck.loading.importing import LoadFailed, LoadMode, load
from losscheck.loading.magics import without_magics
from losscheck.loading.notebook import read_notebook
from losscheck.loading.target import find_losses
from losscheck.report import LossReport
from losscheck.reporters.source import snippet


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


def write(path, *cells):
    """A notebook of code cells; a text cell stands first."""
    made = [{"cell_type": "markdown", "metadata": {}, "source": ["# Title"]}]
    made += [
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(keepends=True)}
        for cell in cells
    ]
    Path(path).write_text(json.dumps({"cells": made, "nbformat": 4, "nbformat_minor": 5}))


def loaded(target, mode=LoadMode.AUTO):
    (found,) = find_losses(target).losses
    return load(found, mode)


def error(target):
    with pytest.raises(TargetError) as raised:
        find_losses(target)
    return str(raised.value)


CELLS = (
    "%matplotlib inline\n!pip install x \\\n    y\nimport absent_q\nfiles = !ls *.py\nALPHA = 3\n",
    "%%bash\nfor f in 'x; do",
    "%%time\nmodel = absent_q.fit(ALPHA)\nmodel?\n",
    "def helper(x):\n    return ALPHA * x\n\n"
    "def my_loss(y_true, y_pred):\n    return helper(y_true) / y_pred\n",
)


def test_a_loss_of_a_notebook_runs_with_what_it_needs_of_other_cells():
    write("n.ipynb", *CELLS)
    loss = loaded("n.ipynb:my_loss")
    assert (loss.function(4, 2), loss.location.path) == (6.0, "n.ipynb")
    assert loss.source.docstring == ""
    assert loss.source.returns == (loss.location.line + 1,)


def test_a_notebook_and_a_folder_with_one_are_scanned(folder):
    write("n.ipynb", *CELLS)
    (folder / ".ipynb_checkpoints").mkdir()
    write(".ipynb_checkpoints/n-checkpoint.ipynb", *CELLS)
    assert [loss.target for loss in find_losses("n.ipynb").losses] == ["n.ipynb:my_loss"]
    assert [loss.target for loss in find_losses(".").losses] == ["n.ipynb:my_loss"]


def test_lines_count_within_their_cell():
    write("n.ipynb", *CELLS)
    line = loaded("n.ipynb:my_loss").location.line
    finding = Finding(
        "LC001",
        "raises-in-eager",
        Severity.ERROR,
        f"it was in line {line + 1} of n.ipynb",
        "",
        Location("n.ipynb", line + 1, 5, line + 1, 35),
        evidence={"traceback": [f"/x/n.ipynb:{line + 1} in my_loss"]},
    )
    report = LossReport("n.ipynb:my_loss", "n.ipynb", line, "my_loss", "function", findings=(finding,))

    shown = in_cells(report)

    assert (shown.line, shown.cell, shown.shown_path) == (4, 5, "n.ipynb:cell 5")
    assert shown.findings[0].location == Location("n.ipynb", 5, 5, 5, 35, 5)
    assert shown.findings[0].message == "it was in line 5 of cell 5"
    assert shown.findings[0].evidence == {"traceback": ["/x/n.ipynb:cell 5:5 in my_loss"]}
    marked = [s.text[s.start : s.end] for s in snippet(shown.findings[0].location) if s.end > s.start]
    assert marked == ["return helper(y_true) / y_pred"]
    assert LossReport.from_dict(shown.to_dict()) == shown


def test_what_is_drawn_stands_in_the_cells():
    write("n.ipynb", *CELLS)
    line = loaded("n.ipynb:my_loss").location.line
    nodes = (PathNode((), None, True), PathNode(("Sub",), Location("n.ipynb", line + 1, 5), True))
    drawing = Drawing(no_curve="too slow", path=GradientPath(nodes, ()))
    report = LossReport("n.ipynb:my_loss", "n.ipynb", line, "my_loss", "function", drawing=drawing)

    shown = in_cells(report).drawing

    assert [node.location for node in shown.path.nodes] == [None, Location("n.ipynb", 5, 5, cell=5)]
    assert shown.no_curve == "too slow"


def test_the_snippet_shows_a_cell_as_the_user_wrote_it():
    write("n.ipynb", "%matplotlib inline\ndef f(y_true, y_pred): pass")
    assert snippet(Location("n.ipynb", 2, cell=2))[0].text == "%matplotlib inline"


def test_a_report_on_a_file_is_left_alone():
    report = LossReport("a.py:f", "a.py", 3, "f", "function")
    assert in_cells(report) is report


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("x = 1\n%time y = 2", "x = 1\nif 1: y = 2"),
        ("%timeit -n 3 f()", "pass"),
        ("!ls", "pass"),
        ("?len", "pass"),
        ("len?", "pass"),
        ("np.array??", "pass"),
        ("x = %pwd", "x = get_ipython().magic('pwd')"),
        ("a = (1\n% 2)", "a = (1\n% 2)"),
        ("s = '''\n%time\n'''\n!x", "s = '''\n%time\n'''\npass"),
        ("if x:\n    !ls\n    y = 1", "if x:\n    pass\n    y = 1"),
        ("!a \\\n b \\\n c\nx = 1", "pass\n\n\nx = 1"),
        ("# note\n%%capture out\nx = 1", "# note\n\nx = 1"),
        ("%%writefile losses.py\ndef f(): pass", "\n"),
        ("%%html\n<b>", "\n"),
        ("x = 'it''s' # don't\n!ls", "x = 'it''s' # don't\npass"),
    ],
)
def test_magics_become_lines_that_do_nothing(cell, code):
    assert without_magics(cell) == (code, "")


def test_a_cell_that_is_no_python_leaves_the_others_and_is_told():
    write(
        "n.ipynb", "def a_loss(y_true, y_pred)\n    return 1", "def b_loss(y_true, y_pred):\n    return 2\n"
    )
    found = find_losses("n.ipynb")
    assert [loss.name for loss in found.losses] == ["b_loss"]
    (problem,) = found.problems
    assert problem.startswith("cell 2 of n.ipynb is no Python: line 1: ")
    assert loaded("n.ipynb:b_loss").function(0, 0) == 2
    assert error("n.ipynb:a_loss").startswith("no `a_loss` in n.ipynb; did you mean `b_loss`?; cell 2 of ")


def test_wrong_notebooks_get_one_clear_line_each(folder):
    write("n.ipynb", *CELLS)
    write("empty.ipynb")
    (folder / "bad.ipynb").write_text('{"cells": [')
    (folder / "list.ipynb").write_text("[1]")
    (folder / "binary.ipynb").write_bytes(b"\xff\xfe\x00")
    assert error("n.ipynb:zzz") == "no `zzz` in n.ipynb"
    assert error("empty.ipynb:f") == "`empty.ipynb` has no code cell"
    assert error("gone/x.ipynb") == "no such file: gone/x.ipynb"
    for name in ("bad", "list", "binary"):
        assert error(f"{name}.ipynb") == f"`{name}.ipynb` is no notebook: its JSON cannot be read"
    assert [loss.path for loss in find_losses(".").losses] == ["n.ipynb"]


def test_a_notebook_is_never_imported_whole():
    write("n.ipynb", *CELLS)
    with pytest.raises(TargetError, match=r"^`n\.ipynb` is a notebook, which cannot be imported whole$"):
        loaded("n.ipynb:my_loss", LoadMode.IMPORT)


def test_what_a_magic_gives_is_an_error_where_the_loss_needs_it():
    write("n.ipynb", "files = !ls\ndef loss(y_true, y_pred): return files\n")
    with pytest.raises(LoadFailed) as raised:
        loaded("n.ipynb:loss")
    assert (raised.value.stage, str(raised.value.__cause__)) == ("slice", "name 'get_ipython' is not defined")


def test_notebooks_of_version_3_are_read():
    cell = {"cell_type": "code", "input": "def loss(y_true, y_pred):\n    return 1", "outputs": []}
    Path("old.ipynb").write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}))
    assert read_notebook(Path("old.ipynb")).cells[0].lines[1] == "    return 1"
    assert loaded("old.ipynb:loss").function(0, 0) == 1
