from losscheck.explain import page, summary, table
from losscheck.finding import Severity
from losscheck.rule import Rule


class ZeroGradient(Rule):
    """The gradient with respect to `y_pred`
    is zero | everywhere.

    ## What it does
    Asks for the gradient.

    At several scales.

    ## Why is this bad?
    The weights never move.

    ## References
    - TensorFlow: automatic differentiation
    """

    code = "LC202"
    name = "zero-gradient"
    severity = Severity.ERROR
    hint = "use a smooth function"
    BAD = (
        """
        def loss(y_true, y_pred):
            return tf.sign(y_pred - y_true)  # <-
        """,
    )
    GOOD = ("def loss(y_true, y_pred):\n    return tf.abs(y_pred - y_true)\n",)

    def check(self, prober):
        yield from ()


PAGE = """\
# LC202 zero-gradient

Severity: error

The gradient with respect to `y_pred` is zero | everywhere.

## What it does

Asks for the gradient.

At several scales.

## Why is this bad?

The weights never move.

## Example

```python
def loss(y_true, y_pred):
    return tf.sign(y_pred - y_true)  # <-
```

Use instead:

```python
def loss(y_true, y_pred):
    return tf.abs(y_pred - y_true)
```

## How to fix it

Use a smooth function.

## References

- TensorFlow: automatic differentiation
"""

TABLE = """\
| code  | name          | severity | static | what it finds                                                |
| ----- | ------------- | -------- | ------ | ------------------------------------------------------------ |
| LC202 | zero-gradient | error    |        | The gradient with respect to `y_pred` is zero \\| everywhere. |
"""


def test_the_page_has_everything_in_a_fixed_order():
    assert page(ZeroGradient()) == PAGE


def test_the_summary_is_the_first_paragraph_on_one_line():
    assert summary(ZeroGradient()) == "The gradient with respect to `y_pred` is zero | everywhere."


def test_the_table_has_a_row_for_each_rule():
    assert table([ZeroGradient()]) == TABLE


class ReadGradient(ZeroGradient):
    """The same, with a source side."""

    def suspect(self, source):
        """Suspect a `sign`."""
        yield from ()


def test_the_page_and_the_table_say_that_a_rule_reads_the_source():
    assert (
        "Severity: error\n\nAlso read from the source with `--static`: suspect a `sign`.\n\nThe same"
        in page(ReadGradient())
    )
    assert (
        table([ReadGradient()])
        .splitlines()[-1]
        .startswith("| LC202 | zero-gradient | error    | yes    | The same")
    )
