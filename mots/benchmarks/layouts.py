"""Where a data set's folder holds the images and the truth of its sequences, in the layouts of the data sets."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mots.benchmarks.registry import Benchmark, other_names, split_lengths
from mots.errors import FormatError, InputError, MotsWarning
from mots.names import is_junk, regular_files, safe_name
from mots.video.image_files import IMAGE_ENDINGS

__all__ = ["SequenceFiles", "discover"]

# Folders below the root, by split; a split from a file may lie in any of them.
BASES = ("", "training", "train", "val", "testing", "test")
OWN_BASES = {
    "train": ("training", "train", ""),
    "val": ("training", "val", "train", ""),
    "test": ("testing", "test", ""),
}
# Images: KITTI; MOTS20 as mots_tools has it; MOTSChallenge; one folder a sequence.
PICTURES = ("image_02/{name}", "images/{name}", "{name}/img1", "{name}/images", "{name}")
TRUTH_FOLDERS = ("instances/{name}",)  # of 16-bit PNGs; any other folder of PNGs may be images
TRUTHS = (
    "instances_txt/{name}.txt", "label_02/{name}.txt", "{name}/gt/gt.txt", "{name}/instances.txt", "{name}.txt",
    *TRUTH_FOLDERS,
)  # fmt: skip
STEP_TRUTHS = ("panoptic_maps/val/{name}", "panoptic_maps/train/{name}", "panoptic/{name}", "{name}")
VIDEO_ENDINGS = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv"}


@dataclass(frozen=True)
class SequenceFiles:
    """A sequence: its images (a folder or a video), its truth or None, and its length in frames or None."""

    name: str
    source: Path
    truth: Path | None
    frames: int | None
    frame_rate: float | None = None  # where the benchmark knows it, and no file may tell


def discover(
    root: str | Path, bench: Benchmark | None, split: str | None = None, sequences: Iterable[str] | None = None
) -> list[SequenceFiles]:
    """The sequences of a data set's folder, by name.

    `root` may be a single video. With a `split` (a name, or a `.seqmap` file) each of its sequences must be there;
    without one, all that are there. Raises InputError that names the places that were searched.
    """
    root = Path(root)
    if root.is_file() and root.suffix.lower() in VIDEO_ENDINGS and bench is None and split is None:
        if sequences is not None and list(sequences) != [root.stem]:
            raise InputError(f"{root}: one video, and no other sequence", parameters=("sequences",))
        return [SequenceFiles(safe_name(root.stem, str(root.parent)), root, None, None)]
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    lengths: dict[str, int | None] = {}
    if split is not None:
        if bench is None:
            raise InputError("a split needs a benchmark", parameters=("split", "benchmark"))
        lengths.update((name, count or None) for name, count in split_lengths(bench, split).items())
    else:
        lengths.update((name if bench is None else bench.own_name(name), None) for name in sorted(set(present(root))))
    if sequences is not None:
        chosen = [name if bench is None else bench.own_name(name) for name in sequences]
        for name in chosen:
            if name not in lengths:
                raise InputError(f"{root}: no sequence '{name}': there are {', '.join(lengths) or 'none'}")
        lengths = {name: lengths[name] for name in chosen}
    if not lengths:
        raise InputError(f"{root}: no sequences: wanted folders of images, or videos; looked for {', '.join(PICTURES)}")
    bases = [root / base for base in OWN_BASES.get(split or "", BASES)]
    step = bench is not None and bench.name == "kitti-step"
    return [
        SequenceFiles(
            name,
            images_of(root, bases, name, alone=split not in OWN_BASES),
            truth_of(root, bases, name, step),
            count,
            None if bench is None else bench.rates.get(name),
        )
        for name, count in lengths.items()
    ]


def images_of(root: Path, bases: list[Path], name: str, alone: bool) -> Path:
    """A sequence's folder of images or video. Raises InputError that lists the places that were searched, and, where it
    must be `alone`, one that names two."""
    tried: list[str] = []
    found: list[Path] = []
    for base in bases:
        for alias in other_names(name):
            own = [base / pattern.format(name=alias) for pattern in PICTURES]
            tried += [str(place.relative_to(root)) for place in own]
            found += [place for place in own if has_images(place)]
            found += [place for ending in sorted(VIDEO_ENDINGS) if (place := base / f"{alias}{ending}").is_file()]
    if not found:
        raise InputError(f"{root}: no images of sequence {name}; looked for {', '.join(dict.fromkeys(tried))}")
    # A folder of images inside another one of the same sequence, as img1 beside a cover, is no second place.
    other = next((each for each in found[1:] if found[0].parent != each and each.parent != found[0]), None)
    if alone and other is not None and not other.samefile(found[0]):
        first, second = (each.relative_to(root) for each in (found[0], other))
        raise InputError(f"{root}: sequence {name} twice, as {first} and as {second}: rename one, or name its split")
    return found[0]


def truth_of(root: Path, bases: list[Path], name: str, step: bool) -> Path | None:
    """A sequence's truth: a text file, or a folder of PNGs."""
    for base in dict.fromkeys([*bases, root]):
        for alias in other_names(name):
            for pattern in STEP_TRUTHS if step else TRUTHS:
                place = base / pattern.format(name=alias)
                if place.is_file() or ((step or pattern in TRUTH_FOLDERS) and any(place.glob("*.png"))):
                    return place
    return None


def has_images(folder: Path) -> bool:
    """Whether a folder holds image files."""
    return folder.is_dir() and bool(regular_files(folder, IMAGE_ENDINGS))


def present(root: Path) -> Iterator[str]:
    """The names of all sequences below a root."""
    for base in BASES:
        for pattern in PICTURES:
            before, _, after = (Path(base) / pattern).as_posix().partition("{name}")
            folder = root / before
            for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
                if has_images(root / f"{before}{entry.name}{after}") and entry.name not in RESERVED:
                    yield from usable(entry, entry.name)
        if (root / base).is_dir():
            for entry in sorted((root / base).iterdir()):
                if entry.suffix.lower() in VIDEO_ENDINGS and not is_junk(entry.name):
                    if entry.is_file():
                        yield from usable(entry, entry.stem)
                    elif entry.is_symlink() and not entry.exists():
                        warnings.warn(MotsWarning(f"{entry}: left out: the link leads nowhere"), stacklevel=2)


def usable(entry: Path, name: str) -> Iterator[str]:
    """The name, if it can be a sequence's; otherwise a warning."""
    try:
        yield safe_name(name, str(entry.parent))
    except FormatError as error:
        warnings.warn(MotsWarning(f"{error}: it is left out: rename it"), stacklevel=2)


RESERVED = {"images", "img1", "instances", "image_02"}  # folders inside a sequence's folder
