"""The side effects of a call: output, Python state, random state, tapes, `tf.function`s, variables."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from losscheck.finding import Location, source_line
from losscheck.observation import PYTHON_RANDOM, Effect, EffectKind
from losscheck.probes.frames import UserFiles, caller_location, statement_location
from losscheck.probes.retraces import recorded_retraces
from losscheck.probes.session import captured_output
from losscheck.probes.state import (
    changed_names,
    generator_states,
    generators,
    random_state,
    restoring_variables,
    snapshot,
    variables,
)

#: A loop over ten thousand rows would compare the state ten thousand times; the first lines tell enough.
_MAX_TRACED_LINES = 2000


class Watch:
    """Calls a loss and records its side effects, call by call."""

    def __init__(self, function: Callable[..., Any], files: UserFiles) -> None:
        self.effects: list[Effect] = []
        self.call = -1
        self._function = function
        self._files = files

    def run(self, action: Callable[[], Any], *, locate: bool = False) -> Any:
        """Run one call; ``locate`` finds the line of each change of state, at the price of a trace."""
        self.call += 1
        before = self._state()
        found = variables(self._function, self._files)
        lines: dict[str, Location] = {}
        tracer = line_tracer(self._files, self._state, lines, _differences) if locate else None
        with restoring_variables(found):
            try:
                with captured_output(self._files, self.effects.append, lambda: self.call), traced(tracer):
                    return action()
            finally:
                self._record_changes(before, lines)

    def _state(self) -> tuple[dict[str, Any], Any, list[Any]]:
        found = snapshot(self._function, self._files)
        return found, random_state(), generator_states(generators(self._function, self._files))

    def _record_changes(self, before: tuple[Any, Any, Any], lines: dict[str, Location]) -> None:
        for name in _differences(before, self._state()):
            kind = EffectKind.RANDOM if name in _RANDOM_NAMES else EffectKind.STATE
            self.effects.append(Effect(kind, name, self.call, lines.get(name)))


_RANDOM_NAMES = (PYTHON_RANDOM, "NumPy's global generator", "a random generator")


def _differences(before: tuple[Any, Any, Any], after: tuple[Any, Any, Any]) -> list[str]:
    names = changed_names(before[0], after[0])
    moved = (before[1][0] != after[1][0], before[1][1] != after[1][1], before[2] != after[2])
    return names + [name for name, is_moved in zip(_RANDOM_NAMES, moved, strict=True) if is_moved]


def line_tracer(
    files: UserFiles,
    state: Callable[[], Any],
    lines: dict[str, Location],
    differences: Callable[[Any, Any], list[str]],
) -> Callable[..., Any]:
    """A trace function that compares the state before and after each line of the user's files.

    Args:
        files: which files are the user's.
        state: gives the state as it is now.
        lines: is filled: name of a difference → the line that made it first.
        differences: the names of what differs between two states.

    """
    last_state = state()
    last_line: tuple[str, int] | None = None
    left = _MAX_TRACED_LINES

    def on_line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal last_state, last_line, left
        if left <= 0:
            return None
        left -= 1
        now = state()
        if last_line is not None:
            for name in differences(last_state, now):
                lines.setdefault(name, statement_location(last_line[0], last_line[1], files))
        last_state = now
        here = _user_frame(frame.f_back, files) if event == "return" else frame
        if here is not None:  # after a return the rest of the caller's line runs
            last_line = (here.f_code.co_filename, here.f_lineno)
        return on_line

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace = on_line
        return on_line

    return on_call


def _user_frame(frame: FrameType | None, files: UserFiles) -> FrameType | None:
    """The nearest of the user's frames, from this one up."""
    while frame is not None and frame.f_code.co_filename not in files:
        frame = frame.f_back
    return frame


@contextlib.contextmanager
def traced(tracer: Callable[..., Any] | None) -> Iterator[None]:
    """Run with a trace function, then with the one from before."""
    before = sys.gettrace()
    if tracer is not None:
        sys.settrace(tracer)
    try:
        yield
    finally:
        if tracer is not None:
            sys.settrace(before)


@contextlib.contextmanager
def hooked(watch: Watch, files: UserFiles) -> Iterator[None]:
    """Record the tapes, `tf.function`s and variables that the user's lines make."""
    import tensorflow as tf

    with contextlib.ExitStack() as stack:
        stack.enter_context(_hooked_tape(tf.GradientTape, watch, files))
        stack.enter_context(_hooked_function(tf, watch, files))
        stack.enter_context(recorded_retraces(files, watch.effects.append, lambda: watch.call))
        stack.enter_context(tf.variable_creator_scope(_variable_recorder(watch, files)))
        yield


@contextlib.contextmanager
def _hooked_tape(tape_class: Any, watch: Watch, files: UserFiles) -> Iterator[None]:
    """Wrap the methods of `tf.GradientTape`; record each tape that is never asked for a gradient."""
    opened: list[tuple[Any, Location, int]] = []
    asked: list[Any] = []
    methods = {
        name: getattr(tape_class, name) for name in ("__enter__", "gradient", "jacobian", "batch_jacobian")
    }

    def enter(tape: Any) -> Any:
        caller = sys._getframe(1)
        if caller.f_code.co_filename in files:
            place = statement_location(caller.f_code.co_filename, caller.f_lineno, files)
            opened.append((tape, place, watch.call))
        return methods["__enter__"](tape)

    def asking(name: str) -> Callable[..., Any]:
        def ask(tape: Any, *args: Any, **kwargs: Any) -> Any:
            asked.append(tape)
            return methods[name](tape, *args, **kwargs)

        return ask

    tape_class.__enter__ = enter
    for name in ("gradient", "jacobian", "batch_jacobian"):
        setattr(tape_class, name, asking(name))
    try:
        yield
    finally:
        for name, method in methods.items():
            setattr(tape_class, name, method)
        for tape, place, call in opened:
            if not any(tape is other for other in asked):
                watch.effects.append(Effect(EffectKind.TAPE, "GradientTape", call, place))


@contextlib.contextmanager
def _hooked_function(tf: Any, watch: Watch, files: UserFiles) -> Iterator[None]:
    """Replace `tf.function` by one that records the user's line which calls it."""
    original = tf.function

    def function(*args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1)
        if caller.f_code.co_filename in files:
            line = _decorator_line(caller.f_code.co_filename, caller.f_lineno)
            place = statement_location(caller.f_code.co_filename, line, files)
            watch.effects.append(Effect(EffectKind.FUNCTION, "tf.function", watch.call, place))
        return original(*args, **kwargs)

    tf.function = function
    try:
        yield
    finally:
        tf.function = original


def _decorator_line(path: str, line: int) -> int:
    """The line of the decorator; Python 3.10 gives that of the `def` below it."""
    if source_line(path, line).lstrip().startswith("def "):
        while source_line(path, line - 1).lstrip().startswith("@"):
            line -= 1
    return line


def _variable_recorder(watch: Watch, files: UserFiles) -> Callable[..., Any]:
    def create(next_creator: Callable[..., Any], **kwargs: Any) -> Any:
        variable = next_creator(**kwargs)
        place = caller_location(files, sys._getframe(1))
        watch.effects.append(Effect(EffectKind.VARIABLE, "tf.Variable", watch.call, place))
        return variable

    return create
