"""The commands for people who submit to a benchmark: parse, call, print."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mots.errors import MotsError

if TYPE_CHECKING:
    from mots.faults import Fault

__all__ = ["add_benchmark_commands"]

FOUND = 1  # the exit status of a check that found something


def add_benchmark_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `validate` and `submit` to the command line."""
    validate = commands.add_parser("validate", help="check results as the official kits would, before an upload")
    validate.add_argument("results", metavar="RESULTS", type=Path, help="folder, zip archive or text file")
    add_benchmark(validate)
    validate.add_argument("--split", metavar="NAME|FILE", help="also check that its sequences and frames are there")
    validate.add_argument("--json", type=Path, metavar="FILE", help="write every finding as JSON")
    validate.add_argument("--fix", action="store_true", help="write a mended copy, and list each change")
    validate.add_argument("--output", type=Path, metavar="DIR", help="of --fix (default: RESULTS-fixed)")
    validate.add_argument("--shift-frames", type=int, default=0, metavar="N", help="with --fix: add N to every frame")
    validate.add_argument("--quiet", action="store_true", help="print no findings; the exit status tells")
    validate.set_defaults(run=run_validate)

    submit = commands.add_parser("submit", help="check results, and pack them as the benchmark's server wants them")
    submit.add_argument("results", metavar="RESULTS", type=Path, help="folder or zip archive")
    add_benchmark(submit)
    submit.add_argument("--split", default="test", metavar="NAME|FILE", help="default: test")
    submit.add_argument("--output", type=Path, required=True, metavar="FILE.zip", help="the archive")
    submit.add_argument("--layout", metavar="PATTERN", help="of KITTI-STEP's PNGs: {sequence}/{frame:06d}.png")
    submit.add_argument("--overwrite", action="store_true", help="replace an archive that is there")
    submit.set_defaults(run=run_submit)


def add_benchmark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--benchmark", default="kitti-mots", help="kitti-mots (default), mots20 or kitti-step")


def run_validate(parsed: argparse.Namespace) -> int:
    from mots.validation import fix, validate

    results = parsed.results
    if parsed.shift_frames and not parsed.fix:
        raise MotsError("--shift-frames goes with --fix")
    if parsed.fix:
        output = parsed.output or results.with_name(f"{results.stem}-fixed")
        changes = fix(results, output, parsed.benchmark, parsed.shift_frames)
        if not parsed.quiet:
            for change in changes:
                print(change)
            print(f"{count(len(changes), 'change')} -> {output}")
        results = output
    faults = validate(results, parsed.benchmark, parsed.split)
    if parsed.json is not None:
        write_json(parsed.json, faults)
    refused = sum(fault.refused for fault in faults)
    if not parsed.quiet:
        for fault in faults:
            print(fault if fault.refused else f"{fault} (untidy; not refused)")
        print(f"{results}: {verdict(refused, len(faults) - refused)}")
        if parsed.split is None:
            print("(without --split: missing sequences and frames past a sequence's end were not looked for)")
    return FOUND if refused else 0


def verdict(refused: int, untidy: int) -> str:
    """What the findings come to."""
    if refused:
        return f"{count(refused, 'fault')} that the official kits refuse, {count(untidy, 'untidy place')}"
    return "good" if not untidy else f"good, with {count(untidy, 'untidy place')}"


def count(number: int, word: str) -> str:
    """`1 fault`, `2 faults`."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def write_json(file: Path, faults: list[Fault]) -> None:
    from mots.files import write_whole

    content = json.dumps([fault.to_dict() for fault in faults], indent=1)
    try:
        write_whole(file, content.encode("utf-8"))
    except OSError as error:
        raise MotsError(f"{file}: cannot be written ({error.strerror})") from error


def run_submit(parsed: argparse.Namespace) -> int:
    from mots.submission import STEP_LAYOUT, submit

    if parsed.output.exists() and not parsed.overwrite:
        raise MotsError(f"{parsed.output} exists: choose another --output, or add --overwrite")
    if parsed.output.suffix != ".zip":
        raise MotsError(f"{parsed.output}: the server takes a .zip")
    print(submit(parsed.results, parsed.output, parsed.benchmark, parsed.split, parsed.layout or STEP_LAYOUT))
    if parsed.benchmark == "kitti-step":
        print("(the server's layout is not publicly documented: compare with its own instructions)", file=sys.stderr)
    return 0
