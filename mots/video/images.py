"""Reading image files with Pillow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

__all__ = ["MAX_MEGAPIXELS", "is_deep", "open_image", "picture_count", "rgb_of"]

MOVING_IMAGES = {".webp", ".png", ".tif", ".tiff"}  # endings of image files that may hold several pictures

# Larger pictures are refused: a damaged or hostile file can declare any size. The largest camera sensors have 150.
MAX_MEGAPIXELS = 160.0
WHITE = 255.0

# Ultralytics replaces PIL.Image.open by a function that, for a file that Pillow cannot identify, installs and imports a
# reader of HEIF. A damaged file among good ones must stay an error of that file, so the original function is kept.
opener = Image.open


def open_image(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> Image.Image:
    """The decoded picture, the first one where the file holds several. Raises OSError for any reason that it cannot be
    read: damaged, no file, or of more than `max_megapixels`."""
    with opened(path, max_megapixels) as picture:
        picture.load()
        return picture


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
