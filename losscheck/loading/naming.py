"""Which names speak of a loss, of the truth and of a prediction."""

from __future__ import annotations

import re
from pathlib import Path

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def _vocabulary(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LOSS_STEMS = re.compile(
    "focal|entropy|divergence|hinge|jaccard|tversky|huber|wasserstein|triplet|contrastive|pinball|quantile"
    "|logcosh|penalty|likelihood|deviance|dissimilarity|diceloss|lovasz|arcface|cosface"
)
_LOSS_WORDS = _vocabulary(
    "dice iou giou diou ciou mape smape rmspe msle rmsle nll bce cce kl kld error err distance cost objective"
    " ctc nce cosh crps elbo"
)
_NOT_LOSS = frozenset({"lossless", "lossy", "losscheck", "gloss", "floss"})
_SIMILARITY = _vocabulary("dice iou jaccard tversky overlap similarity mean soft")

#: a name with one of these words and without the word loss says metric
_METRIC_WORDS = _vocabulary(
    "metric metrics accuracy acc score scores precision recall sensitivity specificity fbeta auc roc coef"
    " coeff coefficient index psnr ssim mcc kappa confusion matrix report correct miou bleu rsquared"
)
#: a function that starts with one of these words does something else with its arguments
_OTHER_VERBS = _vocabulary(
    "test plot show draw print load save read write train visualize visualise display evaluate eval record"
    " update monitor validate dump report"
)
#: so does one that starts with these, unless its name has the word loss (``check_loss``)
_WEAK_VERBS = _vocabulary(
    "check assert make build create convert preprocess postprocess prepare decode encode align match assign"
    " filter reshape flatten split gather export parse format get cast squeeze broadcast expand mask unpack"
    " apply validate"
)
#: a parameter with one of these words is no tensor of a loss
_OTHER_PARAMETERS = _vocabulary(
    "path name names file filename dir folder fn func function model size shape num count config cfg"
    " optimizer history ax axis step epoch epochs color title dict df dataset loader key len fake encoder"
    " decoder threshold weight weights length lengths class self cls"
)

_TRUTH = {
    3: _vocabulary("true truth gt ytrue groundtruth"),
    2: _vocabulary("target targets label labels actual actuals tgt expected gold teacher"),
    1: _vocabulary(
        "y yt t real ref reference observed obs original input inputs data mask masks dummy unused ignored"
    ),
}
_PREDICTION = {
    3: _vocabulary("pred preds prediction predictions predicted ypred yhat hat"),
    2: _vocabulary(
        "logit logits output outputs guess guesses prob probs probability probabilities estimate estimated"
        " recon reconstruction reconstructed student"
    ),
    1: _vocabulary(
        "p f out score scores yp d dist distance distances embedding embeddings emb feature features est"
        " generated decoded denoised approx z"
    ),
}
#: from this strength of `pair_strength` on, the parameters alone make a function a loss
CLEAR = 5
#: they say nothing by themselves, and are enough only where the function's name has the word loss
_VAGUE = _vocabulary("a b x y p q u v img image images box boxes")


def words(name: str) -> tuple[str, ...]:
    """The words of a ``snake_case`` or ``CamelCase`` name, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


def has_loss_word(name: str) -> bool:
    """Whether the name has the word loss itself."""
    return any(
        (word.startswith("loss") or word.endswith(("loss", "losses"))) and word not in _NOT_LOSS
        for word in words(name)
    )


def says_loss(name: str) -> bool:
    """Whether the name speaks of a loss, by that word or another such as focal, entropy or mse."""
    if has_loss_word(name) or _LOSS_STEMS.search("".join(words(name))):
        return True
    return any(word in _LOSS_WORDS or word.endswith(("mse", "mae")) for word in words(name))


def says_other(name: str) -> bool:
    """Whether the name says that a function of truth and prediction is something else: a metric, a plot."""
    parts = words(name)
    if not parts:
        return False
    if parts[0] in _OTHER_VERBS:
        return True
    return not has_loss_word(name) and (
        parts[0] in _WEAK_VERBS
        or any(part in _METRIC_WORDS for part in parts)
        or re.search(r"(?:^|_)[fr]\d", name.lower()) is not None
    )


def says_metrics(path: Path) -> bool:
    """Whether the name of a file, or of its folder, says that it holds metrics and no losses."""
    name = f"{path.parent.name}_{path.stem}"
    return "metrics" in words(name) and not has_loss_word(name)


def says_similarity(name: str) -> bool:
    """Whether the name is that of an overlap measure, on which a loss of the same file may be built."""
    return set(words(name)) <= _SIMILARITY


def is_camel_case(name: str) -> bool:
    """Whether the name reads as that of a class."""
    bare = name.lstrip("_")
    return bare[:1].isupper() and any(letter.islower() for letter in bare)


def says_unused(parameter: str) -> bool:
    """Whether the name of a parameter says that the function does not use it."""
    return parameter.startswith("_") or any(
        word in {"unused", "dummy", "ignored", "ignore", "notused"} for word in words(parameter)
    )


def pair_strength(first: str, second: str, *, vague: bool = False) -> int:
    """How clearly two parameters are truth and prediction, in either order: 0 (not at all) to 6.

    With ``vague``, pairs such as ``(a, b)`` count too.
    """
    if first == "y" and set(words(second)) & {"hat", "yhat", "pred", "ypred"}:
        return 5
    straight = _both(_truth(first), _prediction(second))
    reverse = _both(_prediction(first), _truth(second))
    strength = max(straight, reverse)
    if strength == 0 and vague and _is_vague(first) and _is_vague(second):
        return 2
    return strength


def _both(one: int, other: int) -> int:
    return one + other if one and other else 0


def _truth(parameter: str) -> int:
    if says_unused(parameter):
        return 2
    return 0 if _level(parameter, _PREDICTION) >= 2 else _level(parameter, _TRUTH)


def _prediction(parameter: str) -> int:
    return 0 if _level(parameter, _TRUTH) >= 2 else _level(parameter, _PREDICTION)


def _level(parameter: str, vocabulary: dict[int, frozenset[str]]) -> int:
    parts = set(words(parameter))
    if parts & _OTHER_PARAMETERS:
        return 0
    return max((level for level, known in vocabulary.items() if parts & known), default=0)


def _is_vague(parameter: str) -> bool:
    return bool(set(words(parameter)) & (_VAGUE | _TRUTH[1] | _PREDICTION[1])) and not (
        set(words(parameter)) & _OTHER_PARAMETERS
    )
