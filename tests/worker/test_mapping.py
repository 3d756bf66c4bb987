"""TensorFlow's libraries are mapped before TensorFlow is imported, and nothing depends on it."""

import subprocess
import sys

import pytest

_MAP = """\
import sys
from pathlib import Path
from losscheck.worker.mapping import mapping_tensorflow

sys.path[:0] = sys.argv[1:]
with mapping_tensorflow():
    pass
assert "tensorflow" not in sys.modules
print("libtensorflow_cc" in Path("/proc/self/maps").read_text())
"""


def mapped(*folders):
    command = [sys.executable, "-c", _MAP, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the libraries have these names on Linux")
def test_the_libraries_are_there_before_the_import():
    assert mapped() == (0, "True\n")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is mapped")
def test_a_library_that_cannot_be_loaded_is_left_to_the_import(tmp_path):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow" / "__init__.py").touch()
    (tmp_path / "tensorflow" / "libtensorflow_framework.so.2").write_bytes(b"no library")

    assert mapped(tmp_path) == (0, "False\n")
