"""What the words of a source say: in which order the tasks are worth trying."""

from __future__ import annotations

import re

from losscheck.inference.bound import bound_values
from losscheck.inputs.tasks import TASKS, Task
from losscheck.loading.remarks import comments
from losscheck.loss import LoadedLoss, SourceFacts

#: Words that mean nothing where the switch is off in the loss at hand.
_LOGIT_WORDS = frozenset({"from_logits", "logits"})
_AXES = re.compile(r"axis\s*=\s*[\[(]([\d\s,]+)[\])]")
_IMAGE_AXES = 4
#: Where a docstring says that the model applies an activation, so that the loss gets probabilities.
_APPLIED = re.compile(
    r"(?<!pre-)(?<!before )(?<!without )(?<!no )\b(?:after (?:the |an? )?(sigmoid|softmax)"
    r"|(sigmoid|softmax)(?:ed)?[ -](?:probabilit\w*|outputs?|activations?|scores|unit|layer|masks?))\b",
    re.IGNORECASE,
)
#: Where one says that it applies none.
_RAW = r"\b(?:unbounded|unconstrained|raw (?:scores?|outputs?|network|numbers)|(?:last|final)? ?linear\b)"
_TAKES_ITS_OUTPUT = {"sigmoid": "binary", "softmax": "categorical"}
_SWITCH = re.compile(r"from_logits\s*=\s*(True|False)\b")


def ranked_tasks(facts: SourceFacts, name: str, *, from_logits: bool | None = None) -> list[Task]:
    """The tasks in the order in which they are worth trying: those first that the source speaks of.

    ``from_logits`` is the value in force in the loss, where it has such a switch.
    """
    words = source_words(facts, name, from_logits=from_logits)
    # the loss's own name says most
    named = source_words(SourceFacts(), name)
    scored = [
        (len(task.words & words) + len(task.words & named), -index, task)
        for index, task in enumerate(TASKS.values())
    ]
    scored = [entry for entry in scored if entry[2].is_common or entry[0]]
    axes = least_axes(facts)
    if axes > 2:
        scored += [
            (0, -i, task) for i, task in enumerate(TASKS.values()) if not task.is_common and task.axes == axes
        ]
        scored = [(s + 2 * (t.axes == axes) + (t.axes > axes), i, t) for s, i, t in scored]
    ordered = sorted(scored, key=lambda entry: (entry[0], entry[1]), reverse=True)
    return list(dict.fromkeys(task for _, _, task in ordered))


def source_words(facts: SourceFacts, name: str, *, from_logits: bool | None = None) -> frozenset[str]:
    """Identifiers of the source and the parts of them, lower case."""
    said = _APPLIED.sub(lambda found: _TAKES_ITS_OUTPUT[(found[1] or found[2]).lower()], facts.docstring)
    names = {*facts.names, name, *re.findall(r"[A-Za-z_]\w+", said)}
    if from_logits is False:
        names -= {"from_logits"}
    parts = {part for item in names for part in re.split(r"[^a-z0-9]+", _snake(item)) if part}
    found = frozenset(parts | {item.lower() for item in names} | {_snake(item) for item in names})
    return found - _LOGIT_WORDS if from_logits is False else found


def says_raw(facts: SourceFacts) -> bool:
    """Whether the docstring or a comment says that ``y_pred`` comes as the last layer computes it."""
    name = facts.parameters[1] if len(facts.parameters) > 1 else "y_pred"
    text = f"{facts.docstring}\n{comments(facts.text)}"
    return re.search(rf"\b{re.escape(name)}\b[^\n]{{0,60}}?{_RAW}", text, re.IGNORECASE) is not None


def cuts_rows(facts: SourceFacts, task: Task) -> bool:
    """Whether `y[..., :n]`, a slice of the last axis, would cut the rows of an argument with one axis."""
    arguments = zip(facts.parameters, (task.y_true, task.y_pred), strict=False)
    short = [name for name, spec in arguments if len(spec.dims) == 1]
    return any(re.search(rf"\b{re.escape(name)}\[\.\.\.,[^\]]*:", facts.text) for name in short)


def least_axes(facts: SourceFacts) -> int:
    """How many axes the source takes for granted by literal axes and subscripts; 0: it says nothing."""
    found = [max(map(int, re.findall(r"\d+", text))) + 1 for text in _axes(facts)]
    # whoever reduces the axes 1 and 2 has images, and keeps their channels
    found = [_IMAGE_AXES if axes == _IMAGE_AXES - 1 else axes for axes in found]
    return max([0, *found, facts.y_true.axes, facts.y_pred.axes])


def _axes(facts: SourceFacts) -> list[str]:
    """The literal lists of two and more axes from 1 on."""
    lists = [text.strip().strip(",") for text in _AXES.findall(facts.text)]
    return [text for text in lists if "," in text and re.match(r"\s*[01]\b", text)]


def switch_in_force(loss: LoadedLoss) -> bool | None:
    """The value of ``from_logits`` that the loss at hand works with; None where it has no such switch.

    What the loss binds says it best, else a literal in the text does.
    """
    value = bound_values(loss).get("from_logits")
    if isinstance(value, bool):
        return value
    literals = set(_SWITCH.findall(loss.source.text))
    return ("True" in literals) if literals else None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
