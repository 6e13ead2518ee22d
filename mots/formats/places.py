"""Where the labels of a sequence are: text in a folder or archive, MOTSChallenge's layout, JSON, a folder of PNGs."""

from __future__ import annotations

import configparser
import zipfile
from dataclasses import dataclass
from pathlib import Path

from mots.errors import FormatError, InputError
from mots.formats import mots_png, scalabel
from mots.formats.faults import Report, fail, ignore_fault
from mots.formats.label_table import LabelTable
from mots.formats.mots_text import parse

__all__ = ["Place", "content_of", "length", "load", "sequences"]

# Truth below a folder, in the data sets' own layouts.
TRUTH_FOLDERS = ("", "instances_txt", "label_02")
TRUTH_FILES = ("gt/gt.txt", "gt.txt", "instances.txt")


@dataclass(frozen=True)
class Place:
    """A text file, a member of a zip archive, a video in Scalabel's JSON, or a folder of PNGs."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)


def sequences(path: Path, results: bool = False) -> dict[str, Place]:
    """The sequences in a folder, zip archive or JSON file, by name. `results`: the files must lie at the root.

    Raises InputError for a missing path, FormatError for a file that is no archive and for results in folders inside
    an archive.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.suffix == ".json":
        return {name: Place(path, name) for name in scalabel.read(path, ignore_fault)}  # `load` reports faults
    if path.is_file():
        return members(path, results)
    places: dict[str, Place] = {}
    for folder in ("",) if results else TRUTH_FOLDERS:
        for file in sorted((path / folder).glob("*.txt")):
            places.setdefault(file.stem, Place(file))
    for entry in sorted(path.iterdir()):
        if entry.is_dir() and entry.name not in TRUTH_FOLDERS and any(entry.glob("*.png")):
            places.setdefault(entry.name, Place(entry))
    for entry in () if results else sorted(path.iterdir()):
        for name in TRUTH_FILES:
            if (entry / name).is_file():
                places.setdefault(entry.name, Place(entry / name))
    return places


def members(path: Path, results: bool) -> dict[str, Place]:
    """The text files of a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except (zipfile.BadZipFile, OSError) as error:
        raise FormatError(f"{path}: neither a folder nor a zip archive ({error})") from error
    deep = [name for name in names if "/" in name and name.endswith(".txt")]
    if results and deep:
        raise FormatError(f"{path}: '{deep[0]}' lies in a folder inside the archive: the text files belong at its root")
    return {Path(name).stem: Place(path, name) for name in names if name.endswith(".txt")}


def load(place: Place, report: Report = fail, size: tuple[int, int] | None = None) -> LabelTable:
    """The labels at a place; faults of the content go to `report`. Raises FormatError when it cannot be read."""
    if place.path.is_dir():
        return mots_png.read(place.path, report, size)
    if place.path.suffix == ".json":
        return scalabel.read(place.path, report)[place.member]
    return parse(content_of(place), str(place), report, size)


def content_of(place: Place) -> bytes:
    """The bytes of a text file or of an archive's member. Raises FormatError when they cannot be read."""
    try:
        if place.member:
            with zipfile.ZipFile(place.path) as archive:
                return archive.read(place.member)
        return place.path.read_bytes()
    except (OSError, zipfile.BadZipFile) as error:
        raise FormatError(f"{place}: cannot be read ({error})") from error


def length(path: Path, name: str) -> int:
    """The number of frames of a sequence in MOTSChallenge's `seqinfo.ini`; 0 where there is none."""
    file = path / name / "seqinfo.ini"
    if not file.is_file():
        return 0
    ini = configparser.ConfigParser()
    try:
        ini.read(file, encoding="utf-8")
        return int(ini["Sequence"]["seqLength"])
    except (configparser.Error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise FormatError(f"{file}: no seqLength in a section [Sequence] ({error})") from error
