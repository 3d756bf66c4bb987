import dataclasses
import json

from losscheck.report import LossReport
from losscheck.reporters import render


def test_the_json_report_is_the_data_of_the_report(examples):
    report = examples.report(examples.dice, examples.mse, failures=(examples.typo,))

    assert json.loads(render("json", report)) == report.to_dict()


def test_a_loss_report_survives_the_round_trip(examples):
    data = json.loads(render("json", examples.report(examples.dice)))

    assert LossReport.from_dict(data["losses"][0]).to_dict() == examples.dice.to_dict()


def test_numbers_that_json_lacks_become_strings_and_the_text_is_ascii(examples):
    finding = dataclasses.replace(
        examples.disconnected, evidence={"values": (1.0, float("nan")), "worst": {"gradient": float("inf")}}
    )
    report = examples.report(dataclasses.replace(examples.dice, findings=(finding,), name="perte_é"))

    text = render("json", report)

    assert text.isascii()
    assert json.loads(text)["losses"][0]["findings"][0]["evidence"] == {
        "values": [1.0, "nan"],
        "worst": {"gradient": "inf"},
    }
