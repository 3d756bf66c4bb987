"""The graphs inside branches, loops and functions: the one place that needs a private TensorFlow name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

#: Attributes of an operation that name the functions which it runs.
_FUNCTION_ATTRIBUTES = ("f", "then_branch", "else_branch", "body", "cond", "branches")


def inner_graphs(op: Any) -> Iterator[Any]:
    """The `FuncGraph`s that an operation (`If`, `While`, `PartitionedCall`, …) runs.

    ``Graph._get_function`` is private; where it is missing nothing is yielded and the reader says so.
    """
    for attribute in _FUNCTION_ATTRIBUTES:
        try:
            named = op.get_attr(attribute)
        except ValueError:
            continue
        for function in named if isinstance(named, list) else [named]:
            name = getattr(function, "name", None)
            get_function = getattr(op.graph, "_get_function", None)
            if not isinstance(name, str) or get_function is None:
                continue
            graph = getattr(get_function(name), "graph", None)
            if graph is not None and hasattr(graph, "inputs"):
                yield graph


def has_inner_graph(op: Any) -> bool:
    """Whether the operation runs functions at all."""
    return any(attribute in op.node_def.attr for attribute in _FUNCTION_ATTRIBUTES)
