"""The language for inputs: what can be written, how it is shown, and what a mistake is told."""

from __future__ import annotations

import pytest

from losscheck.exceptions import SpecError
from losscheck.inputs.specs import DOMAINS, FLOATS, INTEGERS, Domain, InputSpec, parse_comment, parse_spec

CANONICAL = [
    "float32[B] real",
    "float32[B, 10] prob",
    "float64[B, H, W, 3] logits",
    "float16[B, C] simplex",
    "bfloat16[B, 1] positive",
    "float32[B, C] onehot",
    "int64[B, 1] binary",
    "bool[B] binary",
    "int32[B] labels<10",
    "int32[B, T] labels<C",
    "float32[B, 2] -1..1",
    "float32[B, 2] 0.25..0.75",
    "float32[B, 2] -1e-05..1e+30",
    "float32[B, D] real?",
    "float32[B] 0..5?",
    "float32[B] labels<3?",
]

DTYPES = "float16, bfloat16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool"
KNOWN = (
    "real, logits, positive, prob, simplex, binary, onehot, labels<N, boxes, or an interval such as `-1..1`"
)

MISTAKES = {
    "": "`` is no input spec; write for example `float32[B, 10] prob`",
    "float32": "`float32` is no input spec; write for example `float32[B, 10] prob`",
    "float32[B, 10": "`float32[B, 10` is no input spec; write for example `float32[B, 10] prob`",
    "[B, 10] prob": "`[B, 10] prob` is no input spec; write for example `float32[B, 10] prob`",
    "float[B]": f"`float[B]`: unknown dtype `float`; use one of {DTYPES}",
    "complex64[B]": f"`complex64[B]`: unknown dtype `complex64`; use one of {DTYPES}",
    "float32[10]": "`float32[10]`: no axis is `B`, the batch; write for example `float32[B, 10]`",
    "int8[]": "`int8[]`: no axis is `B`, the batch; write for example `int8[B, 10]`",
    **{
        text: f"`{text}`: `B`, the batch, is the first axis and no other, as in every batch of `fit`; write"
        " for example `float32[B, 10]`"
        for text in ("float32[T, B]", "float32[B, B] real")
    },
    "float32[b]": "`float32[b]`: no axis is `B`, the batch; write for example `float32[B, 10]`",
    "float32[B, 0]": "`float32[B, 0]`: axis `0` is neither `B`, a positive number nor a name",
    "float32[B, -1]": "`float32[B, -1]`: axis `-1` is neither `B`, a positive number nor a name",
    "float32[B, 1.5]": "`float32[B, 1.5]`: axis `1.5` is neither `B`, a positive number nor a name",
    "float32[B, ²]": "`float32[B, ²]`: axis `²` is neither `B`, a positive number nor a name",
    "float32[B] probs": f"`float32[B] probs`: unknown domain `probs`; use one of {KNOWN}",
    "float32[B] Prob?": f"`float32[B] Prob?`: unknown domain `Prob`; use one of {KNOWN}",
    "int32[B] labels": f"`int32[B] labels`: unknown domain `labels`; use one of {KNOWN}",
    "int32[B] labels<-3": f"`int32[B] labels<-3`: unknown domain `labels<-3`; use one of {KNOWN}",
    "int32[B] labels<0": "`int32[B] labels<0`: `labels<0` needs a positive number of classes",
    "int32[B] labels<3C": "`int32[B] labels<3C`: `labels<3C` needs a positive number of classes",
    "int32[B] labels<²": "`int32[B] labels<²`: `labels<²` needs a positive number of classes",
    "float32[B] 1..-1": "`float32[B] 1..-1`: the interval `1..-1` is empty",
    "float32[B] 2..2": "`float32[B] 2..2`: the interval `2..2` is empty",
    "float32[B] 0.1": f"`float32[B] 0.1`: unknown domain `0.1`; use one of {KNOWN}",
}


@pytest.mark.parametrize("text", CANONICAL)
def test_a_spec_is_shown_as_it_is_written(text):
    assert str(parse_spec(text)) == text


