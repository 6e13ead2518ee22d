"""DAVIS' and YouTube-VOS' pictures: 8 bits with a palette; a pixel is an object's number, 0 for none, 255 for void."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError, InputError
from mots.labels import FrameLabels

__all__ = ["VOID", "encoded", "folders", "pictures", "read_image"]

VOID = 255


def palette() -> list[int]:
    """The colours of PASCAL VOC, which DAVIS takes: the bits of a number, spread over red, green and blue."""
    colours = []
    for number in range(256):
        red = green = blue = 0
        for bit in range(8):
            rest = number >> (3 * bit)
            red |= (rest & 1) << (7 - bit)
            green |= (rest >> 1 & 1) << (7 - bit)
            blue |= (rest >> 2 & 1) << (7 - bit)
        colours += [red, green, blue]
    return colours


def read_image(path: Path) -> NDArray[np.uint8]:
    """(H, W) object numbers of a picture. Raises FormatError for one that is no palette or grey picture of 8 bits."""
    from mots.video.images import open_image

    try:
        picture = open_image(path)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read as a picture ({error})") from error
    if picture.mode not in ("P", "L", "1"):
        raise FormatError(f"{path}: a picture of mode {picture.mode}: wanted one number a pixel (a palette or grey)")
    return np.asarray(
        picture if picture.mode != "1" else picture.convert("L").point(lambda value: value // 255), np.uint8
    )


def encoded(labels: FrameLabels) -> bytes:
    """A frame as a PNG. Raises InputError for more objects than a picture can hold."""
    from PIL import Image

    if len(labels) and int(labels.ids.max()) >= VOID:
        raise InputError(f"frame {labels.frame}: object {int(labels.ids.max())}: DAVIS' pictures hold 1 to 254")
    numbers = np.zeros(labels.size, np.uint8)
    for k, identity in enumerate(labels.ids.tolist()):
        x1, y1, x2, y2 = labels.masks.boxes[k].tolist()
        numbers[y1:y2, x1:x2][labels.masks.crop(k)] = identity
    picture = Image.fromarray(numbers, mode="P")
    picture.putpalette(palette())
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def folders(root: Path) -> dict[str, Path]:
    """The sequences of a folder: its subfolders of pictures by their names, or the folder itself."""
    if not root.is_dir():
        raise InputError(f"{root}: wanted a folder of sequences, each a folder of pictures")
    inner = {each.name: each for each in sorted(root.iterdir()) if each.is_dir() and any(each.glob("*.png"))}
    if inner:
        return inner
    if any(root.glob("*.png")):
        return {root.name: root}
    raise InputError(f"{root}: no folder in it holds PNGs (DAVIS: Annotations/480p)")


def pictures(folder: Path) -> Mapping[str, Path]:
    """The pictures of a sequence by their names, in order."""
    return {path.stem: path for path in sorted(folder.glob("*.png"))}
