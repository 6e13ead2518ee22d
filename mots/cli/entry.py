"""The command `mots`: choose a command, run it, print what it raises."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, TextIO

from mots import __version__
from mots.cli import (
    annotate,
    batch,
    clean,
    convert,
    count,
    dataset,
    demo,
    detect,
    drift,
    edit,
    export,
    render,
    report,
    scene,
    score,
    segment,
    select,
    submit,
    track,
    tune,
    validate,
    view,
)  # fmt: skip
from mots.cli.options import Commands, Parser, flags_of
from mots.errors import MotsError, MotsWarning
from mots.files import of_system
from mots.names import printable
from mots.pipeline.interrupts import Terminated, take_sigterm_as_ctrl_c

__all__ = ["main"]

INTERRUPTED, TERMINATED = 130, 143  # 128 + the signal's number, as shells have it
# Each purpose with its commands, in the order of the help.
COMMANDS = {
    "track": (track, detect, segment, demo),
    "look and count": (render, report, view, edit, clean, scene, count),
    "score and submit": (score, batch, tune, validate, submit),
    "convert": (convert,),
    "label and train": (select, annotate, dataset, drift, export),
}
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


class GroupedParser(Parser):
    """A parser whose help lists the commands by purpose, a line each."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.groups: list[tuple[str, list[tuple[str, str]]]] = []

    @staticmethod
    def lines_of(commands: Commands[Any]) -> list[tuple[str, str]]:
        """The name and the help of each command so far."""
        return [(str(each.metavar or each.dest), each.help or "") for each in commands._get_subactions()]

    def format_help(self) -> str:
        lines = [self.format_usage().rstrip(), "", self.description or ""]
        width = max((len(name) for _, group in self.groups for name, _ in group), default=0)
        for purpose, group in self.groups:
            lines += ["", f"{purpose}:"]
            lines += [f"  {name:{width}}  {text}" for name, text in group]
        return "\n".join([*lines, "", "mots COMMAND --help: the flags of a command", ""])


def show_log() -> None:
    """What the engine tells by `logging` as lines on standard error."""
    log = logging.getLogger("mots")
    log.setLevel(logging.INFO)
    log.propagate = False
    if not log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("mots: %(message)s"))
        log.addHandler(handler)


def build_parser() -> GroupedParser:
    """The parser of all commands."""
    parser = GroupedParser(
        prog="mots", description="Track and segment every person and vehicle in video: masks with lasting identities."
    )
    parser.add_argument("--version", action="version", version=f"mots {__version__}")
    commands = parser.add_subparsers(parser_class=Parser, title="commands", required=True, metavar="COMMAND")
    for purpose, modules in COMMANDS.items():
        before = len(parser.lines_of(commands))
        for command in modules:
            command.add(commands)
        parser.groups.append((purpose, parser.lines_of(commands)[before:]))
    return parser
