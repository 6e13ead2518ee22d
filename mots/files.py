"""Files that never exist in part: written under a temporary name, then renamed."""

from __future__ import annotations

import os
from pathlib import Path

from mots.errors import MotsError

__all__ = ["FrameFile", "cannot_write", "write_whole"]


class FrameFile:
    """A file that grows frame by frame under a temporary name and always ends with a whole frame.

    `close` renames it, whatever stopped the writing; a full disk does not prevent that.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.part = path, path.with_name(f"{path.name}.part")
        self.file = self.part.open("wb", buffering=0)
        self.size = 0  # bytes up to the end of the last whole frame

    def append(self, frame: bytes) -> None:
        """Add a whole frame. Raises OSError when it does not fit; the file then ends with the frame before."""
        try:
            written = 0
            while written < len(frame):
                written += self.file.write(frame[written:])
        except OSError:
            self.cut(self.size)
            raise
        self.size += len(frame)

    def cut(self, size: int) -> None:
        """Keep only the first `size` bytes."""
        self.size = size
        self.file.truncate(size)
        self.file.seek(size)

    def close(self) -> None:
        """Give the file its name."""
        self.file.close()
        os.replace(self.part, self.path)

    def discard(self) -> None:
        """Delete what was written; a file that had the name before stays."""
        self.file.close()
        self.part.unlink()


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it. Raises OSError, and leaves nothing, when it does not fit."""
    path = Path(path)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def cannot_write(path: str | Path, error: OSError, advice: str = "") -> MotsError:
    """The error of a file or folder that cannot be written; `advice`: what to do, without a full stop."""
    return MotsError(f"{path}: cannot be written ({error.strerror})" + (f": {advice}" if advice else ""))
