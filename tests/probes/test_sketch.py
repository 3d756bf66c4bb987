"""The curve of a loss and the path of its gradient, drawn of what real probes see."""

from __future__ import annotations

import numpy as np
import pytest

from losscheck.drawing import Drawing, Flow
from losscheck.inputs.batches import Batches
from losscheck.inputs.specs import parse_spec
from losscheck.inputs.tasks import told_task
from losscheck.prober import Prober
from losscheck.probes.probing import Probes
from losscheck.sketch import sketch

COLUMN = ("float32[B, 1] binary", "float32[B, 1] prob")
ROWS = ("float32[B, 3] real", "float32[B, 3] real")
CLASSES = ("float32[B, 4] onehot", "float32[B, 4] simplex")


@pytest.fixture
def drawn(write):
    """The drawing of a loss with this body."""

    def draw(body: str, specs: tuple[str, str] = ROWS) -> Drawing:
        lines = "".join(f"    {line.strip()}\n" for line in body.strip().splitlines())
        written = write(f"def loss_fn(y_true, y_pred):\n{lines}")
        batches = Batches(told_task(*map(parse_spec, specs)), written.loss.source)
        return sketch(Prober(written.loss, batches, Probes(written.loss).by_name()))

    return draw


def at(line, curve, x, what="loss"):
    """The number of a line at a point."""
    return getattr(line, what)[int(np.argmin(np.abs(np.array(curve.x) - x)))]


# The curve


def test_a_crossentropy_has_a_line_for_each_label_and_the_right_slope(drawn):
    curve = drawn(
        "return -tf.reduce_mean(tf.math.log(tf.where(y_true > 0, y_pred, 1 - y_pred)), -1)", COLUMN
    ).curve
    zero, one = curve.lines

    assert [line.label for line in curve.lines] == ["y_true = 0", "y_true = 1"]
    assert at(one, curve, 0.5) == pytest.approx(np.log(2), rel=1e-5)
    assert at(one, curve, 0.5, "gradient") == pytest.approx(-2, rel=1e-5)
    assert at(zero, curve, 0.5, "gradient") == pytest.approx(2, rel=1e-5)


def test_what_is_not_finite_stays_what_it_is(drawn):
    curve = drawn("return -tf.reduce_mean(y_true * tf.math.log(y_pred), axis=-1)", COLUMN).curve
    one = curve.lines[1]

    assert at(one, curve, 0.0) == np.inf
    assert np.isnan(at(one, curve, -0.1))
    assert at(one, curve, 0.0, "gradient") == -np.inf


def test_a_gradient_that_is_disconnected_is_none(drawn):
    lines = drawn("return tf.reduce_mean(tf.abs(y_true - tf.round(y_pred)), axis=-1)").curve.lines

    assert [line.gradient for line in lines] == [None, None]


def test_the_gradient_is_the_slope_of_the_curve(drawn):
    curve = drawn("return -tf.reduce_sum(y_true * tf.math.log(y_pred + 0.1), axis=-1) ** 2", CLASSES).curve
    (line,) = curve.lines
    inside = curve.inside
    slope = np.gradient(line.loss[inside], curve.x[inside])

    assert line.label == "class 0, 1, 2"
    assert np.allclose(slope[2:-2], line.gradient[inside][2:-2], rtol=0.02, atol=0.05)


def test_weights_of_classes_part_the_lines(drawn):
    body = """
        weights = tf.constant([1.0, 2.0, 2.0, 1.0])
        return -tf.reduce_sum(weights * y_true * tf.math.log(y_pred + 0.1), axis=-1)
    """

    assert [line.label for line in drawn(body, CLASSES).curve.lines] == ["class 0", "class 1, 2"]


def test_a_loss_for_the_whole_batch_is_drawn_over_a_whole_batch(drawn):
    curve = drawn("return tf.reduce_mean(tf.square(y_true - y_pred))").curve
    line = curve.lines[0]

    assert curve.caption == "the first prediction moves in an ordinary batch of 7; the others are right"
    assert len(curve.x) == 41
    assert at(line, curve, 3.6) == pytest.approx(16 / 21, rel=1e-4)
    assert at(line, curve, 3.6, "gradient") == pytest.approx(8 / 21, rel=1e-4)


def test_a_loss_that_takes_rows_together_is_no_loss_of_one_sample(drawn):
    body = "error = tf.reduce_sum(tf.square(y_true - y_pred), -1)\nreturn error / tf.reduce_sum(error)"

    assert "batch of 7" in drawn(body).curve.caption


