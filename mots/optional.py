"""OpenCV, which only some installations have."""

from __future__ import annotations

from typing import Any

from mots.errors import MotsError

__all__ = ["opencv"]


def opencv(need: str, otherwise: str = "") -> Any:
    """The module cv2. Raises MotsError where it is not installed: what has the `need` of it, and what to do.

    `need`: as in "drawing needs OpenCV". `otherwise`: how to go without, from the comma on.
    """
    try:
        import cv2
    except ImportError as error:
        raise MotsError(f"{need}: pip install opencv-python-headless{otherwise}") from error
    return cv2
