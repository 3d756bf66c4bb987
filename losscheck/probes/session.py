"""Global state of Python, TensorFlow and Keras: nothing that a probe does to it is left behind."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator

from losscheck.finding import Location
from losscheck.observation import Effect, EffectKind
from losscheck.probes.frames import UserFiles, caller_location
from losscheck.probes.random_seed import restoring_tensorflow_seed
from losscheck.probes.state import restoring_random_state

_MAX_OUTPUT_EFFECTS = 50

Record = Callable[[Effect], None]


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Restore random generators, dtype settings, eager functions, log levels, warnings and tracing."""
    import keras
    import tensorflow as tf

    functions_eager = tf.config.functions_run_eagerly()
    floatx = keras.backend.floatx()
    restore_random_state = restoring_random_state()
    restore_tensorflow_seed = restoring_tensorflow_seed()
    trace = sys.gettrace()
    policies = keras.mixed_precision
    policy = getattr(policies, "dtype_policy", None) or policies.global_policy
    set_policy = getattr(policies, "set_dtype_policy", None) or policies.set_global_policy
    old_policy = policy()
    logger = tf.get_logger()
    level = logger.level
    try:
        logger.setLevel(logging.ERROR)  # AutoGraph warns of a lambda whose source it cannot find
        if functions_eager:
            tf.config.run_functions_eagerly(False)
        with warnings.catch_warnings(), staying_here():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        sys.settrace(trace)
        restore_random_state()
        restore_tensorflow_seed()
        keras.backend.set_floatx(floatx)
        if policy() != old_policy:
            set_policy(old_policy)
        if tf.config.functions_run_eagerly() != functions_eager:
            tf.config.run_functions_eagerly(functions_eager)


@contextlib.contextmanager
def staying_here() -> Iterator[None]:
    """Come back to the working directory, from which the paths of the report are told."""
    try:
        here = os.getcwd()  # noqa: PTH109 - `Path` would make it slower, and nobody reads it
    except OSError:  # it has been deleted
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(here)


def is_eager_off() -> bool:
    """Whether eager execution is switched off for the whole process: nothing can be probed then."""
    import tensorflow as tf

    return not tf.executing_eagerly()


@contextlib.contextmanager
def unoptimized() -> Iterator[None]:
    """Run new graphs as they were traced: for a graph that runs once, rewriting it takes longer than it.

    Not for probes that compare numbers with those of a graph: the rewriting changes some.
    """
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options(
            {"disable_meta_optimizer": before.get("disable_meta_optimizer", False)}
        )


@contextlib.contextmanager
def functions_inlined() -> Iterator[None]:
    """Run the Python body of every `tf.function` in place, so that its operations stand in one graph."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def captured_output(files: UserFiles, record: Record, call: Callable[[], int]) -> Iterator[None]:
    """Keep what the loss prints or logs off the terminal; record what a user's line wrote.

    Args:
        files: which files are the user's.
        record: takes an `Effect` for each piece of output.
        call: the number of the present call.

    """
    stream = _Recorder(files, record, call)
    handler = _LogRecorder(files, record, call)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            yield
    finally:
        stream.close_line()
        root.removeHandler(handler)


class _Recorder(io.TextIOBase):
    """A text stream that records who writes to it."""

    def __init__(self, files: UserFiles, record: Record, call: Callable[[], int]) -> None:
        self._files, self._record, self._call = files, record, call
        self._left = _MAX_OUTPUT_EFFECTS
        self._line = ""  #: what was written since the last line break
        self._place: Location | None = None  #: who began that line

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._left > 0:
            if not self._line:
                self._place = caller_location(self._files, sys._getframe(1))
            self._line += text
            if "\n" in text:
                self.close_line()
        return len(text)

    def close_line(self) -> None:
        """Record what was written, if a user's line wrote it."""
        if self._line.strip() and self._place is not None:
            self._left -= 1
            self._record(Effect(EffectKind.OUTPUT, self._line.strip()[:200], self._call(), self._place))
        self._line = ""


class _LogRecorder(logging.Handler):
    """A log handler that records what the user's files log."""

    def __init__(self, files: UserFiles, record: Record, call: Callable[[], int]) -> None:
        super().__init__()
        self._files, self._record, self._call = files, record, call

    def emit(self, record: logging.LogRecord) -> None:
        if record.pathname in self._files:
            place = caller_location(self._files, sys._getframe(1))
            self._record(Effect(EffectKind.OUTPUT, record.getMessage()[:200], self._call(), place))
