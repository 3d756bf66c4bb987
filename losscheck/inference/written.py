"""Shapes that a docstring or a comment writes: ``y_pred: logits, [batch, height, width, 1]``."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from losscheck.inputs.specs import BATCH_AXIS
from losscheck.loading.remarks import comments
from losscheck.loss import SourceFacts

Dims = tuple[int | str, ...]

_SHAPE = re.compile(r"[\[(]([^\[\]()\n]{1,80})[\])]")
#: The last layer of the model, with its width.
_LAYER = re.compile(r"\bDense\((\w+)")
_OR = re.compile(r"\W*\bor\b\W*")
_SIZE = re.compile(r"(?:\w+\s*=\s*)?(\d+)(?:\s+[A-Za-z]\w*)?$")
_NAME = re.compile(r"[A-Za-z_]\w*(?:[ -][A-Za-z_]\w*)?$")
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
#: A larger axis would cost more than it shows.
_MAX_SIZE = 4096
#: So would more numbers in a row; then axes above this size get another one.
_MAX_NUMBERS, _LARGE = 20_000, 32
#: Axes of some size, by how many axes there are.
LETTERS: dict[int, Dims] = {2: ("B", "C"), 3: ("B", "T", "C"), 4: ("B", *"HWC"), 5: ("B", *"ZHWC")}
_BATCH = re.compile(r"(?:bs?|n|none|batch(?:[ _]?(?:size|num))?|(?:num|n)_samples)$", re.IGNORECASE)
_PLURAL = re.compile(r"[a-z_]*[a-rt-z]s$")
#: Names and numbers, added and multiplied.
_EXPRESSION = re.compile(r"\w+(?:\s*[-+*]\s*\w+)*$")
#: Where the shape of the result is written, and not that of an argument.
_RESULT = re.compile(
    r"\b(?:returns?|yields?|gives)\b|->|per[- ]sample|(?:^|\n)\s*(?:out|result)\b", re.IGNORECASE
)
#: From here on a docstring lists the arguments.
_SECTION = re.compile(r"^[ \t]*(?:Args|Arguments|Parameters|Inputs?)\b:?[ \t-]*$", re.MULTILINE)
#: A name in a sentence; a shape behind another one than the arguments' is that of something else.
_QUOTED = re.compile(r"`([a-z_]\w*)`")
_WORDS = re.compile(r"[A-Za-z_]\w*")
_TRUE = "true truth target targets label labels ids measured observed gt mask masks"
_PRED = (
    "pred predicted prediction predictions output outputs logit logits probability probabilities probs scores"
    " softmax sigmoid forecast"
)
#: Words that stand before a shape, and the argument that they speak of.
_SIDES = {**dict.fromkeys(_TRUE.split(), 0), **dict.fromkeys(_PRED.split(), 1)}
#: Parts of the names of axes, and the axis of the tasks that they mean.
_AXES = {
    part: axis
    for axis, text in {
        "C": "class classes categories organ organs vocab vocabulary labels c",
        "H": "height rows h",
        "W": "width cols columns w",
        "T": "time times timesteps steps seq sequence length len horizon tokens t",
        "E": "embedding embeddings emb e",
        "N": "anchors boxes objects queries points keypoints documents docs items n",
        "Z": "depth slices z",
    }.items()
    for part in text.split()
}  # fmt: skip
#: Axes for names that say nothing, each once in a shape.
_OTHERS = ("D", "N", "L")


@dataclass(frozen=True)
class Written:
    """The shapes of the two arguments as far as they are written, with the batch axis."""

    y_true: Dims | None
    y_pred: Dims | None
    words: str  #: what was read, for the report

    @property
    def is_pairwise(self) -> bool:
        """Whether an argument has a number for each pair of rows, as a matrix of similarities has."""
        return any(BATCH_AXIS in (dims or ())[1:] for dims in (self.y_true, self.y_pred))

    @property
    def both(self) -> tuple[Dims, Dims]:
        """Both shapes; where one is not written, the other one."""
        true, pred = self.y_true or self.y_pred, self.y_pred or self.y_true
        assert true is not None and pred is not None
        return true, pred


def read_written(facts: SourceFacts, values: Mapping[str, Any]) -> Written | None:
    """What the docstring says of the shapes, its arguments first, else those of what it calls, else comments.

    None where they say nothing.

    Args:
        facts: with the docstring and the text.
        values: what names stand for in the loss: ``(batch, 4 + num_classes)``.

    """
    names = facts.parameters[:2] if len(facts.parameters) > 1 else ("y_true", "y_pred")
    remarks = "\n".join(line for line in comments(facts.text).splitlines() if "losscheck:" not in line)
    said, helped = facts.docstring, facts.helpers_say
    texts = (
        (_arguments(said), True),
        (said, False),
        (_arguments(helped), True),
        (helped, True),
        (remarks, True),
    )
    for text, needs_name in texts:
        found: dict[int, tuple[Dims, str]] = {}
        loose: dict[Dims, str] = {}
        for dims, shown, before in _shapes(text, values):
            sides = _sides(before, names, needs_name)
            if sides == () and not needs_name:
                loose[dims] = shown
            for side in sides or ():
                found.setdefault(side, (dims, shown))
        if not found and len(loose) == 1:
            found = dict.fromkeys((0, 1), next(iter(loose.items())))
        if found:
            said = " and ".join(f"{names[side]} is {shown}" for side, (_, shown) in sorted(found.items()))
            sizes = {side: dims for side, (dims, _) in found.items()}
            return _aligned(Written(sizes.get(0), sizes.get(1), f"the source says that {said}"))
    layer = _LAYER.search(f"{facts.docstring}\n{remarks}")
    if layer is not None and (size := _number(layer[1], values)) is not None:
        return Written(None, (BATCH_AXIS, size), f"the source speaks of {layer[0]})")
    return None


def _arguments(text: str) -> str:
    """What a docstring says under its heading of the arguments."""
    return "\n".join(_SECTION.split(text)[1:])


def _shapes(text: str, values: Mapping[str, Any]) -> Iterator[tuple[Dims, str, str]]:
    """Each shape that begins with the batch, as it is written, and the words since the one before it."""
    end = 0
    rows = _names_of_rows(text)
    for match in _SHAPE.finditer(text):
        dims = _dims(match[1], values, rows)
        if dims is None or (end and _OR.fullmatch(text[end : match.start()])):
            continue
        before, end = text[end : match.start()], match.end()
        if not _RESULT.search(before):
            yield dims, match[0], before
        elif re.search(r"(?:^|\n)\s*(?:Returns?|Yields?)\b", before):
            return


def _names_of_rows(text: str) -> frozenset[str]:
    """What else the first axis is called: plurals with which several shapes begin, `(users, items)`."""
    firsts = [parts[0] for match in _SHAPE.finditer(text) if (parts := _parts(match[1]))]
    names = {name for name in firsts if firsts.count(name) > 1 and _PLURAL.match(name)}
    return frozenset(name for name in names if _AXES.keys().isdisjoint(_split(name)))


def _parts(text: str) -> list[str]:
    parts = [part.strip(" `'\"*") for part in text.split(",")]
    return parts if parts[-1] else parts[:-1]  # `(batch,)`


def _dims(text: str, values: Mapping[str, Any], rows: frozenset[str]) -> Dims | None:
    parts = _parts(text)
    if not parts or not (_BATCH.match(parts[0]) or parts[0] in rows):
        return None
    dims: list[int | str] = [BATCH_AXIS]
    for part in parts[1:]:
        if size := _SIZE.match(part):
            dims.append(int(size[1]))
        elif part.lower() == parts[0].lower():
            dims.append(BATCH_AXIS)
        elif (number := _number(part, values)) is not None:
            dims.append(number)
        elif _NAME.match(part):
            dims.append(_axis(part, dims))
        else:
            return None
    return _bounded(tuple(dims))


def _bounded(dims: Dims) -> Dims:
    """The shape, with some size for the axes of images and vocabularies that are written as large."""
    letters = LETTERS.get(len(dims), dims)
    for last in (len(dims) - 1, len(dims)):  # the axes before the last one, then that too
        if math.prod(size for size in dims if isinstance(size, int)) > _MAX_NUMBERS:
            pairs = enumerate(zip(dims, letters, strict=True))
            dims = tuple(name if axis < last and _is_large(size) else size for axis, (size, name) in pairs)
    return dims


def _is_large(size: int | str) -> bool:
    return isinstance(size, int) and size > _LARGE


def _number(text: str, values: Mapping[str, Any]) -> int | None:
    """The size that an expression of the loss's own names has: ``4 + num_classes``."""
    if not _EXPRESSION.match(text):
        return None
    try:
        value = _value(ast.parse(text, mode="eval").body, values)
    except (SyntaxError, ValueError, KeyError):
        return None
    return value if 0 < value <= _MAX_SIZE else None


