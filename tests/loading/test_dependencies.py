"""Which files of the project a file imports, by reading alone."""

from pathlib import Path

import pytest

from losscheck.loading.dependencies import imported_files


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "helper.py",
        "pkg/__init__.py",
        "pkg/parts.py",
        "pkg/deep/__init__.py",
        "pkg/deep/inner.py",
        "src/lib/__init__.py",
        "src/lib/tools.py",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


def imported(code, path="losses.py"):
    Path(path).write_text(code)
    return sorted(str(found.relative_to(Path.cwd())) for found in imported_files(Path(path)))


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("import helper", "helper.py"),
        ("import pkg.parts as p", "pkg/__init__.py pkg/parts.py"),
        ("from pkg import parts, name", "pkg/__init__.py pkg/parts.py"),
        ("from pkg.deep.inner import f", "pkg/__init__.py pkg/deep/__init__.py pkg/deep/inner.py"),
        ("from helper import *", "helper.py"),
        ("def loss(a, b):\n    import helper", "helper.py"),
        ("if True:\n    from pkg import deep", "pkg/__init__.py pkg/deep/__init__.py"),
        ("from lib import tools", "src/lib/__init__.py src/lib/tools.py"),
        ("x = 1", ""),
    ],
)
def test_a_plain_file_imports(code, files):
    assert imported(code) == files.split()


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("", "pkg/__init__.py"),
        ("from . import parts", "pkg/__init__.py pkg/parts.py"),
        ("from .parts import x", "pkg/__init__.py pkg/parts.py"),
        ("from .deep import inner", "pkg/__init__.py pkg/deep/__init__.py pkg/deep/inner.py"),
        ("from pkg.parts import x\nimport helper", "helper.py pkg/__init__.py pkg/parts.py"),
        ("from ... import x", "pkg/__init__.py"),
    ],
)
def test_a_module_of_a_package_imports_that_too(code, files):
    assert imported(code, "pkg/losses.py") == files.split()


def test_a_module_that_is_not_there_may_be_about_to_be_written():
    assert imported("import soon") == ["soon.py"]


def test_a_file_that_cannot_be_read_or_parsed_says_nothing():
    Path("losses.py").write_text("def f(:")
    assert imported_files(Path("losses.py")) is None
    assert imported_files(Path("gone.py")) is None
