"""Obvious values for arguments that a loss needs and has no default for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from losscheck.exceptions import TargetError
from losscheck.loading.address import split_target
from losscheck.loading.naming import words
from losscheck.loading.objects import is_callable_class, loss_base, required_arguments

#: The class count of the probes; `losscheck.inputs.tasks` uses the same, a test says so.
CLASSES = 4
#: The typical batch of the probes.
ROWS = 7

_COUNTS = re.compile(r"^(n|nb|num|number_of|no_of|n_of)?_?(class|classes|labels|categories|outputs|cls)$")
_SCALARS = {
    "alpha": 0.25,
    "beta": 0.75,
    "gamma": 2.0,
    "margin": 1.0,
    "temperature": 0.1,
    "tau": 1.0,
    "delta": 1.0,
    "sigma": 1.0,
    "epsilon": 1e-6,
    "eps": 1e-6,
    "smooth": 1.0,
    "smoothing": 0.1,
    "scale": 10.0,
    "threshold": 0.5,
    "quantile": 0.5,
    "weight": 1.0,
    "lambda": 1.0,
    "lam": 1.0,
    "lmbda": 1.0,
    "lambd": 1.0,
    "factor": 1.0,
    "coef": 1.0,
    "coefficient": 1.0,
    "power": 2.0,
    "cutoff": 0.5,
}
_LISTS = frozenset({"weights", "alphas"})
_FIXED: dict[str, Any] = {
    "batch_size": ROWS,
    "bs": ROWS,
    "axis": -1,
    "reduction": "sum_over_batch_size",
    "name": "loss",
    "from_logits": False,
    "dtype": "float32",
    "bounding_box_format": "xyxy",
    "box_format": "xyxy",
    "quantiles": (0.1, 0.5, 0.9),
    "taus": (0.1, 0.5, 0.9),
}


@dataclass(frozen=True)
class Given:
    """The values that were found for the arguments of a class or factory."""

    values: Mapping[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()  #: arguments for which nothing is obvious

    @property
    def words(self) -> str:
        """``built with margin=1.0, which has no default``; empty where nothing was needed."""
        if not self.values:
            return ""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"built with {shown}, which {'have' if len(self.values) > 1 else 'has'} no default"

    def call(self, target: str) -> str:
        """The target with its arguments, dots for those that the user must know."""
        values = {name: repr(value) for name, value in self.values.items()} | dict.fromkeys(
            self.unknown, "..."
        )
        return f"{target}({', '.join(f'{name}={value}' for name, value in values.items())})"


def given_for(thing: Any, target: str, is_factory: bool) -> Given:
    """Obvious values for what a class or factory needs and has no default for.

    Raises:
        TargetError: nothing is obvious for one of them; it says how to write them.

    """
    is_class = isinstance(thing, type) and (loss_base(thing) is not None or is_callable_class(thing))
    if not callable(thing) or not (is_class or is_factory):
        return Given()
    given = obvious_arguments(thing, required_arguments(thing))
    if given.unknown:
        needs = "makes a loss and needs arguments" if is_factory else "needs arguments"
        raise TargetError(f"`{bare(target)}` {needs}: write `{given.call(target)}`")
    return given


def bare(target: str) -> str:
    """The expression of a target; a live object's target is nothing else."""
    try:
        return split_target(target).expression or target
    except TargetError:
        return target


def obvious_arguments(needed: Callable[..., Any], missing: Iterable[str]) -> Given:
    """Values for the required arguments, by their names and annotations."""
    values: dict[str, Any] = {}
    unknown: list[str] = []
    annotations = _annotations(needed)
    for name in missing:
        found, value = _obvious(name, annotations.get(name, ""))
        if found:
            values[name] = value
        else:
            unknown.append(name)
    return Given(values, tuple(unknown))


def are_obvious(names: Iterable[str]) -> bool:
    """Whether each of these names says which value would do."""
    return all(_obvious(name, "")[0] for name in names)


def _obvious(name: str, annotation: str) -> tuple[bool, Any]:
    parts = words(name)
    lower = name.lower().strip("_")
    if lower in _FIXED:
        return True, _FIXED[lower]
    if _COUNTS.match(lower):
        return True, CLASSES
    if any(word in annotation.lower() for word in ("callable", "model", "tensor", "loss")):
        return False, None
    if parts and (parts[-1] in _LISTS or lower in ("class_weight", "pos_weights")):
        return True, [1.0] * CLASSES
    if any(word in annotation.lower() for word in ("list", "sequence", "tuple", "ndarray", "array")):
        return (True, [1.0] * CLASSES) if parts and parts[-1] in _SCALARS else (False, None)
    for word in reversed(parts):
        if word in _SCALARS:
            value = _SCALARS[word]
            return True, int(value) if annotation == "int" else value
    return False, None


def _annotations(needed: Callable[..., Any]) -> dict[str, str]:
    try:
        signature = inspect.signature(needed)
    except (TypeError, ValueError):
        return {}
    return {
        name: p.annotation
        if isinstance(p.annotation, str)
        else getattr(p.annotation, "__name__", str(p.annotation))
        for name, p in signature.parameters.items()
        if p.annotation is not p.empty
    }
