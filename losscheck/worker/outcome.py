"""What became of a request: the report that its process left, or the judgement on how that process ended."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from losscheck.loss import FoundLoss
from losscheck.observation import ProcessObservation
from losscheck.report import OUT_OF_TIME, Failure, LossReport, Pending
from losscheck.worker.memory import MemoryLimit
from losscheck.worker.messages import UNABLE, Ended, Request, RequestFiles, WorkerOptions
from losscheck.worker.results import Outcome, Result
from losscheck.worker.stacks import find_user_line, stack_seconds

#: Characters of a loss's output that are kept; nobody reads more.
MAX_OUTPUT = 20_000
#: Bytes that hold them in any encoding, with some to spare for the sign that there was more.
_KEPT_BYTES = 4 * MAX_OUTPUT + 4
_MAX_STACK = 1_000_000
#: What TensorFlow logs about itself (informing and warning; 2.16 does so at every level): no loss prints it.
_LOGGED = re.compile(
    r"^(?:WARNING: All log messages before absl::InitializeLog\(\).*"
    r"|[IW]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ \S+\.\w+:\d+\] .*)(?:\n|\Z)",
    re.MULTILINE,
)
_CUT = "\n… (cut here)\n"

#: Turns the end of a process into a report (the engine's ``judge_process``).
Judge = Callable[[FoundLoss, ProcessObservation, WorkerOptions], LossReport]


def judge_with_engine(found: FoundLoss, ended: ProcessObservation, options: WorkerOptions) -> LossReport:
    """Run the rules on how a process ended; needs no TensorFlow."""
    from losscheck.engine import Options, judge_process

    return judge_process(found, ended, Options(**dataclasses.asdict(options)))


@dataclass(eq=False)
class Job:
    """A loss on its way through the pool."""

    index: int  #: place in the sequence
    request: Request
    files: RequestFiles
    attempts: int = 0  #: how often it was handed to a worker
    since: float = field(default=0.0, repr=False)  #: when it was handed over, on the monotonic clock
    memory: MemoryLimit | None = None  #: of the process that checks it, where the parent must watch it

    @classmethod
    def of(cls, index: int, request: Request) -> Job:
        """A job whose files lie where the request says."""
        return cls(index, request, RequestFiles(Path(request.folder)))

    def begin(self) -> None:
        """Note a new attempt and make its folder."""
        self.attempts += 1
        self.since = time.monotonic()
        shutil.rmtree(self.files.folder, ignore_errors=True)
        self.files.folder.mkdir()

    def bound_output(self) -> None:
        """Cut the output file of a loss that prints without end before it fills the disk."""
        try:
            if self.files.output.stat().st_size > _KEPT_BYTES:
                with self.files.output.open("r+b") as file:
                    file.truncate(_KEPT_BYTES)  # the loss appends: it goes on at the new end
        except OSError:
            pass  # not there yet

    def conclude(self, ended: Ended, judge: Judge, libraries: Collection[str]) -> Outcome:
        """Read what the request left in its files, judge its end if there is no result, and delete them."""
        result = self.files.read_result() or Result(None)
        output = self._read_output()
        report, failures = result.report, result.failures
        seconds = time.monotonic() - self.since
        observation = self._observe(ended, seconds, libraries, result.pending)
        if report is not None and result.pending == Pending(None) and observation.timed_out is not None:
            report = dataclasses.replace(report, seconds=seconds)
            failures = (*failures, _out_of_time(report, observation.timed_out))
        elif report is None and not failures and ended.exit_code == UNABLE and not ended.timed_out:
            failures = (_unable(self.request.loss.target, output),)
        elif result.pending is not None or (report is None and not failures):
            verdict = judge(self.request.loss, observation, self.request.options)
            if (
                observation.mode is None and not verdict.findings
            ):  # the rules that speak of it are not selected
                failures = (*failures, _ended(verdict, observation))
            report = verdict if report is None else report.extended_by(verdict)
            report = dataclasses.replace(report, seconds=seconds)
        shutil.rmtree(self.files.folder, ignore_errors=True)
        if report is not None:
            report = dataclasses.replace(report, output=_bounded(report.output + output))
        return Outcome(self.index, report, failures, None if failures else result.footprint)

    def lost(self, reason: str) -> Outcome:
        """The outcome of a loss whose worker died, by which nothing is said of the loss."""
        return Outcome(self.index, None, (Failure(self.request.loss.target, "worker", "WorkerDied", reason),))

    def _observe(
        self, ended: Ended, seconds: float, libraries: Collection[str], pending: Pending | None
    ) -> ProcessObservation:
        try:
            with self.files.stack.open(encoding="ascii", errors="replace") as file:
                stack = file.read(_MAX_STACK)
        except OSError:
            stack = ""
        location = find_user_line(stack, self.request.loss.path, libraries)
        mode = None
        if pending is not None and pending.mode is not None:
            location, mode = pending.location, pending.mode
        if ended.out_of_memory:
            most = self.request.memory
            return ProcessObservation("", out_of_memory=most, location=location, seconds=seconds, mode=mode)
        limit = self.request.limit
        # writing the stacks of a process that is deep in a library can crash it
        is_late = ended.signal is not None and seconds >= limit - stack_seconds(limit)
        if ended.timed_out or is_late:
            return ProcessObservation("", timed_out=limit, location=location, seconds=seconds, mode=mode)
        return ProcessObservation(
            "",
            exit_code=ended.exit_code,
            signal=ended.signal,
            location=location,
            seconds=seconds,
            mode=mode,
        )

    def _read_output(self) -> str:
        try:
            with self.files.output.open("rb") as file:
                return _LOGGED.sub("", file.read(_KEPT_BYTES).decode("utf-8", errors="replace"))
        except OSError:
            return ""


def _out_of_time(report: LossReport, limit: float) -> Failure:
    """A slow loss, of which some rules saw nothing: it is not clean."""
    left = sum(reason == OUT_OF_TIME for reason in report.skipped.values())
    rules = "1 rule" if left == 1 else f"{left} rules"
    message = f"not all was checked within {limit:g} s: {rules} did not run; `--timeout` gives it more"
    return Failure(report.target, "worker", "TimeoutError", message)


def _unable(target: str, output: str) -> Failure:
    """A loss that has taken its own process apart."""
    last = next((f": {line.strip()}" for line in reversed(output.splitlines()) if line.strip()), "")
    message = f"the loss left its process unable to write down what was found{last}"
    return Failure(target, "worker", "NoResult", message)


def _ended(report: LossReport, observation: ProcessObservation) -> Failure:
    """A loss that ended its process is not clean, whatever rules were selected."""
    message = f"not checked to the end: the process {observation.words}"
    return Failure(report.target, "worker", "ProcessEnded", message)


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_OUTPUT else text[: MAX_OUTPUT - len(_CUT)] + _CUT
