"""Write docs/settings.md from the dataclasses of the settings and the comments beside their fields.

python tools/settings_page.py            # writes docs/settings.md
python tools/settings_page.py --check    # fails where the file is not what would be written
"""

from __future__ import annotations

import argparse
import ast
import inspect
import io
import sys
import tokenize
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from mots.settings import Settings, toml_value
from mots.trackers.stages import Stage

TARGET = Path(__file__).resolve().parents[1] / "docs/settings.md"
FIRST = {
    "classes": "what is tracked",
    "frame_rate": "of images and of detections without times; it scales every time of the tracker",
    "detector.weights": "the network: larger ones find more, slowly",
    "detector.conf": "lower: more low-score detections reach the tracker",
    "detector.imgsz": "larger for small or distant objects",
    "reid.weights": "a ReID network, for crowds of similar people",
    "tracker.lifecycle.memory": "longer where objects are occluded for long",
    "tracker.lifecycle.new_score": "higher: fewer false tracks, later starts",
    "tracker.lifecycle.report_score": "higher: fewer false positives, more misses",
    "tracker.reentry.memory": "0 switches re-identification off",
}
INTRODUCTION = """# Settings

<!-- Written by tools/settings_page.py; edit the comments beside the fields instead. -->

`--preset` takes `default`, `kitti-mots`, `mots20`, `sports` or `traffic`. `--settings FILE.toml` is applied to the
preset, flags and `--set NAME=VALUE` to both, and `--print-settings` prints everything that is in force as TOML. The
same names serve `--set`, TOML files, `mots tune --search NAME=LOW:HIGH` and `mots.track(changes={NAME: VALUE})`. A
stage is addressed by its name: `tracker.stages.lost.limit`.

## The ten to know

| setting | default | change it because |
|---|---|---|
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    if arguments.check:
        sys.exit(
            f"{TARGET} is out of date: python {sys.argv[0]}" if TARGET.read_text(encoding="utf-8") != page() else 0
        )
    TARGET.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    settings = Settings()
    lines = [INTRODUCTION.rstrip("\n")]
    for name, reason in FIRST.items():
        value: Any = settings
        for part in name.split("."):
            value = getattr(value, part)
        lines.append(f"| `{name}` | `{toml_value(value)}` | {reason} |")
    lines += ["", "## All settings", ""]
    lines += section("", settings)
    lines += ["## tracker.stages", "", summary(Stage), "", "| field | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {comment} |" for name, comment in comments(Stage).items()]
    lines += ["", "The default stages, in order:", ""]
    columns = [field.name for field in fields(Stage)]
    lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for stage in settings.tracker.stages:
        lines.append("| " + " | ".join(f"`{toml_value(getattr(stage, column))}`" for column in columns) + " |")
    return "\n".join(lines) + "\n"


def section(prefix: str, settings: Any) -> list[str]:
    """A table for one dataclass, then those of the dataclasses in it."""
    lines = [f"## {prefix.rstrip('.')}", "", summary(type(settings)), ""] if prefix else []
    lines += ["| setting | default | meaning |", "|---|---|---|"]
    notes, groups = comments(type(settings)), []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if is_dataclass(value):
            groups.append((f"{prefix}{field.name}.", value))
        elif field.name != "stages":
            lines.append(f"| `{prefix}{field.name}` | `{toml_value(value)}` | {notes.get(field.name, '')} |")
    lines.append("")
    for name, value in groups:
        lines += section(name, value)
    return lines


def summary(kind: type) -> str:
    """A class's docstring, its lines joined to paragraphs."""
    return inspect.cleandoc(kind.__doc__ or "")


def comments(kind: type) -> dict[str, str]:
    """The comment on the line of each field, or in the lines above it."""
    source = inspect.cleandoc("\n" + inspect.getsource(kind))
    on_line: dict[int, str] = {}
    alone: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            place = alone if token.line.lstrip().startswith("#") else on_line
            place[token.start[0]] = token.string.lstrip("# ").replace("|", "\\|")
    (tree,) = ast.parse(source).body
    notes: dict[str, str] = {}
    for node in getattr(tree, "body", ()):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.end_lineno or node.lineno
            above: list[str] = []
            line = node.lineno - 1
            while line in alone:
                above.insert(0, alone[line])
                line -= 1
            notes[node.target.id] = on_line.get(last) or on_line.get(node.lineno) or " ".join(above)
    return notes


if __name__ == "__main__":
    main()
