"""Zip archives from strangers: what is in them, and their members' content, within limits.

Members that cannot be what they seem are faults of the archive: encrypted ones, names that leave the folder or are no
UTF-8, a name that occurs twice, a content that unpacks to far more than it takes.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from mots.errors import FormatError
from mots.names import components, is_junk, printable

__all__ = ["kept_open", "members", "read_member"]

LARGEST = 1 << 30  # bytes of one member; results of a whole benchmark are a tenth of it
# Run lengths shrink to a half or a third. A small member may shrink to anything, as an empty or a repeated file does.
LARGEST_RATIO, RATIO_FROM = 200, 8 << 20
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, MemoryError)


def members(path: Path) -> list[str]:
    """The names of an archive's files, in its order, without what an operating system has left in it.

    Raises FormatError, with the archive's name, where it cannot be read or holds what no archive of results holds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir() and not is_junk(info.filename)]
    except BROKEN as error:
        raise FormatError(f"{path}: cannot be read as a zip archive ({told(error)})") from error
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        shown = printable(name[:80])
        if name.startswith(("/", "\\")) or ".." in components(name) or not name.isprintable():
            raise FormatError(f"{path}: '{shown}' is no name of a file inside an archive")
        if name in seen:
            raise FormatError(f"{path}: holds '{shown}' twice: pack it again")
        seen.add(name)
        check_member(info, f"{path}: '{shown}'")
    return [info.filename for info in infos]


def check_member(info: zipfile.ZipInfo, where: str) -> None:
    """Raise FormatError for a member that cannot be unpacked, or should not be."""
    if info.flag_bits & 1:
        raise FormatError(f"{where} is encrypted: pack it without a password")
    if info.file_size > LARGEST:
        raise FormatError(f"{where} unpacks to {info.file_size:,} bytes: the limit is {LARGEST:,}")
    if info.file_size > RATIO_FROM and info.file_size > LARGEST_RATIO * max(info.compress_size, 1):
        raise FormatError(
            f"{where} unpacks to {info.file_size // max(info.compress_size, 1)} times its size: no results"
        )


held: dict[Path, zipfile.ZipFile] = {}  # archives that are kept open; their lists of members are read once


@contextmanager
def kept_open(path: Path) -> Iterator[None]:
    """Keep an archive open for the block: for reading many of its members. What is no archive is left alone."""
    if path in held or not path.is_file() or not zipfile.is_zipfile(path):
        yield
        return
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN:
        yield
        return
    with archive:
        held[path] = archive
        try:
            yield
        finally:
            del held[path]


def read_member(path: Path, name: str) -> bytes:
    """The content of a member. Raises FormatError, with the names of both, where it cannot be unpacked."""
    try:
        with nullcontext(held[path]) if path in held else zipfile.ZipFile(path) as archive:
            info = archive.getinfo(name)
            check_member(info, f"{path}/{printable(name)}")
            with archive.open(info) as file:
                content = file.read(info.file_size + 1)
    except KeyError:
        raise FormatError(f"{path}: holds no '{printable(name)}'") from None
    except BROKEN as error:
        raise FormatError(f"{path}/{printable(name)}: cannot be read ({told(error)})") from error
    if len(content) != info.file_size:
        raise FormatError(f"{path}/{printable(name)}: cannot be read (it is longer than the archive says)")
    return content


def told(error: BaseException) -> str:
    """An error of a library in one short line."""
    return printable((str(error) or type(error).__name__).splitlines()[0][:200])
