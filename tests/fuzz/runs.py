"""Runs batches of fuzzed losses, and keeps of those that losscheck fails on the smallest."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .checks import Checker, LosscheckFailed, hold, same_again
from .planted import hold_planted, planted
from .trees import trees

#: Losses of one batch. Hypothesis's first is always the simplest one, and behind ten it varies those it has
#: had rather than to draw new ones, which is right for small tests and wrong for losses of a second each.
BATCH = 9
#: CPU seconds in which a loss must be through in this process; a child process has a limit of its own.
LIMIT = 120.0
#: One loss in so many is checked twice.
_TWICE = 8


@dataclass(frozen=True)
class Fall:
    """A loss that losscheck failed on."""

    text: str  #: its file
    summary: str  #: one line
    details: str  #: all that is known

    def commented(self):
        """The file, with what is wrong at its end."""
        return self.text + "\n\n" + "".join(f"# {line}\n" for line in self.details.splitlines())


class Runner:
    """Checks fuzzed losses in one process, the working directory being a folder of its own.

    Args:
        folder: for the files.
        is_shrinking: look for the smallest loss that fails in the same way; else go on with the batch.

    """

    def __init__(self, folder, *, is_shrinking=True):
        self.count = 0  #: losses checked
        self.slowest = 0.0  #: seconds of the slowest one in this process
        self._checker = Checker(folder)
        self._is_shrinking = is_shrinking
        self._seen = set()
        self._folder = folder

    def __enter__(self):
        self._home = Path.cwd()
        os.chdir(self._folder)
        return self

    def __exit__(self, *error):
        os.chdir(self._home)
        self._checker.close()

    def batch(self, kind, number):
        """Check the losses of a batch; those that fell out."""
        phases = [Phase.generate, Phase.shrink] if self._is_shrinking else [Phase.generate]
        fallen = []

        @seed(number)
        @settings(
            max_examples=BATCH,
            phases=phases,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            report_multiple_bugs=False,
        )
        @given(KINDS[kind](), st.integers(0, _TWICE - 1))
        def check(case, twice):
            try:
                self._check(case, is_twice=twice == 1)
            except LosscheckFailed as error:
                line = str(error).strip().splitlines()
                fallen.append(Fall(case.text, f"{line[0]} … {line[-1]}"[:300], str(error)))
                if self._is_shrinking:
                    raise

        try:
            check()
        except LosscheckFailed:
            return fallen[-1:]  # the smallest one
        return fallen

    def _check(self, case, *, is_twice):
        if case.text in self._seen and not self._is_shrinking:
            return
        self._seen.add(case.text)
        self.count += 1
        found = self._checker.found(case)
        in_child = getattr(case, "in_child", False)
        start = time.process_time()
        result = self._checker.checked(found, in_child=in_child)
        seconds = time.process_time() - start
        hold(result, found)
        if hasattr(case, "defect"):
            hold_planted(result, case)
        if is_twice:
            same_again(result, self._checker.checked(found, in_child=in_child))
        if seconds > LIMIT:
            raise LosscheckFailed(f"took {seconds:.0f} s")
        self.slowest = max(self.slowest, seconds)


#: What can be fuzzed, by name.
KINDS = {"trees": trees, "planted": planted}
