"""Reading facts of a loss: its text, words, numbers and lines."""

import functools
import linecache
import textwrap

import pytest

from losscheck.loading.facts import factory_returns_loss, facts_of, read_facts
from losscheck.loss import SourceFacts


def facts(code, name="loss"):
    return read_facts(textwrap.dedent(code), name)


def body(*lines, head="def loss(y_true, y_pred):"):
    return "\n".join([head, *(f"    {line}" for line in lines)]) + "\n"


def test_the_text_is_that_of_the_function_with_its_decorators_and_its_first_line():
    code = 'import x\n\n@x.y\ndef loss(y_true, y_pred, *, k=1):\n    """Doc."""\n    return y_true\n\nz = 1\n'
    read = facts(code)
    assert (read.first_line, read.docstring, read.parameters, read.returns) == (
        3,
        "Doc.",
        ("y_true", "y_pred", "k"),
        (6,),
    )
    assert read.text == '@x.y\ndef loss(y_true, y_pred, *, k=1):\n    """Doc."""\n    return y_true'


def test_a_class_has_its_own_docstring_and_the_parameters_and_returns_of_call():
    code = '''
        class Base:
            def call(self, y_true, y_pred):
                if y_true:
                    return 0
                def inner():
                    return 5
                return 1

        class My(Base):
            """Mine."""
            def __init__(self, k=(1, 2, 1, 1)):
                self.k = k

        made = My((2,))
        '''
    for name in ("My", "made", "My(3)", "alias"):
        read = facts(textwrap.dedent(code) + "alias = My\n", name)
        assert (read.first_line, read.docstring, read.parameters, read.returns) == (
            10,
            "Mine.",
            ("y_true", "y_pred"),
            (5, 8),
        )
        assert 4 in read.integers


def test_the_docstring_of_call_stands_in_for_that_of_the_class():
    assert facts('class A:\n    def call(self, a, b):\n        """Call."""\n', "A").docstring == "Call."


FACTORY = '''
def make(gamma=2, names=("a", "b")):
    """Makes a focal loss."""
    scale = gamma * 8

    def focal(y_true, y_pred):
        return scale * y_true

    return focal

made = make(gamma=3)
TABLE = {"f": make(1), "g": lambda t, p: t}
listed = [lambda a, b: a, make(2)]
low, high = listed
some, others = [lambda y, f, q=q: q for q in (1, 2)]
'''


@pytest.mark.parametrize(
    "name", ["make", "make(gamma=5)", "made", 'TABLE["f"]', "listed[1]", "listed[-1]", "high"]
)
def test_a_factory_stands_for_the_function_that_it_returns(name):
    read = facts(FACTORY, name)
    assert (read.first_line, read.parameters, read.returns, read.docstring) == (
        6,
        ("y_true", "y_pred"),
        (7,),
        "Makes a focal loss.",
    )
    assert read.text == "def focal(y_true, y_pred):\n    return scale * y_true"
    assert {2, 8, 16} <= set(read.integers)


@pytest.mark.parametrize(
    ("name", "expected"),
    [('TABLE["g"]', (12, ("t", "p"))), ("low", (13, ("a", "b"))), ("some", (15, ("y", "f", "q")))],
)
def test_lambdas_in_containers_are_read(name, expected):
    read = facts(FACTORY, name)
    assert (read.first_line, read.parameters) == expected


def test_partials_and_wrappers_are_read_through():
    code = (
        body("return 5")
        + "import functools, tf\np = functools.partial(loss, y=1)\nq = tf.function(p)\nr = q\n"
    )
    assert [facts(code, name).first_line for name in ("p", "q", "r", "loss")] == [1, 1, 1, 1]


def test_a_lambda_has_the_text_of_its_statement_and_the_line_of_its_body():
    read = facts("x = 1\nloss = lambda y_true, y_pred: (\n    y_true)\n")
    assert (read.text, read.first_line, read.returns) == (
        "loss = lambda y_true, y_pred: (\n    y_true)",
        2,
        (3,),
    )


def test_names_come_from_the_loss_and_the_helpers_that_it_reaches():
    code = """
        from keras.losses import binary_crossentropy as bce
        def deep(x): return tf.nn.softmax(x)
        helper = lambda x: deep(x)
        def other(x): return unrelated(x)
        def loss(y_true, y_pred):
            return bce(y_true, helper(y_pred), from_logits=True)
        """
    names = facts(code).names
    assert {"tf", "nn", "softmax", "from_logits", "bce", "binary_crossentropy", "deep", "helper"} <= names
    assert not {"unrelated", "other", "keras"} & names


