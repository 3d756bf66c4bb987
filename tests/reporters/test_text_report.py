import dataclasses

import pytest

from losscheck.finding import Location, Mode, Severity
from losscheck.report import ModeResult, Status
from losscheck.reporters import Style, render

DICE_AT_100 = """\
losses.py:4 dice_loss
  inputs: y_true float32[B, 4] onehot, y_pred float32[B, 4] simplex (inferred: categorical)
  eager ✓  tf.function ✓  GradientTape ✗  model.fit ✗

  LC201 disconnected-gradient error
  the gradient with respect to `y_pred` is None: `tf.argmax` cuts the path
   --> losses.py:5:23 in GradientTape, model.fit
  4 | def dice_loss(y_true, y_pred):
  5 |     classes = tf.cast(tf.argmax(y_pred, axis=-1), tf.float32)
    |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^
  6 |     intersection = tf.reduce_sum(y_true * classes)
  7 |     return 1 - 2 * intersection / (
  path: ArgMax ✂ Cast → Mul → Sum
  help: use the probabilities themselves, not the class index

  LC501 non-finite-loss warning
  NaN when `y_true` is all zero
    --> losses.py:7:12
   5 |     classes = tf.cast(tf.argmax(y_pred, axis=-1), tf.float32)
   6 |     intersection = tf.reduce_sum(y_true * classes)
   7 |     return 1 - 2 * intersection / (
     |            ^^^^^^^^^^^^^^^^^^^^^^^^
   8 |         tf.reduce_sum(y_true)
     |         ^^^^^^^^^^^^^^^^^^^^^
   9 |         + tf.reduce_sum(classes)
     |         ^^^^^^^^^^^^^^^^^^^^^^^^
  10 |     )
     |     ^
  help: add an epsilon to the denominator

  notes: LC105 batch-reduced (7)

1 loss checked in 2.1 s: 1 error, 1 warning, 1 note
`losscheck --explain LC201` says more about a rule
"""

DISCONNECTED_AT_60_IN_ASCII = """\
losses.py:4 dice_loss
  inputs: y_true float32[B, 4] onehot, y_pred float32[B, 4]
          simplex (inferred: categorical)
  eager ok  tf.function ok  GradientTape FAIL
  model.fit FAIL

  LC201 disconnected-gradient error
  the gradient with respect to `y_pred` is None: `tf.argmax`
  cuts the path
   --> losses.py:5:23 in GradientTape, model.fit
  4 | def dice_loss(y_true, y_pred):
  5 |     classes = tf.cast(tf.argmax(y_pred, axis=-1), t...
    |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^
  6 |     intersection = tf.reduce_sum(y_true * classes)
  7 |     return 1 - 2 * intersection / (
  path: ArgMax -x- Cast -> Mul -> Sum
  help: use the probabilities themselves, not the class
        index

1 loss checked in 2.1 s: 1 error
`losscheck --explain LC201` says more about a rule
"""

DETAILS = """\

  how the inputs were chosen
    `tf.argmax` says classes
    binary: the shapes do not match

  rules skipped: 3
    LC701, LC702: no XLA here
    LC204: the gradient is disconnected

  what the loss printed
    | shape (8, 4)
    | red

1 loss checked in 2.1 s: clean
"""


@pytest.fixture
def only(source_file, examples):
    """A report on one loss with one finding, changed as the test likes."""

    def make(**changes):
        finding = dataclasses.replace(examples.disconnected, **changes)
        return examples.report(dataclasses.replace(examples.dice, findings=(finding,)))

    return make


def test_a_loss_shows_its_inputs_its_modes_and_its_findings_worst_first(source_file, examples):
    assert render("text", examples.report(examples.dice), Style(width=100)) == DICE_AT_100


def test_a_narrow_page_without_unicode_wraps_and_keeps_the_culprit_underlined(only):
    assert render("text", only(), Style(width=60, unicode=False)) == DISCONNECTED_AT_60_IN_ASCII


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_page_and_none_ends_in_blanks(source_file, examples, width):
    report = examples.report(examples.dice, examples.mse, failures=(examples.typo,))

    lines = render("text", report, Style(width=width, verbose=True)).splitlines()

    assert [line for line in lines if len(line) > width] == []
    assert [line for line in lines if line != line.rstrip()] == []


def test_colour_changes_nothing_but_the_colour(source_file, examples):
    from losscheck.reporters.plain import plain

    report = examples.report(examples.dice, failures=(examples.bug,))

    colored = render("text", report, Style(color=True))

    assert "\x1b[" in colored
    assert plain(colored) == render("text", report, Style(color=False))


def test_the_hint_to_explain_names_the_worst_finding(source_file, examples):
    loss = dataclasses.replace(examples.dice, findings=(examples.non_finite, examples.disconnected))

    last = render("text", examples.report(loss), Style()).splitlines()[-1]

    assert last == "`losscheck --explain LC201` says more about a rule"


def test_a_clean_loss_takes_three_lines(source_file, examples):
    assert render("text", examples.report(examples.mse), Style()) == (
        "losses.py:1 mse\n"
        "  inputs: y_true float32[B, 1] real, y_pred float32[B, 1] real (told by an option)\n"
        "  eager ✓  tf.function ✓  GradientTape ✓  model.fit ✓\n"
        "\n"
        "1 loss checked in 2.1 s: clean\n"
    )


def test_a_skipped_mode_has_a_dash_and_its_reason_once(source_file, examples):
    skipped = ModeResult(Status.SKIPPED, "it raises in eager")
    modes = {Mode.EAGER: ModeResult(Status.FAIL), Mode.GRAPH: skipped, Mode.FIT: skipped}
    loss = dataclasses.replace(examples.mse, modes=modes, task=None)

    assert render("text", examples.report(loss), Style()).splitlines()[1:3] == [
        "  eager ✗  tf.function –  model.fit –",
        "  tf.function, model.fit skipped: it raises in eager",
    ]


