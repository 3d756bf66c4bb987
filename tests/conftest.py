"""What all tests share."""

import importlib.abc
import importlib.util
import os
import signal
import sys

pytest_plugins = ["pytester"]
os.environ["LOSSCHECK_NO_SERVER"] = "1"  # a server of the developer answers no test
#: A test runs what it tests; those of the cache say otherwise themselves.
os.environ["LOSSCHECK_NO_CACHE"] = "1"
#: Whoever runs the tests in the background has this signal ignored, and what they start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: The files that take longest, longest first: whoever runs them last waits for them alone.
LONGEST = (
    "test_precommit",
    "test_fixtures",
    "test_rules",
    "test_hostile",
    "test_pytest_plugin",
    "test_server",
    "test_keras_losses",
    "test_cached_runs",
    "test_pictures",
    "test_adoption",
    "test_pytest_use",
    "test_zoo",
)


def pytest_collection_modifyitems(items):
    """The longest files first, so that two processes end at about the same time."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


class _TwoDevices(importlib.abc.MetaPathFinder):
    """Makes two logical CPUs as soon as a test imports TensorFlow: once it has run, nobody can.

    A worker makes them before it runs anything; here any test of this process may be the first.
    """

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def run_and_split(module):
            run(module)
            from losscheck.probes.replicas import split_cpu

            split_cpu()

        spec.loader.exec_module = run_and_split
        return spec


sys.meta_path.insert(0, _TwoDevices())
