"""The traced graph, read: what stands between ``y_pred`` and the loss, and where the gradient stops."""

from __future__ import annotations

import pytest

from losscheck.graph_observation import FlowObservation, Op
from losscheck.inputs.batches import Batch
from losscheck.probes.flow import read_flow, trace

from .conftest import Written, code_of, probabilities, regression


def flow(written: Written, batch: Batch | None = None) -> FlowObservation:
    batch = batch or regression()
    return read_flow(trace(written.loss, batch, written.files), batch, written.files)


def cut(written: Written, batch: Batch | None = None) -> tuple[str, int, str]:
    """Operation, line and code at which the gradient stops."""
    seen = flow(written, batch)
    assert seen.cut is not None
    op = seen.ops[seen.cut]
    return op.type, op.location.line, code_of(op.location)


def path(written: Written) -> list[str]:
    """The operations from ``y_pred`` to the loss, without those that only pass a tensor on."""
    seen = flow(written)
    kinds = [seen.ops[index].type for index in seen.path]
    return [kind for kind in kinds if kind not in ("Placeholder", "Identity", "IdentityN")]


def op(seen: FlowObservation, kind: str) -> Op:
    (found,) = (op for op in seen.ops if op.type == kind)
    return found


MEAN = "def loss_fn(y_true, y_pred):\n    return tf.reduce_mean(tf.abs(y_true - y_pred), -1)\n"


# A live gradient


def test_a_loss_with_a_gradient_has_no_cut(write):
    seen = flow(write(MEAN))
    assert (seen.cut, seen.raised, seen.skipped, seen.batch) == (None, None, "", "typical")


def test_the_path_goes_from_y_pred_to_the_loss(write):
    written = write(MEAN)
    seen = flow(written)
    assert (
        seen.path[-1],
        seen.ops[seen.path[0]].type,
        seen.ops[seen.path[0]].from_y_pred,
    ) == (seen.output, "Placeholder", True)
    assert path(written) == ["Sub", "Abs", "Mean"]


def test_every_operation_on_the_way_has_a_gradient(write):
    seen = flow(write(MEAN))
    assert {op.type: op.has_gradient for op in seen.ops if op.type in ("Sub", "Abs", "Mean")} == {
        "Sub": True,
        "Abs": True,
        "Mean": True,
    }


def test_operations_tell_what_they_are_made_of(write):
    seen = flow(write(MEAN))
    sub, mean = op(seen, "Sub"), op(seen, "Mean")
    assert [(seen.ops[i].type, seen.ops[i].shape, seen.ops[i].dtype) for i in sub.inputs] == [
        ("Placeholder", (7, 3), "float32")
    ] * 2
    assert (mean.shape, mean.dtype, mean.is_float, sub.shape) == ((7,), "float32", True, (7, 3))


def test_operations_stand_behind_their_inputs_under_their_own_index(write):
    seen = flow(write(BRANCH.format(inner="tf.exp(y_pred)")))
    assert [op.index for op in seen.ops] == list(range(len(seen.ops)))
    assert not [op for op in seen.ops if any(i >= op.index for i in op.inputs)]


