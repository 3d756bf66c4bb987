"""Writes a short script for each finding that shows it with plain TensorFlow, and a test that runs it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from losscheck.exceptions import LosscheckError
from losscheck.finding import Finding
from losscheck.ingredients import batch_names
from losscheck.recipe import NoScript, Recipe, WrittenBatch
from losscheck.registry import rule
from losscheck.report import LossReport, Report
from losscheck.repro.script import MARK, script, stub
from losscheck.repro.source import Copy, Source, find_source


@dataclass(frozen=True)
class Written:
    """What came of writing the scripts of a run."""

    folder: Path
    scripts: tuple[Path, ...]
    without: tuple[tuple[str, str], ...]  #: code of a finding that has no script, and why

    @property
    def words(self) -> str:
        """``3 scripts written to repro``, and why others have none."""
        count = len(self.scripts)
        text = f"{count} script{'s' * (count != 1)} written to {self.folder}"
        reasons = dict.fromkeys(f"none for {code}: {reason}" for code, reason in self.without)
        return "; ".join([text, *reasons])


def write_scripts(report: Report, folder: Path) -> Written:
    """Write a script and a test for each finding of a report.

    Raises:
        LosscheckError: the folder cannot be made, or a file in the way is not one of ours.

    """
    files: dict[str, str] = {}
    scripts: list[Path] = []
    without: list[tuple[str, str]] = []
    for loss in report.losses:
        source = find_source(loss, folder)
        for finding in loss.findings:
            made = _made(finding, loss, source, report)
            if isinstance(made, str):
                without.append((finding.code, made))
                continue
            text, copy = made
            name = _file_name(finding, loss, files)
            files[f"{name}.py"] = text
            files[f"test_{re.sub(r'[^A-Za-z0-9_]', '_', name)}.py"] = stub(finding, f"{name}.py")
            if copy is not None:
                files[f"{copy.name}.py"] = f"{MARK}\n# ruff: noqa\n{copy.text}"
            scripts.append(folder / f"{name}.py")
    _write(folder, files)
    return Written(folder, tuple(scripts), tuple(without))


def _made(
    finding: Finding, loss: LossReport, source: Source | None, report: Report
) -> tuple[str, Copy | None] | str:
    """The script and what must stand beside it; else the reason why there is none."""
    recipe: Recipe = rule(finding.code).recipe(finding)
    if isinstance(recipe, NoScript):
        return recipe.reason
    if source is None:
        return "its loss has no name that a script could import"
    names = batch_names(finding)
    known = loss.ingredients.batches if loss.ingredients is not None else {}
    if any(name not in known for name in names):
        return "its input is too large to write down"
    batches: list[WrittenBatch] = [known[name] for name in names]
    return script(finding, loss, recipe, batches=batches, source=source, report=report), source.copy


def _file_name(finding: Finding, loss: LossReport, taken: dict[str, str]) -> str:
    """``LC201-dice_loss-14``: safe in every file system, and the only one of that name."""
    subject = re.sub(r"[^A-Za-z0-9_]+", "_", loss.name).strip("_")[:40] or "loss"
    base = f"{finding.code}-{subject}-{finding.location.line}"
    name, number = base, 1
    while f"{name}.py".lower() in {key.lower() for key in taken}:
        number += 1
        name = f"{base}-{number}"
    return name


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            _refuse_foreign(folder / name)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise LosscheckError(f"cannot write to `{folder}`: {error.strerror}") from None


def _refuse_foreign(path: Path) -> None:
    """Refuse to overwrite a file that losscheck has not written."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        if file.readline().rstrip("\n") != MARK:
            raise LosscheckError(f"`{path}` is none of losscheck's scripts: move it or choose another folder")
