"""Files that never exist in part: written under a temporary name, then renamed; and what may be replaced by whom."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from mots.errors import InputError, MotsError

__all__ = [
    "FrameFile",
    "cannot_write",
    "check_target",
    "locked",
    "new_folder",
    "of_system",
    "only_user",
    "read_file",
    "sha256_of",
    "take_place",
    "write_output",
    "write_whole",
]


class FrameFile:
    """A file that grows frame by frame under a temporary name and always ends with a whole frame.

    `close` gives it its name, whatever stopped the writing; a full disk does not prevent that. Raises InputError where
    another process is writing the same file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.part = path, path.with_name(f"{path.name}.part")
        self.file = os.fdopen(os.open(self.part, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        if not locked(self.file):
            self.file.close()
            raise InputError(f"{path}: another run is writing this file: wait for its end, or choose another folder")
        self.file.truncate(0)
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

    def close(self, whole: bool = True) -> Path:
        """Give the file its name, and return it. A file that is not `whole` replaces none: beside a file of its name it
        gets the ending `.partial`."""
        self.file.flush()
        target = self.path if whole or not self.path.exists() else self.path.with_name(f"{self.path.name}.partial")
        os.replace(self.part, target)
        self.file.close()
        return target

    def discard(self) -> None:
        """Delete what was written; a file that had the name before stays."""
        self.part.unlink(missing_ok=True)
        self.file.close()


def read_file(path: str | Path) -> bytes:
    """The content of a file. Raises OSError, also for what is none: a pipe or a device would be waited for."""
    path = Path(path)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a file")
    return path.read_bytes()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, or of all files of a folder with their names. Raises OSError."""
    digest = hashlib.sha256()
    for file in sorted(entry for entry in path.iterdir() if entry.is_file()) if path.is_dir() else [path]:
        if path.is_dir():
            digest.update(file.name.encode("utf-8"))
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it. Raises OSError, and leaves nothing, when it does not fit."""
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(part, mode_of(path))
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def mode_of(path: Path) -> int:
    """The permissions of a file that is there, or those of a new one."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextlib.contextmanager
def new_folder(path: Path, endings: frozenset[str], mark: str = "") -> Iterator[Path]:
    """A folder to write into, which takes the place of `path` when the block ends, and vanishes when it fails.

    At every moment `path` is the old folder or the new one, whole. An old one may hold only files with these endings
    (and folders of them), and must hold the file `mark` where one is given: anything else is somebody's, and raises
    InputError. Raises OSError.
    """
    if path.is_dir():
        if mark and not (path / mark).is_file() and any(path.iterdir()):
            raise InputError(f"{path}: a folder without {mark}, so none of these: choose another folder")
        strange = next((each for each in path.rglob("*") if each.is_file() and each.suffix not in endings), None)
        if strange is not None:
            raise InputError(f"{path}: holds other files, as {strange.relative_to(path)}: choose another folder")
    elif path.exists():
        raise InputError(f"{path}: a file where a folder is to be written: choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent))
    part.chmod(0o777 & ~(0o666 & ~mode_of(part / "new")) if os.name != "nt" else 0o777)
    try:
        yield part
        take_place(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def take_place(part: Path, path: Path) -> None:
    """Give a folder the name of another, which is deleted: at every moment the name is that of one of the two."""
    if path.exists():
        exchange(part, path)
        shutil.rmtree(part, ignore_errors=True)
    else:
        os.rename(part, path)


def exchange(one: Path, other: Path) -> None:
    """Exchange the names of two folders; at once where the system can (Linux and macOS), else one after the other."""
    library = ctypes.CDLL(None, use_errno=True) if sys.platform != "win32" else None
    names = os.fsencode(one), os.fsencode(other)
    here, swap = -100, 2  # AT_FDCWD; RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
    if sys.platform.startswith("linux") and hasattr(library, "renameat2"):
        done = library.renameat2(here, names[0], here, names[1], swap)  # type: ignore[union-attr]
    elif sys.platform == "darwin" and hasattr(library, "renamex_np"):
        done = library.renamex_np(*names, swap)  # type: ignore[union-attr]
    else:
        done = -1
    if done == 0:
        return
    aside = other.with_name(f".{other.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    os.rename(other, aside)
    os.rename(one, other)
    os.rename(aside, one)


@contextlib.contextmanager
def only_user(path: Path, refusal: str) -> Iterator[None]:
    """Hold the lock file `path` for the block. Raises InputError with the text `refusal` where another process holds
    it, OSError where the file cannot be made."""
    with path.open("a+b") as file:
        if not locked(file):
            raise InputError(refusal)
        yield


def locked(file: IO[bytes] | Any) -> bool:
    """Whether this process has now locked an open file for itself; the system ends the lock with the process."""
    try:
        import fcntl
    except ImportError:  # Windows, where an open file cannot be replaced by another process anyway
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


# Endings of files that are read from a folder without being named: labels, pictures, and what describes a sequence.
READ_IN_FOLDERS = frozenset({".txt", ".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".ini", ".npz"})


def check_target(
    path: Path, overwrite: bool, sources: Iterable[Path | None], parameters: Sequence[str] = ("output",)
) -> None:
    """Raise InputError where a file or folder that is to be written is, or holds, one of those that are read; where a
    file lies in a folder that is read; or where it exists and is not to be replaced.

    `parameters`: of the error, what names `path`.
    """
    for source in sources:
        if source is None or not source.exists():
            continue
        if path.exists() and source.samefile(path):
            raise InputError(f"{path} is what is read: choose another place", parameters=parameters)
        if source.resolve() == path.with_name(f"{path.name}.part").resolve():
            raise InputError(f"{path} is written as {source} first, which is read: choose another name")
        if path.is_dir() and source.resolve().is_relative_to(path.resolve()):
            raise InputError(f"{path} holds {source}, which is read: choose another place", parameters=parameters)
        within = source.is_dir() and path.resolve().is_relative_to(source.resolve())
        if within and (path.suffix.lower() in READ_IN_FOLDERS or path.is_dir() or not path.suffix):
            raise InputError(f"{path} lies in {source}, which is read: choose another place", parameters=parameters)
    if not path.exists():
        return
    if not overwrite:
        raise InputError(f"{path} exists: choose another folder or replace it", parameters=(*parameters, "overwrite"))


def write_output(path: Path, content: bytes) -> None:
    """Write a file whole, and its folder where there is none. Raises MotsError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: str | Path, error: OSError, advice: str = "") -> MotsError:
    """The error of a file or folder that cannot be written; `advice`: what to do, without a full stop."""
    return MotsError(f"{path}: cannot be written ({error.strerror})" + (f": {advice}" if advice else ""))


def of_system(error: OSError) -> MotsError:
    """An error of the system, which nothing nearer has explained, as one sentence."""
    names = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    reason = error.strerror or str(error) or type(error).__name__
    return MotsError(f"{names}: {reason}" if names else f"the system said: {reason}")
