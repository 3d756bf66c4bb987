"""Which lines are the user's: tracebacks reduced to plain data."""

from __future__ import annotations

import ast
import functools
import os
import re
import site
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

from losscheck.finding import Location, code_span, source_line
from losscheck.observation import Frame, Raised
from losscheck.probes.syntax import parsed

_PACKAGE = str(Path(__file__).resolve().parent.parent)
#: Their code is never the user's, wherever it is installed.
_LIBRARIES = ("tensorflow", "keras", "tf_keras", "numpy", "scipy")
#: AutoGraph and a running graph name the user's lines in the message of an error that they pass on.
_USER_CODE_LINE = re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<function>\S+)')
_TRAILERS = (
    re.compile(r"\s*\[Op:\w+\].*", re.DOTALL),
    re.compile(r"\n\s*(Call arguments received by|Arguments received by).*", re.DOTALL),
    re.compile(r"\s*\[\[\{\{node [^\]]*\]\]"),
    re.compile(r"\s*\{\{node [^}]*\}\}"),
)

#: A tensor that is out of scope is told with the lines that made it: not those that raise.
_ORIGIN = re.compile(r"\n[^\n]* was defined here:\n.*", re.DOTALL)

#: Characters of an exception's text; the telling lines of AutoGraph's longest lie well within.
_MAX_TEXT = 100_000


#: Sources of compiled modules, whose frames name them as they lay where they were compiled.
_COMPILED = (".pyx", ".pxd", ".pxi", ".c", ".cpp")


class UserFiles:
    """Tells the user's files from those of libraries.

    Args:
        path: file of the loss; its own package counts as the user's even where it is installed.

    """

    def __init__(self, path: str) -> None:
        self._own = str(Path(path).resolve()) if path and not path.startswith("<") else path
        self._own_root = self._package_root(self._own)
        self._known: dict[str, bool] = {}

    def __contains__(self, path: str) -> bool:
        if path not in self._known:
            self._known[path] = self._is_user(path)
        return self._known[path]

    def _is_user(self, path: str) -> bool:
        if not path:
            return False
        if path.startswith("<"):
            return path.startswith(("<ipython", "<stdin")) or path == self._own
        resolved = str(Path(path).resolve())
        if resolved == self._own:
            return True
        if (
            "__autograph_generated_file" in path
            or path.endswith(_COMPILED)
            or resolved.startswith(_PACKAGE + "/")
        ):
            return False
        if self._own_root and resolved.startswith(self._own_root + "/"):
            return True
        return not any(resolved.startswith(root + "/") for root in _library_roots())

    @staticmethod
    def _package_root(path: str) -> str:
        """The top-level folder of an installed package, unless it is TensorFlow's or Keras's own."""
        for root in _library_roots():
            if root.endswith("-packages") and path.startswith(root + "/"):
                name = path[len(root) + 1 :].split("/", maxsplit=1)[0]
                return "" if name in _LIBRARIES or name.endswith(".py") else f"{root}/{name}"
        return ""

    def shown(self, path: str) -> str:
        """The path as the user would type it: relative to the working directory where it lies below it."""
        try:
            return str(Path(path).resolve().relative_to(Path.cwd()))
        except (ValueError, OSError):
            return path


@functools.lru_cache(maxsize=1)
def _library_roots() -> tuple[str, ...]:
    paths = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths.update(site.getsitepackages() if hasattr(site, "getsitepackages") else [])
    paths.add(site.getusersitepackages() if hasattr(site, "getusersitepackages") else "")
    for name in _LIBRARIES:
        source = getattr(sys.modules.get(name), "__file__", None)
        if source:
            paths.add(str(Path(source).parent))
    return tuple(sorted(str(Path(path).resolve()) for path in paths if path))


def raised_from(error: BaseException, files: UserFiles) -> Raised:
    """The exception as plain data, with the deepest user line."""
    summaries = _frames_of(error)
    frames = [Frame(s.filename, s.lineno or 1, s.name, s.filename in files) for s in summaries]
    location = None
    for summary, frame in zip(reversed(summaries), reversed(frames), strict=True):
        if frame.is_user:
            location = _summary_location(summary, files)
            break
    message = _text(error)
    if location is None or "in user code:" in message:
        inner = message.rpartition(f'File "{_PACKAGE}{os.sep}')[2]
        named = [match for match in _USER_CODE_LINE.finditer(inner) if match["path"] in files]
        if named:
            line = int(named[-1]["line"])
            frames += [Frame(m["path"], int(m["line"]), m["function"], True) for m in named]
            location = statement_location(named[-1]["path"], line, files)
    bases = tuple(cls.__name__ for cls in type(error).__mro__[1:])
    return Raised(type(error).__name__, bases, _clean(message), location, tuple(frames))


def _text(error: BaseException) -> str:
    """What the exception says, as far as anybody reads it."""
    try:
        text = str(error)
    except Exception as second:  # the user's own class
        return f"its text cannot be made, since that raises `{type(second).__name__}`"
    text = _ORIGIN.sub("", text)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"