def test_modes_that_are_all_skipped_for_one_reason_are_not_listed_again(source_file, examples):
    skipped = dict.fromkeys(Mode, ModeResult(Status.SKIPPED, "it cannot be loaded"))
    loss = dataclasses.replace(examples.mse, modes=skipped, task=None)

    assert render("text", examples.report(loss), Style()).splitlines()[1:3] == [
        "  eager –  tf.function –  GradientTape –  model.fit –  XLA –  replicas –  reload –  KerasTensor –",
        "  every mode skipped: it cannot be loaded",
    ]


def test_verbose_shows_the_choice_of_inputs_the_skipped_rules_and_the_output(source_file, examples):
    loss = dataclasses.replace(examples.dice, findings=())

    text = render("text", examples.report(loss), Style(verbose=True))

    assert text.partition("model.fit ✗\n")[2] == DETAILS


def test_of_many_tries_the_first_and_the_last_are_shown(source_file, examples):
    task = dataclasses.replace(examples.dice.task, evidence=tuple(f"try {number}" for number in range(40)))
    loss = dataclasses.replace(examples.dice, task=task)
    text = render("text", examples.report(loss), Style(verbose=True))
    shown = [line.strip() for line in text.splitlines() if "try " in line or "more in" in line]
    assert shown == [
        *(f"try {number}" for number in range(8)),
        "… 28 more in `--format json` …",
        *(f"try {number}" for number in range(36, 40)),
    ]


def test_verbose_shows_the_rest_of_the_evidence(only):
    assert "  samples: 8\n" in render("text", only(), Style(verbose=True))
    assert "samples" not in render("text", only(), Style())


NOTE = (
    "  LC105 batch-reduced note at losses.py:7:5: the loss is a scalar: `sample_weight` and masks "
    "cannot\n"
    "  act per sample\n"
    "  help: reduce over every axis but the first\n"
)
TYPO = "not checked: no such file `lossses.py`; did you mean `losses.py`?\n"


def test_quiet_leaves_only_the_losses_with_findings_and_the_failures(source_file, examples, only):
    loss = dataclasses.replace(examples.dice, findings=(examples.reduced,))
    report = examples.report(examples.mse, loss, failures=(examples.typo,))

    assert render("text", report, Style(quiet=True)) == TYPO
    assert render("text", only(), Style(quiet=True)).startswith("losses.py:4 dice_loss\n\n  LC201 ")


def test_notes_are_told_where_they_fail_the_run(source_file, examples):
    loss = dataclasses.replace(examples.dice, findings=(examples.reduced,))
    report = dataclasses.replace(examples.report(loss), fail_on=Severity.NOTE)

    assert render("text", report, Style(quiet=True)) == f"losses.py:4 dice_loss\n\n{NOTE}\n"


def test_notes_are_named_with_their_lines_and_told_with_verbose(source_file, examples):
    other = dataclasses.replace(examples.reduced, location=Location("losses.py", 9))
    loss = dataclasses.replace(examples.dice, findings=(examples.reduced, other))

    text = render("text", examples.report(loss), Style())

    assert "\n\n  notes: LC105 batch-reduced (7, 9)\n\n" in text
    assert text.endswith("\n`--verbose` says more about the notes\n")
    assert NOTE in render("text", examples.report(loss), Style(verbose=True))


def test_a_mode_that_fails_has_the_colour_of_its_worst_finding(source_file, examples):
    note = dataclasses.replace(examples.reduced, modes=(Mode.FIT,))
    loss = dataclasses.replace(examples.dice, findings=(note,), modes={Mode.FIT: ModeResult(Status.FAIL)})
    red = dataclasses.replace(loss, findings=(examples.disconnected,))

    cyan = render("text", examples.report(loss), Style(color=True))

    assert "\x1b[36m✗" in cyan
    assert "\x1b[1;31m✗" in render("text", examples.report(red), Style(color=True))


def test_a_finding_in_all_modes_says_so(only):
    assert "--> losses.py:5:23 in every mode\n" in render("text", only(modes=tuple(Mode)), Style())


def test_a_missing_file_costs_only_the_source_lines(only):
    text = render("text", only(location=Location("gone.py", 3)), Style())

    assert "   --> gone.py:3:1 in GradientTape, model.fit\n  path:" in text


def test_markup_and_escapes_of_the_user_are_shown_as_text_or_dropped(source_file, examples):
    finding = dataclasses.replace(examples.disconnected, message="says [red]no\x1b[31m\x07[/red]")
    loss = dataclasses.replace(examples.dice, name="[bold]x", findings=(finding,))

    text = render("text", examples.report(loss), Style())

    assert "losses.py:4 [bold]x\n" in text
    assert "  says [red]no[/red]\n" in text


def test_failures_stand_apart_and_a_bug_of_ours_says_so(examples):
    report = examples.report(failures=(examples.typo, examples.bug))

    assert render("text", report, Style()) == (
        "not checked: no such file `lossses.py`; did you mean `losses.py`?\n"
        "a bug in losscheck, please report it (losses.py:mse, rule LC201, KeyError)\n"
        "    Traceback (most recent call last):\n"
        '      File "x.py", line 3, in check\n'
        "    KeyError: 'a'\n"
        "\n"
        "no loss checked: 2 failures\n"
    )


@pytest.mark.parametrize(
    ("files", "line"), [(1, "no losses found in 1 file\n"), (3, "no losses found in 3 files\n")]
)
def test_files_without_a_loss_give_one_line(examples, files, line):
    assert render("text", examples.report(files=files), Style()) == line