def _value(node: ast.expr, values: Mapping[str, Any]) -> int:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    value = values[node.id] if isinstance(node, ast.Name) else getattr(node, "value", None)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"no size: {value!r}")
    return value


def _axis(name: str, before: list[int | str]) -> str:
    """The axis of the tasks that a name means."""
    known = next((_AXES[part] for part in reversed(_split(name)) if part in _AXES), "")
    if known and known not in before:
        return known
    return next((axis for axis in _OTHERS if axis not in before), name)


def _split(name: str) -> list[str]:
    return re.split(r"[^a-z]+", name.lower())


def _sides(before: str, names: tuple[str, ...], needs_name: bool) -> tuple[int, ...] | None:
    """Of which arguments the words before a shape speak: 0 is ``y_true``, 1 ``y_pred``; None: of others."""
    if (quoted := _QUOTED.findall(before)) and quoted[-1] not in names:
        return None
    words = _WORDS.findall(before)
    named = [names.index(word) for word in words if word in names]
    if named or needs_name:
        line = _WORDS.findall(before.rpartition("\n")[2])
        return tuple(side for side, name in enumerate(names) if name in line) or tuple(named[-1:])
    parts = (part for word in reversed(words) for part in _split(word))
    return next(((_SIDES[part],) for part in parts if part in _SIDES), ())


def _aligned(written: Written) -> Written:
    """Without the labels where they lack the one column of the predictions: `fit` gives it to them."""
    true, pred = written.y_true, written.y_pred
    if true is not None and pred is not None and len(true) + 1 == len(pred) and pred[-1] == 1:
        return replace(written, y_true=None)
    return written