def _frames_of(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of an exception; Keras and AutoGraph may have put the telling ones on its cause."""
    summaries = list(traceback.extract_tb(error.__traceback__))
    cause = error.__cause__ or error.__context__
    if not summaries and cause is not None:
        return _frames_of(cause)
    return summaries


def _summary_location(summary: traceback.FrameSummary, files: UserFiles) -> Location:
    line = summary.lineno or 1
    column = getattr(summary, "colno", None)
    if column is None:
        return statement_location(summary.filename, line, files)
    end_line = getattr(summary, "end_lineno", None) or line
    end = _column(summary.filename, end_line, getattr(summary, "end_colno", None))
    start = _column(summary.filename, line, column)
    return Location(files.shown(summary.filename), line, start or 1, end_line, end)


def _column(path: str, line: int, offset: int | None) -> int | None:
    """The column of a byte offset, as Python's compiler counts them: from 1, in characters."""
    if offset is None:
        return None
    return len(source_line(path, line).encode()[:offset].decode(errors="ignore")) + 1


def statement_location(path: str, line: int, files: UserFiles) -> Location:
    """The code on a line, from its first character to its last, without a comment behind it."""
    start, end = code_span(source_line(path, line))
    return Location(files.shown(path), line, start, line, end if end > 1 else None)


def user_line(frames: Iterable[tuple[str, int]], files: UserFiles) -> tuple[str, int] | None:
    """The deepest user's file and line among frames, outermost first, inside the call of the probe."""
    inner: list[tuple[str, int]] = []
    for path, line in frames:
        inner = [] if path.startswith(_PACKAGE + os.sep) else [*inner, (path, line)]
    return next(((path, line) for path, line in reversed(inner) if path in files), None)


def op_location(op_type: str, place: tuple[str, int], number: int, files: UserFiles) -> Location:
    """The expression that made an operation, else the whole statement.

    Args:
        op_type: TensorFlow's name of it, ``ArgMax``.
        place: file and line.
        number: how many operations of this type the line has made before.
        files: which files are the user's.

    """
    path, line = place
    makers = [node for node in _expressions(path).get(line, ()) if _makes(node, op_type)]
    if not makers:
        return statement_location(path, line, files)
    node = makers[number % len(makers)]
    end_line = node.end_lineno or line
    start, end = _column(path, line, node.col_offset), _column(path, end_line, node.end_col_offset)
    return Location(files.shown(path), line, start or 1, end_line, end)


def caller_location(files: UserFiles, frame: FrameType | None) -> Location | None:
    """The innermost user line on the present stack, as far up as the probe that called the loss."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_PACKAGE + os.sep) and frame.f_code.co_name == "run":
            return None
        if frame.f_code.co_filename in files:
            return statement_location(frame.f_code.co_filename, frame.f_lineno, files)
        frame = frame.f_back
    return None


#: Operators of Python and the operations that TensorFlow makes of them.
_OPERATORS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Add: ("AddV2", "Add"), ast.Sub: ("Sub",), ast.Mult: ("Mul",), ast.Div: ("RealDiv",),
    ast.Pow: ("Pow", "Square"), ast.MatMult: ("MatMul", "BatchMatMulV2"), ast.FloorDiv: ("FloorDiv",),
    ast.Mod: ("FloorMod",), ast.Gt: ("Greater",), ast.GtE: ("GreaterEqual",), ast.Lt: ("Less",),
    ast.LtE: ("LessEqual",), ast.Eq: ("Equal",), ast.NotEq: ("NotEqual",), ast.USub: ("Neg",),
}  # fmt: skip
#: Calls whose operation has another name.
_CALLS = {
    "reducemean": "Mean", "reducesum": "Sum", "reducemax": "Max", "reducemin": "Min", "reduceprod": "Prod",
    "multiply": "Mul", "divide": "RealDiv", "subtract": "Sub", "add": "AddV2", "negative": "Neg",
    "onehot": "OneHot", "expanddims": "ExpandDims", "numpyfunction": "PyFunc", "pyfunction": "EagerPyFunc",
    "maximum": "Maximum", "minimum": "Minimum", "where": "SelectV2", "norm": "Sqrt", "cast": "Cast",
    "clipbyvalue": "Maximum", "clip": "Maximum", "reduceany": "Any", "reduceall": "All",
}  # fmt: skip


def _makes(node: ast.expr, op_type: str) -> bool:
    if isinstance(node, ast.Call):
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        flat = name.replace("_", "").lower()
        return _CALLS.get(flat) == op_type or flat == re.sub(r"V\d$", "", op_type).lower()
    if isinstance(node, (ast.BinOp, ast.UnaryOp)):
        return op_type in _OPERATORS.get(type(node.op), ())
    if isinstance(node, ast.Compare):
        return op_type in _OPERATORS.get(type(node.ops[0]), ())
    return isinstance(node, ast.Subscript) and op_type == "StridedSlice"


def _expressions(path: str) -> dict[int, tuple[ast.expr, ...]]:
    """The calls and operators of a file by the line on which they start, in the order of evaluation."""
    return _expressions_of(parsed(path))


@functools.lru_cache(maxsize=64)
def _expressions_of(tree: ast.Module) -> dict[int, tuple[ast.expr, ...]]:
    found: dict[int, list[ast.expr]] = {}
    for node in _evaluated(tree):
        if isinstance(node, (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript)):
            found.setdefault(node.lineno, []).append(node)
    return {line: tuple(nodes) for line, nodes in found.items()}


def _evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below one, operands before what uses them."""
    for child in ast.iter_child_nodes(node):
        yield from _evaluated(child)
    yield node


def _clean(message: str) -> str:
    """The telling part of an error's text: no listing of lines, no call trailer."""
    if "Graph execution error" in message:
        lines = [line.strip() for line in message.splitlines()]
        told = [
            line for line in lines if line and not line.startswith(("File ", "[[", "Graph ", "Detected "))
        ]
        message = "\n".join(told) or message
    if "in user code:" in message:
        tail = message.rsplit("\n\n    ", maxsplit=1)[-1]
        body = [line.strip() for line in tail.splitlines() if line.strip() and "File " not in line]
        message = "\n".join(body[-3:]) or message
    for trailer in _TRAILERS:
        message = trailer.sub("", message)
    message = re.sub(r"\{\{function_node [^}]*\}\}\s*", "", message)
    return message.strip()