def test_helpers_that_call_each_other_in_a_circle_end():
    assert "b" in facts("def a(x): return b(x)\ndef b(x): return a(x)\n" + body("return a(y_true)")).names


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("P, K = 2, 4\n" + body("return range(P * K)"), (2, 4, 8)),
        ("BATCH = 32\n" + body("return y_true[: BATCH - 1]"), (1, 31, 32)),
        ("W = [1, 2, 1, 1]\n" + body("return W"), (1, 2, 4)),
        ("W = (0.5, 0.5, 0.5)\n" + body("return W"), (3,)),
        (body("return 0 * True + -3 + 5000 + 2.5 + 4096"), (3, 4096)),
        (body("return [2 ** 3, 7 // 2, 2 ** 999999, 1 // 0]"), (1, 2, 3, 7, 8)),
        (body("n = 6", "return n * 2"), (2, 6, 12)),
        (body("return n * 2", head="def loss(y_true, y_pred, n=6):"), (2, 6, 12)),
        ("C = ['a', 'b', 'c']\n" + body("return len(C) * 3"), (3, 9)),
        ("N = 3\n" + body("return y_true[:, 0, 1]"), (1,)),
        ("N = 3\n" + body("return 1"), (1,)),
    ],
)
def test_integers_are_folded_over_constants(code, expected):
    assert facts(code).integers == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return y_true == -1", (-1.0,)),
        ("return tf.not_equal(y_true, 255)", (255.0,)),
        ("return y_true > IGNORE", (-100.0,)),
        ("return 0 < y_true < 1", (0.0, 1.0)),
        ("return tf.equal(y_true, tf.constant(-1, tf.float32))", (-1.0,)),
        ("return tf.cast(y_true, 'int32') != tf.cast(IGNORE, 'int32')", (-100.0,)),
        ("return y_true.shape[-1] == 4 or len(y_true) > 7 or K.ndim(y_true) == 3", ()),
        ("return mode == 'x'", ()),
        ("return 0 < IGNORE", ()),
        ("return helper(y_true)", (9.0,)),
    ],
)
def test_compared_numbers_are_gathered(line, expected):
    assert facts("IGNORE = -100\ndef helper(x): return x == 9\n" + body(line)).compared == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["return tf.clip_by_value(y_pred, 1e-7, 1 - 1e-7)"], (1e-7, 1 - 1e-7)),
        (["return K.clip(y_pred, K.epsilon(), 1.0 - K.epsilon())"], (1e-7, 1 - 1e-7)),
        (["eps = 0.5", "return tf.maximum(y_pred, eps)"], (0.5,)),
        (["return tf.minimum(y_pred, y_true)"], ()),
        (["return np.clip(y_pred, a_min=-1, a_max=EPS)"], (-1.0, 0.25)),
        (["return y_pred.clip(0, 1)"], (0.0, 1.0)),
    ],
)
def test_bounds_of_clips_are_gathered(lines, expected):
    assert facts("EPS = 0.25\n" + body(*lines)).bounds == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["return y_true[:, 5]"], (6, 0)),
        (["return y_true[..., 4:6] + y_pred[..., 4:5]"], (6, 5)),
        (["return y_true[:, :2] + y_pred[:, 2:]"], (2, 3)),
        (["t = tf.cast(y_true, tf.float32)", "u = t", "return u[:, 1]"], (2, 0)),
        (["t, p = y_true, K.cast(y_pred, 'x')", "return t[:, 1] + p[:, 0]"], (2, 1)),
        (["y_true = tf.reshape(y_true, (-1,))", "return y_true[:, 5]"], (0, 0)),
        (["return y_true[5] + y_true[:, -1] + y_true[:, 3, :] + y_true[:, i]"], (0, 0)),
        (["return y_true[:, C]"], (4, 0)),
        (["return helper(y_pred)"], (0, 8)),
        (["r = lambda b: b[:, 2]", "return r(y_true)"], (3, 0)),
        (["def inner(b):", "    return b[:, 4]", "return inner(y_pred)"], (0, 5)),
        (["if y_true is not None:", "    for i in x:", "        y = y_true[:, 2]", "return y"], (3, 0)),
        (["mu, sigma = tf.unstack(y_pred, axis=-1)", "return mu"], (0, 2)),
        (["a, b, c = tf.split(y_pred, 3, -1)", "return a"], (0, 3)),
        (["a, b = tf.split(y_pred, 2, axis=0)", "return a"], (0, 0)),
        (["return tf.sigmoid(y_pred)[:, 3]"], (0, 4)),
        (["return loss(y_true, y_pred)"], (0, 0)),
    ],
)
def test_columns_are_read_from_indices_on_the_last_axis(lines, expected):
    read = facts("C = 3\ndef helper(z): return z[:, 7]\n" + body(*lines))
    assert (read.y_true.columns, read.y_pred.columns) == expected


def test_columns_of_a_class_are_those_of_call():
    read = facts("class A:\n    def call(self, t, p):\n        return t[:, 1] + p[:, 2]\n", "A")
    assert (read.y_true.columns, read.y_pred.columns) == (2, 3)