@pytest.mark.parametrize("text", CANONICAL)
def test_the_form_for_comments_means_the_same(text):
    dtype, _, rest = text.partition("[")
    dims, _, domain = rest.partition("] ")
    assert parse_spec(f"{dtype}[{dims.replace(' ', '')}]:{domain}") == parse_spec(text)


@pytest.mark.parametrize(
    "text", [" float32 [ B , 10 ]  prob ", "float32[B,10]prob", "float32[B, 10,] : prob"]
)
def test_spaces_and_a_last_comma_mean_nothing(text):
    assert parse_spec(text) == parse_spec("float32[B, 10] prob")


@pytest.mark.parametrize(("text", "message"), MISTAKES.items())
def test_a_mistake_is_told_with_what_would_be_right(text, message):
    with pytest.raises(SpecError) as error:
        parse_spec(text)
    assert str(error.value) == message


def test_a_float_without_a_domain_is_any_number():
    assert [str(parse_spec(f"{dtype}[B]")) for dtype in FLOATS] == [
        "float16[B] real",
        "bfloat16[B] real",
        "float32[B] real",
        "float64[B] real",
    ]


def test_an_integer_without_a_domain_is_0_or_1():
    assert [str(parse_spec(f"{dtype}[B]")) for dtype in INTEGERS] == [
        f"{dtype}[B] binary" for dtype in INTEGERS
    ]


def test_every_domain_can_be_written():
    names = [parse_spec(f"float32[B] {name}".replace("labels", "labels<3")).domain.name for name in DOMAINS]
    assert names == list(DOMAINS)


def test_a_spec_is_plain_data():
    expected = InputSpec("int32", ("B", "T", 4), Domain("labels", classes="C", has_nan=False))
    assert parse_spec("int32[B, T, 4] labels<C") == expected


def test_a_question_mark_puts_nans_among_the_entries():
    assert parse_spec("float32[B] -1..1?").domain == Domain("interval", -1, 1, has_nan=True)


@pytest.mark.parametrize("text", ["int32[B] binary?", "int32[B] labels<4?", "uint8[B]:real?"])
def test_integers_hold_no_nan(text):
    with pytest.raises(SpecError) as error:
        parse_spec(text)
    assert str(error.value) == f"`{text}`: `{text.partition('[')[0]}` holds no NaN, so no `?`"


@pytest.mark.parametrize("domain", ["prob", "simplex", "0.2..0.8"])
def test_integers_hold_no_fractions(domain):
    with pytest.raises(SpecError) as error:
        parse_spec(f"int32[B, 4] {domain}")
    assert str(error.value) == f"`int32[B, 4] {domain}`: `int32` holds no fractions, so no `{domain}`"


@pytest.mark.parametrize("text", ["float32[B] 0..1234567", "float32[B] 0.1234567..1", "float64[B] 0..1e-300"])
def test_an_interval_keeps_all_its_digits(text):
    assert parse_spec(str(parse_spec(text))) == parse_spec(text)


@pytest.mark.parametrize("text", ["0..1", "0.0..1.0", ".0..1.", "-0..+1", "0e0..1e0"])
def test_the_ends_of_an_interval_are_numbers_as_python_writes_them(text):
    assert parse_spec(f"float32[B] {text}").domain == Domain("interval", 0, 1)


def test_a_domain_that_needs_integers_is_a_label():
    assert [parse_spec(f"int32[B] {d}").is_label for d in ("labels<4", "binary")] == [True, False]


def test_only_floats_are_floats():
    assert [d for d in FLOATS + INTEGERS if parse_spec(f"{d}[B]").is_float] == list(FLOATS)


def test_the_names_are_those_of_axes_and_of_the_class_count():
    assert list(parse_spec("int32[B, H, 3, W] labels<C").names()) == ["H", "W", "C"]


def test_named_axes_and_class_counts_get_their_sizes():
    spec = parse_spec("int32[B, T, D] labels<C").with_sizes({"T": 6, "C": 4})
    assert str(spec) == "int32[B, 6, D] labels<4"


