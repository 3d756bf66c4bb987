"""What all tests share."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

#: Folders and modules of tests that run losses in this process.
_WITH_TENSORFLOW = {"probes", "test_api", "test_engine", "test_importing", "test_replacements", "test_rules"}


@pytest.fixture(scope="session", autouse=True)
def two_devices(request: pytest.FixtureRequest) -> None:
    """Two logical CPUs, which must be there before TensorFlow runs anything, as a worker makes them."""
    parts = {part for item in request.session.items for part in Path(item.fspath).with_suffix("").parts}
    if parts & _WITH_TENSORFLOW:
        from losscheck.probes.replicas import split_cpu

        split_cpu()
