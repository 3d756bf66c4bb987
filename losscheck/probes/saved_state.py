"""The Python state that a loss can reach, remembered and put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from losscheck.probes.frames import UserFiles
from losscheck.probes.leaks import cached
from losscheck.probes.slots import MISSING, Slot, find_reach


class SavedState:
    """The Python state that a loss can reach, remembered so that it can be put back.

    What a `functools.lru_cache` keeps of tensors is forgotten, as in a process that has not called it yet.

    Args:
        function: the loss.
        files: which files are the user's.

    """

    def __init__(self, function: Callable[..., Any], files: UserFiles) -> None:
        reach = find_reach(function, files)
        self._values = [(slot, slot.get()) for slot in reach.slots if _is_variable(slot)]
        self._contents = [(container, copied(container)) for container in reach.containers]
        self._caches = reach.caches
        self._attributes = [(item, dict(vars(item))) for item in (*reach.objects, *reach.functions)]

    def restore(self) -> None:
        """Put everything back as it was."""
        for slot, value in self._values:
            if slot.get() is not value:
                slot.put(value)
        for cache in self._caches:
            if cached(cache):
                cache.cache_clear()
        for container, content in self._contents:
            refill(container, content)
        for item, attributes in self._attributes:
            present = vars(item)
            for name in [name for name in present if name not in attributes]:
                del present[name]
            for name, value in attributes.items():
                if present.get(name, MISSING) is not value:
                    present[name] = value


def _is_variable(slot: Slot) -> bool:
    """Whether it is a closure, global or class variable, not a part of something that is copied whole."""
    is_global = slot.kind == "item" and isinstance(slot.holder, dict) and "__builtins__" in slot.holder
    return is_global or slot.kind == "cell" or isinstance(slot.holder, type)


def copied(container: Any) -> Any:
    """A dict for a dict, a list for anything else: what `refill` takes."""
    return dict(container) if isinstance(container, dict) else list(container)


def refill(container: Any, content: Any) -> None:
    """Give a container its content back, unless it still has it."""
    now = copied(container)
    if isinstance(content, dict):
        is_same = list(now) == list(content) and all(now[key] is content[key] for key in content)
    else:
        is_same = len(now) == len(content) and all(a is b for a, b in zip(now, content, strict=True))
    if is_same:
        return
    container.clear()
    if isinstance(container, (dict, set)):
        container.update(content)
    else:
        container.extend(content)
