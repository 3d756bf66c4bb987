"""The small language for inputs: ``float32[B, 10] prob``; in a comment ``float32[B,10]:prob``.

A spec is a dtype, the axes in brackets and an optional domain. An axis is ``B`` (the batch), a number or
another name (some size, the same wherever the name stands). Where the columns of the last axis hold
different things, their domains stand side by side with a width each: ``float32[B, 6] boxes*4|binary|prob``.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from losscheck.exceptions import SpecError

BATCH_AXIS = "B"

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SPEC = re.compile(r"\s*(?P<dtype>[A-Za-z]\w*)\s*\[(?P<dims>[^\]]*)\]\s*:?\s*(?P<domain>\S.*?)?\s*$")
_INTERVAL = re.compile(rf"(?P<low>{_NUMBER})\.\.(?P<high>{_NUMBER})$")
_LABELS = re.compile(r"labels<(?P<count>\w+)$")

#: The named domains: what numbers a tensor may hold.
DOMAINS = {
    "real": "any number",
    "logits": "any number, read as the log of odds",
    "positive": "above 0",
    "prob": "0 to 1",
    "simplex": "0 to 1, sums to one over the last axis",
    "binary": "0 or 1",
    "onehot": "one 1 in each last axis, else 0",
    "labels": "class ids 0 to N - 1, written labels<N",
    "boxes": "corners of boxes, 0 to 1, in each four numbers the last two above the first two",
}

_WORDS = "|".join(name for name in DOMAINS if name != "labels")
_ONE_DOMAIN = rf"(?:{_WORDS}|labels<\w+|{_NUMBER}\.\.{_NUMBER})\??"
_DOMAIN = rf"{_ONE_DOMAIN}(?:\*\d+)?(?:\|{_ONE_DOMAIN}(?:\*\d+)?)*"
_PART = re.compile(r"(?P<domain>[^*]*?)\s*(?:\*\s*(?P<width>\d+))?$")
#: A suppression with its reason: none of the inputs' business.
_SUPPRESSION = re.compile(r"\bignore\b.*")
_COMMENT_KEYS = ("y_true", "y_pred", "task")
_ASSIGNMENT = re.compile(
    rf"\b(?P<key>y_true|y_pred|task)\s*=\s*(?P<value>[^\s\[]+(?:\[[^\]]*\])?(?:\s*:\s*\S+|\s+{_DOMAIN}(?!\S))?)"
)


@dataclass(frozen=True)
class Domain:
    """Which numbers a tensor may hold."""

    name: str  #: a key of `DOMAINS`, or ``interval``, or ``parts``
    low: float = 0.0  #: of an interval
    high: float = 1.0  #: of an interval
    classes: int | str = 0  #: of labels: how many, or the name of the axis that says it
    has_nan: bool = False  #: NaNs stand among the entries (a trailing ``?``)
    parts: tuple[tuple[Domain, int], ...] = ()  #: of parts: the domains of the columns, with their widths

    def __str__(self) -> str:
        text = self.name
        if self.name == "interval":
            text = f"{_digits(self.low)}..{_digits(self.high)}"
        elif self.name == "labels":
            text = f"labels<{self.classes}"
        elif self.parts:
            text = "|".join(f"{part}*{width}" if width > 1 else str(part) for part, width in self.parts)
        return text + "?" * self.has_nan

    @property
    def of_one_column(self) -> Domain:
        """The domain of a single column, where this one is that of several."""
        if self.parts:
            return self.parts[0][0].of_one_column
        return Domain("prob") if self.name == "boxes" else self


@dataclass(frozen=True)
class InputSpec:
    """Dtype, axes and domain of ``y_true`` or ``y_pred``."""

    dtype: str
    dims: tuple[int | str, ...]
    domain: Domain

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.dims))}] {self.domain}"

    @property
    def is_float(self) -> bool:
        """Whether the dtype is a floating-point one."""
        return self.dtype in FLOATS

    @property
    def is_label(self) -> bool:
        """Whether it holds class ids."""
        return self.domain.name == "labels"

    def names(self) -> Iterator[str]:
        """The named axes but the batch, a name of the class count included."""
        for dim in self.dims:
            if isinstance(dim, str) and dim != BATCH_AXIS:
                yield dim
        if isinstance(self.domain.classes, str):
            yield self.domain.classes

    def with_sizes(self, sizes: Mapping[str, int]) -> InputSpec:
        """The same spec with the named axes in ``sizes`` replaced by their numbers."""
        classes = self.domain.classes
        domain = self.domain
        if isinstance(classes, str) and classes in sizes:
            domain = Domain(domain.name, domain.low, domain.high, sizes[classes], domain.has_nan)
        dims = tuple(sizes.get(dim, dim) if isinstance(dim, str) else dim for dim in self.dims)
        return InputSpec(self.dtype, dims, domain)

    def shape(self, batch_size: int | None) -> tuple[int | None, ...]:
        """The shape with ``batch_size`` for ``B``; named axes must have been replaced."""
        return tuple(batch_size if dim == BATCH_AXIS else int(dim) for dim in self.dims)


def parse_spec(text: str) -> InputSpec:
    """Read ``dtype[dims] domain``.

    Raises:
        SpecError: with the spec, what is wrong in it and what would be right.

    """
    match = _SPEC.match(text)
    if not match:
        raise SpecError(f"`{text}` is no input spec; write for example `float32[B, 10] prob`")
    dtype = match["dtype"]
    if dtype not in FLOATS + INTEGERS:
        raise SpecError(f"`{text}`: unknown dtype `{dtype}`; use one of {', '.join(FLOATS + INTEGERS)}")
    dims = tuple(_parse_dim(text, dim.strip()) for dim in match["dims"].split(",") if dim.strip())
    if BATCH_AXIS not in dims:
        raise SpecError(f"`{text}`: no axis is `B`, the batch; write for example `{dtype}[B, 10]`")
    if dims[0] != BATCH_AXIS or BATCH_AXIS in dims[1:]:
        raise SpecError(
            f"`{text}`: `B`, the batch, is the first axis and no other, as in every batch of `fit`; write for"
            f" example `{dtype}[B, 10]`"
        )
    default = "real" if dtype in FLOATS else "binary"
    domain = _parse_domains(text, match["domain"] or default, dims[-1])
    for part in [part for part, _ in domain.parts] or [domain]:
        if dtype in INTEGERS:
            _check_whole(text, dtype, part)
    return InputSpec(dtype, dims, domain)


def parse_comment(text: str) -> dict[str, str]:
    """Read the specs in a ``# losscheck:`` comment: ``y_true=… y_pred=… task=…`` in any order.

    Raises:
        SpecError: something in it is none of these, ``y_treu=…``.

    """
    words = _SUPPRESSION.sub(" ", _ASSIGNMENT.sub(" ", text)).split()
    word = next((stripped for word in words if (stripped := word.strip(",;"))), "")
    if word:
        near = difflib.get_close_matches(word.partition("=")[0], _COMMENT_KEYS, n=1)
        meant = f"; did you mean `{near[0]}=`?" if near else "; write `y_true=…`, `y_pred=…` or `task=…`"
        raise SpecError(f"`# losscheck:` comment: `{word}` is no input{meant}")
    return {match["key"]: match["value"].strip() for match in _ASSIGNMENT.finditer(text)}


def _check_whole(text: str, dtype: str, domain: Domain) -> None:
    """Refuse what an integer dtype cannot hold."""
    if domain.has_nan:
        raise SpecError(f"`{text}`: `{dtype}` holds no NaN, so no `?`")
    is_empty = domain.name == "interval" and math.ceil(domain.low) > math.floor(domain.high)
    if domain.name in ("prob", "simplex", "boxes") or is_empty:
        raise SpecError(f"`{text}`: `{dtype}` holds no fractions, so no `{domain}`")


def _digits(number: float) -> str:
    """All digits of a number, and no more."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _parse_dim(text: str, dim: str) -> int | str:
    if dim.isdecimal() and dim.isascii() and int(dim) > 0:
        return int(dim)
    if dim.isidentifier():
        return dim
    raise SpecError(f"`{text}`: axis `{dim}` is neither `B`, a positive number nor a name")


