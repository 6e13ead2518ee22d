"""`mots drift`: whether new footage is still like the old one."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from mots.cli.options import Commands, add_reid, add_settings, chosen_settings, is_settings_request
from mots.errors import InputError

__all__ = ["add"]

CHANGED = 1  # the exit status where something has changed


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("drift", help="compare what is seen in two runs: has footage changed?")
    parser.add_argument("reference", metavar="REFERENCE", nargs="?", type=Path, help="a video, or saved detections")
    parser.add_argument("new", metavar="NEW", nargs="?", type=Path, help="the one to compare with it")
    parser.add_argument("--level", type=float, default=0.05, help="chance of a false alarm (default 0.05)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the distributions")
    add_reid(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.files import cannot_write, check_target, write_whole
    from mots.labelling.drift import DriftSettings, changes_between, seen_in

    settings = chosen_settings(parsed)
    if is_settings_request(parsed, settings):
        return 0
    if parsed.reference is None or parsed.new is None:
        raise InputError("REFERENCE and NEW are missing: name two videos, or two files of saved detections")
    if not 0 < parsed.level < 1:
        raise InputError(f"--level {parsed.level}: wanted a chance between 0 and 1")
    for target, flag in ((parsed.json, "json"), (parsed.plot, "plot")):
        if target is not None:
            check_target(target, True, [parsed.reference, parsed.new], (flag,))
    reference, new = seen_in(parsed.reference, settings), seen_in(parsed.new, settings)
    found = changes_between(reference, new, DriftSettings(level=parsed.level))
    if not found:
        raise InputError(f"{reference.name} and {new.name} have nothing in common that could be compared")
    if parsed.json is not None:
        try:
            write_whole(parsed.json, json.dumps([asdict(each) for each in found], indent=1).encode("utf-8"))
        except OSError as error:
            raise cannot_write(parsed.json, error) from error
    if parsed.plot is not None:
        from mots.labelling.drift_plot import plot

        plot(reference, new, found, parsed.plot)
    print(f"{'':12}{'reference':>28}{'new':>28}{'size':>8}{'p':>9}")
    for each in found:
        mark = "  changed" if each.changed else ""
        print(f"{each.name:12}{each.reference:>28}{each.new:>28}{each.size:8.3f}{each.p:9.4f}{mark}")
    changed = [each.name for each in found if each.changed]
    print(f"the footage has changed: {', '.join(changed)}" if changed else "no change found")
    return CHANGED if changed else 0
