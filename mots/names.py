"""What the names of files say: which files nobody made, the order and numbers of pictures, and which names are safe."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TypeVar

from mots.errors import FormatError

__all__ = [
    "INNER_FOLDERS",
    "beginnings",
    "components",
    "for_sheet",
    "is_junk",
    "is_text",
    "natural_key",
    "ordered",
    "picture_numbers",
    "printable",
    "regular_files",
    "safe_name",
    "sequence_names",
    "written_name",
]

INNER_FOLDERS = ("images", "img1")  # names of folders of images that lie in a folder with the sequence's name
Key = TypeVar("Key", bound=Hashable)

JUNK = {"thumbs.db", "desktop.ini", "__macosx"}  # of Windows and macOS; besides them, every name that begins with ._
LARGEST_NUMBER = 2**31 - 1  # a larger number in a picture's name is a clock's, not a frame's
CLOCK_STEP = 10  # seconds between pictures whose names are times of day without a day
LONGEST_NAME = 200  # bytes; file systems take 255, and endings are added
ROBOFLOW = re.compile(r"_(?:jpg|jpeg|png|bmp|webp)\.rf\.[0-9a-zA-Z]+$")  # what its exports add to a picture's stem
# Digits are numbers; a clock's seconds with decimals are one number, however many decimals there are.
NUMBERS = re.compile(r"(\d{9,}\.\d+|\d+)")
# A day and a time of day, as phones, cameras and players name pictures: 20240501_125959, 2024-05-01 at 1.59.59 PM,
# 2024-05-01-12h59m59s123, 05012024_125959.
DAY = r"(?P<year>(?:19|20)\d\d)[-_.]?(?P<month>0[1-9]|1[0-2])[-_.]?(?P<day>0[1-9]|[12]\d|3[01])"
OTHER_DAY = r"(?<!\d)(?P<digits>\d{8})(?=[-_])"
TIME = (
    r"(?P<hour>[01]\d|2[0-3]|\d(?=[.:]))[-_.:h]?(?P<minute>[0-5]\d)[-_.:m]?(?P<second>[0-5]\d)s?"
    r"(?P<part>\d{1,6}(?!\d))?(?:\s?(?P<half>[AaPp])[Mm])?"
)
TIME_OF_DAY = re.compile(rf"(?:{DAY}|{OTHER_DAY})(?:[-_T ]|,? at )?{TIME}")
DAY_AT_END = re.compile(rf"{DAY}$")
NO_TEXT = re.compile(r"[\ud800-\udfff]")  # how Python shows the bytes of a name that is no UTF-8
DECIMALS = 20  # to which those decimals are filled up


def is_text(name: str) -> bool:
    """Whether a text can be written as UTF-8."""
    return NO_TEXT.search(name) is None


def is_junk(name: str) -> bool:
    """Whether an operating system has left the file, beside or inside what somebody made."""
    return any(part.startswith("._") or part.lower() in JUNK for part in components(name))


def components(text: str) -> list[str]:
    """The parts of a path, which `/` or `\\` separate."""
    return [part for part in re.split(r"[/\\]", text) if part]


def regular_files(folder: str | Path, endings: Sequence[str] | set[str]) -> list[Path]:
    """The files of a folder with these endings (small letters, with their dot), by name.

    What is no file (a pipe, a device, a folder) and what an operating system has left is passed over. Raises OSError.
    """
    with os.scandir(folder) as entries:
        names = [
            entry.name
            for entry in entries
            if os.path.splitext(entry.name)[1].lower() in endings and not is_junk(entry.name) and entry.is_file()
        ]
    return [Path(folder) / name for name in sorted(names)]


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts names the natural way: digits as numbers, all else as text."""
    key: list[tuple[int, int, str]] = []
    for place, part in enumerate(NUMBERS.split(name)):
        if place % 2 == 0:
            key.append((0, 0, part))
        else:
            whole, _, decimals = part.partition(".")
            key.append((1, int(whole), decimals.ljust(DECIMALS, "0")))
    return (*key, (2, 0, name))