def _parse_domains(text: str, domain: str, last: int | str) -> Domain:
    """One domain, or the domains of the columns of the last axis."""
    if not set("|*") & set(domain):
        found = _parse_domain(text, domain)
        _check_width(text, found, last if isinstance(last, int) else 0)
        return found
    parts = []
    for written in domain.split("|"):
        match = _PART.match(written.strip())
        assert match is not None  # it matches anything
        width = int(match["width"] or 1)
        found = _parse_domain(text, match["domain"])
        _check_width(text, found, width)
        parts.append((found, width))
    total = sum(width for _, width in parts)
    if total != last or not all(width for _, width in parts):
        raise SpecError(f"`{text}`: the domains are those of {total} columns, the last axis is `{last}`")
    return Domain("parts", parts=tuple(parts))


def _check_width(text: str, domain: Domain, width: int) -> None:
    if domain.name == "boxes" and width and width % 4:
        raise SpecError(f"`{text}`: `boxes` are four numbers each; write for example `float32[B, 4] boxes`")


def _parse_domain(text: str, domain: str) -> Domain:
    has_nan = domain.endswith("?")
    name = domain.rstrip("?").strip()
    if name in DOMAINS and name != "labels":
        return Domain(name, has_nan=has_nan)
    if match := _LABELS.match(name):
        count = match["count"]
        is_number = count.isdecimal() and count.isascii()
        if not count.isidentifier() and not (is_number and int(count) > 0):
            raise SpecError(f"`{text}`: `{name}` needs a positive number of classes")
        return Domain("labels", classes=int(count) if is_number else count, has_nan=has_nan)
    if match := _INTERVAL.match(name):
        low, high = float(match["low"]), float(match["high"])
        if low >= high:
            raise SpecError(f"`{text}`: the interval `{name}` is empty")
        return Domain("interval", low, high, has_nan=has_nan)
    known = ", ".join(key if key != "labels" else "labels<N" for key in DOMAINS)
    raise SpecError(f"`{text}`: unknown domain `{name}`; use one of {known}, or an interval such as `-1..1`")
