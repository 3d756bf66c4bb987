from losscheck.reporters import Style, render


def test_each_finding_is_one_line_then_failures_then_the_summary(examples):
    report = examples.report(examples.dice, failures=(examples.typo, examples.bug))

    assert render("concise", report) == (
        "losses.py:5:23: LC201 disconnected-gradient error: "
        "the gradient with respect to `y_pred` is None: `tf.argmax` cuts the path\n"
        "losses.py:7:12: LC501 non-finite-loss warning: NaN when `y_true` is all zero\n"
        "losses.py:7:5: LC105 batch-reduced note: "
        "the loss is a scalar: `sample_weight` and masks cannot act per sample\n"
        "not checked: no such file `lossses.py`; did you mean `losses.py`?\n"
        "a bug in losscheck, please report it (losses.py:mse, rule LC201): KeyError: 'a'\n"
        "1 loss checked in 2.1 s: 1 error, 1 warning, 1 note, 2 failures\n"
    )


def test_quiet_leaves_the_summary_out(examples):
    assert render("concise", examples.report(examples.mse), Style(quiet=True)) == ""


def test_a_message_of_several_lines_becomes_one(examples):
    import dataclasses

    finding = dataclasses.replace(examples.reduced, message="first → \x1b[1mline\n  second")
    report = examples.report(dataclasses.replace(examples.dice, findings=(finding,)))

    assert render("concise", report, Style(quiet=True, unicode=False)) == (
        "losses.py:7:5: LC105 batch-reduced note: first -> line second\n"
    )