def test_a_size_of_the_batch_is_left_to_the_shape():
    assert str(parse_spec("float32[B, B1] real?").with_sizes({"B1": 4})) == "float32[B, 4] real?"


def test_the_shape_has_the_batch_size_in_the_place_of_b():
    spec = parse_spec("float32[B, 3, 5]")
    assert [spec.shape(7), spec.shape(None)] == [(7, 3, 5), (None, 3, 5)]


COMMENTS = {
    "y_true=int32[B]:labels<10 y_pred=float32[B,10]:simplex": {
        "y_true": "int32[B]:labels<10",
        "y_pred": "float32[B,10]:simplex",
    },
    "y_pred=float32[B]:-1..1? y_true=float32[B]": {"y_pred": "float32[B]:-1..1?", "y_true": "float32[B]"},
    "task=binary": {"task": "binary"},
    "task = binary  y_true = float32[B, 1] : binary": {
        "task": "binary",
        "y_true": "float32[B, 1] : binary",
    },
    "ignore=LC201": {},
    "": {},
}


@pytest.mark.parametrize(("text", "expected"), COMMENTS.items())
def test_a_comment_gives_its_specs_by_name(text, expected):
    assert parse_comment(text) == expected


def test_what_a_comment_gives_can_be_read():
    found = parse_comment("y_true=float32[B, 1] : binary y_pred=float32[B,1]:prob?")
    assert {key: str(parse_spec(value)) for key, value in found.items()} == {
        "y_true": "float32[B, 1] binary",
        "y_pred": "float32[B, 1] prob?",
    }


def test_a_comment_may_write_a_spec_as_the_command_line_does():
    found = parse_comment("y_true=int32[B] labels<10 y_pred=float32[B, 10] simplex task=binary")
    assert [
        found["y_true"],
        found["y_pred"],
        found["task"],
    ] == ["int32[B] labels<10", "float32[B, 10] simplex", "binary"]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("y_treu=float32[B]", "`y_treu=float32[B]` is no input; did you mean `y_true=`?"),
        ("y_pred=float32[B] yt=float32[B]", "`yt=float32[B]` is no input"),
        ("shape=3", "`shape=3` is no input; write `y_true=…`, `y_pred=…` or `task=…`"),
        ("my_task=binary", "`my_task=binary` is no input; did you mean `task=`?"),
        ("task binary", "`task` is no input; did you mean `task=`?"),
    ],
)
def test_what_a_comment_says_and_nobody_knows_is_an_error(comment, message):
    with pytest.raises(SpecError) as raised:
        parse_comment(comment)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "float32[B, 6] boxes*4|binary|prob",
        "float32[B, 2] positive|binary",
        "float32[B, 5, 7] real*4|onehot*3",
    ],
)
def test_columns_may_hold_different_things(text):
    assert str(parse_spec(text)) == text


def test_a_comment_tells_the_domains_of_columns():
    assert parse_comment("y_true=float32[B,6]:boxes*4|binary|prob y_pred=float32[B,4]:boxes") == {
        "y_true": "float32[B,6]:boxes*4|binary|prob",
        "y_pred": "float32[B,4]:boxes",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("float32[B, 6] boxes*4|binary", "the domains are those of 5 columns, the last axis is `6`"),
        ("float32[B, D] prob|binary", "the domains are those of 2 columns, the last axis is `D`"),
        ("float32[B, 5] boxes", "`boxes` are four numbers each; write for example `float32[B, 4] boxes`"),
    ],
)
def test_domains_that_do_not_fill_the_last_axis_are_refused(text, message):
    with pytest.raises(SpecError) as error:
        parse_spec(text)
    assert str(error.value) == f"`{text}`: {message}"


def test_boxes_have_their_corners_in_order():
    from losscheck.inputs.draw import draw

    boxes = draw(parse_spec("float32[B, 6, 4] boxes"), 7, 0)
    assert (boxes[..., 2:] > boxes[..., :2]).all()
    assert (boxes.min() >= 0, boxes.max() <= 1) == (True, True)


def test_a_comment_of_blanks_and_commas_tells_nothing():
    assert parse_comment("\t, ;\n") == {}
