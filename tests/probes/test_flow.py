"""The traced graph, read: what stands between ``y_pred`` and the loss, and where the gradient stops."""

from __future__ import annotations

import pytest

from losscheck.inputs.batches import Batch
from losscheck.observation import FlowObservation, Op
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
    assert (None, None, "", "typical") == (seen.cut, seen.raised, seen.skipped, seen.batch)


def test_the_path_goes_from_y_pred_to_the_loss(write):
    written = write(MEAN)
    seen = flow(written)
    assert (seen.output, "Placeholder", True) == (
        seen.path[-1],
        seen.ops[seen.path[0]].type,
        seen.ops[seen.path[0]].from_y_pred,
    )
    assert ["Sub", "Abs", "Mean"] == path(written)


def test_every_operation_on_the_way_has_a_gradient(write):
    seen = flow(write(MEAN))
    assert {"Sub": True, "Abs": True, "Mean": True} == {
        op.type: op.has_gradient for op in seen.ops if op.type in ("Sub", "Abs", "Mean")
    }


def test_operations_tell_what_they_are_made_of(write):
    seen = flow(write(MEAN))
    sub, mean = op(seen, "Sub"), op(seen, "Mean")
    assert [("Placeholder", (7, 3), "float32")] * 2 == [
        (seen.ops[i].type, seen.ops[i].shape, seen.ops[i].dtype) for i in sub.inputs
    ]
    assert ((7,), "float32", True, (7, 3)) == (mean.shape, mean.dtype, mean.is_float, sub.shape)


def test_operations_stand_behind_their_inputs_under_their_own_index(write):
    seen = flow(write(BRANCH.format(inner="tf.exp(y_pred)")))
    assert list(range(len(seen.ops))) == [op.index for op in seen.ops]
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
        "Tanh": (False, True, False),
        "Square": (False, True, True),
        "Exp": (True, False, True),
        "Sin": (False, False, True),
    } == {
        kind: (op(seen, kind).from_y_true, op(seen, kind).from_y_pred, op(seen, kind).reaches_output)
        for kind in ("Tanh", "Square", "Exp", "Sin")
    }


def test_the_operations_of_the_gradient_are_no_operations_of_the_loss(write):
    seen = flow(write(MEAN))
    assert not [op.name for op in seen.ops if "gradients" in op.name]
    assert "Sign" not in [op.type for op in seen.ops]


def test_reading_twice_gives_the_same(write):
    written = write(MEAN)
    traced = trace(written.loss, regression(), written.files)
    first, second = (read_flow(traced, regression(), written.files) for _ in range(2))
    assert (first.ops, first.path) == (second.ops, second.path)


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
    "stop_gradient": ("tf.square(y_true - tf.stop_gradient(y_pred))", "StopGradient", "tf.stop_gradient(y_pred)"),
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
    assert (kind, 3, underlined) == cut(written)


def test_the_path_leads_through_the_cut(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            chosen = tf.argmax(tf.nn.softmax(y_pred), -1)
            right = tf.cast(chosen == tf.argmax(y_true, -1), tf.float32)
            return 1 - tf.reduce_mean(right)
        """
    )
    assert ["Softmax", "ArgMax", "Equal", "Cast", "Mean", "Sub"] == path(written)


def test_of_two_cuts_the_one_that_stops_the_gradient_of_the_loss_is_told(write):
    written = write("def loss_fn(y_true, y_pred):\n    return tf.floor(tf.exp(tf.round(y_pred)))\n")
    assert ("Floor", ["Round", "Exp", "Floor"]) == (cut(written)[0], path(written))


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
    assert None is flow(write(f"def loss_fn(y_true, y_pred):\n    return {code}\n")).cut


def test_a_loss_that_never_uses_y_pred_has_neither_a_cut_nor_a_path(write):
    seen = flow(write("def loss_fn(y_true, y_pred):\n    return tf.square(y_true)\n"))
    assert (None, ()) == (seen.cut, seen.path)
    assert seen.output is not None
    assert not any(op.from_y_pred and op.reaches_output for op in seen.ops)


def test_the_right_one_of_two_calls_on_a_line_is_underlined(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.abs(tf.round(y_true) - tf.round(y_pred))
        """
    )
    assert "tf.round(y_pred)" == cut(written)[2]


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
    assert ("helpers.py", 6, "y_pred > 0.5") == (place.path, place.line, code_of(place))
    cast = op(seen, "Cast").location
    assert ("helpers.py", 5, 8) == (cast.path, cast.line, cast.end_line)


def test_what_keras_does_has_the_users_call(write):
    written = write(
        """
        import keras
        def loss_fn(y_true, y_pred):
            return keras.losses.mean_squared_error(y_true, tf.round(y_pred))
        """
    )
    seen = flow(written)
    assert {4} == {op.location.line for op in seen.ops if op.location}
    assert ("Round", 4, "tf.round(y_pred)") == cut(written)