def picture_numbers(stems: Sequence[str]) -> list[int] | None:
    """The frame numbers in the names of a sequence's pictures, without endings; None where the names hold none.

    Names that have one common beginning and then a number that differs in each are numbered by it, but not by a time of
    day, whose numbers leap at each full minute. A single picture has the last number of its name.
    """
    stems = [ROBOFLOW.sub("", stem) for stem in stems]
    dated = moments(stems) is not None
    if len(stems) == 1:
        found = re.findall(r"\d+", stems[0])
        numbers = [int(found[-1])] if found else []
    else:
        low, high = min(stems), max(stems)  # what these two have in common, all have
        same = next((k for k, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
        begin = len(low[:same].rstrip("0123456789"))
        if re.search(r"\d{9,}\.$", low[:begin]):  # the decimals of a clock's seconds
            return None
        matches = [re.match(r"\d+", stem[begin:]) for stem in stems]
        numbers = [int(match[0]) for match in matches if match is not None]
        dated = dated or (None not in matches and are_times_of_day([match[0] for match in matches if match]))
    unique = len(numbers) == len(stems) and len(set(numbers)) == len(numbers)
    if dated and unique and sorted(numbers) not in (list(range(len(numbers))), list(range(1, len(numbers) + 1))):
        return None
    return numbers if unique and max(numbers, default=0) <= LARGEST_NUMBER else None


def moments(stems: Sequence[str]) -> list[tuple[int | str, ...]] | None:
    """What sorts pictures by the day and the time of day in their names; None where they have none, or all the same."""
    found = [TIME_OF_DAY.search(stem) for stem in stems]
    if len(stems) < 2 or any(each is None for each in found):
        return None
    texts = {each[0] for each in found if each is not None}
    if len(texts) == 1:
        return None
    keys: list[tuple[int | str, ...]] = []
    for stem, each in zip(stems, found, strict=True):
        assert each is not None
        hour = int(each["hour"])
        if each["half"]:
            hour = hour % 12 + (12 if each["half"] in "Pp" else 0)
        day = each["digits"] or f"{each['year']}{each['month']}{each['day']}"
        part = (each["part"] or "").ljust(6, "0")
        keys.append(
            (stem[: each.start()], day, hour, int(each["minute"]), int(each["second"]), part, len(stem) - each.end())
        )
    return keys


def are_times_of_day(numbers: Sequence[str]) -> bool:
    """Whether numbers of six digits are hours, minutes and seconds: each is a time, they leap where a minute ends, and
    no two neighbours lie further apart than `CLOCK_STEP` as times."""
    if not all(re.fullmatch(r"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d", number) for number in numbers):
        return False
    numbers = sorted(set(numbers))
    seconds = [int(number[:2]) * 3600 + int(number[2:4]) * 60 + int(number[4:]) for number in numbers]
    steps = [after - before for before, after in pairwise(seconds)]
    leaps = any(first[:4] != second[:4] for first, second in pairwise(numbers))
    return leaps and max(steps) <= CLOCK_STEP


def ordered(names: Sequence[str]) -> list[tuple[int, int]]:
    """The frame number and the place in `names` of each picture, in the order of frames.

    By the numbers in the names (see `picture_numbers`); where they hold none, names are sorted the natural way, and
    frames are counted from 0.
    """
    stems = [str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).name else name for name in names]
    numbers = picture_numbers(stems) if stems else None
    if numbers is not None:
        return sorted(zip(numbers, range(len(names)), strict=True))
    times = moments(stems)
    keys = [natural_key(name) for name in names]
    if times is None:
        return list(enumerate(sorted(range(len(names)), key=lambda place: keys[place])))
    return list(enumerate(sorted(range(len(names)), key=lambda place: (times[place], keys[place]))))


def beginnings(stems: Sequence[str]) -> list[str] | None:
    """What stands before the last number of each name, where that differs: pictures of several videos in one folder.

    None where all have one beginning, where names say when each picture was taken, and where most begin differently:
    then they are of another kind.
    """
    stems = [ROBOFLOW.sub("", stem) for stem in stems]
    if moments([TIME_OF_DAY.sub(at_end, stem) for stem in stems]) is not None or all(map(DAY_AT_END.search, stems)):
        return None
    own: list[str] = []
    plain = True  # each is `<beginning>_<number>`
    for stem in stems:
        found = re.fullmatch(r"(.*?)(\d+)(\D*)", stem)
        begin = stem if found is None else f"{found[1]}{found[3]}"
        if re.search(r"\d{9,}\.$", begin):  # the decimals of a clock's seconds
            return None
        plain &= re.fullmatch(r"(.+)_\d+", stem) is not None
        own.append(begin.strip("_-. ()[]") or begin)
    count = len(set(own))
    return own if count > 1 and (plain or 2 * count <= len(own)) else None


def at_end(found: re.Match[str]) -> str:
    """A time of day that ends a name, as it is; one after which a number stands, as a sign that is no time."""
    return found[0] if not re.search(r"\d", found.string[found.end() :]) else "#"


def sequence_names(folders: Mapping[Key, tuple[str, ...]]) -> dict[Key, str]:
    """A name for each of several sequences: the part of its folder's path that tells it from the others.

    `A/img1` and `B/img1` are A and B, `x/A` and `y/A` are x-A and y-A. Sequences of one folder get their number.
    """
    plain = {key: tuple(part for part in parts if part not in (".", "..")) for key, parts in folders.items()}
    count = len(set(plain.values()))
    outer = {
        key: parts[:-1] if parts[-1:] and parts[-1] in INNER_FOLDERS and parts[1:] else parts
        for key, parts in plain.items()
    }
    if len(set(outer.values())) == count:
        plain = outer
    names: dict[Key, str] = {}
    for length in range(1, max(map(len, plain.values()), default=0) + 1):
        names = {key: "-".join(parts[-length:]) for key, parts in plain.items()}
        if len(set(names.values())) == count:
            break
    return told_apart(names)


def told_apart(names: Mapping[Key, str]) -> dict[Key, str]:
    """The names; those that several have with a number after them, from 1, that makes a new name."""
    often = Counter(names.values())
    taken, result = set(often), {}
    for key, name in names.items():
        number = 1
        while often[name] > 1 and f"{name}-{number}" in taken:
            number += 1
        result[key] = f"{name}-{number}" if often[name] > 1 else name
        taken.add(result[key])
    return result


def written_name(name: str) -> str:
    """The name of a file or folder as a sequence's: bytes that are no UTF-8 become `_`."""
    return NO_TEXT.sub("_", name)


def safe_name(name: object, where: str) -> str:
    """The name of a sequence if it can be the name of a file. Raises FormatError, which `where` begins, for another.

    Names come from inside files of strangers: one that is a path would lead out of the folder that is written.
    """
    if not isinstance(name, str):
        raise FormatError(f"{where}: a sequence's name is a text, not {printable(repr(name)[:60])}")
    shown = printable(name[:60])
    if name in ("", ".", "..") or re.search(r"[/\\]", name) or (os.name == "nt" and ":" in name):
        raise FormatError(f"{where}: '{shown}' is no name of a sequence: wanted a name, not a path")
    try:
        length = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise FormatError(f"{where}: '{shown}' is no name of a sequence: it is not UTF-8") from None
    if not name.isprintable():
        raise FormatError(f"{where}: '{shown}' is no name of a sequence: it holds control characters")
    if length > LONGEST_NAME:
        raise FormatError(f"{where}: '{shown}...' is no name of a sequence: it is longer than {LONGEST_NAME} bytes")
    return name


def printable(text: str) -> str:
    """The text with everything escaped that a terminal would obey: control characters, and what is no character.

    Line ends stay.
    """
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def for_sheet(text: str) -> str:
    """A text for a CSV table that no spreadsheet takes for a formula: one that begins like one gets an apostrophe.

    (OWASP, "CSV Injection".)
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
