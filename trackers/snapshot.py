"""A tracker's state in one file of plain arrays, to continue from later: the only part of the core that uses files."""

from __future__ import annotations

import json
import typing
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .appearance import Gallery
from .lifecycle import REMOVED
from .masks import Masks
from .tracks import Tracks

if TYPE_CHECKING:
    from .tracker import TrackerSettings

__all__ = ["VERSION", "Numbers", "State", "read", "write"]

VERSION = 2  # of the file's arrays; settings are stored by name and need no new version
ARCHIVE = "archive."  # before the names of the arrays of remembered tracks
ALONE = {"version", "settings", "numbers", "issued", "classes"}  # what a file has without any track
Arrays = dict[str, NDArray[Any]]
OWN_ARRAYS = tuple(field.name for field in fields(Tracks) if field.name not in ("masks", "gallery"))


class Numbers(NamedTuple):
    """Frames a second, the last frame's time in seconds, the appearance scale, and how many ids were given."""

    frame_rate: float
    time: float
    same: float
    other: float
    similar: float
    issued: int


@dataclass(frozen=True, eq=False)
class State:
    """Everything that a tracker knows. `classes`: class ids in the order of the votes' columns."""

    settings: TrackerSettings
    numbers: Numbers
    classes: Sequence[int]
    tracks: Tracks | None
    archive: Tracks | None


def write(path: Path, state: State) -> None:
    """Write a state as npz, under a temporary name first. Raises OSError when it cannot be written."""
    arrays: Arrays = {
        "version": np.array(VERSION),
        "settings": np.array(json.dumps(by_name(state.settings))),
        "numbers": np.array(state.numbers[:-1]),
        "issued": np.array(state.numbers.issued),
        "classes": np.array(state.classes, np.int64),
    }
    for prefix, tracks in (("", state.tracks), (ARCHIVE, state.archive)):
        arrays |= {} if tracks is None else {prefix + name: array for name, array in arrays_of(tracks).items()}
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's own types miss names as keywords
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read(path: Path, kind: type[TrackerSettings], settings: TrackerSettings | None = None) -> State:
    """The state in a file, every array checked. `kind`: the class of the settings. `settings`: what they must be.

    Raises ValueError for another file, for a damaged one and for other settings, OSError for one that cannot be read.
    """
    arrays = load_arrays(path)
    try:
        version = int(arrays["version"])
        if version != VERSION:
            raise ValueError(f"the state of a tracker of version {version}, and this one reads version {VERSION}")
        stored = json.loads(str(arrays["settings"]))
        chosen = built(kind, stored, "settings")
        if settings is not None:
            if difference := first_difference(by_name(settings), stored, "settings"):
                raise ValueError(f"the tracker was saved with other settings: {difference}")
            chosen = settings
        numbers = checked_numbers(arrays)
        classes = vector(arrays, "classes", "i").tolist()
        if len(set(classes)) != len(classes) or min(classes, default=0) < 0:
            raise ValueError("classes holds an id twice or a negative one")
        views = chosen.appearance.views
        archived = {name for name in arrays if name.startswith(ARCHIVE)}
        tracks = checked_tracks(arrays, "", len(classes), views) if arrays.keys() - archived - ALONE else None
        archive = checked_tracks(arrays, ARCHIVE, len(classes), views) if archived else None
        check_together(tracks, archive, numbers.issued)
    except KeyError as error:
        raise ValueError(f"{path}: not the state of a tracker ({error.args[0]} is missing)") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path}: not the state of a tracker ({error})") from error
    return State(chosen, numbers, classes, tracks, archive)


