"""The page: it is whole, needs nothing else, and nothing of the user's becomes markup."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from losscheck.drawing import Drawing
from losscheck.exceptions import LosscheckError
from losscheck.finding import Location
from losscheck.reporters.html import check_writable, write_page
from losscheck.reporters.html.document import render_page

SCRIPT = "<script>alert(1)</script>"
ANSI = "\x1b[31mred\x1b[0m\x1b]0;title\x07"
VOID = {"meta", "br", "link", "img", "input"}


class Page(HTMLParser):
    """The elements and the text of a page; every tag that is opened must be closed, in order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs)), f"an attribute of <{tag}> stands there twice"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag, **attributes):
        wanted = attributes.items()
        return [found for name, found in self.elements if name == tag and wanted <= found.items()]


@pytest.fixture
def html(source_file, examples):
    report = examples.report(examples.drawn, examples.mse, failures=(examples.typo, examples.bug))
    return render_page(report)


@pytest.fixture
def page(html):
    return Page(html)


def test_it_says_what_the_terminal_says(page):
    for part in (
        "2 losses: 1 error, 1 warning, 1 note, 2 failures",
        "losscheck 0.1.0 · TensorFlow 2.21.0 · Keras 3.15.1 · Python 3.11.7",
        "y_true float32[B, 4] onehot",
        "inferred as categorical",
        "error LC201 disconnected-gradient",
        "losses.py:5:23 in GradientTape, model.fit",
        "Help use the probabilities themselves, not the class index",
        "ArgMax ✂ Cast → Mul → Sum",
        "no such file lossses.py ; did you mean losses.py ?",
        "A bug in losscheck, please report it (losses.py:mse, rule LC201, KeyError)",
        "No errors, no warnings.",
        "LC105 batch-reduced losses.py:7",
        "LC701, LC702: no XLA here",
        "2 losses checked in 2.1 s: 1 error, 1 warning, 1 note, 2 failures",
    ):
        assert part in page.text


def test_the_losses_and_their_modes_are_a_table_with_headings(page):
    columns = [found["scope"] for found in page.all("th")]

    assert columns == ["col"] * 8 + ["row"] * 2  # the loss, three severities, four modes; two losses
    assert len(page.all("td")) == 2 * 7
    assert len(page.all("caption")) == 1
    assert [found["title"] for found in page.all("td", **{"class": "fail error"})] == ["fail", "fail"]
    assert "✗ fail" in page.text
    assert "✓ pass" in page.text


def test_a_mode_that_was_skipped_says_why(source_file, examples):
    from losscheck.finding import Mode
    from losscheck.report import ModeResult, Status

    skipped = {Mode.XLA: ModeResult(Status.SKIPPED, "no XLA here")}
    page = Page(render_page(examples.report(dataclasses.replace(examples.mse, modes=skipped))))

    assert page.all("td", **{"class": "skipped"})[0]["title"] == "skipped: no XLA here"
    assert "– skipped: no XLA here" in page.text


def test_the_culprit_is_marked_in_its_source(html):
    assert "<mark>tf.argmax(y_pred, axis=-1)</mark>, tf.float32)" in html
    assert 'data-line="   5"' in html


def test_the_help_of_a_rule_is_that_of_explain(page):
    assert "About LC201 disconnected-gradient" in page.text
    assert "No gradient flows from the loss back to y_pred ." in page.text
    assert [found["href"] for found in page.all("a", rel="noreferrer")] == [
        "https://www.tensorflow.org/guide/autodiff#getting_a_gradient_of_none",
        *(found["href"] for found in page.all("a", rel="noreferrer")[1:]),
    ]


def test_every_id_is_unique_and_every_reference_has_its_id(page, html):
    ids = [found["id"] for _, found in page.elements if "id" in found]
    named = {
        name
        for _, found in page.elements
        for key in ("aria-labelledby", "aria-describedby")
        for name in found.get(key, "").split()
    }
    linked = {found["href"][1:] for found in page.all("a") if found["href"].startswith("#")}
    painted = set(re.findall(r"url\(#([^)]+)\)", html))

    assert sorted(set(ids)) == sorted(ids)
    assert painted
    assert (named | linked | painted) - set(ids) == set()


def test_nothing_is_loaded_and_nothing_runs(page, html):
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "base"}
    assert not [found for _, found in page.elements if {"src", "style", "onload", "onclick"} & set(found)]
    assert not re.search(r"@import|url\((?!#)", html)


def test_every_drawing_has_a_title_and_a_description(page):
    drawn = page.all("svg", role="img")

    assert [found["aria-labelledby"] for found in drawn] == [
        "loss-1-path-title loss-1-path-desc",
        "loss-1-curve-title loss-1-curve-desc",
    ]
    assert "Path of the gradient of dice_loss" in page.text
    assert "From y_pred to ArgMax (line 5): it is cut here." in page.text
    assert "y_pred goes from −0.1 to 1.1." in page.text


def test_the_cut_is_red_and_has_the_code_of_its_finding(html):
    culprit = re.search(r'<g class="node culprit">.*?</g>', html)[0]

    assert html.count('class="flow cut"') == 2  # the edge, and the legend
    assert ">ArgMax</text>" in culprit
    assert '<text class="badge error"' in culprit
    assert ">LC201</text>" in culprit
    assert html.count('<text class="badge error"') == 1


