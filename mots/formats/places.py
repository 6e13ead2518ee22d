"""Where a sequence lies: as text in a folder, in MOTSChallenge's layout or in a zip archive, or as a folder of PNGs."""

from __future__ import annotations

import configparser
import zipfile
from dataclasses import dataclass
from pathlib import Path

from mots.errors import MotsError
from mots.formats import mots_png, scalabel
from mots.formats.faults import Report, fail
from mots.formats.mots_text import MotsLines, parse

__all__ = ["Place", "length", "load", "sequences"]

# Where truth lies below a folder, by the data sets' own layouts.
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
    """The sequences in a folder or zip archive, by name. `results` have their files at the root.

    Raises MotsError for a missing path, for no archive, and for results in folders inside one.
    """
    if not path.exists():
        raise MotsError(f"{path}: no such file or folder")
    if path.suffix == ".json":
        return {name: Place(path, name) for name in scalabel.read(path, lambda fault: None)}  # `load` reports them
    if path.is_file():
        return members(path, results)
    found: dict[str, Place] = {}
    for folder in ("",) if results else TRUTH_FOLDERS:
        for file in sorted((path / folder).glob("*.txt")):
            found.setdefault(file.stem, Place(file))
    for entry in sorted(path.iterdir()):
        if entry.is_dir() and entry.name not in TRUTH_FOLDERS and any(entry.glob("*.png")):
            found.setdefault(entry.name, Place(entry))
    for entry in () if results else sorted(path.iterdir()):
        for name in TRUTH_FILES:
            if (entry / name).is_file():
                found.setdefault(entry.name, Place(entry / name))
    return found


def members(path: Path, results: bool) -> dict[str, Place]:
    """The text files of a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except (zipfile.BadZipFile, OSError) as error:
        raise MotsError(f"{path}: neither a folder nor a zip archive ({error})") from error
    deep = [name for name in names if "/" in name and name.endswith(".txt")]
    if results and deep:
        raise MotsError(f"{path}: '{deep[0]}' lies in a folder inside the archive: the text files belong at its root")
    return {Path(name).stem: Place(path, name) for name in names if name.endswith(".txt")}


def load(place: Place, report: Report = fail, size: tuple[int, int] | None = None) -> MotsLines:
    """The lines of a file; see `kitti_mots.parse`. Raises MotsError when it cannot be read."""
    if place.path.is_dir():
        return mots_png.read(place.path, report, size)
    if place.path.suffix == ".json":
        return scalabel.read(place.path, report)[place.member]
    try:
        if place.member:
            with zipfile.ZipFile(place.path) as archive:
                content = archive.read(place.member)
        else:
            content = place.path.read_bytes()
    except (OSError, zipfile.BadZipFile) as error:
        raise MotsError(f"{place}: cannot be read ({error})") from error
    return parse(content, str(place), report, size)


def length(path: Path, name: str) -> int:
    """How many frames MOTSChallenge's `seqinfo.ini` gives a sequence of the truth; 0 where there is none."""
    file = path / name / "seqinfo.ini"
    if not file.is_file():
        return 0
    ini = configparser.ConfigParser()
    try:
        ini.read(file, encoding="utf-8")
        return int(ini["Sequence"]["seqLength"])
    except (configparser.Error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise MotsError(f"{file}: no seqLength in a section [Sequence] ({error})") from error
