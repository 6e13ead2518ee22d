"""Reading image files with Pillow."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

__all__ = ["open_image"]

# Ultralytics replaces PIL.Image.open by a function that, for a file that Pillow cannot identify, installs and imports a
# reader of HEIF. A damaged file among good ones must stay an error of that file, so the original function is kept.
opener = Image.open


def open_image(path: Path) -> Image.Image:
    """The decoded picture. Raises OSError for any reason that it cannot be read: damaged, or too large."""
    try:
        with opener(path) as picture:
            picture.load()
            return picture
    except ImportError:
        raise OSError(f"cannot identify image file '{path}'") from None
    except (SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OSError(str(error)) from error