def test_where_the_gradient_arrives_a_way_without_one_is_not_red(source_file, examples):
    nodes = [dataclasses.replace(node, has_gradient=True) for node in examples.path.nodes]
    path = dataclasses.replace(examples.path, nodes=tuple(nodes))
    loss = dataclasses.replace(examples.mse, drawing=Drawing(path=path, no_curve="too slow"))

    html = render_page(examples.report(loss))

    assert 'class="flow cut"' not in html
    assert 'class="node culprit"' not in html
    assert 'class="flow side"' in html
    assert "The gradient comes back from the loss to <code>y_pred</code>." in html
    assert "No curve: too slow." in html


def test_what_is_not_finite_is_a_band_and_a_sentence(page, html):
    assert html.count('class="bad-band" fill=') == 4  # at 0 and below, in both panels
    assert "loss for y_true = 1 at 0 (+∞)" in page.text
    assert "gradient for y_true = 1 from −0.1 to −0.05 (NaN)" in page.text
    assert "outside its domain" in page.text


def test_a_line_has_a_gap_where_it_is_not_finite(html):
    lines = re.findall(r'<path class="line line-(\d)" d="([^"]+)" clip-path', html)

    assert [place for place, _ in lines] == ["0", "1", "0", "1"]
    assert [drawn.count("M") for _, drawn in lines] == [1, 1, 1, 1]
    assert [drawn.count("L") for _, drawn in lines] == [24, 21, 24, 21]
    assert "nan" not in html
    assert "inf " not in html


def test_a_gradient_that_is_disconnected_is_said_in_its_panel(source_file, examples):
    lines = [dataclasses.replace(line, gradient=None) for line in examples.curve.lines]
    curve = dataclasses.replace(examples.curve, lines=tuple(lines))
    html = render_page(examples.report(dataclasses.replace(examples.mse, drawing=Drawing(curve=curve))))

    assert "None: no gradient reaches y_pred" in html


def hostile(examples, words):
    """A report in which every text is the same."""
    finding = dataclasses.replace(
        examples.disconnected,
        name=words,
        message=words,
        hint=words,
        evidence={words: words},
        location=Location("losses.py", 1),
    )
    node = dataclasses.replace(examples.path.nodes[1], ops=(words,), location=Location("losses.py", 1))
    path = dataclasses.replace(examples.path, nodes=(*examples.path.nodes[:1], node), edges=(), remark=words)
    line = dataclasses.replace(examples.curve.lines[1], label=words)
    curve = dataclasses.replace(examples.curve, axis=words, caption=words, lines=(line,))
    task = dataclasses.replace(examples.dice.task, name=words, y_true=words, y_pred=words, evidence=(words,))
    loss = dataclasses.replace(
        examples.dice,
        name=words,
        path=words,
        task=task,
        findings=(finding,),
        skipped={words: words},
        output=words,
        left_out=words,
        drawing=Drawing(curve, words, path, words),
    )
    failures = [dataclasses.replace(f, target=words, message=words) for f in (examples.typo, examples.bug)]
    return examples.report(loss, failures=tuple(failures))


def test_a_loss_named_script_is_a_name(source_file, examples):
    source_file.write_text(f"loss = lambda y_true, y_pred: '{SCRIPT}'\n", encoding="utf-8")

    html = render_page(hostile(examples, SCRIPT))
    page = Page(html)

    assert "<script" not in html
    assert page.text.count(SCRIPT) > 20
    assert page.all("script") == []


def test_a_quote_ends_no_attribute(source_file, examples):
    page = Page(render_page(hostile(examples, '"\'> onload=alert(1) x="')))

    assert not [found for _, found in page.elements if "onload" in found or "x=" in found]


def test_no_escape_sequence_reaches_the_page(source_file, examples):
    source_file.write_text(f"loss = '{ANSI}'\n", encoding="utf-8")

    html = render_page(hostile(examples, ANSI))

    assert re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", html) == []
    assert "red" in html
    assert "[31m" not in html.replace("?[31m", "")  # in the source, the character is shown as ?


def test_a_report_without_losses_is_a_page(examples):
    page = Page(render_page(examples.report(files=2)))

    assert "no losses found in 2 files" in page.text
    assert page.all("table") == []


def test_the_file_is_written(tmp_path, source_file, examples):
    path = tmp_path / "page.html"

    write_page(examples.report(examples.drawn), str(path))

    assert path.read_text(encoding="utf-8") == render_page(examples.report(examples.drawn))


def test_a_file_that_cannot_be_written_is_one_clear_error(tmp_path, examples, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()

    with pytest.raises(LosscheckError, match=r"^cannot write `folder`: Is a directory$"):
        write_page(examples.report(), "folder")
    with pytest.raises(LosscheckError, match=r"^cannot write `folder`: it is a folder$"):
        check_writable("folder")
    with pytest.raises(LosscheckError, match=r"^cannot write `gone/a.html`: no such folder `gone`$"):
        check_writable("gone/a.html")
    check_writable("folder/a.html")
