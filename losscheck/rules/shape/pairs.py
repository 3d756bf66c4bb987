"""Whether a loss compares samples with each other by design: the words by which a source says so."""

from __future__ import annotations

from losscheck.prober import Prober

_WORDS = (
    "contrast", "triplet", "npair", "n_pair", "ntxent", "nt_xent", "infonce", "info_nce", "simclr",
    "clip_loss", "supcon", "siamese", "embedding", "anchor", "negatives", "positives", "barlow", "vicreg",
    "arcface", "circle_loss", "ranking", "ranknet", "listnet", "listmle", "pairwise", "concordance",
    "hazard", "mmd", "discrepancy", "coral", "wasserstein",
)  # fmt: skip


def compares_samples(prober: Prober) -> bool:
    """Whether the inputs are embeddings, or names or a docstring speak of pairs and the like."""
    facts = prober.loss.source
    words = " ".join((prober.loss.name, facts.docstring, *facts.names)).lower()
    return prober.inputs.task.is_embedding or any(word in words for word in _WORDS)
