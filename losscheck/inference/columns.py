"""What the columns of a packed argument hold, by their names and by what reads them."""

from __future__ import annotations

from losscheck.loading.naming import words
from losscheck.loss import Part


def _vocabulary(**domains: str) -> dict[str, str]:
    return {word: domain for domain, text in domains.items() for word in text.split()}


#: Words in the names of parts, and a domain that is right for whatever they may mean: what is called a scale
#: may be read as it is or through softplus, and a number above 0 is fine for both.
_TRUE_WORDS = _vocabulary(
    binary="mask valid event events censored observed indicator state flag has is conf confidence obj"
    " objectness objects",
    boxes="box boxes bbox bboxes",
    prob="xy wh xywh prob probs",
    positive="time times duration weight weights price prices width height area areas",
    onehot="class classes cls label labels onehot",
)
_PRED_WORDS = _vocabulary(
    logits="logit logits",
    real="log",
    boxes="box boxes bbox bboxes",
    prob="conf confidence obj objectness prob score scores xy wh xywh mask",
    positive="sigma std stddev scale var variance weight weights width height",
    simplex="class classes cls label labels pi mix mixture probs",
)


#: Words in the names of the functions to which parts are handed.
_CROSSENTROPY = frozenset({"crossentropy", "entropy", "bce", "cce"})
_BINARY = frozenset({"binary", "bce", "sigmoid"})
_CATEGORICAL = frozenset({"categorical", "cce", "softmax"})


def columns_domain(part: Part, width: int, *, of_y_pred: bool) -> str:
    """The name of the domain of some columns: what reads them says it best, else what they are called."""
    vocabulary = _PRED_WORDS if of_y_pred else _TRUE_WORDS
    found = _read_as(part, of_y_pred=of_y_pred)
    found = found or next((vocabulary[word] for word in words(part.name) if word in vocabulary), "real")
    if found == "boxes" and width % 4:
        return "prob"
    if found in ("onehot", "simplex") and width == 1:
        return "binary" if found == "onehot" else "prob"
    return found


def _read_as(part: Part, *, of_y_pred: bool) -> str:
    """What the crossentropy to which a part is handed takes it for."""
    said = set(words(part.reader))
    if not said & _CROSSENTROPY or "sparse" in said:
        return ""
    is_binary = bool(said & _BINARY)
    if not is_binary and not said & _CATEGORICAL:
        return ""
    if of_y_pred and "logits" in said:
        return "logits"
    return (("simplex", "prob") if of_y_pred else ("onehot", "binary"))[is_binary]