def test_operations_know_which_argument_they_come_from_and_whether_they_reach_the_loss(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            unused = tf.tanh(y_pred)
            return tf.square(y_pred) + tf.exp(y_true) + tf.sin(tf.constant(1.0))
        """
    )
    seen = flow(written)
    assert {
        kind: (op(seen, kind).from_y_true, op(seen, kind).from_y_pred, op(seen, kind).reaches_output)
        for kind in ("Tanh", "Square", "Exp", "Sin")
    } == {
        "Tanh": (False, True, False),
        "Square": (False, True, True),
        "Exp": (True, False, True),
        "Sin": (False, False, True),
    }


def test_the_operations_of_the_gradient_are_no_operations_of_the_loss(write):
    seen = flow(write(MEAN))
    assert not [op.name for op in seen.ops if "gradients" in op.name]
    assert "Sign" not in [op.type for op in seen.ops]


def test_reading_twice_gives_the_same(write):
    written = write(MEAN)
    traced = trace(written.loss, regression(), written.files)
    first, second = (read_flow(traced, regression(), written.files) for _ in range(2))
    assert (second.ops, second.path) == (first.ops, first.path)


# A cut

CUTS = {
    "round": ("tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)), -1)", "Round", "tf.round(y_pred)"),
    "argmax": (
        "tf.cast(tf.argmax(y_true, -1) == tf.argmax(y_pred, -1), tf.float32)",
        "ArgMax",
        "tf.argmax(y_pred, -1)",
    ),
    "threshold": ("tf.abs(y_true - tf.cast(y_pred > 0.5, tf.float32))", "Greater", "y_pred > 0.5"),
    "threshold of two": ("tf.where(y_true < y_pred, 1.0, 0.0)", "Less", "y_true < y_pred"),
    "stop_gradient": ("y_true - tf.stop_gradient(y_pred)", "StopGradient", "tf.stop_gradient(y_pred)"),
    "cast to int": (
        "tf.cast(tf.cast(tf.nn.relu(y_pred), tf.int32), tf.float32) - y_true",
        "Cast",
        "tf.cast(tf.nn.relu(y_pred), tf.int32)",
    ),
    "floor": ("tf.floor(tf.exp(y_pred))", "Floor", "tf.floor(tf.exp(y_pred))"),
    "not equal": ("tf.cast(y_pred != y_true, tf.float32)", "NotEqual", "y_pred != y_true"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "underlined"), CUTS.values(), ids=CUTS)
def test_the_gradient_stops_at_the_operation_that_makes_no_float_of_one(write, code, kind, underlined):
    written = write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")
    assert cut(written) == (kind, 3, underlined)


def test_the_path_leads_through_the_cut(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            chosen = tf.argmax(tf.nn.softmax(y_pred), -1)
            right = tf.cast(chosen == tf.argmax(y_true, -1), tf.float32)
            return 1 - tf.reduce_mean(right)
        """
    )
    assert path(written) == ["Softmax", "ArgMax", "Equal", "Cast", "Mean", "Sub"]


