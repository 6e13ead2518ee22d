"""`mots edit`: correct results by hand."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mots.cli.options import Commands
from mots.errors import InputError
from mots.names import printable

if TYPE_CHECKING:
    from mots.editing.edits import Edit

__all__ = ["add"]


class InOrder(argparse.Action):
    """Keeps the edits of all flags in the order in which they stand."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option: str | None = None,
    ) -> None:
        words = [values] if isinstance(values, str) else list(values or ())
        namespace.edits = [*(getattr(namespace, "edits", None) or []), (self.dest, words)]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("edit", help="join, split, delete, rename tracks or give them another class")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="a run's folder, or MOTS text")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the corrected results")
    for flag, count, words, text in (
        ("join", 2, ("A", "B"), "B is the same object as A"),
        ("split", None, "ID@FRAME", "from this frame on it is another object"),
        ("delete", None, "ID", "it is no object"),
        ("rename", 2, ("ID", "NAME"), "call it so in pictures"),
        ("class", 2, ("ID", "CLASS"), "it is of this class"),
    ):
        parser.add_argument(
            f"--{flag}", action=InOrder, dest=flag, nargs=count, metavar=words, default=argparse.SUPPRESS, help=text
        )
    parser.add_argument("--replay", type=Path, metavar="edits.toml", help="first the edits of this file")
    parser.add_argument("--suggest", action="store_true", help="list tracks that may be one object")
    parser.add_argument("--source", metavar="SOURCE", help="with --suggest: the frames, to compare how tracks look")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="with --suggest: a picture of each pair")
    parser.add_argument("--overwrite", action="store_true", help="replace corrected results that are there")
    parser.set_defaults(run=run, edits=[])


def run(parsed: argparse.Namespace) -> int:
    from mots.editing import edits as edits_file
    from mots.editing.apply import write_edited

    if parsed.suggest:
        if parsed.edits or parsed.replay:
            raise InputError("--suggest only lists: give edits in a command of their own")
        return suggest(parsed)
    wanted = [] if parsed.replay is None else edits_file.load(parsed.replay)
    wanted += [edit_of(kind, words) for kind, words in parsed.edits]
    if not wanted:
        raise InputError("nothing to do: name --join, --split, --delete, --rename, --class, --replay or --suggest")
    if parsed.output is None:
        raise InputError("--output is missing: name a folder for the corrected results")
    for each in write_edited(parsed.results, wanted, parsed.output, overwrite=parsed.overwrite):
        print(printable(each))
    print(printable(f"{parsed.results} -> {parsed.output}"))
    return 0


def edit_of(kind: str, words: list[str]) -> Edit:
    """The edit of a flag's words. Raises InputError."""
    from mots.editing.edits import Edit, TrackRef

    if kind == "split":
        identity, at, frame = words[0].partition("@")
        if not at or not frame.isdigit():
            raise InputError(f"--split {words[0]}: wanted ID@FRAME, as in 9@431")
        return Edit("split", (TrackRef(number(identity, kind)),), int(frame))
    if kind == "join":
        return Edit("join", (TrackRef(number(words[0], kind)), TrackRef(number(words[1], kind))))
    value = words[1] if len(words) > 1 else ""
    return Edit(kind, (TrackRef(number(words[0], kind)),), value)


def number(word: str, kind: str) -> int:
    """An id. Raises InputError."""
    if not word.isascii() or not word.isdigit():
        raise InputError(f"--{kind} {word}: wanted the id of a track, as in the video")
    return int(word)


def suggest(parsed: argparse.Namespace) -> int:
    """List likely joins."""
    from mots.editing.suggest import suggestions, thumbnails_of
    from mots.files import cannot_write, check_target
    from mots.rendering.saved_results import SavedResults

    if parsed.pictures is not None and parsed.source is None:
        raise InputError("--pictures needs --source: the frames")
    results = SavedResults(parsed.results)
    thumbnails = None
    if parsed.source is not None:
        from mots.video.opening import open_source

        thumbnails = thumbnails_of(open_source(parsed.source), results)
    found = suggestions(results, thumbnails)
    pictures = {each: parsed.pictures / f"{each.first}-{each.second}.png" for each in found if parsed.pictures}
    for picture in pictures.values():
        check_target(picture, parsed.overwrite, [parsed.results], ("pictures",))
    for each in found:
        print(f"--join {each.first} {each.second}   confidence {each.confidence:.2f}, {each.gap:.1f} s between them")
    if not found:
        print("no tracks that are likely one object")
    if parsed.pictures is not None and thumbnails is not None:
        try:
            parsed.pictures.mkdir(parents=True, exist_ok=True)
            for each, picture in pictures.items():
                thumbnails.pair(each.first, each.second).save(picture)
        except OSError as error:
            raise cannot_write(parsed.pictures, error) from error
    return 0
