"""The engine: rules in order, what silences what, and whose fault it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from losscheck import engine, verdict
from losscheck.engine import CheckResult, Options, check_found, check_object, judge_process
from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.inputs.batches import Batches
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.tasks import told_task
from losscheck.loading.target import find_losses
from losscheck.loss import FoundLoss, Kind, LoadedLoss, SourceFacts
from losscheck.observation import ProcessObservation
from losscheck.prober import Evidence, Prober
from losscheck.probes.probing import Probes
from losscheck.report import ModeResult, Pending, Status
from losscheck.rule import Rule

PASS, FAIL = ModeResult(Status.PASS), ModeResult(Status.FAIL)
FOUND = FoundLoss("losses.py:f", "losses.py", "f", 1, Kind.FUNCTION)


def rule(
    number: str,
    *lines: int | Location,
    severity: Severity = Severity.ERROR,
    modes: tuple[Mode, ...] = (),
    error: Exception | None = None,
    **attributes,
) -> Rule:
    """A rule that has a finding at each of these lines."""

    def check(self: Rule, prober: Prober) -> Iterator[Finding]:
        for line in lines:
            place = line if isinstance(line, Location) else Location("losses.py", line)
            yield self.finding("x", place, modes=modes)
        if error:
            raise error

    members = {"code": number, "name": number.lower(), "severity": severity, "hint": "h", "check": check}
    return type(f"Rule{number}", (Rule,), members | attributes)()


@pytest.fixture
def rules(monkeypatch):
    """Replace the rules that losscheck ships."""

    def chosen(*wanted: Rule) -> None:
        monkeypatch.setattr(engine, "all_rules", lambda: wanted)

    return chosen


def judged(*wanted: Rule, is_callable: bool = True) -> tuple[list[tuple[str, int]], dict[str, str], tuple]:
    """Findings as code and line, what was skipped, failures; the loss is defined in line 1."""
    loss = LoadedLoss("losses.py:f", "f", Kind.FUNCTION, Location("losses.py", 1), None, lambda a, b: 0)
    spec = parse_spec("float32[B]")
    prober = Prober(
        loss, Batches(told_task(spec, spec), SourceFacts()), evidence=Evidence(is_callable=is_callable)
    )
    (said,) = verdict.run_rules(prober, wanted)
    return [(finding.code, finding.location.line) for finding in said.findings], said.skipped, said.failures


def modes(**states: ModeResult) -> dict[Mode, ModeResult]:
    """The modes that every run has, as given or passed; the others, for which no rule of a test asks."""
    not_asked = ModeResult(Status.SKIPPED, "no rule asked for it")
    always = ("eager", "graph", "gradient", "fit")
    return {mode: states.get(mode.value, PASS if mode.value in always else not_asked) for mode in Mode}


# Rules in order


def test_findings_come_by_line_and_code():
    assert judged(rule("LC201", 2), rule("LC101", 5, 2))[0] == [("LC101", 2), ("LC201", 2), ("LC101", 5)]


def test_the_findings_of_a_slow_loss_are_kept_on_the_way(monkeypatch):
    monkeypatch.setattr(verdict, "_KEPT_EVERY", -1.0)
    loss = LoadedLoss("losses.py:f", "f", Kind.FUNCTION, Location("losses.py", 1), None, lambda a, b: 0)
    first, second, last = verdict.run_rules(Prober(loss), [rule("LC101", 5), rule("LC201", 2)])
    assert [finding.code for finding in first.findings] == ["LC101"]
    assert first.skipped == {"LC201": "the time was up"}
    assert first.pending == second.pending == Pending(None)
    assert [finding.code for finding in last.findings] == ["LC201", "LC101"]
    assert (last.skipped, last.pending) == ({}, None)


def test_findings_come_by_path_before_line():
    first, second = Location("a.py", 9), Location("b.py", 3)
    assert judged(rule("LC101", second, first))[0] == [("LC101", 9), ("LC101", 3)]


def test_a_rule_that_supersedes_another_silences_it_everywhere():
    assert judged(rule("LC101", 2, 7), rule("LC201", 2, supersedes=("LC101",)))[0] == [("LC201", 2)]


def test_a_rule_without_a_finding_supersedes_nothing():
    assert judged(rule("LC101", 2), rule("LC201", supersedes=("LC101",)))[0] == [("LC101", 2)]


def test_a_rule_silences_another_at_its_own_line_alone():
    assert judged(rule("LC101", 2, 7), rule("LC201", 2, silences_at_line=("LC101",)))[0] == [
        ("LC201", 2),
        ("LC101", 7),
    ]


def test_a_line_of_another_file_is_another_line():
    other = Location("helpers.py", 2)
    assert judged(rule("LC101", other), rule("LC201", 2, silences_at_line=("LC101",)))[0] == [
        ("LC101", 2),
        ("LC201", 2),
    ]


def test_a_fallback_is_silent_at_a_line_that_another_rule_explains():
    assert judged(rule("LC001", 2, 7, is_fallback=True), rule("LC901", 2))[0] == [("LC901", 2), ("LC001", 7)]


def test_a_fallback_at_the_same_line_of_another_file_is_not_explained():
    other = Location("helpers.py", 2)
    assert judged(rule("LC001", other, is_fallback=True), rule("LC901", 2))[0] == [("LC001", 2), ("LC901", 2)]


def test_a_fallback_without_a_line_of_its_own_is_explained_by_any_error():
    assert judged(rule("LC001", 1, is_fallback=True), rule("LC901", 5))[0] == [("LC901", 5)]


def test_a_line_of_another_file_is_not_the_def_line_that_stands_for_none():
    first_line = Location("helpers.py", 1)
    found = judged(rule("LC001", first_line, is_fallback=True), rule("LC901", 5))[0]
    assert found == [("LC001", 1), ("LC901", 5)]


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.NOTE])
def test_a_warning_explains_no_failure(severity):
    codes = judged(rule("LC001", 2, is_fallback=True), rule("LC901", 2, severity=severity))[0]
    assert codes == [("LC001", 2), ("LC901", 2)]


def test_a_fallback_stands_where_nothing_explains_it():
    assert judged(rule("LC001", 2, is_fallback=True), rule("LC901"))[0] == [("LC001", 2)]


# Skipped and broken rules


def test_a_rule_whose_needs_do_not_hold_is_skipped_with_the_reason():
    findings, skipped, failures = judged(
        rule("LC101", 2, requires=("callable",)), rule("LC201", 3), is_callable=False
    )
    assert (findings, skipped, failures) == ([("LC201", 3)], {"LC101": "the loss cannot be called"}, ())


def test_a_rule_that_raises_is_a_bug_and_the_others_still_run():
    findings, skipped, failures = judged(
        rule("LC101", 2, error=ZeroDivisionError("ours")), rule("LC201", 3), rule("LC301", 4)
    )
    (failure,) = failures
    assert (findings, skipped) == ([("LC201", 3), ("LC301", 4)], {})
    assert (
        failure.target,
        failure.stage,
        failure.type,
        failure.is_bug,
    ) == ("losses.py:f", "rule LC101", "ZeroDivisionError", True)
    assert failure.message.startswith("Traceback (most recent call last):\n")
    assert failure.message.endswith("ZeroDivisionError: ours\n")


def test_an_interrupt_is_no_bug():
    with pytest.raises(KeyboardInterrupt):
        judged(rule("LC101", 2, error=KeyboardInterrupt()))


def test_a_finding_without_columns_gets_those_of_its_line(tmp_path, monkeypatch, rules):
    monkeypatch.chdir(tmp_path)
    Path("losses.py").write_text("def f(y_true, y_pred):\n    return y_pred  \n")
    exact = Location("losses.py", 2, 12, 2, 18)
    rules(rule("LC101", 2, exact, 9))
    report = judge_process(FOUND, ProcessObservation("", timed_out=1.0), Options())
    assert [finding.location for finding in report.findings] == [
        Location("losses.py", 2, 5, 2, 18),
        exact,
        Location("losses.py", 9),
    ]


# A loss that ran


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a file of losses and find one of them."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "loss_fn") -> FoundLoss:
        Path("losses.py").write_text(f"import tensorflow as tf\n{text}", encoding="utf-8")
        (found,) = find_losses(f"losses.py:{name}").losses
        return found

    return write


GOOD = "def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(tf.square(y_true - y_pred), -1)\n"


def test_a_loss_that_works_passes_every_mode(written, rules):
    rules()
    report = check_found(written(GOOD), Options()).report
    assert (
        report.modes,
        report.findings,
        report.task.name,
        report.kind,
        report.path,
        report.line,
    ) == (modes(), (), "regression", "function", "losses.py", 2)
    assert 0 < report.seconds < 30


def test_a_mode_that_raises_fails(written, rules):
    rules()
    report = check_found(
        written(
            "def loss_fn(y_true, y_pred):\n"
            "    if tf.reduce_sum(y_pred) > 0:\n        return y_pred - y_true\n    return y_true - y_pred\n"
        ),
        Options(),
    ).report
    assert report.modes == modes(fit=FAIL)


def test_a_graph_of_unknown_batch_size_that_raises_fails_its_mode(written, rules):
    rules()
    found = written("def loss_fn(y_true, y_pred):\n    return (y_true - y_pred) / y_pred.shape[0]\n")
    assert check_found(found, Options()).report.modes == modes(graph=FAIL, fit=FAIL)


def test_a_mode_that_an_error_finding_lists_fails(written, rules):
    rules(
        rule("LC101", 2, modes=(Mode.GRADIENT,)),
        rule("LC201", 2, modes=(Mode.EAGER,), severity=Severity.WARNING),
    )
    report = check_found(written(GOOD), Options()).report
    assert report.modes == modes(gradient=FAIL)


def test_a_loss_that_no_input_suits_fails_eagerly_and_skips_the_rest(written, rules):
    rules()
    result = check_found(written("def loss_fn(y_true, y_pred):\n    raise ValueError('never')\n"), Options())
    skipped = ModeResult(Status.SKIPPED, "no input was found that the loss takes")
    assert result.report.modes == {**dict.fromkeys(Mode, skipped), Mode.EAGER: FAIL}


def test_a_loss_that_raises_on_told_inputs_fails_in_the_modes_that_raise(written, rules):
    rules()
    found = written("def loss_fn(y_true, y_pred):\n    return tf.matmul(y_true, y_pred)\n")
    report = check_found(found, Options(y_true="float32[B, 3]", y_pred="float32[B, 3]")).report
    assert report.modes == modes(eager=FAIL, graph=FAIL, gradient=FAIL, fit=FAIL)


@pytest.mark.parametrize("probe", ["eager", "fit"])
def test_a_probe_that_breaks_is_a_bug_of_losscheck(written, rules, monkeypatch, probe):
    def broken(self: Probes, batch: object, **options: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(Probes, probe, broken)
    rules()
    result = check_found(written(GOOD), Options())
    (failure,) = result.failures
    assert (
        failure.target,
        failure.type,
        failure.is_bug,
    ) == ("losses.py:loss_fn", "ZeroDivisionError", True)


def test_a_broken_spec_is_a_failure_and_no_bug(written):
    result = check_found(written(GOOD), Options(y_true="float32[B]"))
    (failure,) = result.failures
    assert (
        result.report,
        failure.stage,
        failure.type,
        failure.message,
        failure.is_bug,
    ) == (None, "inputs", "SpecError", "give both `y_true` and `y_pred`, or a task", False)


def test_a_keras_loss_that_needs_integers_is_seen_to_need_them(written, rules):
    seen = []

    class Asking(Rule):
        code, name, severity, hint = "LC101", "asking", Severity.NOTE, "h"

        def check(self, prober: Prober) -> Iterator[Finding]:
            seen.append(prober.evidence.takes_integers_only)
            yield from ()

    rules(Asking())
    text = (
        "import keras\n"
        "class loss_fn(keras.losses.Loss):\n"
        "    def call(self, y_true, y_pred):\n"
        "        return -tf.reduce_sum(tf.one_hot(y_true, 4) * tf.math.log(y_pred), -1)\n"
    )
    check_found(written(text), Options(task="sparse_categorical"))
    assert seen == [True]


def test_a_live_function_is_checked_by_its_name(rules):
    rules()

    def plain_loss(y_true, y_pred):
        return (y_true - y_pred) ** 2

    report = check_object(plain_loss, Options()).report
    assert (report.name, report.modes) == ("plain_loss", modes())


# Modes that may end the process


class Compiling(Rule):
    """Has a finding in line 2 where XLA was asked and could look, and one in line 1 always."""

    code, name, severity, hint = "LC101", "compiling", Severity.NOTE, "h"

    def check(self, prober: Prober) -> Iterator[Finding]:
        yield self.finding("x", Location("losses.py", 1))
        if not prober.xla().skipped:
            yield self.finding("x", Location("losses.py", 2), modes=(Mode.XLA,))


def test_a_result_is_kept_before_a_risky_mode_runs(written, rules):
    rules(Compiling(), rule("LC201", 5))
    kept: list[CheckResult] = []
    result = check_found(written(GOOD), Options(), kept.append)
    (before,) = kept
    assert [f.location.line for f in before.report.findings] == [1, 5]
    assert before.report.modes == modes()
    assert before.pending == Pending(Mode.XLA)
    assert [f.location.line for f in result.report.findings] == [1, 2, 5]
    assert result.report.modes == modes(xla=PASS)
    assert result.pending is None


def test_nothing_is_kept_where_no_rule_asks_for_a_risky_mode(written, rules):
    rules(rule("LC201", 5))
    kept: list[CheckResult] = []
    assert check_found(written(GOOD), Options(), kept.append).pending is None
    assert kept == []


def test_a_rule_that_asks_for_no_risky_mode_runs_once(written, rules):
    calls = []

    class Counting(Rule):
        code, name, severity, hint = "LC201", "counting", Severity.NOTE, "h"

        def check(self, prober: Prober) -> Iterator[Finding]:
            calls.append(prober)
            yield from ()

    rules(Compiling(), Counting())
    check_found(written(GOOD), Options())
    assert len(calls) == 1


def test_a_mode_that_ended_the_process_is_judged_alone():
    ended = ProcessObservation("", signal="SIGABRT", mode=Mode.XLA, location=Location("losses.py", 4))
    report = judge_process(FOUND, ended, Options())
    (finding,) = report.findings
    assert (finding.code, finding.location.line, finding.message) == (
        "LC701",
        4,
        "the process died of SIGABRT while XLA compiled the loss and its gradient",
    )
    assert report.modes == {Mode.XLA: FAIL}


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (ProcessObservation("", timed_out=30.0, mode=Mode.XLA), "the process gave no answer within 30 s"),
        (ProcessObservation("", signal="SIGKILL", mode=Mode.REPLICAS), "the process died of SIGKILL"),
        (
            ProcessObservation("", out_of_memory=4.0, mode=Mode.REPLICAS),
            "the process took more than 4 GiB of memory",
        ),
    ],
)
def test_a_mode_that_gave_no_answer_is_skipped_with_the_reason(ended, reason):
    report = judge_process(FOUND, ended, Options())
    assert report.findings == ()
    assert report.modes == {ended.mode: ModeResult(Status.SKIPPED, reason)}


# A loss that did not run


def test_a_file_that_raises_on_import_is_a_finding(written):
    found = written('X = {}["weights"]\ndef loss_fn(y_true, y_pred):\n    return y_pred\n')
    result = check_found(found, Options())
    (finding,) = result.report.findings
    assert (
        finding.code,
        finding.location.path,
        finding.location.line,
        finding.message,
        result.failures,
    ) == ("LC010", "losses.py", 2, "importing the file raises `KeyError`: 'weights'", ())
    assert result.report.modes == dict.fromkeys(Mode, ModeResult(Status.SKIPPED, "it cannot be loaded"))


def test_a_class_that_raises_when_it_is_built_is_a_finding(written):
    found = written(
        "import keras\n"
        "class Broken(keras.losses.Loss):\n"
        "    def __init__(self):\n"
        "        raise ValueError('no weights')\n"
        "    def call(self, y_true, y_pred):\n"
        "        return y_pred\n",
        "Broken",
    )
    (finding,) = check_found(found, Options()).report.findings
    assert (
        finding.code,
        finding.location.line,
        finding.message,
    ) == ("LC010", 5, "building `Broken` raises `ValueError`: no weights")


def test_a_target_that_is_no_loss_is_a_failure(written):
    result = check_found(written("loss_fn = 3\n"), Options())
    (failure,) = result.failures
    assert (
        result.report,
        failure.stage,
        failure.type,
        failure.is_bug,
    ) == (None, "load", "TargetError", False)


def test_nothing_probed_and_nothing_found_is_a_failure(written):
    found = written('X = {}["weights"]\ndef loss_fn(y_true, y_pred):\n    return y_pred\n')
    result = check_found(found, Options(ignore=("LC010",)))
    (failure,) = result.failures
    assert (
        failure.stage,
        failure.type,
        failure.message,
        failure.is_bug,
    ) == ("engine", "NotChecked", "nothing was checked: it cannot be loaded", False)


ENDS = [
    (
        ProcessObservation("", timed_out=30.0, location=Location("losses.py", 7)),
        ("LC008", "gave no answer within 30 s; it was in line 7 of losses.py"),
    ),
    (ProcessObservation("", timed_out=0.5), ("LC008", "gave no answer within 0.5 s")),
    (
        ProcessObservation("", signal="SIGSEGV", location=Location("losses.py", 3)),
        ("LC009", "the process died of SIGSEGV while the loss was probed; the last line of it that ran is 3"),
    ),
    (
        ProcessObservation("", exit_code=3),
        ("LC009", "the process ended with exit status 3 while the loss was probed"),
    ),
    (
        ProcessObservation("", out_of_memory=0.5, location=Location("losses.py", 7)),
        (
            "LC009",
            "the process took more than 0.5 GiB of memory while the loss was probed;"
            " the last line of it that ran is 7",
        ),
    ),
]


@pytest.mark.parametrize(("ended", "expected"), ENDS)
def test_a_process_that_ended_is_a_finding(ended, expected):
    report = judge_process(FOUND, ended, Options())
    (finding,) = report.findings
    assert (
        finding.code,
        finding.message,
        finding.severity,
        finding.location.line,
    ) == (*expected, Severity.ERROR, 1)
    assert report.modes == dict.fromkeys(Mode, ModeResult(Status.SKIPPED, "the process ended"))
    assert (report.target, report.name, report.task) == ("losses.py:f", "f", None)


def test_rules_that_need_a_call_are_skipped_for_a_process_that_ended():
    skipped = judge_process(FOUND, ProcessObservation("", exit_code=3), Options()).skipped
    assert set(skipped.values()) == {"the loss cannot be called"}
    assert "LC201" in skipped


def test_only_the_selected_rules_run():
    options = Options(select=("LC009", "LC201"))
    report = judge_process(FOUND, ProcessObservation("", timed_out=1.0), options)
    assert (report.findings, report.skipped) == ((), {"LC201": "the loss cannot be called"})


def test_a_rule_that_is_ignored_still_explains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rounded.py").write_text(
        "import tensorflow as tf\n\n"
        "def rounded_loss(y_true, y_pred):\n"
        "    return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)), axis=-1)\n"
    )
    result = check_found(find_losses("rounded.py").losses[0], Options(ignore=("LC2",)))
    assert [f.code for f in result.report.findings if f.severity is not Severity.NOTE] == []


def test_inputs_that_nobody_can_draw_are_said_and_nothing_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("losses.py").write_text(
        "import tensorflow as tf\n\ndef npairs_loss(y_true, y_pred):\n"
        '    """y_true: class ids, [batch]; y_pred: similarities, [batch, batch]."""\n'
        "    same = tf.cast(y_true[:, None] == y_true[None], y_pred.dtype)\n"
        "    return tf.nn.softmax_cross_entropy_with_logits(same, y_pred)\n"
    )
    result = check_found(find_losses("losses.py").losses[0], Options(), lambda result: None)
    reason = "the source says that y_true is [batch] and y_pred is [batch, batch]"
    assert [finding for finding in result.report.findings if finding.severity is not Severity.NOTE] == []
    assert {mode.reason.partition(":")[0] for mode in result.report.modes.values()} == {reason}
