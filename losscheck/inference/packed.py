"""Inputs whose last axis holds different things: the candidates that literal reads of the source allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from losscheck.inference.columns import columns_domain
from losscheck.inference.shaped import agrees
from losscheck.inference.words import least_axes
from losscheck.inference.written import Written
from losscheck.inputs.specs import BATCH_AXIS, Domain, InputSpec, parse_spec
from losscheck.inputs.tasks import DEFAULT_SIZES, TASKS, Task
from losscheck.loading.naming import words
from losscheck.loss import Layout, SourceFacts

Dims = tuple[int | str, ...]

#: A wider last axis is no packed columns, not even an embedding of 1024 with the scores of classes behind it.
_MAX_WIDTH = 1100
#: More candidates would cost more time than they find.
_MAX_CANDIDATES = 16
_CLASSES = DEFAULT_SIZES["C"]
#: More targets than this are not a handful of columns that a number in the source may count.
_MAX_TARGETS = 8
#: The axes between the batch and the last one, by how many axes there are.
_BETWEEN: dict[int, Dims] = {2: (), 3: ("N",), 4: ("H", "W"), 5: ("H", "W", "L")}
_BOX = 4
_STACKED = frozenset({"anchor", "embedding", "embeddings", "triplet", "siamese"})


@dataclass(frozen=True)
class Packed:
    """A candidate, and which reads of the source speak for it."""

    task: Task
    why: str


def packed_tasks(facts: SourceFacts, written: Written | None = None) -> list[Packed]:
    """The candidates, the likeliest first; none where no literal read speaks of one.

    Those that agree with the shapes that are written come before the others.
    """
    found = {str((c.task.y_true, c.task.y_pred)): c for c in reversed(list(_candidates(facts, written)))}
    candidates = list(reversed(found.values()))
    if written is not None:
        candidates.sort(key=lambda candidate: not agrees(candidate.task, written))
    return candidates[:_MAX_CANDIDATES]


def _candidates(facts: SourceFacts, written: Written | None) -> Iterator[Packed]:
    y_true, y_pred = facts.y_true, facts.y_pred
    shapes = y_true.reshaped or y_pred.reshaped, y_pred.reshaped or y_true.reshaped
    if shapes[0] and max(*shapes[0], *shapes[1]) <= _MAX_WIDTH:
        why = f"the source reshapes to (-1, {', '.join(map(str, shapes[1]))})"
        yield Packed(_task(facts, (BATCH_AXIS, *shapes[0]), (BATCH_AXIS, *shapes[1])), why)
    why = "; ".join(filter(None, (_said("y_true", facts.y_true), _said("y_pred", facts.y_pred))))
    if (count := _stacked(facts)) > 1:
        task = TASKS["triplets"]
        labels = task.y_true if count > 2 else TASKS["pairs"].y_true
        embeddings: Dims = (BATCH_AXIS, count, "E")
        yield Packed(replace(task, y_true=labels, y_pred=replace(task.y_pred, dims=embeddings)), why)
    if is_packed(y_true) or is_packed(y_pred):
        if written is not None:
            yield Packed(_task(facts, *written.both), why)
        pairs = list(_widths(y_true, y_pred, facts.integers))
        for dims in _between(facts):
            for true, pred in pairs:
                if max(true or 1, pred) <= _MAX_WIDTH:
                    last = (true,) if true else ()
                    sides = (BATCH_AXIS, *dims[0], *last), (BATCH_AXIS, *dims[1], pred)
                    yield Packed(_task(facts, *sides), why)


def with_real_columns(task: Task, other: Domain, *, in_both: bool = True) -> Task:
    """The task with numbers of another domain where it had any number: for what is finite on these alone.

    Without ``in_both``, ``y_pred`` stays as it is.
    """

    def spec_of(spec: InputSpec) -> InputSpec:
        parts = tuple((domain_of(part), width) for part, width in spec.domain.parts)
        return replace(spec, domain=replace(domain_of(spec.domain), parts=parts))

    def domain_of(domain: Domain) -> Domain:
        return other if domain.name in ("real", "positive") else domain

    return replace(task, y_true=spec_of(task.y_true), y_pred=spec_of(task.y_pred) if in_both else task.y_pred)


def _stacked(facts: SourceFacts) -> int:
    """How many embeddings `y_pred[:, 0]`, `y_pred[:, 1]`, … take out of ``y_pred``; 0: they are columns."""
    indices = [part for part in facts.y_pred.parts if part.is_index and part.start >= 0]
    said = {word for name in (*facts.names, *(part.name for part in indices)) for word in words(name)}
    is_stack = facts.y_pred.axes == 2 and len(indices) > 1 and bool(said & _STACKED)
    return facts.y_pred.columns if is_stack else 0


def is_packed(layout: Layout) -> bool:
    """Whether the columns are read apart, not all of them alike."""
    spans = {(part.start, part.stop) for part in layout.parts}
    if spans <= {(-1, None)}:
        return False  # the last step of a sequence, as likely as a last column
    if len(spans) == 2 and any((0, -start) in spans for start, _ in spans if start > 0):
        return False  # `y[:, 1:] - y[:, :-1]`: differences along the axis
    if (0, -1) in spans:
        return (-1, None) in spans
    if all(stop is None for start, stop in spans):
        return False  # `y[..., 1:]`: all classes but the background
    return layout.columns > 1


def _between(facts: SourceFacts) -> Iterator[tuple[Dims, Dims]]:
    """The axes between the batch and the last, of ``y_true`` and of ``y_pred``."""
    true, pred = facts.y_true.axes, facts.y_pred.axes
    if true or pred:
        sides = (_BETWEEN.get(axes, ()) for axes in (true or pred, pred or true))
        yield next(sides), next(sides)
        return
    least = least_axes(facts)
    for axes, dims in _BETWEEN.items():
        if axes >= least:
            yield dims, dims


def _widths(y_true: Layout, y_pred: Layout, integers: tuple[int, ...]) -> Iterator[tuple[int | None, int]]:
    """Widths of the last axes of both; None: there is no last axis, as of class ids."""
    true, pred = _own_widths(y_true), _own_widths(y_pred)
    if _has_last_apart(y_true):
        yield from ((width + 1, width) for width in pred or (_CLASSES,))
    elif true and pred:
        true, pred = _own_widths(y_true, pred), _own_widths(y_pred, true)
        pairs = [(one, other) for one in true for other in pred]
        yield from sorted(pairs, key=lambda pair: pair[0] != pair[1])
    elif true:
        spans = _spans(y_true)
        yield from (
            (width, other) for width in true for other in (*spans, width, width - 1, _CLASSES) if other
        )
    elif _has_last_apart(y_pred):
        yield from ((_CLASSES, _CLASSES + 1), (None, _CLASSES + 1), (1, _CLASSES + 1))
    else:
        spans = _spans(y_pred)
        named = [number for number in integers if 1 < number <= _MAX_TARGETS and number not in spans]
        others: list[int | None] = [*spans, *named[:3], None]
        if all(part.is_index for part in y_pred.parts):
            others = [None, *spans]
        yield from ((other, width) for width in pred for other in (*others, width))


def _own_widths(layout: Layout, others: Iterable[int] = ()) -> list[int]:
    """The widths that the literal reads of one side allow, those of the other side too where it is open."""
    if not is_packed(layout) or _has_last_apart(layout):
        return []
    rests = [
        part.start for part in layout.parts if part.stop is None and part.start > 0 and not part.is_index
    ]
    rest = max(rests, default=0)
    if rest < max((part.stop or 0) for part in layout.parts) or not rest:
        return [layout.columns]
    spans = [span for span in _spans(layout) if span != rest + 1] or [1]
    widths = (*(rest + more for more in (*spans, _CLASSES)), *(width for width in others if width > rest))
    return list(dict.fromkeys(widths))


def _spans(layout: Layout) -> list[int]:
    """How wide the parts with two known ends are, each width once."""
    spans = (part.stop - part.start for part in layout.parts if part.stop and 0 <= part.start < part.stop)
    return list(dict.fromkeys(spans))


def _has_last_apart(layout: Layout) -> bool:
    """Whether the last column is split off from the others, however many these are."""
    return is_packed(layout) and any(part.stop == -1 for part in layout.parts)


def _task(facts: SourceFacts, true: Dims, pred: Dims) -> Task:
    y_true, y_pred = _spec(true, facts.y_true, of_y_pred=False), _spec(pred, facts.y_pred, of_y_pred=True)
    said = {word for name in facts.names for word in words(name)}
    is_plain = y_true.domain.name == y_pred.domain.name == "real"
    if true[-1] == pred[-1] == _BOX and is_plain and said & TASKS["boxes"].words:
        boxes = Domain("boxes")
        y_true, y_pred = (replace(spec, domain=boxes) for spec in (y_true, y_pred))
    return Task("columns", y_true, y_pred)


def _spec(dims: Dims, layout: Layout, *, of_y_pred: bool) -> InputSpec:
    """The spec, with a domain for each part whose name says one."""
    sizes = [dim if dim == BATCH_AXIS else DEFAULT_SIZES.get(str(dim), dim) for dim in dims]
    head = f"float32[{', '.join(map(str, sizes))}]"
    if len(dims) < 2 or not layout.parts:
        return parse_spec(head)
    width, at = int(sizes[-1]), 0
    domains: list[tuple[str, int]] = []
    for part in sorted(layout.parts, key=lambda part: part.start % width):
        start = part.start % width
        stop = start + 1 if part.is_index else width if part.stop is None else min(part.stop, width)
        stop = stop + width if stop < 0 else stop
        if at <= start < stop:
            name = columns_domain(part, stop - start, of_y_pred=of_y_pred)
            domains += [("real", start - at), (name, stop - start)]
            at = stop
    domains.append(("real", width - at))
    merged: list[tuple[str, int]] = []
    for name, count in domains:
        if merged and merged[-1][0] == name:
            merged[-1] = name, merged[-1][1] + count
        elif count:
            merged.append((name, count))
    text = "|".join(f"{name}*{count}" for name, count in merged)
    return parse_spec(f"{head} {text if len(merged) > 1 else merged[0][0]}")


def _said(name: str, layout: Layout) -> str:
    """``the source reads y_pred[..., :2] as `mu```, the first few of them."""
    reads = [f"{name}{part}" + (f" as `{part.name}`" if part.name else "") for part in layout.parts[:4]]
    return f"the source reads {', '.join(reads)}" if reads else ""