@pytest.mark.parametrize(
    "code",
    [
        body('"""y_true is not used."""', "return y_pred"),
        body('"""Loss.\n\n    y_true : unused\n    """', "return y_pred"),
        body('"""y_true (tensor): Ignored."""', "return y_pred"),
        body('"""Args:\n        y_true: a dummy tensor.\n    """', "return y_pred"),
        body('"""Args:\n        y_true: Structurally unused.\n    """', "return y_pred"),
        body('"""Ignores y_true."""', "return y_pred"),
        body('"""Does not use the `y_true` argument."""', "return y_pred"),
        body("return y_pred  # y_true is unused"),
        body("return y_pred  # y_true is just a placeholder"),
        body("del y_true", "return y_pred"),
        body("return p", head="def loss(_, p):"),
        body("return p", head="def loss(_y_true, p):"),
        body("return p", head="def loss(unused_labels, p):"),
        body("return p", head="def loss(dummy, p):"),
        body("return y_pred", head="def loss(y_true, y_pred):  # pylint: disable=unused-argument"),
        "class loss:\n    def call(self, _, p):\n        return p\n",
    ],
)
def test_a_remark_that_y_true_is_unused_is_seen(code):
    assert facts(code).remark_unused


@pytest.mark.parametrize(
    "code",
    [
        body('"""Entries where y_true is -1 are ignored."""', "return y_pred"),
        body('"""Ignores y_true == 255."""', "return y_pred"),
        body(
            '"""Pixels with ignored y_true values do not count; y_pred is unused elsewhere."""',
            "return y_pred",
        ),
        body('"""y_true is 1 for a pair of the same class."""', "return y_pred"),
        body("return y_pred"),
        body("x = 'y_true is unused'", "return y_pred"),
    ],
)
def test_other_remarks_do_not_say_that_y_true_is_unused(code):
    assert not facts(code).remark_unused


def test_what_cannot_be_read_gives_empty_facts():
    assert [
        facts("def broken(:\n"),
        facts("x = 1\n"),
        facts("", "loss"),
        facts("loss = loss\n"),
        facts("a = b\nb = a\n", "a"),
        facts("loss = [1][7]\n"),
        facts(body("return 1"), "1 + 1"),
    ] == [SourceFacts()] * 7


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (FACTORY, True),
        ("def make():\n    return lambda a, b: a\n", True),
        ("def make():\n    f = lambda a, b: a\n    return f\n", True),
        ("def make():\n    def f(a, b): ...\n    return tf.function(f)\n", True),
        ("def f(y_true, y_pred, k): ...\ndef make(k=1):\n    return functools.partial(f, k=k)\n", True),
        ("def make(k):\n    if k:\n        def f(a, b): ...\n        return f\n    return None\n", True),
        ("def make():\n    def f(a): ...\n    return f\n", False),
        ("def make():\n    def f(a, b): ...\n    return f(1, 2)\n", False),
        ("def make(y_true, y_pred):\n    def f(a, b): ...\n    return f\n", False),
        ("def make():\n    def g():\n        return lambda a, b: a\n    return g\n", False),
        ("make = 1\n", False),
        ("def make(:\n", False),
    ],
)
def test_a_factory_is_a_function_that_returns_one_of_its_own(code, expected):
    assert factory_returns_loss(code, "make") is expected


# --- live objects


def live_loss(y_true, y_pred):
    """A loss of this file."""
    return y_true[:, 3] - 17


class LiveClass:
    """A class of this file."""

    def __call__(self, y_true, y_pred):
        return y_true


def decorated(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)

    return inner


@pytest.mark.parametrize(
    "thing",
    [live_loss, functools.partial(live_loss, k=1), decorated(live_loss), decorated(decorated(live_loss))],
)
def test_facts_of_a_live_function_are_read_through_its_wrappers(thing):
    read = facts_of(thing)
    assert (read.docstring, read.parameters, read.y_true.columns, 17 in read.integers) == (
        "A loss of this file.",
        ("y_true", "y_pred"),
        4,
        True,
    )


@pytest.mark.parametrize("thing", [LiveClass, LiveClass(), LiveClass().__call__])
def test_facts_of_classes_instances_and_methods_leave_self_out(thing):
    assert facts_of(thing).parameters == ("y_true", "y_pred")


def test_facts_of_a_nested_function_and_a_lambda_are_found_by_their_line():
    def live_loss(t, p):
        return p - 23

    first, second = (lambda a, b: a), (lambda c, d: c)
    assert (facts_of(live_loss).parameters, 23 in facts_of(live_loss).integers) == (("t", "p"), True)
    assert [facts_of(first).parameters, facts_of(second).parameters] == [("a", "b"), ("c", "d")]


def test_facts_of_a_notebook_cell_come_from_the_line_cache():
    text = "x = 1\ndef cell_loss(y_true, y_pred):\n    return 0\nclass Cell:\n    def call(self, a, b): ...\n"
    name = "<ipython-input-7-abc>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    namespace = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), namespace)
    assert (facts_of(namespace["cell_loss"]).first_line, facts_of(namespace["Cell"]).parameters) == (
        2,
        ("a", "b"),
    )


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("thing", [len, int, 3, None, "x", eval("lambda a, b: a"), functools.partial(len)])
def test_facts_of_objects_without_source_never_raise(thing):
    assert isinstance(facts_of(thing), SourceFacts)


def test_facts_of_an_object_whose_attributes_raise_never_raise():
    assert isinstance(facts_of(Hostile()), SourceFacts)
