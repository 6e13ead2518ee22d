"""Where the labels of a sequence are: text in a folder or archive, MOTSChallenge's layout, JSON, a folder of PNGs."""

from __future__ import annotations

import stat
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mots.errors import FormatError, InputError, MotsWarning
from mots.files import read_file
from mots.formats import mots_png
from mots.formats.annotations import scalabel
from mots.formats.faults import Report, fail, ignore_fault
from mots.formats.label_table import LabelTable
from mots.formats.mots_text import parse
from mots.names import components, is_junk, regular_files, safe_name
from mots.storage import archive, seqinfo

__all__ = ["Place", "content_of", "files_in_folders", "length", "load", "sequences"]

# Truth below a folder, in the data sets' own layouts.
TRUTH_FOLDERS = ("", "instances_txt", "label_02")
TRUTH_FILES = ("gt/gt.txt", "gt.txt", "instances.txt")
TEXT, PICTURES = {".txt"}, {".png"}


@dataclass(frozen=True)
class Place:
    """A text file, a member of a zip archive, a video in Scalabel's JSON, or a folder of PNGs."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)


def sequences(path: Path, results: bool = False) -> dict[str, Place]:
    """The sequences in a folder, zip archive or JSON file, by name. `results`: the files must lie at the root.

    What is no file, and what an operating system has left, is passed over. Raises InputError for a missing path,
    FormatError for a file that is no archive and for results in folders inside an archive.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.suffix == ".json":
        return {name: Place(path, name) for name in scalabel.read(path, ignore_fault)}  # `load` reports faults
    if not path.is_dir():
        return members(path, results)
    places: dict[str, Place] = {}
    for folder in ("",) if results else TRUTH_FOLDERS:
        if (path / folder).is_dir():
            for file in regular_files(path / folder, TEXT):
                add(places, safe_name(file.stem, str(path)), Place(file))
    for entry in folders_in(path):
        if entry.name not in TRUTH_FOLDERS and regular_files(entry, PICTURES):
            add(places, safe_name(entry.name, str(path)), Place(entry), told=results)
    for entry in () if results else folders_in(path):
        for name in TRUTH_FILES:
            if (entry / name).is_file():
                add(places, safe_name(entry.name, str(path)), Place(entry / name))
    return places


def add(places: dict[str, Place], name: str, place: Place, told: bool = True) -> None:
    """Add a place unless an earlier one has its name, which a MotsWarning tells. (Beside truth as text, PNGs may be the
    pictures themselves.)"""
    if places.setdefault(name, place) is not place and told:
        warnings.warn(MotsWarning(f"{place} is not used: {places[name]} is of the same sequence"), stacklevel=3)


def folders_in(path: Path) -> list[Path]:
    """The folders in a folder, by name, without what an operating system has left."""
    return [entry for entry in sorted(path.iterdir()) if entry.is_dir() and not is_junk(entry.name)]


def members(path: Path, results: bool) -> dict[str, Place]:
    """The text files of a zip archive: those at its root, or of truth in a data set's own layout."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path}: neither a folder nor a file")
    names = [name for name in archive.members(path) if name.endswith(".txt")]
    deep = [name for name in names if len(components(name)) > 1]
    if results and deep:
        raise FormatError(f"{path}: '{deep[0]}' lies in a folder inside the archive: the text files belong at its root")
    places: dict[str, Place] = {}
    for name in names:
        sequence = safe_name(sequence_of(name), str(path))
        if sequence in places:
            first = places[sequence].member
            raise FormatError(f"{path}: holds sequence {sequence} twice, as '{first}' and as '{name}'")
        places[sequence] = Place(path, name)
    return places


def sequence_of(member: str) -> str:
    """The name of the sequence whose truth or results an archive's member holds, by its layout."""
    member = "/".join(components(member))  # Windows may have packed it
    for ending in TRUTH_FILES:
        if member.endswith(f"/{ending}"):
            return PurePosixPath(member.removesuffix(f"/{ending}")).name
    return PurePosixPath(member).stem


def files_in_folders(path: Path) -> list[str]:
    """The text files of an archive that do not lie at its root."""
    return [name for name in archive.members(path) if name.endswith(".txt") and len(components(name)) > 1]


def load(place: Place, report: Report = fail, size: tuple[int, int] | None = None) -> LabelTable:
    """The labels at a place; faults of the content go to `report`. Raises FormatError when it cannot be read."""
    if place.path.is_dir():
        return mots_png.read(place.path, report, size)
    if place.path.suffix == ".json":
        return scalabel.read(place.path, report)[place.member]
    return parse(content_of(place), str(place), report, size)


def content_of(place: Place) -> bytes:
    """The bytes of a text file or of an archive's member. Raises FormatError when they cannot be read."""
    if place.member:
        return archive.read_member(place.path, place.member)
    try:
        return read_file(place.path)
    except OSError as error:
        raise FormatError(f"{place}: cannot be read ({error.strerror})") from error


def length(path: Path, name: str) -> int:
    """The number of frames of a sequence in MOTSChallenge's `seqinfo.ini`; 0 where there is none."""
    file = path / name / "seqinfo.ini"
    if not file.is_file():
        return 0
    text = seqinfo.value(file, "seqLength")
    if text is None or not text.isascii() or not text.isdigit():
        raise FormatError(f"{file}: no seqLength in a section [Sequence]")
    return int(text)
