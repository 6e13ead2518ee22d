"""Reading image files with Pillow."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

__all__ = ["open_image"]

# ultralytics puts a function in the place of PIL.Image.open that, for a file that Pillow cannot identify, installs and
# imports a reader of HEIF. A broken file among good ones must stay a fault of that file.
opener = Image.open


def open_image(path: Path) -> Image.Image:
    """The decoded picture. Raises OSError for whatever keeps it from being read, a broken file or one too large."""
    try:
        with opener(path) as picture:
            picture.load()
            return picture
    except ImportError:
        raise OSError(f"cannot identify image file '{path}'") from None
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(str(error)) from error
