"""Reports of any text: control characters, markup, escape sequences, half characters, any number."""

from hypothesis import strategies as st

from losscheck.finding import Finding, Location, Mode, Severity
from losscheck.registry import all_rules
from losscheck.report import (
    Failure,
    LossReport,
    ModeResult,
    Report,
    Status,
    Suppressed,
    TaskChoice,
    TaskSource,
    Versions,
)
from losscheck.reporters import Style

_PIECES = (
    *(
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\x1b",
        "\x9b1m",
        "\x00",
        "\r",
        "\n",
        "\r\n",
        "\t",
        "\x7f",
        "\u202e",
        "\u2028",
    ),
    *(
        "[bold]",
        "[/]",
        "[link=x]",
        ":smile:",
        "<b>",
        "]]>",
        "&amp;",
        "&",
        "<!--",
        '"',
        "'",
        "`",
        "``",
        "\\",
        "%0A",
        "::",
    ),
    *(
        "損失",
        "e\u0301",
        "👩‍👩‍👧",
        "\ud800",
        "\uffff",
        " ",
        "  ",
        "losses.py",
        "\x85",
        "|",
        "*",
        "#",
        "$(x)",
        "{0}",
        "%s",
    ),
)


def texts():
    """Any text, with what terminals, XML and CI servers take for their own."""
    piece = st.one_of(st.sampled_from(_PIECES), st.sampled_from(_PIECES), st.text(max_size=6))
    return st.one_of(st.lists(piece, max_size=8).map("".join), st.text(alphabet=st.characters(), max_size=40))


#: What a file may be called: bytes that are no UTF-8 stand in it as Python gives them.
_PATHS = st.one_of(
    st.sampled_from(("losses.py", "no_such.py", "strange.py", "book.ipynb", "/", "\udcff.py")),
    texts().map(
        lambda text: "".join("\udcff" if "\ud800" <= c <= "\udfff" else c for c in text if c != "\0") or "."
    ),
)
_LINES = st.integers(1, 12)


@st.composite
def _locations(draw):
    """A place in a file that is there, in one that is not, or in a cell."""
    line = draw(_LINES)
    end = draw(st.one_of(st.none(), st.integers(line, line + 9)))
    columns = draw(st.integers(1, 200)), draw(st.one_of(st.none(), st.integers(1, 200)))
    return Location(
        draw(_PATHS), line, columns[0], end, columns[1], draw(st.one_of(st.none(), st.integers(1, 3)))
    )


_PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts(), inner, max_size=3)),
    max_leaves=4,
)


@st.composite
def _findings(draw):
    rule = draw(st.sampled_from(all_rules()))
    return Finding(
        rule.code,
        rule.name,
        draw(st.sampled_from(Severity)),
        draw(texts()),
        draw(texts()),
        draw(_locations()),
        tuple(draw(st.lists(st.sampled_from(Mode), max_size=8))),
        draw(st.dictionaries(st.one_of(st.just("path"), texts()), _PLAIN, max_size=3)),
    )


_SUPPRESSED = st.builds(Suppressed, _findings(), st.sampled_from(("comment", "baseline")), texts())
_TASK = st.builds(
    TaskChoice,
    texts(),
    texts(),
    texts(),
    st.sampled_from(TaskSource),
    st.lists(texts(), max_size=3).map(tuple),
)
_SECONDS = st.floats(0, 1e6)
_LOSSES = st.builds(
    LossReport,
    target=texts(),
    path=_PATHS,
    line=_LINES,
    name=_PATHS,  # as an identifier, it can be encoded
    kind=st.sampled_from(("function", "class", "instance")),
    task=st.one_of(st.none(), _TASK),
    modes=st.dictionaries(
        st.sampled_from(Mode), st.builds(ModeResult, st.sampled_from(Status), texts()), max_size=8
    ),
    findings=st.lists(_findings(), max_size=3).map(tuple),
    skipped=st.dictionaries(st.sampled_from([rule.code for rule in all_rules()]), texts(), max_size=3),
    output=texts(),
    seconds=_SECONDS,
    left_out=texts(),
    cell=st.one_of(st.none(), st.integers(1, 3)),
    suppressed=st.lists(_SUPPRESSED, max_size=2).map(tuple),
)
_FAILURES = st.builds(Failure, texts(), texts(), texts(), texts(), st.booleans())


def reports():
    """Whole reports."""
    return st.builds(
        Report,
        st.builds(Versions, texts(), texts(), texts(), texts()),
        st.lists(_LOSSES, max_size=2).map(tuple),
        st.lists(_FAILURES, max_size=2).map(tuple),
        st.integers(0, 9),
        st.sampled_from(Severity),
        _SECONDS,
        st.lists(texts(), max_size=2).map(tuple),
    )


def styles():
    """What a report is to look like, in plain text."""
    return st.builds(Style, st.integers(0, 200), st.just(False), st.booleans(), st.booleans(), st.booleans())
