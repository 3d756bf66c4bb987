"""The prober: asks a probe once and remembers; made here of probes that need no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from losscheck.attempts import Attempt, telling_attempt
from losscheck.finding import Location, Mode
from losscheck.graph_observation import FlowObservation, Op, ValuesObservation
from losscheck.inputs.batches import Batch, Batches
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.tasks import told_task
from losscheck.loss import Kind, LoadedLoss, SourceFacts
from losscheck.observation import (
    EagerObservation,
    FitObservation,
    GradientObservation,
    GraphObservation,
    Observation,
    Raised,
    Returned,
)
from losscheck.prober import Evidence, Prober

TENSOR = Returned("tensor", "float32", (7,))
OP = Op(
    index=0, type="Round", name="Round", inputs=(), float_inputs=(), shape=(7,), dtype="float32",
    location=None, is_float=True,
)  # fmt: skip


def raised(kind: str = "ValueError", line: int | None = None, message: str = "") -> Raised:
    return Raised(kind, ("Exception",), message, None if line is None else Location("losses.py", line))


class Calls:
    """Probes that note how they are asked and give fixed answers."""

    def __init__(self, **answers: Observation | Callable[..., Observation]) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self._answers = {
            "eager": EagerObservation("typical", returned=TENSOR, value=np.zeros(7)),
            "graph": GraphObservation("typical", returned=TENSOR),
            "gradient": GradientObservation("typical", value=np.zeros(7), gradient=np.ones((7, 3))),
            "fit": FitObservation("typical"),
            "flow": FlowObservation("typical", ops=(OP,), output=0),
            "values": ValuesObservation("typical"),
        } | answers

    def probe(self, name: str) -> Callable[..., Observation]:
        def ask(batch: Batch, **options: Any) -> Observation:
            self.asked.append((name, batch.name, options))
            answer = self._answers[name]
            return answer(batch, **options) if callable(answer) else answer

        return ask

    def prober(self, **evidence: Any) -> Prober:
        spec = parse_spec("float32[B, 3]")
        loss = LoadedLoss("t", "n", Kind.FUNCTION, Location("losses.py", 1), None, lambda y_true, y_pred: 0)
        return Prober(
            loss,
            Batches(told_task(spec, spec), SourceFacts()),
            {name: self.probe(name) for name in self._answers},
            Evidence(**evidence),
        )


def test_a_probe_is_asked_once_and_its_observation_remembered():
    calls = Calls()
    prober = calls.prober()
    assert prober.fit() is prober.fit()
    assert calls.asked == [("fit", "typical", {})]


def test_each_batch_and_each_option_is_asked_for_itself():
    calls = Calls()
    prober = calls.prober()
    for _ in range(2):
        prober.graph()
        prober.graph(known_batch=False)
        prober.graph(known_batch=False, as_fit=True)
        prober.graph("one")
        prober.gradient(in_graph=True)
        prober.flow(known_batch=False)
        prober.values("partial")
    assert calls.asked == [
        ("graph", "typical", {"known_batch": True, "as_fit": False, "autograph": True}),
        ("graph", "typical", {"known_batch": False, "as_fit": False, "autograph": True}),
        ("graph", "typical", {"known_batch": False, "as_fit": True, "autograph": False}),
        ("graph", "one", {"known_batch": True, "as_fit": False, "autograph": True}),
        ("gradient", "typical", {"in_graph": True}),
        ("flow", "typical", {"known_batch": False, "shapes_only": False}),
        ("values", "partial", {}),
    ]


def test_the_typical_batch_is_called_three_times_and_the_others_once():
    calls = Calls()
    prober = calls.prober()
    prober.eager(), prober.eager("one"), prober.eager(extra=(1.0,))
    assert [(batch, options["calls"], options["extra"]) for _, batch, options in calls.asked] == [
        ("typical", 3, ()),
        ("one", 1, ()),
        ("typical", 1, (1.0,)),
    ]


def test_nothing_is_asked_before_a_rule_asks():
    calls = Calls()
    calls.prober()
    assert calls.asked == []


def test_a_probe_that_breaks_is_a_bug_that_goes_through():
    def broken(batch: Batch) -> Observation:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Calls(fit=broken).prober().fit()


def test_an_operation_is_looked_up_in_the_graph():
    prober = Calls().prober()
    assert [prober.op(0), prober.op(None)] == [OP, None]


def test_the_edges_are_a_list_of_batches():
    edges = Calls().prober().edges()
    assert [edges[0].name, edges[-1].name] == ["perfect", "equal rows"]


def test_a_loss_that_was_never_called_has_no_batches():
    prober = Prober(Calls().prober().loss)
    with pytest.raises(AssertionError, match="a rule that needs batches must require `callable`"):
        _ = prober.inputs


# What a rule needs


def test_a_loss_that_works_lacks_nothing():
    prober = Calls().prober()
    assert [prober.lacks(what) for what in ("callable", "value", "graph", "gradient")] == ["", "", "", ""]


def test_a_loss_that_cannot_be_called_lacks_everything():
    for prober in (Calls().prober(is_callable=False), Prober(Calls().prober().loss)):
        assert {prober.lacks(what) for what in ("callable", "value", "graph", "gradient")} == {
            "the loss cannot be called"
        }


@pytest.mark.parametrize(
    "returned", [None, Returned("NoneType"), Returned("tensor", "int32", (7,)), Returned("float")]
)
def test_a_loss_without_a_float_tensor_is_callable_and_lacks_the_rest(returned):
    prober = Calls(eager=EagerObservation("typical", returned=returned)).prober()
    assert [prober.lacks(what) for what in ("callable", "value", "graph", "gradient")] == [
        "",
        *["the loss gives no float tensor"] * 3,
    ]


def test_a_loss_that_cannot_be_traced_lacks_the_graph_alone():
    prober = Calls(flow=FlowObservation("typical")).prober()
    assert [prober.lacks(what) for what in ("callable", "value", "graph", "gradient")] == [
        "",
        "",
        "the loss cannot be traced",
        "",
    ]


def test_a_loss_without_a_gradient_lacks_the_gradient_alone():
    prober = Calls(gradient=GradientObservation("typical")).prober()
    assert [prober.lacks(what) for what in ("callable", "value", "graph", "gradient")] == [
        "",
        "",
        "",
        "the loss has no gradient",
    ]


def test_asking_whether_a_loss_is_callable_runs_no_probe():
    calls = Calls()
    calls.prober().lacks("callable")
    assert calls.asked == []


# Randomness


@pytest.mark.parametrize(
    ("second", "is_random"),
    [(np.zeros(7), False), (np.full(7, 0.1), True), (np.zeros(6), True), (None, True)],
)
def test_a_loss_is_random_where_two_calls_differ(second, is_random):
    prober = Calls(gradient=GradientObservation("typical", value=second)).prober()
    assert prober.is_random == is_random


def test_nan_agrees_with_nan():
    nan = np.full(7, np.nan)
    prober = Calls(
        eager=EagerObservation("typical", value=nan), gradient=GradientObservation("typical", value=nan)
    ).prober()
    assert not prober.is_random


# Failures


def test_a_loss_that_works_has_no_failures():
    assert Calls().prober().failures() == []


def test_the_failures_come_in_the_order_in_which_a_user_meets_them():
    def graph(batch: Batch, *, known_batch: bool, as_fit: bool, autograph: bool) -> GraphObservation:
        return GraphObservation("typical", raised("TypeError", 10 * known_batch + as_fit))

    prober = Calls(
        eager=EagerObservation("typical", raised("KeyError", 1)),
        graph=graph,
        fit=FitObservation("typical", raised("OSError", 2)),
    ).prober()
    assert prober.failures() == [
        (Mode.EAGER, raised("KeyError", 1)),
        (Mode.GRAPH, raised("TypeError", 10)),
        (Mode.GRAPH, raised("TypeError", 0)),
        (Mode.FIT, raised("TypeError", 1)),
        (Mode.FIT, raised("OSError", 2)),
        (Mode.FIT, raised("TypeError", 11)),
    ]


def test_an_error_of_the_gradient_alone_is_no_failure_of_the_loss():
    prober = Calls(gradient=GradientObservation("typical", raised())).prober()
    assert prober.failures() == []


def attempt(error: Raised | None) -> Attempt:
    return Attempt("binary", "float32[B, 1]", "float32[B, 1]", 7, EagerObservation("typical", error))


def test_a_loss_that_no_input_suits_has_the_error_that_most_tries_raised():
    errors = [raised("KeyError", 1), raised("TypeError", 2, "first"), raised("TypeError", 2, "second"), None]
    calls = Calls()
    prober = calls.prober(is_callable=False, attempts=tuple(map(attempt, errors)))
    assert prober.telling_error() == raised("TypeError", 2, "first")
    assert prober.failures() == [(Mode.EAGER, raised("TypeError", 2, "first"))]
    assert calls.asked == []


def test_of_errors_as_frequent_as_each_other_the_first_one_is_told():
    errors = [raised("KeyError", 1), raised("TypeError", 2), raised("TypeError", 3)]
    prober = Calls().prober(is_callable=False, attempts=tuple(map(attempt, errors)))
    assert prober.telling_error() == raised("KeyError", 1)


def test_a_name_that_nothing_binds_comes_before_errors_that_other_inputs_cure():
    errors = [raised("ValueError", 1), raised("ValueError", 1), raised("NameError", 5)]
    prober = Calls().prober(is_callable=False, attempts=tuple(map(attempt, errors)))
    assert prober.telling_error() == raised("NameError", 5)


def test_errors_without_a_line_are_counted_together():
    errors = [raised("KeyError", 1), raised("KeyError"), raised("KeyError")]
    prober = Calls().prober(is_callable=False, attempts=tuple(map(attempt, errors)))
    assert prober.telling_error() == raised("KeyError")


def test_an_error_about_ranks_tells_least():
    about_rank = raised("ValueError", 2, "Input must be 4 or 5-dimensional")
    told = raised("KeyError", 3)
    tries = (attempt(about_rank), attempt(about_rank), attempt(told))
    assert telling_attempt(tries) == tries[2]
    assert telling_attempt(tries[:2]) == tries[0]


def test_a_loss_that_was_never_tried_has_no_telling_error():
    prober = Calls().prober(is_callable=False)
    assert (prober.telling_error(), prober.failures()) == (None, [])
