"""What must hold of every loss: losscheck answers, names a place in the file, and says the same again."""

import itertools
from pathlib import Path

from losscheck.engine import Options, check_found
from losscheck.loading.target import find_losses
from losscheck.probes.session import isolated
from losscheck.registry import all_rules
from losscheck.report import LossReport
from losscheck.worker.pool import Pool

_NUMBERS = itertools.count()


class LosscheckFailed(Exception):  # noqa: N818 - reads as the event it is
    """Losscheck itself has failed on a loss."""


class Checker:
    """Checks sources, each from a file of its own; a loss that may hang or exit in a child process.

    Args:
        folder: for the files.
        timeout: seconds for a loss in a child process.

    """

    def __init__(self, folder, timeout=20.0):
        self.folder = Path(folder)
        self._timeout = timeout
        self._pool = None

    def close(self):
        """End the child processes."""
        if self._pool is not None:
            self._pool.__exit__(None, None, None)

    def found(self, source):
        """The loss, in a file that no other source has had."""
        path = self.folder / f"fuzzed_{next(_NUMBERS)}.py"
        path.write_text(source.text, encoding="utf-8")
        find_losses(str(path))  # the scan of the file must take it too
        (found,) = find_losses(f"{path}:{source.name}").losses
        return found

    def checked(self, found, *, in_child=False):
        """The report and the failures of a loss."""
        if not in_child:
            with isolated():  # what a file sets when it is imported is not for the next one
                return check_found(found, Options())
        if self._pool is None:
            self._pool = Pool(jobs=1, timeout=self._timeout).__enter__()
        (outcome,) = self._pool.run([found])
        return outcome


def hold(result, found):
    """Raise `LosscheckFailed` where an answer about a loss is none, or one that nobody can use."""
    for failure in result.failures:
        if failure.is_bug:
            raise LosscheckFailed(f"{failure.stage}: {failure.message}")
    if result.report is None:
        if not result.failures:
            raise LosscheckFailed("neither a report nor a failure")
        return
    length = len(Path(found.path).read_text(encoding="utf-8").splitlines())
    known = {rule.code: rule.name for rule in all_rules()}
    for finding in result.report.findings:
        place = finding.location
        if place.path != found.path or not 1 <= place.line <= length or (place.end_line or 1) > length:
            raise LosscheckFailed(f"{finding.code} is at {place}, the file has {length} lines")
        if place.column < 1 or (place.end_column is not None and place.end_column < 1):
            raise LosscheckFailed(f"{finding.code} is at {place}")
        if known.get(finding.code) != finding.name:
            raise LosscheckFailed(f"no rule {finding.code} {finding.name}")
        if not finding.message or "\n" in finding.message:
            raise LosscheckFailed(f"{finding.code} says {finding.message!r}")
    round_trip(result.report)


def round_trip(report):
    """Raise `LosscheckFailed` where a report is another one after it was written and read."""
    written = report.to_dict()
    if LossReport.from_dict(written).to_dict() != written:
        raise LosscheckFailed("the report does not come back from its dictionary")


def same_again(first, second):
    """Raise `LosscheckFailed` where a second check of a loss gives other findings."""
    said = [_said(result) for result in (first, second)]
    if said[0] != said[1]:
        raise LosscheckFailed(f"two checks differ: {sorted(said[0] ^ said[1])}")


def _said(result):
    """Code, severity and line of each finding."""
    findings = result.report.findings if result.report else ()
    return {(finding.code, finding.severity.value, finding.location.line) for finding in findings}