def load_arrays(path: Path) -> Arrays:
    """The arrays of an npz file. Raises ValueError for another file, OSError for one that cannot be read."""
    with path.open("rb") as content:  # an OSError from here on is the content's fault
        try:
            with np.load(content, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except OSError as error:
            raise ValueError(f"{path}: not the state of a tracker ({error})") from error
        except (AttributeError, EOFError, ValueError, MemoryError, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"{path}: not the state of a tracker ({error})") from error
        except (zipfile.BadZipFile, zlib.error, SyntaxError, OverflowError, TypeError) as error:
            raise ValueError(f"{path}: not the state of a tracker ({error})") from error


# Settings by name


def by_name(settings: Any) -> Any:
    """A settings dataclass as dictionaries, lists and numbers."""
    if is_dataclass(settings):
        return {field.name: by_name(getattr(settings, field.name)) for field in fields(settings)}
    if isinstance(settings, tuple):
        return [by_name(item) for item in settings]
    return int(settings) if isinstance(settings, IntEnum) else settings


def built(kind: Any, value: Any, place: str) -> Any:
    """The settings that `by_name` took apart; a name that is missing has its default.

    Raises ValueError for an unknown name or a value of another type.
    """
    if isinstance(kind, type) and is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        if not isinstance(value, dict) or (unknown := [name for name in value if name not in hints]):
            raise ValueError(f"{place} holds {unknown[0] if isinstance(value, dict) else value!r}, which is unknown")
        return kind(**{name: built(hints[name], item, f"{place}.{name}") for name, item in value.items()})
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{place} is {value!r}: wanted a list")
        return tuple(built(typing.get_args(kind)[0], item, place) for item in value)
    if typing.get_origin(kind) is typing.Literal:
        if value not in typing.get_args(kind):
            raise ValueError(f"{place} is {value!r}")
        return value
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return kind(value)
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, kind):
        raise ValueError(f"{place} is {value!r}")
    return value


