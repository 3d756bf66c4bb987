"""Makes what the documents show from what losscheck does: ``python tests/make_docs.py``.

- .github/losscheck.svg: a picture of a real run;
- README.md: every block between ``<!-- made: … -->`` and ``<!-- end -->``;
- losscheck/rules/README.md: the page of every rule.
"""

import html
import io
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.text import Text

from losscheck.explain import page, table
from losscheck.inputs.specs import DOMAINS
from losscheck.inputs.tasks import TASKS
from losscheck.registry import all_rules

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
REFERENCE = ROOT / "losscheck" / "rules" / "README.md"
PICTURE = ROOT / ".github" / "losscheck.svg"
PICTURED = ("fixtures/losses/broken/thresholded_iou.py",)
WIDTH = 100  # columns
#: rich's own drawing with the reader's fonts: a picture in a page may not load any.
SVG_FORMAT = re.sub(r"@font-face {{.*?}}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code, monospace", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
)
BLOCK = re.compile(r"(<!-- made: (?P<what>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)

INTRODUCTION = """\
# The rules

Made by `tests/make_docs.py` from the rules themselves: the text is the docstring of each rule, the examples
are the ones that the tests run. `losscheck --explain LC201` shows one of these pages in the terminal.
Rules that `--static` runs say what they look for in the source: the first line of their method `suspect`, of
which "Add a rule in ten minutes" in the main README has an example.

"""


def run(*arguments, color="never"):
    """What the command line prints in a terminal of 100 columns, from the root of the repository."""
    done = subprocess.run(
        [sys.executable, "-m", "losscheck", *arguments, "--color", color],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": str(WIDTH), "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    if done.stderr or done.returncode not in (0, 1):
        raise RuntimeError(
            f"losscheck {' '.join(arguments)} gives {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def picture():
    """The run as a drawing of a terminal."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, legacy_windows=False, _environ={}
    )
    console.print(Text(f"$ losscheck {' '.join(PICTURED)}"))
    console.print(Text.from_ansi(run(*PICTURED, color="always").rstrip("\n")))
    svg = console.export_svg(title="losscheck", unique_id="losscheck", code_format=SVG_FORMAT)
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def rules():
    """The table of rules, each code with a link to its page."""
    rows = re.sub(r" {2,}", " ", table(all_rules()))
    for rule in all_rules():
        rows = rows.replace(f"| {rule.code} |", f"| [{rule.code}]({link(rule)}) |")
    return rows


def link(rule):
    """Where README.md finds the page of a rule."""
    return f"{REFERENCE.relative_to(ROOT).as_posix()}#{rule.code.lower()}-{rule.name}"


def domains():
    """The domains of an input spec."""
    written = {"labels": "labels<N"}
    rows = [
        f"| `{written.get(name, name)}` | {meaning.partition(', written')[0]} |"
        for name, meaning in DOMAINS.items()
    ]
    rows += [
        "| `-1..1` | between two numbers |",
        "| `prob?` | any domain with a `?`: NaNs stand among the entries |",
        "| `boxes*4\\|binary` | columns of the last axis, a domain each: four of `boxes`, one of `binary` |",
    ]
    return "\n".join(["| domain | numbers |", "| --- | --- |", *rows]) + "\n"


def tasks():
    """The named tasks."""
    rows = [f"| `{task.name}` | `{task.y_true}` | `{task.y_pred}` |" for task in TASKS.values()]
    return "\n".join(["| task | `y_true` | `y_pred` |", "| --- | --- | --- |", *rows]) + "\n"


def repro(target, code):
    """The script that ``--repro`` writes for the finding of a code, in a folder of the repository."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix="repro_") as folder:
        run(target, "--select", code, "--repro", folder)
        (script,) = Path(folder).glob(f"{code}-*.py")
        summary = f"<details><summary>repro/{script.name}</summary>"
        return f"{summary}\n\n```py\n{script.read_text()}```\n\n</details>\n"


def block(what):
    """The text of a block by its name: ``rules``, ``tasks``, ``run ARGUMENTS``, ``repro TARGET CODE`` …"""
    verb, _, rest = what.partition(" ")
    if verb == "repro":
        return repro(*rest.split())
    if verb == "run":
        return f"```console\n$ losscheck {rest}\n{run(*rest.split())}```\n"
    return {"rules": rules, "domains": domains, "tasks": tasks}[verb]()


def settled(text):
    """The text without what differs by right: times, versions, columns (Python 3.10 knows none)."""
    text = re.sub(r"\d+(\.\d)? (s|ms)\b", r"0 \2", text)
    text = re.sub(r'("(?:seconds|losscheck|tensorflow|keras|python)"): [^,\n]+', r"\1: -", text)
    text = re.sub(r"TensorFlow\s[\d.]+\sand\sKeras\s[\d.]+", "-", text)
    if sys.version_info < (3, 11):
        text = re.sub(r"(\.py:\d+):\d+", r"\1", text)
        text = re.sub(r'("(?:end_)?column"): \d+', r"\1: 0", text)
        text = re.sub(r"\n *\| +\^+(?=\n)", "", text)
    return text


def drawn(svg):
    """The lines of text in a picture."""
    lines = {}
    for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        if text.get("clip-path"):
            line = int(re.search(r"line-(\d+)", text.get("clip-path"))[1])
            lines[line] = lines.get(line, "") + html.unescape("".join(text.itertext()))
    return "\n".join(" ".join(line.split()) for _, line in sorted(lines.items()))


def readme(text):
    """README.md with its blocks made anew; one in which only times differ stays as it is."""

    def renewed(match):
        made = match[1] + block(match["what"]) + match[3]
        return match[0] if settled(made) == settled(match[0]) else made

    return BLOCK.sub(renewed, text)


def reference():
    """The page of every rule, one below the other."""
    contents = "".join(
        f"- [{rule.code} {rule.name}](#{rule.code.lower()}-{rule.name})\n" for rule in all_rules()
    )
    return INTRODUCTION + contents + "".join(f"\n{demoted(page(rule))}" for rule in all_rules())


def demoted(markdown):
    """The same page with its headings one level down; the comments in its code stay as they are."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.DOTALL | re.MULTILINE)
    return "".join(
        part if part.startswith("```") else re.sub(r"^#", "##", part, flags=re.M) for part in parts
    )


def main():
    """Write all of them."""
    drawing = picture()
    if not PICTURE.exists() or settled(drawn(drawing)) != settled(drawn(PICTURE.read_text(encoding="utf-8"))):
        PICTURE.write_text(drawing, encoding="utf-8")
    REFERENCE.write_text(reference(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
