"""Reads a folder of labelled losses: what is wrong in each, and where.

Two ways to label are read. ``labels.jsonl`` holds one loss a line, with the files in ``broken/`` and
``clean/`` (fields: ``id``, ``target``, ``codes``, ``lines``, and the inputs ``y_true``, ``y_pred``,
``needs_spec``; ``clean_…`` for the twin). Without it, ``# expect: LC201`` comments in ``broken/`` mark code
and line, and what lies in ``clean/`` is right.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

EXPECTED = re.compile(r"# expect: (.+)")
#: A code, and the only Keras that it holds for.
CODE = re.compile(r"(LC\d{3})(?: \(keras (\d)\))?")


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong, and the codes and lines that would tell it."""

    codes: frozenset[str]
    lines: frozenset[int]


@dataclass(frozen=True)
class Labelled:
    """A file with a loss (or several) and what is wrong in it."""

    path: Path
    name: str  #: the loss in it; empty: all of them
    defects: tuple[Defect, ...] = ()  #: none: it is right
    y_true: str = ""  #: spec of the inputs; empty: nobody says
    y_pred: str = ""
    needs_spec: bool = False  #: no tool could guess the inputs

    @property
    def text(self) -> str:
        """The file, with its inputs in a comment where they cannot be guessed."""
        lines = self.path.read_text().split("\n")
        if self.needs_spec:
            specs = f"y_true={self.y_true} y_pred={self.y_pred}".replace(", ", ",")
            comment = "  # losscheck: " + specs.replace("] ", "]:").replace("]:y_pred", "] y_pred")
            bare = re.escape(re.split(r"[(\[]", self.name)[0])
            binding = re.compile(rf"\s*((def|class)\s+{bare}\b.*:$|{bare}\s*=)")
            number = next(n for n, line in enumerate(lines) if binding.match(line.rstrip()))
            lines[number] = lines[number].rstrip() + comment
        return "\n".join(lines)


def read_labels(folder: Path, keras: str) -> list[Labelled]:
    """The labelled losses of a folder, for a major version of Keras."""
    labels = folder / "labels.jsonl"
    if labels.is_file():
        rows = [json.loads(line) for line in labels.read_text().splitlines() if line.strip()]
        return [labelled for row in rows for labelled in _of_row(folder, row)]
    return [
        Labelled(path, "", _expected(path, keras) if kind != "clean" else ())
        for kind in ("broken", "seed", "clean")
        for path in sorted((folder / kind).glob("*.py"))
    ]


def _of_row(folder: Path, row: dict) -> list[Labelled]:
    name = row["target"].partition(":")[2]
    found = []
    if row["visible"]:
        defect = Defect(frozenset(row["codes"]), frozenset(row["lines"]))
        found.append(
            Labelled(
                folder / "broken" / f"{row['id']}.py",
                name,
                (defect,),
                row["y_true"],
                row["y_pred"],
                row.get("needs_spec", False),
            )
        )
    twin = folder / "clean" / f"{row['id']}.py"
    if twin.exists():
        found.append(
            Labelled(
                twin,
                row.get("clean_target", row["target"]).partition(":")[2],
                (),
                row.get("clean_y_true", row["y_true"]),
                row.get("clean_y_pred", row["y_pred"]),
                row.get("clean_needs_spec", row.get("needs_spec", False)),
            )
        )
    return found


def expected(text: str, keras: str) -> set[tuple[str, int]]:
    """``(code, line)`` of each ``# expect:`` comment that holds for this Keras."""
    return {
        (code, number)
        for number, line in enumerate(text.splitlines(), 1)
        for match in EXPECTED.finditer(line)
        for code, only in CODE.findall(match[1])
        if only in ("", keras)
    }


def _expected(path: Path, keras: str) -> tuple[Defect, ...]:
    marks = sorted(expected(path.read_text(), keras))
    return tuple(Defect(frozenset({code}), frozenset({line})) for code, line in marks)
