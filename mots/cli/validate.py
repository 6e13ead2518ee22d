"""`mots validate`: check results as the official kits would, and repair them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mots.cli.options import Commands, add_benchmark, count
from mots.cli.startup import quick_start
from mots.errors import InputError
from mots.names import printable

if TYPE_CHECKING:
    from mots.formats.faults import Fault

__all__ = ["add"]

FAULTS = 1  # the exit status of a check that found something that the kits refuse


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("validate", help="check results as the official kits would, before an upload")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="folder, zip archive or text file")
    add_benchmark(parser)
    parser.add_argument("--split", metavar="NAME|FILE", help="also check that its sequences and frames are there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every finding as JSON")
    parser.add_argument("--fix", action="store_true", help="write a repaired copy, and list each change")
    parser.add_argument("--output", type=Path, metavar="DIR", help="of --fix (default: RESULTS-fixed)")
    parser.add_argument("--overwrite", action="store_true", help="with --fix: replace an older repaired copy")
    parser.add_argument("--shift-frames", type=int, default=0, metavar="N", help="with --fix: add N to every frame")
    parser.add_argument("--quiet", action="store_true", help="print no findings; only the exit status")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    quick_start()
    from mots.benchmarks.validation import validate
    from mots.files import check_target

    results = parsed.results
    if parsed.json is not None:
        check_target(parsed.json, True, [results, None if parsed.split is None else Path(parsed.split)], ("json",))
    if parsed.shift_frames and not parsed.fix:
        raise InputError("--shift-frames needs --fix")
    if parsed.fix:
        from mots.benchmarks.repair import fix

        output = parsed.output or results.with_name(f"{results.stem}-fixed")
        changes = fix(results, output, parsed.benchmark, parsed.shift_frames, overwrite=parsed.overwrite)
        if not parsed.quiet:
            for change in changes:
                print(printable(str(change)))
            print(f"{count(len(changes), 'change')} -> {output}")
        results = output
    faults = validate(results, parsed.benchmark, parsed.split)
    if parsed.json is not None:
        write_json(parsed.json, faults)
    refused = sum(fault.refused for fault in faults)
    if not parsed.quiet:
        for fault in faults:
            print(printable(str(fault) if fault.refused else f"{fault} (untidy; not refused)"))
        print(f"{results}: {verdict(refused, len(faults) - refused)}")
        if parsed.split is None:
            print("(without --split: missing sequences and frames past a sequence's end were not checked)")
    return FAULTS if refused else 0


def verdict(refused: int, untidy: int) -> str:
    """The findings in a phrase."""
    if refused:
        return f"{count(refused, 'fault')} that the official kits refuse, {count(untidy, 'untidy place')}"
    return "good" if not untidy else f"good, with {count(untidy, 'untidy place')}"


def write_json(file: Path, faults: list[Fault]) -> None:
    """Write the findings."""
    from mots.files import cannot_write, write_whole

    content = json.dumps([fault.to_dict() for fault in faults], indent=1)
    try:
        write_whole(file, content.encode("utf-8"))
    except OSError as error:
        raise cannot_write(file, error) from error
