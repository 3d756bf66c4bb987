"""What is drawn of a loss, as plain data."""

import dataclasses
import json
import math

from losscheck.drawing import Curve, CurveLine, Drawing, Flow, GradientPath, PathEdge, PathNode
from losscheck.finding import Location
from losscheck.report import LossReport
from losscheck.worker.messages import RequestFiles
from losscheck.worker.results import Result

CURVE = Curve(
    x=(-0.1, 0.0, 0.5, 1.0, 1.1),
    axis="y_pred",
    low=0.0,
    high=1.0,
    caption="the one prediction of a sample moves",
    lines=(
        CurveLine("y_true = 0", (0.0, 0.0, 0.5, math.inf, -math.inf), (0.0, 1.0, 2.0, 3.0, 4.0)),
        CurveLine("y_true = 1", (1.0, 1.0, 1.0, 1.0, 1.0), None),
    ),
)
PATH = GradientPath(
    (PathNode((), None, False), PathNode(("Round", "Sum"), Location("a.py", 3, 5, 3, 9), True)),
    (PathEdge(0, 1, Flow.CUT),),
    "some is left out",
)
REPORT = LossReport("a.py:f", "a.py", 2, "f", "function", drawing=Drawing(CURVE, "", PATH, ""))


def test_a_drawing_comes_back_from_plain_data_with_its_infinities():
    drawing = REPORT.drawing

    assert Drawing.from_dict(json.loads(json.dumps(drawing.to_dict()))) == drawing
    assert Drawing.from_dict(Drawing(no_curve="a", no_path="b").to_dict()) == Drawing(None, "a", None, "b")


def test_nan_and_infinities_are_strings_so_that_every_json_parser_reads_them():
    line = CurveLine("y_true = 0", (math.nan, math.inf, -math.inf), (math.nan, 0.0, 0.0))
    data = Drawing(dataclasses.replace(CURVE, lines=(line,))).to_dict()

    text = json.dumps(data, allow_nan=False)

    assert data["curve"]["lines"][0]["loss"] == ["nan", "inf", "-inf"]
    assert math.isnan(Drawing.from_dict(json.loads(text)).curve.lines[0].gradient[0])


def test_a_number_has_no_more_digits_than_float32():
    data = Drawing(dataclasses.replace(CURVE, x=(1 / 3, 1.0))).to_dict()

    assert data["curve"]["x"] == [0.3333333, 1.0]


def test_the_report_of_a_worker_carries_it(tmp_path):
    files = RequestFiles(tmp_path)

    files.write_result(Result(REPORT))

    assert files.read_result().report == REPORT


def test_a_report_without_one_has_no_key_for_it():
    data = dataclasses.replace(REPORT, drawing=None).to_dict()

    assert "drawing" not in data
    assert LossReport.from_dict(data).drawing is None
    assert "drawing" in REPORT.to_dict()


def test_the_points_in_the_domain_are_known():
    assert CURVE.x[CURVE.inside] == (0.0, 0.5, 1.0)


def test_a_path_is_cut_where_y_pred_has_no_gradient():
    alive = dataclasses.replace(PATH, nodes=(dataclasses.replace(PATH.nodes[0], has_gradient=True),))

    assert (PATH.is_cut, alive.is_cut) == (True, False)
