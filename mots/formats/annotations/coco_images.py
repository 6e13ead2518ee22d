"""The images of a file in COCO's form: which sequence each belongs to, and which frame of it it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from mots.errors import FormatError
from mots.formats.faults import Fault, Report
from mots.names import beginnings, components, ordered, picture_numbers, printable, safe_name, sequence_names
from mots.storage.json_file import item, items, size_of, text, whole

__all__ = ["frames_of", "video_names"]

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Folder:
    """A sequence that is known by its images' folder, the components of its path."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class FileImage:
    """An image of the file: what its sequence is known by, the path that names the sequence, the number that the file
    gives it, the number within its video, its (height, width), and its picture's name."""

    sequence: Hashable
    folder: tuple[str, ...]
    number: int | None
    place: int | None
    size: tuple[int, int]
    picture: str


def frames_of(content: Any, path: Path, report: Report) -> dict[int, tuple[str, int, tuple[int, int]]]:
    """The sequence, the frame's number and (height, width) of each image, by the image's id."""
    videos = {}
    for place, each in enumerate(items(item(content, "videos", str(path), None), f"{path}: videos")):
        where = f"{path}: video {place}"
        number = whole(item(each, "id", where), f"{where}, id")
        name = item(each, "name", where, "")
        if number in videos:
            raise FormatError(f"{where}: a second video of the id {number}")
        videos[number] = tuple(components(text(name, f"{where}, name")))
    images: dict[int, FileImage] = {}
    for place, each in enumerate(items(item(content, "images", str(path)), f"{path}: images")):
        where = f"{path}: image {place}"
        number = whole(item(each, "id", where), f"{where}, id")
        if number in images:
            raise FormatError(f"{where}: a second image of the id {number}")
        images[number] = image_in(each, where, videos, path.stem)
    images = split_by_beginning(images)
    names = video_names({each.sequence: each.folder for each in images.values()}, str(path), report)
    frames: dict[int, tuple[str, int, tuple[int, int]]] = {}
    for sequence, own in by_sequence(images).items():
        name = names[sequence]
        for number, frame in numbered({number: images[number] for number in own}, f"{path}: sequence {name}").items():
            frames[number] = (name, frame, images[number].size)
    return {number: frames[number] for number in images}


def image_in(each: Any, where: str, videos: Mapping[int, tuple[str, ...]], alone: str) -> FileImage:
    """An image of the file; `videos`: paths by the id; `alone`: the sequence's name where nothing tells it."""
    parts = tuple(components(text(item(each, "file_name", where, ""), f"{where}, file_name")))
    picture = parts[-1] if parts else ""
    video, video_id = item(each, "video", where, None), item(each, "video_id", where, None)
    sequence: Hashable
    folder: tuple[str, ...]
    if video is not None:
        folder = (safe_name(video, where),)
        sequence = ("video", video)
    elif video_id is not None:
        number = whole(video_id, f"{where}, video_id")
        sequence, folder = ("id", number), videos.get(number) or parts[:-1] or (f"video{number}",)
    else:
        sequence, folder = Folder(parts[:-1]), parts[:-1] or (alone,)
    own, place = (
        None if value is None else whole(value, f"{where}, {key}")
        for key in ("frame", "frame_id")
        for value in (item(each, key, where, None),)
    )
    size = size_of(item(each, "height", where), item(each, "width", where), where)
    return FileImage(sequence, folder, own, place, size, picture)


def by_sequence(images: Mapping[int, FileImage]) -> dict[Hashable, list[int]]:
    """The ids of each sequence's images."""
    result: dict[Hashable, list[int]] = {}
    for number, each in images.items():
        result.setdefault(each.sequence, []).append(number)
    return result


def split_by_beginning(images: Mapping[int, FileImage]) -> dict[int, FileImage]:
    """The images; those of one folder whose names begin differently (`a_1`, `b_1`) as sequences of their own."""
    result = dict(images)
    for sequence, own in by_sequence(images).items():
        if not isinstance(sequence, Folder):
            continue
        begins = beginnings([PurePosixPath(images[number].picture).stem for number in own])
        for image, begin in zip(own, begins or (), strict=bool(begins)):
            each = images[image]
            folder = (*each.folder, begin)
            result[image] = replace(each, sequence=Folder(folder), folder=folder)
    return result


def video_names(folders: Mapping[Key, tuple[str, ...]], origin: str, report: Report) -> dict[Key, str]:
    """The names of a file's sequences, each of a path. What several have at once is reported: they get a number."""
    names = sequence_names(folders)
    often = Counter(folders.values())
    for key, name in names.items():
        safe_name(name, origin)
        if often[folders[key]] > 1:
            shown = printable("/".join(folders[key]))
            report(Fault("name", origin, f"several sequences are '{shown}': one of them is {name} here", refused=False))
    return names


def numbered(images: Mapping[int, FileImage], where: str) -> dict[int, int]:
    """The frames' numbers of one sequence's images, by the image's id. Raises FormatError for two of one number."""
    keys = list(images)
    pictures = [images[key].picture for key in keys]
    own = [images[key].number for key in keys]
    places = [images[key].place for key in keys]
    if any(number is not None for number in own) and None in own:
        raise FormatError(f"{where}: some images have a 'frame' and others do not")
    if None in own and (None in places or picture_numbers([PurePosixPath(each).stem for each in pictures]) is not None):
        if len(set(pictures)) < len(pictures):
            twice = Counter(pictures).most_common(1)[0][0]
            raise FormatError(f"{where}: two images are '{printable(twice)}', and nothing numbers them")
        return {keys[place]: frame for frame, place in ordered(pictures)}
    numbers = {key: int(own_number or 0) for key, own_number in zip(keys, places if None in own else own, strict=True)}
    seen: set[int] = set()
    for key, frame in numbers.items():
        if frame in seen:
            raise FormatError(f"{where}: image {key} is frame {frame} a second time")
        seen.add(frame)
    return numbers
