"""Whatever stands in a report, every format keeps its form, and no terminal obeys it."""

import contextlib
import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from hypothesis import given

from losscheck.baseline import leave_out_known, write_baseline
from losscheck.exceptions import LosscheckError
from losscheck.reporters import render
from losscheck.reporters.files import Output, write_output
from losscheck.reporters.terminal import write_safely

from .checks import round_trip
from .reports import reports, styles

pytestmark = pytest.mark.field
#: What a terminal obeys, but for line ends.
_PATH = Path("out")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory):
    """A working directory with two of the files that the findings point at."""
    home, folder = Path.cwd(), tmp_path_factory.mktemp("reports")
    os.chdir(folder)
    (folder / "losses.py").write_text(
        "def loss(y_true, y_pred):\n\treturn [bold]y_true[/] - y_pred  # é\n\n\n" * 2
    )
    (folder / "strange.py").write_bytes(b"\x1b[31mred = 1\x00\n\xff\xfe = '\x9b'\n\t\t# \xe2\x80\xae\n" * 3)
    yield
    os.chdir(home)


@given(reports(), styles())
def test_no_terminal_obeys_a_report(report, style):
    for name in ("text", "concise", "github"):
        assert CONTROL.findall(render(name, report, style)) == []
    colored = render("text", report, replace(style, color=True))
    assert CONTROL.findall(re.sub(r"\x1b\[[\d;]*m", "", colored)) == []


@given(reports())
def test_what_programs_read_can_be_read(report):
    for name in ("json", "sarif", "gitlab"):
        json.loads(render(name, report), parse_constant=pytest.fail)
    root = ET.fromstring(render("junit", report).encode("utf-8", "strict"))
    cases = sum(max(1, len(loss.findings)) for loss in report.losses) + len(report.failures)
    assert root.get("tests") == str(cases)


@given(reports())
def test_a_finding_is_one_line(report):
    lines = render("concise", report).splitlines()

    assert len(lines) == len(report.findings) + len(report.failures) + 1


@given(reports())
def test_every_stream_and_file_takes_a_report(report):
    for name in ("text", "concise", "json", "github"):
        text = render(name, report)
        for encoding in ("utf-8", "ascii", "cp1252"):
            write_safely(text, TextIOWrapper(BytesIO(), encoding=encoding))
    for name in ("text", "json", "junit", "sarif"):
        write_output(Output(name, _PATH / name), report)


@given(reports())
def test_a_report_comes_back_from_its_dictionary(report):
    for loss in report.losses:
        with contextlib.suppress(ValueError):  # NaN is not itself
            json.dumps(loss.to_dict(), allow_nan=False)
            round_trip(loss)


@given(reports())
def test_a_baseline_of_any_report_can_be_read(report):
    with contextlib.suppress(LosscheckError):
        write_baseline(report, _PATH.with_suffix(".known"))
        leave_out_known(report, _PATH.with_suffix(".known"))