def test_a_keras_loss_is_read_too(write):
    written = write(
        """
        import keras
        class loss_fn(keras.losses.Loss):
            def call(self, y_true, y_pred):
                return tf.abs(y_true - tf.round(y_pred))  # <-
        """
    )
    assert ("Round", written.line(), "tf.round(y_pred)") == cut(written)


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
    assert ("Round", written.line(), "tf.round(y_pred)") == cut(written)


def test_live_branches_have_no_cut(write):
    assert None is flow(write(BRANCH.format(inner="tf.exp(y_pred)"))).cut


def test_a_branch_without_y_pred_is_no_cut(write):
    assert None is flow(write(BRANCH.format(inner="tf.square(y_true)"))).cut


def test_operations_of_a_branch_are_on_the_way(write):
    seen = flow(write(BRANCH.format(inner="tf.exp(y_pred)")))
    inner = op(seen, "Exp")
    assert (True, True, True, False) == (
        inner.from_y_pred,
        inner.reaches_output,
        inner.has_gradient,
        inner.from_y_true,
    )


def test_a_cut_inside_a_branch_inside_a_branch_is_found(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            def inner():
                return tf.cond(tf.reduce_max(y_true) > 1.0, lambda: y_pred, lambda: tf.floor(y_pred))  # <-
            return tf.cond(tf.reduce_mean(y_true) > 0.0, inner, lambda: tf.square(y_pred))
        """
    )
    assert ("Floor", written.line(), "tf.floor(y_pred)") == cut(written)


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
    assert ("Round", written.line(), "tf.round(y_pred)") == cut(written)


def test_a_live_loop_has_no_cut(write):
    written = write(LOOP.format(step="tf.square(y_pred)", start="tf.zeros_like(y_true)"))
    assert (None, "") == (flow(written).cut, flow(written).skipped)


def test_a_loop_that_starts_with_y_pred_is_live(write):
    assert None is flow(write(LOOP.format(step="tf.square(y_true)", start="y_pred"))).cut


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
    assert ("Round", written.line(), "tf.round(x)") == cut(written)
    assert ["Round", "Sub", "Abs"] == path(written)


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
    assert ("Round", written.line(), "tf.round(x)") == cut(written)


def test_a_decorated_loss_is_read(write):
    written = write("@tf.function\ndef loss_fn(y_true, y_pred):\n    return tf.round(y_pred)\n")
    assert ("Round", 4, "tf.round(y_pred)") == cut(written)


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
    assert None is flow(written).cut


@pytest.mark.parametrize(("inner", "is_cut"), [("tf.round(row)", True), ("tf.square(row)", False)])
def test_a_map_over_rows_that_cuts_is_told_by_its_call(write, inner, is_cut):
    written = write(
        f"""
        def loss_fn(y_true, y_pred):
            return tf.map_fn(lambda row: tf.reduce_sum({inner}), y_pred)
        """
    )
    seen = flow(written)
    assert is_cut == (seen.cut is not None)
    if is_cut:
        assert 3 == seen.ops[seen.cut].location.line


def test_python_code_in_the_graph_is_a_cut(write):
    written = write(
        """
        def loss_fn(y_true, y_pred):
            return tf.numpy_function(lambda x: x, [y_pred], tf.float32)
        """
    )
    assert ("PyFunc", 3, "tf.numpy_function(lambda x: x, [y_pred], tf.float32)") == cut(written)


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
    assert None is flow(written).cut


# What cannot be read


def test_a_loss_that_cannot_be_traced_has_its_error(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_pred.numpy()\n")
    seen = flow(written)
    assert ("AttributeError", 3, (), None, None) == (
        seen.raised.type,
        seen.raised.location.line,
        seen.ops,
        seen.output,
        seen.cut,
    )


@pytest.mark.parametrize("code", ["None", "(y_pred, y_pred)", "tf.cast(y_pred, tf.int32)"])
def test_an_output_that_is_no_float_tensor_is_no_output(write, code):
    seen = flow(write(f"def loss_fn(y_true, y_pred):\n    return {code}\n"))
    assert (None, None, None, ()) == (seen.raised, seen.output, seen.cut, seen.path)


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
    assert "ArithmeticError: no way back" == flow(written).skipped


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
    assert ("the graph has more than 50 operations", 50, None, None) == (
        seen.skipped,
        len(seen.ops),
        seen.output,
        seen.cut,
    )


def test_what_the_trace_prints_stays_off_the_terminal(write, capfd):
    flow(write("def loss_fn(y_true, y_pred):\n    print(1)\n    return y_pred\n"))
    assert ("", "") == capfd.readouterr()


def test_the_probabilities_of_one_column_are_read_like_any_batch(write):
    written = write("def loss_fn(y_true, y_pred):\n    return y_true * tf.cast(y_pred > 0.5, tf.float32)\n")
    assert ("Greater", 3, "y_pred > 0.5") == cut(written, probabilities())