def first_difference(wanted: Any, stored: Any, place: str) -> str:
    """Where two settings by name differ, in words; empty where they do not. Names missing in `stored` are skipped."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        pairs = [(wanted[name], item, f"{place}.{name}") for name, item in stored.items() if name in wanted]
    elif isinstance(wanted, list) and isinstance(stored, list) and len(wanted) == len(stored):
        pairs = [(one, two, f"{place}[{k}]") for k, (one, two) in enumerate(zip(wanted, stored, strict=True))]
    else:
        return "" if wanted == stored else f"{place} was {stored!r} and is {wanted!r}"
    return next(filter(None, (first_difference(*pair) for pair in pairs)), "")


# Arrays of tracks, and their checks: a crafted file must not lead compiled code outside its arrays


def arrays_of(tracks: Tracks) -> Arrays:
    """The arrays of all tracks by name."""
    masks = tracks.masks.compact()
    return {
        **{name: getattr(tracks, name) for name in OWN_ARRAYS},
        **{f"gallery.{field.name}": getattr(tracks.gallery, field.name) for field in fields(Gallery)},
        "masks.size": np.array(masks.size, np.int64),
        "masks.boxes": masks.boxes,
        "masks.pixels": masks.pixels,
        "masks.starts": masks.starts,
    }


def array_of(arrays: Arrays, name: str, dtype: Any, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """An array of this type and shape (None: any length). Raises ValueError for another one, KeyError without one."""
    array = arrays[name]
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if array.dtype != np.dtype(dtype) or not fits:
        wanted = tuple("any" if n is None else n for n in shape)
        raise ValueError(f"{name} is {array.dtype} {array.shape}, wanted {np.dtype(dtype)} {wanted}")
    return array


def vector(arrays: Arrays, name: str, kind: str) -> NDArray[Any]:
    """A one-dimensional array of integers ("i") or floats ("f")."""
    return array_of(arrays, name, np.int64 if kind == "i" else np.float64, (None,))


def demand(good: Any, name: str, rule: str) -> None:
    """Raise ValueError unless all of `good` holds."""
    if not np.all(good):
        raise ValueError(f"{name}: {rule}")


def checked_numbers(arrays: Arrays) -> Numbers:
    frame_rate, time, same, other, similar = array_of(arrays, "numbers", np.float64, (5,)).tolist()
    issued = int(array_of(arrays, "issued", np.int64, ()))
    demand(np.isfinite([frame_rate, time]), "numbers", "not finite")
    demand(frame_rate > 0, "numbers", "the frame rate is not positive")
    demand(~np.isinf([same, other, similar]), "numbers", "the appearance scale is infinite")
    demand(issued >= 0, "issued", "negative")
    return Numbers(frame_rate, time, same, other, similar, issued)


def checked_tracks(arrays: Arrays, prefix: str, classes: int, views: int) -> Tracks:
    """The tracks that `arrays_of` took apart. Raises ValueError for values that no tracker writes."""
    arrays = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    n = len(vector(arrays, "ids", "i"))
    dimension = array_of(arrays, "gallery.means", np.float32, (n, None)).shape[1]
    columns = array_of(arrays, "votes", np.float64, (n, None)).shape[1]
    shapes: dict[str, tuple[Any, tuple[int | None, ...]]] = {
        "ids": (np.int64, (n,)),
        "states": (np.int8, (n,)),
        "hits": (np.int64, (n,)),
        "last_seen": (np.float64, (n,)),
        "mean_scores": (np.float64, (n,)),
        "means": (np.float64, (n, 4, 2)),
        "covariances": (np.float64, (n, 4, 2, 2)),
        "anchors": (np.float64, (n, 2)),
        "votes": (np.float64, (n, columns)),
        "gallery.means": (np.float32, (n, dimension)),
        "gallery.views": (np.float32, (n, views, dimension)),
        "gallery.counts": (np.int64, (n,)),
        "gallery.times": (np.float64, (n,)),
    }
    checked = {name: array_of(arrays, name, *wanted) for name, wanted in shapes.items()}
    for name, array in checked.items():
        if array.dtype.kind == "f":
            never = name == "gallery.times"
            demand(np.isfinite(array) | (never & (array == -np.inf)), name, "a number that is not finite")
    demand((checked["states"] >= 0) & (checked["states"] <= REMOVED), "states", "a number that is no state")
    demand((checked["hits"] >= 1) & (checked["ids"] >= 0), "hits or ids", "a number that is too small")
    demand(checked["gallery.counts"] >= 0, "gallery.counts", "negative")
    demand(checked["covariances"][..., [0, 1], [0, 1]] >= 0, "covariances", "a negative variance")
    demand(columns <= classes, "votes", "more columns than classes")
    own = {name: array for name, array in checked.items() if not name.startswith("gallery.")}
    gallery = Gallery(**{field.name: checked[f"gallery.{field.name}"] for field in fields(Gallery)})
    return Tracks(**own, masks=checked_masks(arrays, n), gallery=gallery)


def checked_masks(arrays: Arrays, n: int) -> Masks:
    height, width = array_of(arrays, "masks.size", np.int64, (2,)).tolist()
    demand(0 < height < 2**31 and 0 < width < 2**31, "masks.size", "no frame size")
    boxes = array_of(arrays, "masks.boxes", np.int32, (n, 4))
    starts = array_of(arrays, "masks.starts", np.int64, (n,))
    pixels = array_of(arrays, "masks.pixels", np.uint8, (None,))
    spans = boxes[:, 2:].astype(np.int64) - boxes[:, :2]
    demand(spans >= 0, "masks.boxes", "a box of negative size")
    demand((boxes >= 0) & (boxes <= np.array([width, height] * 2)), "masks.boxes", "a box outside the frame")
    demand((starts >= 0) & (starts <= len(pixels) - spans[:, 0] * spans[:, 1]), "masks.starts", "outside the pixels")
    demand(pixels <= 1, "masks.pixels", "neither 0 nor 1")
    return Masks((height, width), boxes, pixels, starts)


def check_together(tracks: Tracks | None, archive: Tracks | None, issued: int) -> None:
    """Raise ValueError where an id occurs twice or was never given, or two frame sizes or dimensions occur."""
    parts = [part for part in (tracks, archive) if part is not None]
    ids = np.concatenate([np.zeros(0, np.int64), *(part.ids[part.ids > 0] for part in parts)])
    demand(len(np.unique(ids)) == len(ids), "ids", "one id occurs twice")
    demand(ids <= issued, "ids", "an id that was never given")
    if tracks is not None:
        demand(tracks.states != REMOVED, "states", "a removed track among the live ones")
    if len(parts) == 2:
        demand(parts[0].masks.size == parts[1].masks.size, "masks.size", "two frame sizes")
        one, two = (part.gallery.means.shape[1] for part in parts)
        demand(one == two, "gallery.means", "embeddings of two lengths")
