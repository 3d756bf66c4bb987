"""In a worker the project's modules are read afresh, and libraries as Python always reads them."""

import subprocess
import sys

PROGRAM = """\
import sys
sys.path.insert(0, "project")
import early_part
from losscheck.loading.loaders import import_projects_afresh
import_projects_afresh()
import colorsys, part, typer.colors
print(*(type(m.__loader__).__name__ for m in (early_part, colorsys, typer.colors, part)))
"""


def test_modules_of_the_project_are_read_afresh_and_libraries_are_not(tmp_path):
    (tmp_path / "project").mkdir()
    for name in ("early_part", "part"):
        (tmp_path / "project" / f"{name}.py").touch()

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )

    assert (done.stderr, done.stdout) == (
        "",
        "SourceFileLoader SourceFileLoader SourceFileLoader FreshLoader\n",
    )
