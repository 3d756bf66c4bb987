"""The curve in the terminal."""

import dataclasses

import pytest

from losscheck.drawing import Drawing
from losscheck.reporters import Style, render
from losscheck.reporters.plain import plain


@pytest.fixture
def shown(examples):
    """The lines from the curve on, of a report on one loss."""

    def show(drawing=None, **style):
        loss = dataclasses.replace(examples.mse, drawing=drawing or examples.drawn.drawing)
        text = render("text", examples.report(loss), Style(plot=True, **style))
        return text[text.index("curve: ") :].splitlines()

    return show


def test_both_labels_with_loss_and_gradient_side_by_side(shown):
    lines = shown(width=80)

    assert lines[0] == "curve: the one prediction of a sample moves"
    assert [line.strip() for line in lines if "y_true" in line] == ["y_true = 0", "y_true = 1"]
    assert lines[2].split() == ["loss", "over", "y_pred", "gradient", "over", "y_pred"]
    assert lines[3].strip().startswith("1.06│")
    assert lines[10].split() == ["-0.1", "1.1", "-0.1", "1.1"]


PARABOLA_AT_40_IN_ASCII = """\
  y_true = 0
            loss over y_pred
      1.06| *                          *
          |  **                      **
          |   **                    **
          |     **                **
          |       ***          ***
     -0.06|          **********
          +-----------------------------
            -1                         1
            gradient over y_pred
      2.24|                         ****
          |                    *****
         0|               *****
          |          ******
          |     *****
     -2.24| ****
          +-----------------------------
            -1                         1
"""


def test_without_unicode_it_is_stars_and_narrow_it_is_one_below_the_other(shown, examples):
    x = tuple(n / 10 for n in range(-10, 11))
    line = dataclasses.replace(
        examples.curve.lines[0], loss=tuple(a * a for a in x), gradient=tuple(2 * a for a in x)
    )
    curve = dataclasses.replace(examples.curve, x=x, low=-1.0, high=1.0, lines=(line,))

    lines = shown(Drawing(curve=curve), width=40, unicode=False)

    expected = PARABOLA_AT_40_IN_ASCII.splitlines()
    assert lines[2 : 2 + len(expected)] == expected


def test_where_it_is_not_finite_the_axis_is_marked(shown):
    for unicode, mark in ((True, "×"), (False, "x")):
        axes = [line for line in shown(width=100, unicode=unicode) if "└" in line or "+-" in line]
        loss, gradient = (axes[1].strip(" └+")[:30], axes[1].strip(" └+")[30:])
        assert mark not in axes[0]
        assert loss.lstrip("─-").startswith(mark)
        assert mark in gradient


def test_a_gradient_that_is_disconnected_is_said(shown, examples):
    lines = [dataclasses.replace(line, gradient=None) for line in examples.curve.lines]
    curve = dataclasses.replace(examples.curve, lines=tuple(lines))

    assert sum("None: disconnected" in line for line in shown(Drawing(curve=curve))) == 2


def test_without_a_curve_it_says_why(examples):
    loss = dataclasses.replace(examples.mse, drawing=Drawing(no_curve="one call takes 3.0 s"))

    assert "\n  no curve: one call takes 3.0 s\n" in render("text", examples.report(loss), Style(plot=True))


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_page_and_none_ends_in_blanks(shown, width, unicode):
    lines = shown(width=width, unicode=unicode)

    assert [line for line in lines if len(line) > width or line != line.rstrip()] == []


def test_colour_changes_nothing_but_the_colour(shown):
    coloured = shown(color=True)

    assert [plain(line) for line in coloured][1:] == shown()[1:]
    assert any("\x1b[" in line for line in coloured)


def test_it_is_not_shown_unasked(examples):
    assert "curve" not in render("text", examples.report(examples.drawn), Style())
