"""Which of the user's functions run in a call, and which clocks and open files they use."""

from __future__ import annotations

import contextlib
import datetime
import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from losscheck.observation import Effect, EffectKind
from losscheck.probes.auditing import SINKS
from losscheck.probes.frames import UserFiles, statement_location

_CLOCKS = frozenset({
    "time", "time_ns", "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time",
    "process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns",
    "strftime", "localtime", "gmtime", "ctime", "asctime",
})  # fmt: skip
_MOMENTS = frozenset(("now", "utcnow", "today"))
_WRITERS = frozenset(("write", "writelines", "writerow", "writerows"))
_FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom, io.FileIO)
_STREAMS = (*SINKS, "<stdout>", "<stderr>", 1, 2)
_WATCHED = _CLOCKS | _MOMENTS | _WRITERS


@dataclass
class Calls:
    """What was seen in a call."""

    codes: list[CodeType] = field(default_factory=list)  #: of the user's functions, in the order of calls
    effects: list[Effect] = field(default_factory=list)


@contextlib.contextmanager
def recorded_calls(files: UserFiles) -> Iterator[Calls]:
    """Record what the user's functions call; another profiler goes on afterwards."""
    calls = Calls()
    seen: dict[CodeType, None] = {}

    def on_event(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            seen[frame.f_code] = None
        elif event == "c_call" and argument.__name__ in _WATCHED and frame.f_code.co_filename in files:
            words = _clock(argument)
            kind = EffectKind.CLOCK if words else EffectKind.IO
            words = words or _written(argument)
            if words:
                place = statement_location(frame.f_code.co_filename, frame.f_lineno, files)
                calls.effects.append(Effect(kind, words, 0, place))

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        calls.codes = [code for code in seen if code.co_filename in files]


def _clock(function: Callable[..., Any]) -> str:
    """The name of a function that reads the clock; empty for any other."""
    name, owner = function.__name__, getattr(function, "__self__", None)
    if getattr(function, "__module__", None) == "time" and name in _CLOCKS:
        return f"time.{name}()"
    if name in _MOMENTS and isinstance(owner, type) and issubclass(owner, datetime.date):
        return f"{owner.__name__}.{name}()"
    return ""


def _written(function: Callable[..., Any]) -> str:
    """What a method that writes to a file does; empty for any other."""
    owner = getattr(function, "__self__", None)
    if function.__name__ not in _WRITERS:
        return ""
    if type(owner).__module__ == "_csv":
        return "writes a row of a CSV file"
    name = getattr(owner, "name", "")
    if isinstance(owner, _FILES) and name not in _STREAMS:
        return f"writes to `{name}`"
    return ""
