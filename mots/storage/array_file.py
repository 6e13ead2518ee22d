"""numpy's archives (npz) from strangers: arrays are read only where their headers fit the bytes that are there."""

from __future__ import annotations

import zipfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError
from mots.storage.archive import BROKEN, check_member, told

__all__ = ["ArrayFile"]


class ArrayFile:
    """An open npz. A context manager. Opening, and reading an array, raises FormatError for what cannot be right: no
    archive, no array of this name, a header that declares another number of bytes than follow it, objects."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
        except BROKEN as error:
            raise FormatError(f"{path}: not an npz file ({told(error)})") from error
        self.names = {name.removesuffix(".npy") for name in self.archive.namelist()}

    def __enter__(self) -> ArrayFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.archive.close()

    def read(self, name: str) -> NDArray[Any]:
        """The array of this name."""
        where = f"{self.path}: array '{name}'"
        try:
            info = self.archive.getinfo(f"{name}.npy")
        except KeyError:
            raise FormatError(f"{self.path}: no array '{name}'") from None
        check_member(info, where)
        try:
            with self.archive.open(info) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, fortran, dtype = read(file)
                count = int(np.prod(shape, dtype=object)) if shape else 1
                if (
                    dtype.hasobject
                    or min(shape, default=0) < 0
                    or count * dtype.itemsize != info.file_size - file.tell()
                ):
                    raise FormatError(f"{where} declares {shape} of {dtype}, and that is not what follows")
                content = file.read()
        except FormatError:
            raise
        except (*BROKEN, TypeError, SyntaxError, OverflowError) as error:
            raise FormatError(f"{where} is damaged ({told(error)})") from error
        array = np.frombuffer(bytearray(content), dtype)
        return array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