def test_of_two_cuts_the_one_that_stops_the_gradient_of_the_loss_is_told(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.floor(tf.exp(tf.round(y_pred)))\n")
    assert (cut(written)[0], path(written)) == ("Floor", ["Round", "Exp", "Floor"])


@pytest.mark.parametrize(
    "code",
    [
        "tf.where(y_pred > 0, y_pred, -y_pred)",
        "tf.gather(y_pred, tf.argsort(y_pred[:, 0]))",
        "y_pred * tf.cast(y_true > 0, tf.float32)",
        "tf.reshape(y_pred, tf.shape(y_true))",
        "tf.boolean_mask(y_pred, y_pred > 0)",
        "tf.sort(y_pred)",
        "tf.sign(y_pred)",
        "tf.clip_by_value(y_pred, 0.0, 1.0)",
        "y_pred / tf.cast(tf.shape(y_pred)[0], tf.float32)",
    ],
)
def test_an_index_or_a_mask_made_of_y_pred_is_no_cut(write, code):
    assert flow(write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")).cut is None


def test_a_loss_that_never_uses_y_pred_has_neither_a_cut_nor_a_path(write):
    seen = flow(write("def loss_fn(y_true, y_pred):\n    return tf.square(y_true)\n"))
    assert (seen.cut, seen.path) == (None, ())
    assert seen.output is not None
    assert not any(op.from_y_pred and op.reaches_output for op in seen.ops)


def test_the_right_one_of_two_calls_on_a_line_is_underlined(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.abs(tf.round(y_true) - tf.round(y_pred))
        """
    )
    assert cut(written)[2] == "tf.round(y_pred)"


def test_a_helper_has_its_own_file_and_line(write):
    written = write(
        """
        import helpers
        def loss_fn(y_true, y_pred):
            return tf.abs(y_true - helpers.harden(y_pred))
        """,
        helpers="""
        import tensorflow as tf

        def harden(y_pred):
            return tf.cast(
                y_pred > 0.5,
                tf.float32,
            )
        """,
    )
    seen = flow(written)
    place = seen.ops[seen.cut].location
    assert (place.path, place.line, code_of(place)) == ("helpers.py", 6, "y_pred > 0.5")
    cast = op(seen, "Cast").location
    assert (cast.path, cast.line, cast.end_line) == ("helpers.py", 5, 8)


def test_what_keras_does_has_the_users_call(write):
    written = write(
        """
        import keras
        def loss_fn(y_true, y_pred):
            return keras.losses.mean_squared_error(y_true, tf.round(y_pred))
        """
    )
    seen = flow(written)
    assert {op.location.line for op in seen.ops if op.location} == {4}
    assert cut(written) == ("Round", 4, "tf.round(y_pred)")


def test_a_keras_loss_is_read_too(write):
    written = write(
        """
        import keras
        class loss_fn(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return tf.abs(y_true - tf.round(y_pred))  # <-
        """
    )
    assert cut(written) == ("Round", written.line(), "tf.round(y_pred)")


# Graphs inside

BRANCH = """
def loss_fn(y_true, y_pred):
    return tf.cond(
        tf.reduce_mean(y_true) > 100.0,
        lambda: tf.square(y_pred),
        lambda: {inner},  # <-
    )
"""


def test_a_cut_inside_a_branch_is_found(write):
    written = write(BRANCH.format(inner="tf.round(y_pred)"))
    assert cut(written) == ("Round", written.line(), "tf.round(y_pred)")


def test_live_branches_have_no_cut(write):
    assert flow(write(BRANCH.format(inner="tf.exp(y_pred)"))).cut is None


def test_a_branch_without_y_pred_is_no_cut(write):
    assert flow(write(BRANCH.format(inner="tf.square(y_true)"))).cut is None


def test_operations_of_a_branch_are_on_the_way(write):
    seen = flow(write(BRANCH.format(inner="tf.exp(y_pred)")))
    inner = op(seen, "Exp")
    assert (
        inner.from_y_pred,
        inner.reaches_output,
        inner.has_gradient,
        inner.from_y_true,
    ) == (True, True, True, False)


def test_a_cut_inside_a_branch_inside_a_branch_is_found(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            def inner():
                return tf.cond(tf.reduce_max(y_true) > 1.0, lambda: y_pred, lambda: tf.floor(y_pred))  # <-
            return tf.cond(tf.reduce_mean(y_true) > 0.0, inner, lambda: tf.square(y_pred))
        """
    )
    assert cut(written) == ("Floor", written.line(), "tf.floor(y_pred)")


LOOP = """
def loss_fn(y_true, y_pred):
    def body(i, total):
        return i + 1, total + {step}  # <-
    _, total = tf.while_loop(
        lambda i, _: i < 3, body, [tf.constant(0), {start}], maximum_iterations=3
    )
    return total
"""


def test_a_cut_inside_a_loop_is_found(write):
    written = write(LOOP.format(step="tf.round(y_pred)", start="tf.zeros_like(y_true)"))
    assert cut(written) == ("Round", written.line(), "tf.round(y_pred)")


def test_a_live_loop_has_no_cut(write):
    written = write(LOOP.format(step="tf.square(y_pred)", start="tf.zeros_like(y_true)"))
    assert (flow(written).cut, flow(written).skipped) == (None, "")


def test_a_loop_that_starts_with_y_pred_is_live(write):
    assert flow(write(LOOP.format(step="tf.square(y_true)", start="y_pred"))).cut is None


def test_a_function_of_the_user_is_read_in_place(write):
    written = write(
        """
        @tf.function
        def harden(x):
            return tf.round(x)  # <-

        def loss_fn(y_true, y_pred):
            return tf.abs(y_true - harden(y_pred))
        """
    )
    assert cut(written) == ("Round", written.line(), "tf.round(x)")
    assert path(written) == ["Round", "Sub", "Abs"]


def test_a_function_that_needs_autograph_is_read_inside(write):
    written = write(
        """
        @tf.function
        def harden(x):
            if tf.reduce_mean(x) > 100.0:
                return x
            return tf.round(x)  # <-

        def loss_fn(y_true, y_pred):
            return tf.abs(y_true - harden(y_pred))
        """
    )
    assert cut(written) == ("Round", written.line(), "tf.round(x)")


def test_a_decorated_loss_is_read(write):
    written = write("@tf.function\ndef loss_fn(y_true, y_pred):\n    return tf.round(y_pred)\n")
    assert cut(written) == ("Round", 4, "tf.round(y_pred)")


def test_a_value_that_a_loop_hands_on_is_live(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            _, x = tf.while_loop(
                lambda i, _: i < tf.shape(y_true)[0], lambda i, x: (i + 1, x), [tf.constant(0), y_pred]
            )
            return tf.square(x)
        """
    )
    assert flow(written).cut is None


@pytest.mark.parametrize(("inner", "cut_type"), [("tf.round(row)", "Round"), ("tf.square(row)", None)])
def test_a_cut_in_a_map_over_rows_is_found(write, inner, cut_type):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            return tf.map_fn(lambda row: tf.reduce_sum({inner}), y_pred)
        """
    )
    seen = flow(written)
    assert (seen.cut and seen.ops[seen.cut].type) == cut_type


@pytest.mark.parametrize(("inner", "cut_type"), [("tf.round(row)", "Round"), ("tf.square(row)", None)])
def test_a_cut_in_a_scan_is_found(write, inner, cut_type):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            return tf.scan(lambda total, row: total + {inner}, y_pred, tf.zeros([3]))
        """
    )
    seen = flow(written)
    assert (seen.cut and seen.ops[seen.cut].type) == cut_type


def test_python_code_in_the_graph_is_a_cut(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.numpy_function(lambda x: x, [y_pred], tf.float32)
        """
    )
    assert cut(written) == ("PyFunc", 3, "tf.numpy_function(lambda x: x, [y_pred], tf.float32)")


def test_a_custom_gradient_is_live(write):
    written = write(
        """
        @tf.custom_gradient
        def straight(x):
            return tf.round(x), lambda upstream: upstream

        def loss_fn(y_true, y_pred):
            return tf.abs(y_true - straight(y_pred))
        """
    )
    assert flow(written).cut is None


# What cannot be read


def test_a_loss_that_cannot_be_traced_has_its_error(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred.numpy()\n")
    seen = flow(written)
    assert (
        seen.raised.type,
        seen.raised.location.line,
        seen.ops,
        seen.output,
        seen.cut,
    ) == ("AttributeError", 3, (), None, None)


@pytest.mark.parametrize("code", ["None", "(y_pred, y_pred)", "tf.cast(y_pred, tf.int32)"])
def test_an_output_that_is_no_float_tensor_is_no_output(write, code):
    seen = flow(write(f"def loss_fn(y_true, y_pred):\n    return {code}\n"))
    assert (seen.raised, seen.output, seen.cut, seen.path) == (None, None, None, ())


def test_an_operation_without_a_gradient_is_told(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.raw_ops.RandomGammaGrad(alpha=y_pred, sample=y_pred)
        """
    )
    seen = flow(written)
    assert seen.skipped.startswith("LookupError: ")
    assert seen.output is not None


def test_a_custom_gradient_that_raises_is_told(write):
    written = write(
        """
        @tf.custom_gradient
        def odd(x):
            def backward(upstream):
                raise ArithmeticError("no way back")
            return x, backward

        def loss_fn(y_true, y_pred):
            return odd(y_pred)
        """
    )
    assert flow(written).skipped == "ArithmeticError: no way back"


def test_a_huge_graph_is_read_in_part(write, monkeypatch):
    monkeypatch.setattr("losscheck.probes.flow._MAX_OPS", 50)
    written = write(
        """
        def loss_fn(y_true, y_pred):
            for _ in range(60):
                y_pred = tf.negative(y_pred)
            return y_pred
        """
    )
    seen = flow(written)
    assert (
        seen.skipped,
        len(seen.ops),
        seen.output,
        seen.cut,
    ) == ("the graph has more than 50 operations", 50, None, None)


def test_what_the_trace_prints_stays_off_the_terminal(write, capfd):
    flow(write("def loss_fn(y_true, y_pred):\n    print(1)\n    return y_pred\n"))
    assert capfd.readouterr() == ("", "")


def test_the_probabilities_of_one_column_are_read_like_any_batch(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_true * tf.cast(y_pred > 0.5, tf.float32)\n")
    assert cut(written, probabilities()) == ("Greater", 3, "y_pred > 0.5")
