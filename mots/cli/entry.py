"""The command `mots`: choose a command, run it, print what it raises."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from mots import __version__
from mots.cli import (
    batch,
    convert,
    count,
    dataset,
    demo,
    detect,
    edit,
    export,
    render,
    report,
    scene,
    score,
    submit,
    track,
    tune,
    validate,
    view,
)  # fmt: skip
from mots.cli.options import Parser, flags_of
from mots.errors import MotsError, MotsWarning
from mots.files import of_system
from mots.names import printable
from mots.pipeline.interrupts import Terminated, take_sigterm_as_ctrl_c

__all__ = ["main"]

INTERRUPTED, TERMINATED = 130, 143  # 128 + the signal's number, as shells have it
COMMANDS = (
    track,
    detect,
    demo,
    render,
    report,
    view,
    edit,
    scene,
    count,
    score,
    tune,
    batch,
    validate,
    submit,
    convert,
    dataset,
    export,
)
OLD_NAMES = {"run": "batch"}  # commands that were renamed, for one release


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 for a check with findings, 2 for an error that the user can fix, 130 for
    Ctrl-C, 143 for SIGTERM."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything imports torch
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in OLD_NAMES:
        words[0] = OLD_NAMES[words[0]]
    parsed = build_parser().parse_args(words)
    show_log()
    warnings.showwarning = show_warning
    warnings.simplefilter("always", MotsWarning)
    take_sigterm_as_ctrl_c()
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()  # here, where a full disk is told
        return status
    except MotsError as error:
        print(f"mots: error: {printable(str(error))}{flags_of(error)}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (open until the process ends)
        return 0
    except OSError as error:
        if error.filename is None:  # of standard output: what it still holds must not fail again at the end
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (open until the process ends)
        print(f"mots: error: {printable(str(of_system(error)))}", file=sys.stderr)
        return 2
    except MemoryError:
        print("mots: error: there is not enough memory for this", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        print("mots: stopped; what was done so far is written", file=sys.stderr)
        return TERMINATED if isinstance(stopped, Terminated) else INTERRUPTED


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of the engine as one line; warnings of libraries are not shown."""
    if category.__module__.partition(".")[0] == "mots":
        print(f"mots: warning: {printable(str(message))}", file=sys.stderr)


def show_log() -> None:
    """What the engine tells by `logging` as lines on standard error."""
    log = logging.getLogger("mots")
    log.setLevel(logging.INFO)
    log.propagate = False
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("mots: %(message)s"))
        log.addHandler(handler)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(
        prog="mots", description="Track and segment every person and vehicle in video: masks with lasting identities."
    )
    parser.add_argument("--version", action="version", version=f"mots {__version__}")
    commands = parser.add_subparsers(parser_class=Parser, title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser
