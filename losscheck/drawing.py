"""What a reporter draws of one loss: its curve over the prediction, and the path of its gradient.

Plain data, made only where somebody asks for it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from losscheck.finding import Location

_DIGITS = 7  #: of a number in a report; float32 has no more


@dataclass(frozen=True)
class CurveLine:
    """The loss and its gradient over the prediction, for one label."""

    label: str  #: ``y_true = 1``
    loss: tuple[float, ...]  #: at each point; NaN and infinities as they came
    gradient: tuple[float, ...] | None  #: slope by `GradientTape` along the curve; None: disconnected


@dataclass(frozen=True)
class Curve:
    """The loss over the prediction."""

    x: tuple[float, ...]  #: points, ascending, from below to above the domain of ``y_pred``
    axis: str  #: what goes from left to right, ``y_pred``
    low: float  #: where the domain begins; equal to the first point where it has no end
    high: float  #: where the domain ends; equal to the last point where it has no end
    caption: str  #: what was varied and what was held
    lines: tuple[CurveLine, ...]  #: one for each label, or for several that have the same

    @property
    def inside(self) -> slice:
        """The places of the points that lie in the domain."""
        places = [place for place, x in enumerate(self.x) if self.low <= x <= self.high]
        return slice(places[0], places[-1] + 1)


class Flow(str, enum.Enum):
    """What becomes of the gradient between two operations."""

    PASSES = "passes"
    CUT = "cut"  #: it arrives at the reader and goes no further
    NONE = "none"  #: it does not arrive at the reader


@dataclass(frozen=True)
class PathNode:
    """Operations that one place of the source makes, one after the other."""

    ops: tuple[str, ...]  #: their types, in the order of the loss: ``("Softmax", "ArgMax")``
    location: Location | None  #: the user's expression or line
    has_gradient: bool  #: the loss depends on it differentiably


@dataclass(frozen=True)
class PathEdge:
    """A tensor that one node hands to another."""

    source: int  #: place in `GradientPath.nodes`
    target: int  #: place in `GradientPath.nodes`, above `source`
    flow: Flow


@dataclass(frozen=True)
class GradientPath:
    """The operations between ``y_pred``, the first node, and the loss, the last one."""

    nodes: tuple[PathNode, ...]
    edges: tuple[PathEdge, ...]
    remark: str = ""  #: what of the graph is left out, in words; empty: nothing

    @property
    def is_cut(self) -> bool:
        """Whether no gradient arrives at ``y_pred``."""
        return not self.nodes[0].has_gradient


@dataclass(frozen=True)
class Drawing:
    """What there is to draw of a loss, or why there is nothing."""

    curve: Curve | None = None
    no_curve: str = ""  #: why there is none
    path: GradientPath | None = None
    no_path: str = ""  #: why there is none

    def to_dict(self) -> dict[str, Any]:
        """Plain data that every JSON parser reads: NaN and infinities are strings."""
        return {
            "curve": self.curve and _curve_to_dict(self.curve),
            "no_curve": self.no_curve,
            "path": self.path and _path_to_dict(self.path),
            "no_path": self.no_path,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Drawing:
        """The inverse of `to_dict`."""
        return cls(
            curve=data["curve"] and _curve_from_dict(data["curve"]),
            no_curve=data["no_curve"],
            path=data["path"] and _path_from_dict(data["path"]),
            no_path=data["no_path"],
        )


def _curve_to_dict(curve: Curve) -> dict[str, Any]:
    lines = [
        {
            "label": line.label,
            "loss": _written(line.loss),
            "gradient": None if line.gradient is None else _written(line.gradient),
        }
        for line in curve.lines
    ]
    return {
        "x": _written(curve.x),
        "axis": curve.axis,
        "low": curve.low,
        "high": curve.high,
        "caption": curve.caption,
        "lines": lines,
    }


def _curve_from_dict(data: Mapping[str, Any]) -> Curve:
    lines = (
        CurveLine(
            line["label"],
            _read(line["loss"]),
            None if line["gradient"] is None else _read(line["gradient"]),
        )
        for line in data["lines"]
    )
    return Curve(_read(data["x"]), data["axis"], data["low"], data["high"], data["caption"], tuple(lines))


def _path_to_dict(path: GradientPath) -> dict[str, Any]:
    nodes = [
        {
            "ops": list(node.ops),
            "location": node.location and vars(node.location),
            "has_gradient": node.has_gradient,
        }
        for node in path.nodes
    ]
    edges = [{"source": e.source, "target": e.target, "flow": e.flow.value} for e in path.edges]
    return {"nodes": nodes, "edges": edges, "remark": path.remark}


def _path_from_dict(data: Mapping[str, Any]) -> GradientPath:
    nodes = (
        PathNode(tuple(node["ops"]), node["location"] and Location(**node["location"]), node["has_gradient"])
        for node in data["nodes"]
    )
    edges = (PathEdge(e["source"], e["target"], Flow(e["flow"])) for e in data["edges"])
    return GradientPath(tuple(nodes), tuple(edges), data["remark"])


def _written(numbers: Sequence[float]) -> list[float | str]:
    return [float(f"{n:.{_DIGITS}g}") if math.isfinite(n) else str(n) for n in numbers]


def _read(numbers: Sequence[float | str]) -> tuple[float, ...]:
    return tuple(map(float, numbers))
