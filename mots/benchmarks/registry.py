"""The benchmarks: their classes, the numbers of their frames, their sequences and lengths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mots.classes import BDD_CLASSES, CLASS_IDS, KITTI_MOTS_CLASSES
from mots.errors import FormatError, InputError
from mots.files import read_file
from mots.names import printable, safe_name

__all__ = [
    "BENCHMARKS",
    "VOS_BENCHMARKS",
    "Benchmark",
    "benchmark_named",
    "by_own_name",
    "other_names",
    "seqmap",
    "split_lengths",
]

VOS_BENCHMARKS = ("davis", "youtube-vos")  # of objects whose first masks are given; `mots score` alone knows them
Side = TypeVar("Side")  # where the labels of one sequence are


@dataclass(frozen=True)
class Benchmark:
    """`classes`: the benchmark's own name of each class to the engine's id. `first_frame`: the number of a sequence's
    first frame. `splits`: for each split its sequences and their lengths in frames. `boxes`: whether truth and results
    are compared by boxes, not masks. `rates`: frames a second of sequences that differ from the rest.
    """

    name: str
    classes: Mapping[str, int]
    first_frame: int
    splits: Mapping[str, Mapping[str, int]]
    boxes: bool = False
    rates: Mapping[str, float] = field(default_factory=dict)

    def lengths(self) -> dict[str, int]:
        """Every sequence whose truth is public, with its length."""
        return {name: count for split, each in self.splits.items() if split != "test" for name, count in each.items()}

    def own_name(self, name: str) -> str:
        """The benchmark's own name of a sequence: MOTS20-02 for 0002, as mots_tools calls it."""
        known = {own for each in self.splits.values() for own in each}
        return next((each for each in other_names(name) if each in known), name)


def numbered(lengths: str) -> dict[str, int]:
    """`0002:233 0006:270` as a dictionary."""
    return {name: int(count) for name, count in (entry.split(":") for entry in lengths.split())}


# Lengths as in the data sets' own sequence maps.
BENCHMARKS = {
    "kitti-mots": Benchmark(
        "kitti-mots",
        KITTI_MOTS_CLASSES,
        0,
        {
            "train": numbered(
                "0000:154 0001:447 0003:144 0004:314 0005:297 0009:803 0011:373 0012:78 0015:376 0017:145 0019:1059 "
                "0020:837"
            ),
            "val": numbered("0002:233 0006:270 0007:800 0008:390 0010:294 0013:340 0014:106 0016:209 0018:339"),
            "test": numbered(
                "0000:465 0001:147 0002:243 0003:257 0004:421 0005:809 0006:114 0007:215 0008:165 0009:349 0010:1176 "
                "0011:774 0012:694 0013:152 0014:850 0015:701 0016:510 0017:305 0018:180 0019:404 0020:173 0021:203 "
                "0022:436 0023:430 0024:316 0025:176 0026:170 0027:85 0028:175"
            ),
        },
    ),
    "mots20": Benchmark(
        "mots20",
        {"pedestrian": CLASS_IDS["person"]},
        1,
        {
            "train": numbered("MOTS20-02:600 MOTS20-05:837 MOTS20-09:525 MOTS20-11:900"),
            "test": numbered(
                "MOTS20-01:450 MOTS20-06:1194 MOTS20-07:500 MOTS20-12:900"
            ),  # as in MOT17: the same videos
        },
        rates={"MOTS20-05": 14.0, "MOTS20-06": 14.0},  # as in their seqinfo.ini, which mots_tools' layout lacks
    ),
}


# KITTI-STEP labels the videos of KITTI MOTS, split in the same way.
BENCHMARKS["kitti-step"] = Benchmark("kitti-step", {}, 0, BENCHMARKS["kitti-mots"].splits)

# BDD100K's segmentation tracking names classes in its files, and has no sequence map.
BENCHMARKS["bdd-mots"] = Benchmark("bdd-mots", BDD_CLASSES, 0, {})

