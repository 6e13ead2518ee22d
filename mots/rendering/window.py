"""A window that shows frames while they are tracked."""

from __future__ import annotations

import os
import sys
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from mots.errors import MotsError
from mots.optional import opencv

__all__ = ["Window"]

INSTEAD = "write a video with --video, and open it"
CLOSING = (27, ord("q"))  # Escape and q


class Window:
    """Shows one frame after another. A context manager. Raises MotsError where there is no screen."""

    def __init__(self, title: str) -> None:
        if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise MotsError(f"there is no screen to show frames on: {INSTEAD}")
        self.cv2 = opencv("showing frames")
        self.title = title
        try:
            self.cv2.namedWindow(title, self.cv2.WINDOW_NORMAL | self.cv2.WINDOW_KEEPRATIO)
        except self.cv2.error as error:  # its headless builds
            raise MotsError(f"this OpenCV cannot open a window (its headless build?): {INSTEAD}") from error

    def show(self, image: NDArray[np.uint8]) -> bool:
        """Show a frame (H, W, 3) RGB; False once the window was closed, or Escape or q was pressed."""
        self.cv2.imshow(self.title, np.ascontiguousarray(image[:, :, ::-1]))
        key = self.cv2.waitKey(1) & 0xFF
        return key not in CLOSING and self.cv2.getWindowProperty(self.title, self.cv2.WND_PROP_VISIBLE) >= 1

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cv2.destroyAllWindows()
