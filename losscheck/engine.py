"""For one loss: choose its task, run the rules in order, make the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from losscheck.drawing import Drawing
from losscheck.exceptions import LosscheckError, UndrawableInputsError
from losscheck.finding import Finding, Mode, Severity
from losscheck.inference.choose import Inferred, infer
from losscheck.inference.pairing import infer_for_model
from losscheck.inference.sources import Told, read_told
from losscheck.ingredients import ingredients_for
from losscheck.loading.importing import LoadFailed, LoadMode, load, loaded_from_object
from losscheck.loss import FoundLoss, Kind, LoadedLoss
from losscheck.observation import LoadObservation, Observation, ProcessObservation
from losscheck.prober import Evidence, Prober
from losscheck.probes.frames import UserFiles, statement_location
from losscheck.probes.probing import Probes
from losscheck.probes.raising import raised_from
from losscheck.probes.replicas import split_cpu
from losscheck.probes.session import is_eager_off
from losscheck.probes.statements import call_line
from losscheck.probes.xla import compile_quickly
from losscheck.registry import all_rules
from losscheck.report import Failure, LossReport, ModeResult, Pending, Status
from losscheck.selection import select
from losscheck.sketch import sketch
from losscheck.verdict import Verdict, bug, run_rules


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    y_true: str | np.ndarray | None = None  #: spec, or the user's own array
    y_pred: str | np.ndarray | None = None  #: spec, or the user's own array
    task: str | None = None  #: name of a task
    select: tuple[str, ...] = ()  #: selectors of rules; empty: the default ones
    ignore: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()  #: modes to run also where a default run passes them over
    load: str = "auto"  #: how much of the user's file to run (see `LoadMode`)
    batch: str | None = None  #: file with arrays
    model: str | None = None  #: target of a function that builds a model
    drawing: bool = False  #: whether to draw the curve and the path of the gradient
    repro: bool = False  #: keep what scripts need that show the findings again
    is_expendable: bool = False  #: this process has run nothing yet, and may die of what it runs


@dataclass(frozen=True)
class CheckResult:
    """The report of one loss, and what went wrong in losscheck itself."""

    report: LossReport | None
    failures: tuple[Failure, ...] = ()
    pending: Pending | None = None  #: the mode that runs next and may end the process; None: all is done


#: Keeps a result before the next mode runs, which may end the process.
Keep = Callable[[CheckResult], None]


def check_found(found: FoundLoss, options: Options, keep: Keep = lambda result: None) -> CheckResult:
    """Load a loss from its file and check it."""
    if options.is_expendable:
        split_cpu()
        compile_quickly()
    return _check_loaded(lambda: load(found, LoadMode(options.load)), _unloaded(found), options, keep)


def check_object(thing: object, options: Options, name: str | None = None) -> CheckResult:
    """Check a loss that is at hand: a function, a `Loss` object, or a class or factory to build it with."""
    shown = str(name or getattr(thing, "__name__", type(thing).__name__))
    found = FoundLoss(shown, "", shown, 1, Kind.FUNCTION)
    return _check_loaded(
        lambda: loaded_from_object(thing, name), _unloaded(found), options, lambda result: None
    )


def _check_loaded(
    load_it: Callable[[], LoadedLoss], stand_in: LoadedLoss, options: Options, keep: Keep
) -> CheckResult:
    try:
        loaded = load_it()
    except LoadFailed as failed:
        cause = failed.__cause__ or failed
        files = UserFiles(stand_in.location.path)
        evidence = Evidence(load=LoadObservation("", raised_from(cause, files), stage=failed.stage))
        return _judge(stand_in, replace(evidence, is_callable=False), options, "it cannot be loaded")
    except LosscheckError as error:
        return CheckResult(None, (Failure(stand_in.target, "load", type(error).__name__, str(error)),))
    return check(loaded, options, keep)


def judge_process(found: FoundLoss, ended: ProcessObservation, options: Options) -> LossReport:
    """The report of a loss whose child process was ended, or ended itself.

    If one mode ended it and the results of the others were kept, it speaks of this mode alone.
    """
    result = _judge(
        _unloaded(found), Evidence(process=ended, is_callable=False), options, "the process ended"
    )
    assert result.report is not None
    if ended.mode is None:
        return result.report
    silent = ModeResult(Status.SKIPPED, f"the process {ended.words}")
    state = ModeResult(Status.FAIL) if result.report.findings else silent
    return replace(result.report, modes={ended.mode: state})


def check(loss: LoadedLoss, options: Options, keep: Keep = lambda result: None) -> CheckResult:
    """Check a loaded loss in this process."""
    try:
        told = read_told(
            loss,
            y_true=options.y_true,
            y_pred=options.y_pred,
            task=options.task,
            batch=options.batch,
            model=options.model,
        )
        rules = _Rules(options)
    except LosscheckError as error:
        return CheckResult(None, (Failure(loss.target, "inputs", type(error).__name__, str(error)),))
    path = loss.location.path
    if is_eager_off():
        line = call_line(path, "disable_eager_execution", "disable_v2_behavior") or loss.location.line
        off = LoadObservation("", eager_off_at=statement_location(path, line, UserFiles(path)))
        return _judge(loss, Evidence(load=off, is_callable=False), options, "eager execution is switched off")
    try:
        return _check(loss, options, told, rules, keep)
    except Exception as error:  # a bug of ours: reported as one, and the other losses go on
        return CheckResult(None, (bug(loss.target, path, "engine", error),))


class _Rules:
    """The rules that the user selected, and the others, which may explain what these find."""

    def __init__(self, options: Options) -> None:
        self.selected = select(all_rules(), options.select, options.ignore)
        self.others = [rule for rule in all_rules() if rule not in self.selected]


def _check(loss: LoadedLoss, options: Options, told: Told, rules: _Rules, keep: Keep) -> CheckResult:
    start = time.perf_counter()
    probes = Probes(loss, is_expendable=options.is_expendable)
    try:
        inferred, takes_integers_only = _inferred(loss, probes, told)
    except UndrawableInputsError as error:
        return _judge(loss, Evidence(is_callable=False), options, str(error))
    evidence = Evidence(
        attempts=inferred.attempts,
        is_callable=inferred.is_callable,
        takes_integers_only=takes_integers_only,
        named_rows=inferred.named_rows,
        fit_converts=probes.fit_converts,
        wanted=frozenset(Mode(mode) for mode in options.modes),
    )
    prober = Prober(loss, inferred.batches, probes.by_name(), evidence)
    drawing: Drawing | None = None
    for verdict in run_rules(prober, rules.selected, rules.others):
        if options.drawing and drawing is None and verdict.pending != Pending(None):
            drawing = sketch(prober)  # before a mode that may end the process
        report = replace(
            _empty_report(loss),
            task=inferred.choice,
            modes=_modes(prober, inferred, verdict.every),
            findings=verdict.every,
            skipped=verdict.skipped,
            output=prober.eager().printed,
            seconds=time.perf_counter() - start,
            drawing=drawing,
            ingredients=ingredients_for(prober, verdict.findings) if options.repro else None,
        ).silenced(verdict.suppressed)
        result = _answered(report, verdict)
        if result.pending is not None:
            keep(result)
    return result


def _inferred(loss: LoadedLoss, probes: Probes, told: Told) -> tuple[Inferred, bool]:
    """The inputs, and whether the loss takes integer labels only, which a `Loss` object never gets."""
    if told.output is not None:
        return infer_for_model(loss, probes.eager, told.output, probes.read), False
    inferred = infer(loss, probes.eager, told.inputs, told.arrays, probes.read)
    if loss.is_keras_loss and not inferred.is_callable:
        uncast = infer(loss, probes.eager_uncast, told.inputs, told.arrays)
        if uncast.is_callable and not uncast.batches.task.y_true.is_float:
            return replace(uncast, is_callable=False, attempts=inferred.attempts), True
    return inferred, False


def _empty_report(loss: LoadedLoss) -> LossReport:
    return LossReport(
        target=loss.target,
        path=loss.location.path,
        line=loss.location.line,
        name=loss.name,
        kind=loss.kind.value,
        left_out=loss.left_out,
    )


def _judge(loss: LoadedLoss, evidence: Evidence, options: Options, reason: str) -> CheckResult:
    """The report of a loss that was never called: what its loading or its process showed."""
    prober = Prober(loss, evidence=evidence)
    rules = _Rules(options)
    (verdict,) = run_rules(prober, rules.selected, rules.others)
    modes = {mode: ModeResult(Status.SKIPPED, reason) for mode in Mode}
    report = replace(_empty_report(loss), modes=modes, findings=verdict.every, skipped=verdict.skipped)
    report = report.silenced(verdict.suppressed)
    return _answered(report, verdict)


def _answered(report: LossReport, verdict: Verdict) -> CheckResult:
    """The result; a loss that no mode ran and no finding speaks of is a failure, never a clean one."""
    reasons = {result.reason for result in report.modes.values() if result.status is Status.SKIPPED}
    failures = verdict.failures
    is_probed = any(result.status is not Status.SKIPPED for result in report.modes.values())
    if not is_probed and not report.findings and not report.suppressed:
        message = f"nothing was checked: {'; '.join(sorted(reasons))}"
        failures = (*failures, Failure(report.target, "engine", "NotChecked", message))
    return CheckResult(report, failures, verdict.pending)


def _unloaded(found: FoundLoss) -> LoadedLoss:
    """A stand-in for a loss that has a place but cannot be called."""
    from losscheck.finding import Location

    place = Location(found.path, found.line)
    return LoadedLoss(found.target, found.name, found.kind, place, None, lambda y_true, y_pred: None)


def _modes(prober: Prober, inferred: Inferred, findings: Iterable[Finding]) -> dict[Mode, ModeResult]:
    """Pass or fail of each mode; a mode fails if its probe raised or an error finding lists it."""
    failed = {mode for f in findings if f.severity is Severity.ERROR for mode in f.modes}
    if not inferred.is_callable and not inferred.batches.task.is_told:
        reason = "no input was found that the loss takes"
        results = {mode: ModeResult(Status.SKIPPED, reason) for mode in Mode}
        results[Mode.EAGER] = ModeResult(Status.FAIL)
        return results
    raised = {
        Mode.EAGER: prober.eager().raised,
        Mode.GRAPH: prober.graph().raised or prober.graph(known_batch=False).raised,
        Mode.GRADIENT: prober.gradient().raised,
        Mode.FIT: prober.fit().raised,
    }
    return {
        mode: ModeResult(Status.FAIL if mode in failed or raised[mode] else Status.PASS) for mode in raised
    } | {mode: _further_mode(prober.asked(mode.value), mode in failed) for mode in Mode if mode not in raised}


def _further_mode(seen: list[Observation], is_failed: bool) -> ModeResult:
    """The state of a mode that runs only where a rule asks for it."""
    ran = [observation for observation in seen if not observation.skipped]
    if is_failed or any(observation.raised for observation in ran):
        return ModeResult(Status.FAIL)
    if ran:
        return ModeResult(Status.PASS)
    reasons = dict.fromkeys(observation.skipped for observation in seen)
    return ModeResult(Status.SKIPPED, "; ".join(reasons) or "no rule asked for it")