def test_a_loss_that_takes_one_batch_size_alone_is_drawn_all_the_same(drawn):
    curve = drawn("return tf.reduce_mean(tf.square(y_true - tf.reshape(y_pred, (7, 3))), axis=-1)").curve

    assert at(curve.lines[0], curve, 3.6) == pytest.approx(16 / 21, rel=1e-4)


def test_a_pixel_counts_as_the_mean_counts_it(drawn):
    specs = ("float32[B, 4, 4, 1] binary", "float32[B, 4, 4, 1] prob")
    curve = drawn("return tf.square(y_true - y_pred)[..., 0]", specs).curve

    assert at(curve.lines[0], curve, 1.0, "gradient") == pytest.approx(2 * 7 / 16)  # of 16 pixels, 7 are 0


@pytest.mark.parametrize(
    ("body", "specs", "reason"),
    [
        ("raise ValueError('no')", ROWS, "the loss gives no float tensor"),
        ("return y_true", ("float32[B]", "int32[B] 0..3"), "the predictions are integers"),
        (
            "return tf.reduce_sum(y_pred - y_true) * float('nan')",
            ROWS,
            "the loss has no finite value along any line",
        ),
    ],
)
def test_why_there_is_no_curve(drawn, body, specs, reason):
    drawing = drawn(body, specs)

    assert (drawing.curve, drawing.no_curve) == (None, reason)


# The path


def nodes(drawing):
    return [(node.ops, node.location and node.location.line) for node in drawing.path.nodes]


def edges(drawing):
    return [(edge.source, edge.target, edge.flow) for edge in drawing.path.edges]


def test_operations_of_one_line_are_one_node(drawn):
    drawing = drawn("error = tf.square(y_true - y_pred)\nreturn tf.reduce_mean(error, axis=-1)")

    assert nodes(drawing) == [((), None), (("Sub", "Square"), 3), (("Mean",), 4)]
    assert edges(drawing) == [(0, 1, Flow.PASSES), (1, 2, Flow.PASSES)]
    assert not drawing.path.is_cut


def test_the_cut_lies_before_the_operation_that_has_no_gradient(drawn):
    drawing = drawn("hard = tf.round(tf.exp(y_pred))\nreturn tf.reduce_mean(hard - y_true, axis=-1)")

    assert nodes(drawing) == [((), None), (("Exp",), 3), (("Round",), 3), (("Sub", "Mean"), 4)]
    assert edges(drawing) == [(0, 1, Flow.NONE), (1, 2, Flow.CUT), (2, 3, Flow.PASSES)]
    assert drawing.path.is_cut


def test_integers_are_cut_where_floats_become_integers(drawn):
    body = """
        best = tf.argmax(y_pred, -1)
        right = best == tf.argmax(y_true, -1)
        return 1 - tf.cast(right, tf.float32)
    """

    drawing = drawn(body)

    assert edges(drawing)[0] == (0, 1, Flow.CUT)
    assert drawing.path.nodes[1].ops == ("ArgMax",)
    assert {flow for _, _, flow in edges(drawing)[1:]} == {Flow.NONE}


def test_a_way_that_is_stopped_beside_one_that_is_not(drawn):
    drawing = drawn("return tf.reduce_mean(y_pred * tf.stop_gradient(y_pred) - y_true, axis=-1)")

    assert not drawing.path.is_cut
    stop = next(place for place, (ops, _) in enumerate(nodes(drawing)) if ops == ("StopGradient",))
    assert (0, stop, Flow.CUT) in edges(drawing)
    assert (0, stop + 1, Flow.PASSES) in edges(drawing)


def test_a_large_graph_is_drawn_along_its_shortest_way(drawn):
    terms = "\n".join(f"a{n} = tf.sin(y_pred * {n}.0)" for n in range(1, 60))
    drawing = drawn(f"{terms}\nreturn tf.add_n([{', '.join(f'a{n}' for n in range(1, 60))}])[:, 0]")

    assert len(drawing.path.nodes) < 10
    assert drawing.path.remark == "the graph has 121 operations: only a shortest way through it is drawn"


def test_no_path_where_nothing_leads_from_the_prediction(drawn):
    drawing = drawn("return tf.reduce_mean(tf.square(y_true), axis=-1)")

    assert (drawing.path, drawing.no_path) == (None, "no operation leads from `y_pred` to the loss")
