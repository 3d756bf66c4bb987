import dataclasses
from html.parser import HTMLParser

from losscheck.reporters.notebook import render_html


class Balance(HTMLParser):
    """Checks that every tag that is opened is closed again, in order."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.text = []

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_html_is_balanced_and_says_what_the_text_says(source_file, examples):
    page = Balance()

    page.feed(render_html(examples.report(examples.dice, examples.mse, failures=(examples.typo,))))

    text = "".join(page.text)
    assert page.open == []
    assert "LC201 disconnected-gradient error losses.py:5:23" in text
    assert "   5     classes = tf.cast(tf.argmax(y_pred, axis=-1), tf.float32)" in text
    assert "path: ArgMax ✂ Cast → Mul → Sum" in text
    assert "not checked: no such file `lossses.py`; did you mean `losses.py`?" in text
    assert text.endswith("2 losses checked in 2.1 s: 1 error, 1 warning, 1 note, 1 failure")


def test_the_culprit_is_underlined(source_file, examples):
    html = render_html(examples.report(examples.dice))

    assert '<u style="text-decoration-color:#c62828">tf.argmax(y_pred, axis=-1)</u>' in html


def test_nothing_of_the_user_becomes_markup(source_file, examples):
    source_file.write_text("loss = lambda y_true, y_pred: '<script>'\n", encoding="utf-8")
    finding = dataclasses.replace(
        examples.disconnected,
        message="<script>",
        hint="<script>",
        location=dataclasses.replace(examples.disconnected.location, line=1, end_line=1),
        evidence={"path": "<script>"},
    )
    loss = dataclasses.replace(examples.dice, name="<script>", findings=(finding,))

    assert "<script>" not in render_html(examples.report(loss))
