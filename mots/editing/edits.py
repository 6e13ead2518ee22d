"""Edits, and the file that records them so that they can be done again on a new run.

```toml
[[edit]]
do = "join"
tracks = [{ id = 12, at = [31, 410.5, 220.0] }, { id = 47, at = [95, 520.0, 231.5] }]

[[edit]]
do = "rename"
tracks = [{ id = 5, at = [120, 96.0, 180.5] }]
name = "No. 10"
```

`at` is a frame, and x and y of the middle of the track's box there: a new run gives other ids, and the track is found
by its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mots.errors import FormatError
from mots.storage import toml_file

__all__ = ["KINDS", "Edit", "TrackRef", "dumps", "load"]

# How many tracks each kind names, and what else it has.
KINDS: dict[str, tuple[int, str]] = {
    "join": (2, ""), "split": (1, "frame"), "delete": (1, ""), "rename": (1, "name"), "class": (1, "class"),
}  # fmt: skip


LARGEST = 2**31  # no frame and no place is as large


@dataclass(frozen=True)
class TrackRef:
    """A track: its id in the results at hand, and where it is to be found in others: frame, x, y; None: by id only."""

    id: int
    at: tuple[int, float, float] | None = None


@dataclass(frozen=True)
class Edit:
    """One edit: `kind` of KINDS; `value` is the frame of a split, a name, or a class's name."""

    kind: str
    tracks: tuple[TrackRef, ...]
    value: int | str = ""

    def __str__(self) -> str:
        ids = " ".join(str(track.id) for track in self.tracks)
        return f"{self.kind} {ids}" + (f" {self.value}" if self.value != "" else "")


def dumps(edits: list[Edit]) -> str:
    """The file's text."""
    parts = []
    for edit in edits:
        tracks = ", ".join(
            f"{{ id = {track.id}" + (f", at = {json.dumps(list(track.at))}" if track.at else "") + " }"
            for track in edit.tracks
        )
        lines = ["[[edit]]", f'do = "{edit.kind}"', f"tracks = [{tracks}]"]
        key = KINDS[edit.kind][1]
        if key:
            text = json.dumps(edit.value, ensure_ascii=False).replace(
                "\x7f", "\\u007f"
            )  # TOML's texts are JSON's but for this
            lines.append(f"{key} = {text}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def load(path: str | Path) -> list[Edit]:
    """The edits of a file. Raises FormatError that names the entry, InputError for a missing file."""
    path = Path(path)
    whole = toml_file.load(path)
    entries = whole.get("edit", [])
    if set(whole) - {"edit"} or not isinstance(entries, list):
        raise FormatError(f"{path}: holds tables [[edit]], and nothing else")
    return [edit_of(entry, f"{path}: edit {number}") for number, entry in enumerate(entries, start=1)]


def edit_of(entry: Any, where: str) -> Edit:
    """One edit of a file."""
    kind = entry.get("do") if isinstance(entry, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise FormatError(f"{where}: wanted do = one of {', '.join(KINDS)}")
    count, key = KINDS[kind]
    wanted = {"do", "tracks", *([key] if key else [])}
    if set(entry) != wanted:
        raise FormatError(f"{where}: a {kind} has {', '.join(sorted(wanted))}")
    tracks = entry["tracks"]
    if not isinstance(tracks, list) or len(tracks) != count:
        raise FormatError(f"{where}: a {kind} names {count} track{'s' if count > 1 else ''}")
    value = entry[key] if key else ""
    if key == "frame" and (not isinstance(value, int) or isinstance(value, bool)):
        raise FormatError(f"{where}: frame is a number")
    if key and key != "frame" and not (isinstance(value, str) and value.strip()):
        raise FormatError(f"{where}: {key} is a text")
    return Edit(kind, tuple(track_of(track, where) for track in tracks), value)


def track_of(track: Any, where: str) -> TrackRef:
    """A track of a file."""
    if isinstance(track, int) and not isinstance(track, bool):
        return TrackRef(track)
    if not isinstance(track, Mapping) or not set(track) <= {"id", "at"} or not isinstance(track.get("id"), int):
        raise FormatError(f"{where}: a track is {{ id = 5, at = [frame, x, y] }}")
    at = track.get("at")
    if at is None:
        return TrackRef(track["id"])
    if (
        not isinstance(at, list)
        or len(at) != 3
        or not all(isinstance(each, (int, float)) and not isinstance(each, bool) and abs(each) < LARGEST for each in at)
    ):
        raise FormatError(f"{where}: at is [frame, x, y]")
    return TrackRef(track["id"], (int(at[0]), float(at[1]), float(at[2])))