# Their truth is box text, and their sequences have `seqinfo.ini`. They differ in their videos only; in MOT20 a vehicle
# is a distractor too.
for box_benchmark in ("mot17", "mot20", "dancetrack", "sportsmot"):
    BENCHMARKS[box_benchmark] = Benchmark(box_benchmark, {"pedestrian": CLASS_IDS["person"]}, 1, {}, boxes=True)


def benchmark_named(name: str, *, of_masks: bool = False) -> Benchmark:
    """The benchmark of this name. Raises InputError for another one; with `of_masks`, for one of boxes too."""
    if name not in BENCHMARKS:
        raise InputError(f"unknown benchmark '{name}': there are {', '.join(BENCHMARKS)}")
    if of_masks and BENCHMARKS[name].boxes:
        raise InputError(
            f"{name} compares boxes, and this checks masks: its results can be scored, but not validated or packed"
        )
    return BENCHMARKS[name]


def by_own_name(bench: Benchmark, found: Mapping[str, Side], path: Path) -> dict[str, Side]:
    """What was found in `path`, by the benchmark's names of sequences. Raises InputError for two of one sequence."""
    named: dict[str, str] = {}
    for name in found:
        own = bench.own_name(name)
        if named.setdefault(own, name) != name:
            first, second = found[named[own]], found[name]
            raise InputError(f"{path}: holds sequence {own} twice, as {first} and as {second}: keep one")
    return {own: found[name] for own, name in named.items()}


def other_names(name: str) -> list[str]:
    """The names under which the files of a sequence may lie, its own first: 0002 for MOTS20-02 and the other way."""
    if found := re.fullmatch(r"MOTS20-(\d\d)", name):
        return [name, f"00{found[1]}"]
    return [name, f"MOTS20-{name[2:]}"] if re.fullmatch(r"00\d\d", name) else [name]


def seqmap(path: str | Path, first_frame: int = 0) -> dict[str, int]:
    """Sequences and lengths from a `.seqmap` file: `0002 empty 000000 000232` is sequence 0002 of 233 frames.

    The last field is the number of the last frame. mots_tools' maps of MOTS20 count from 1, so the length depends on
    the benchmark's `first_frame` where the map's own first frame is not below it. TrackEval's maps, a line `name` and
    then names alone, give the length 0: not known. Raises FormatError with the line that has another form, or whose
    name is a path.
    """
    try:
        content = read_file(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: the sequence map cannot be read ({error})") from error
    lengths: dict[str, int] = {}
    lines = [(number, line.strip()) for number, line in enumerate(content.splitlines(), start=1) if line.strip()]
    named = bool(lines) and lines[0][1] == "name"
    for number, line in lines[1:] if named else lines:
        fields = re.fullmatch(r"(\S+)\s+\S+\s+(\d{1,9})\s+(\d{1,9})", line)
        if fields is None and (not named or " " in line):
            wanted = "a name" if named else "'<sequence> empty <first frame> <last frame>'"
            raise FormatError(f"{path}:{number}: expected {wanted}, found '{printable(line[:80])}'")
        name = safe_name(line if fields is None else fields[1], f"{path}:{number}")
        if name in lengths:
            raise FormatError(f"{path}:{number}: sequence {name} a second time")
        lengths[name] = 0 if fields is None else int(fields[3]) + 1 - min(int(fields[2]), first_frame)
        if fields is not None and lengths[name] < 1:
            raise FormatError(f"{path}:{number}: the last frame comes before the first one")
    return lengths


def split_lengths(bench: Benchmark, split: str) -> dict[str, int]:
    """The sequences of a split and their lengths (0: not known), by its name or its `.seqmap` file.

    Raises InputError for one without any.
    """
    if split in bench.splits:
        return dict(bench.splits[split])
    if not Path(split).exists() and not Path(split).suffix:
        raise InputError(
            f"unknown split '{split}': {bench.name} has {', '.join(bench.splits) or 'none'}, or name a file"
        )
    known = bench.lengths()
    named = {bench.own_name(name): count for name, count in seqmap(Path(split), bench.first_frame).items()}
    lengths = {name: count or known.get(name, 0) for name, count in named.items()}
    if not lengths:
        raise InputError(f"{bench.name} has no known sequences in its split '{split}'")
    return lengths
