"""Reading image files, with Pillow and, where that gives the same numbers, with OpenCV."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mots.errors import MissingDependency
from mots.optional import opencv

__all__ = ["MAX_MEGAPIXELS", "is_deep", "open_image", "picture_count", "read_rgb", "rgb_of"]

MOVING_IMAGES = {".webp", ".png", ".tif", ".tiff"}  # endings of image files that may hold several pictures

# Larger pictures are refused: a damaged or hostile file can declare any size. The largest camera sensors have 150.
MAX_MEGAPIXELS = 160.0
WHITE = 255.0
ORIENTATION = 0x0112  # the tag of Exif that says how a picture is turned
START_OF_SCAN, END_OF_IMAGE = 0xDA, b"\xff\xd9"  # of a JPEG
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")  # in the data of a scan: neither a byte of 255 nor a restart

# Ultralytics replaces PIL.Image.open by a function that, for a file that Pillow cannot identify, installs and imports a
# reader of HEIF. A damaged file among good ones must stay an error of that file, so the original function is kept.
opener = Image.open


def open_image(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> Image.Image:
    """The decoded picture, the first one where the file holds several. Raises OSError for any reason that it cannot be
    read: damaged, no file, or of more than `max_megapixels`."""
    with opened(path, max_megapixels) as picture:
        picture.load()
        return picture


def read_rgb(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> tuple[NDArray[np.uint8], bool]:
    """A file's picture as `rgb_of` gives it, and whether `is_deep` holds. Raises OSError as `open_image` does."""
    with opened(path, max_megapixels) as picture:
        image = whole_jpeg(path, picture)
        if image is not None:
            return image, False
        picture.load()
        return rgb_of(picture), is_deep(picture)


def whole_jpeg(path: Path, picture: Image.Image) -> NDArray[np.uint8] | None:
    """A JPEG decoded by OpenCV, which takes half as long as Pillow and gives the same numbers.

    `picture`: the file as Pillow has opened it. None for what is left to Pillow: files that are turned, cut off or
    damaged (OpenCV would fill up what is missing), progressive ones, other kinds of colours, and where there is no
    OpenCV.
    """
    plain = picture.format == "JPEG" and picture.mode in ("L", "RGB") and "progressive" not in picture.info
    if not plain or picture.getexif().get(ORIENTATION, 1) != 1:
        return None
    try:
        cv2 = opencv("reading images quickly")
        how = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    except (MissingDependency, AttributeError):  # AttributeError: an OpenCV before 4.11
        return None
    content = path.read_bytes()
    if not is_one_scan(content):
        return None
    image = cv2.imdecode(np.frombuffer(content, np.uint8), how)
    return image if image is not None and image.shape == (picture.height, picture.width, 3) else None


def is_one_scan(content: bytes) -> bool:
    """Whether a JPEG is a header and the data of one scan up to the end, with no other marker in between."""
    place = 2
    while content[place : place + 1] == b"\xff" and place + 4 <= len(content):
        scan = content[place + 1] == START_OF_SCAN
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if scan:
            marker = MARKER.search(content, place)
            return marker is not None and marker.start() == len(content) - 2 and content.endswith(END_OF_IMAGE)
    return False


def picture_count(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> int:
    """How many pictures a file holds. Raises OSError as `open_image` does."""
    if path.suffix.lower() not in MOVING_IMAGES:
        return 1
    with opened(path, max_megapixels) as picture:
        return int(getattr(picture, "n_frames", 1))


@contextmanager
def opened(path: Path, max_megapixels: float) -> Iterator[Image.Image]:
    """The open file for the block; what Pillow raises in it becomes an OSError."""
    if not path.is_file():  # a pipe would be waited for
        raise OSError("not a file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about details of damaged files
            with opener(path) as picture:
                megapixels = picture.width * picture.height / 1e6
                if megapixels > max_megapixels:
                    raise OSError(
                        f"{picture.height} x {picture.width} pixels, and the limit is {max_megapixels:g} megapixels"
                    )
                yield picture
    except ImportError:
        raise OSError(f"cannot identify image file '{path}'") from None
    except OSError:
        raise
    except Exception as error:  # Pillow's readers of damaged files raise whatever their last line does
        raise OSError(str(error) or type(error).__name__) from error


def is_deep(picture: Image.Image) -> bool:
    """Whether a picture has one channel of more than 8 bits, as thermal and depth cameras write it."""
    return picture.mode in ("F", "I") or picture.mode.startswith("I;")


def rgb_of(picture: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 3) uint8, turned as the file says.

    One channel of more than 8 bits is scaled by the picture's own range, from its lowest value to its highest.
    """
    picture = ImageOps.exif_transpose(picture)
    if not is_deep(picture):
        return np.asarray(picture.convert("RGB"))
    values = np.asarray(picture).astype(np.float64)
    finite = np.isfinite(values)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    values = np.where(finite, values, low)
    scaled = np.clip((values - low) * (WHITE / (high - low) if high > low else 0.0), 0.0, WHITE)
    grey = np.rint(scaled).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
