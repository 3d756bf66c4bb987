"""What all tests share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

#: Folders and modules of tests that run losses in this process.
_WITH_TENSORFLOW = {
    "inputs",
    "probes",
    "test_api",
    "test_engine",
    "test_importing",
    "test_replacements",
    "test_rules",
    "test_told",
}


@pytest.fixture(scope="session")
def two_devices() -> None:
    """Two logical CPUs, which must be there before TensorFlow runs anything, as a worker makes them."""
    from losscheck.probes.replicas import split_cpu

    split_cpu()


@pytest.fixture(autouse=True)
def _as_in_a_worker(request: pytest.FixtureRequest) -> Iterator[None]:
    if _WITH_TENSORFLOW & set(Path(request.node.fspath).with_suffix("").parts):
        request.getfixturevalue("two_devices")
    yield
    if "tensorflow" in sys.modules:
        from losscheck.probes.replicas import split_cpu

        assert split_cpu(), (
            "TensorFlow ran here on one device, which later tests inherit: add to _WITH_TENSORFLOW"
        )
