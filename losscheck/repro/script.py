"""A script that shows one finding, put together."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from losscheck.finding import Finding
from losscheck.recipe import ImportRaises, Recipe, Special, WrittenBatch
from losscheck.report import LossReport, Report
from losscheck.repro.bodies import Scene, body
from losscheck.repro.layout import double_quoted, laid_out
from losscheck.repro.source import Source

#: First line of every file that losscheck writes: such a file may be overwritten.
MARK = "# Written by losscheck --repro; it may be overwritten."
_WIDTH = 100
_PAIRS = tuple((f"{name}_true", f"{name}_pred") for name in ("y", "other", "third", "fourth"))
#: Name in the code → import.
_IMPORTS = {
    "collections": "import collections.abc",
    "contextlib": "import contextlib",
    "gc": "import gc",
    "importlib": "import importlib.util",
    "inspect": "import inspect",
    "io": "import io",
    "json": "import json",
    "logging": "import logging",
    "random": "import random",
    "sys": "import sys",
    "tempfile": "import tempfile",
    "sysconfig": "import sysconfig",
    "weakref": "import weakref",
    "Path": "from pathlib import Path",
    "mock": "from unittest import mock",
}
_PACKAGES = {"keras": "import {keras}", "np": "import numpy as np", "tf": "import tensorflow as tf"}


def script(
    finding: Finding,
    loss: LossReport,
    recipe: Recipe,
    *,
    batches: Sequence[WrittenBatch],
    source: Source,
    report: Report,
) -> str:
    """The text of the script."""
    arrays, inputs = _arrays(batches)
    call = "loss.call" if loss.ingredients is not None and loss.ingredients.is_called_by_call else "loss"
    scene = Scene(finding, call, tuple(inputs), tuple(batch.words for batch in batches))
    lines = body(recipe, scene)
    loads = isinstance(recipe, ImportRaises) or recipe == Special("eager switched off", ())
    bring = [line for line in source.lines if not line.startswith("sys.path")]
    before = [line for line in source.lines if line.startswith("sys.path")]
    if loads:
        loader = ["def load():", *(f"    {line}" for line in [*filter(None, bring), "return loss"]), "", ""]
    else:
        before, loader = [*before, *bring], []
    if any("HERE" in line for line in before + loader):
        before.insert(0, "HERE = Path(__file__).resolve().parent")
    main = [*loader, "def is_reproduced():", *textwrap.indent("\n".join(lines), "    ").split("\n")]
    code = "\n".join([*before, "", *arrays, "", "", *main, *_end(finding)])
    imports = _needed(code, loss.ingredients.keras if loss.ingredients else "keras")
    text = "\n".join([MARK, *_docstring(finding, loss, source, report), "", *imports, "", code])
    return re.sub(r"\n{4,}", "\n\n\n", text) + "\n"


def stub(finding: Finding, name: str) -> str:
    """The text of the test that runs the script."""
    function = re.sub(r"\W", "_", finding.name)
    return f'''{MARK}
import runpy
from pathlib import Path


def test_{function}_is_gone():
    """Fails as long as the script beside it shows {finding.code}."""
    script = runpy.run_path(str(Path(__file__).with_name({double_quoted(name)})))
    assert not script["is_reproduced"](), (
        {double_quoted(_safe(finding.message))}
    )
'''


def _arrays(batches: Sequence[WrittenBatch]) -> tuple[list[str], list[str]]:
    """The lines that make the tensors, each once, and the arguments of each batch."""
    names: dict[str, str] = {}
    inputs: list[str] = []
    lines: list[str] = []
    for pair, batch in zip(_PAIRS, batches, strict=False):
        for name, expression in zip(pair, (batch.y_true, batch.y_pred), strict=True):
            if expression not in names:
                names[expression] = name
                lines += laid_out(f"{name} = tf.constant({expression})")
            elif name in _PAIRS[0]:
                lines.append(f"{name} = {names[expression]}")
        inputs.append(f"{names[batch.y_true]}, {names[batch.y_pred]}")
    return lines, inputs


def _docstring(finding: Finding, loss: LossReport, source: Source, report: Report) -> list[str]:
    place = finding.location
    words = [
        f"{finding.code} {finding.name}: {_safe(finding.message)}.",
        "",
        f"Seen on {_safe(loss.name)} at {_safe(place.shown_path)}:{place.line} with TensorFlow"
        f" {report.versions.tensorflow} and Keras {report.versions.keras}.",
        *([f"{_safe(source.remark)}."] if source.remark else []),
        'Prints "reproduced" and exits with 0 while the defect is there, else with 1.',
    ]
    first, *rest = [line for text in words for line in textwrap.wrap(text, _WIDTH - 4) or [""]]
    return [f'"""{first}', *rest, '"""']


def _safe(text: str) -> str:
    """Text of a user on one line that can end neither a docstring nor a string."""
    shown = " ".join(text.split()).replace("\\", "/").replace('"""', "'''").rstrip('"')
    return "".join(c if c.isprintable() else "?" for c in shown)


def _needed(code: str, keras: str) -> list[str]:
    standard = [line for name, line in _IMPORTS.items() if re.search(rf"(?<![\w.\"]){name}\b", code)]
    packages = [
        line.format(keras=keras if keras == "keras" else f"{keras} as keras")
        for name, line in _PACKAGES.items()
        if re.search(rf"(?<![\w.\"]){name}\.", code)
    ]
    return [*standard, "", *packages]


def _end(finding: Finding) -> list[str]:
    return [
        "",
        "",
        'if __name__ == "__main__":',
        "    found = is_reproduced()",
        f'    print("reproduced: {finding.code} {finding.name}" if found else "not reproduced")',
        "    sys.exit(0 if found else 1)",
    ]
