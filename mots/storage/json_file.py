"""JSON from strangers: values of the type that is due, or an error that names the place and not Python's words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mots.errors import FormatError
from mots.files import read_file
from mots.names import printable

__all__ = ["item", "items", "load", "number", "size_of", "text", "whole"]

LARGEST = 2**31 - 1  # of frame numbers, ids, lengths, and pixels in a frame


def load(path: Path) -> Any:
    """The content of a file. Raises FormatError for one that is missing, no JSON, or nested beyond all reason."""
    try:
        return json.loads(read_file(path))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
    except RecursionError:
        raise FormatError(f"{path}: not JSON that can be read (nested too deeply)") from None
    except (ValueError, MemoryError) as error:
        raise FormatError(f"{path}: not JSON ({str(error) or type(error).__name__})") from error


def shown(value: Any) -> str:
    """A value as messages quote it."""
    words = printable(repr(value)).replace("\n", " ")
    return words if len(words) <= 40 else f"{words[:37]}..."


def item(value: Any, key: str, where: str, default: Any = ...) -> Any:
    """The entry `key` of an object; `default`, where one is given, for a missing one. Raises FormatError."""
    if not isinstance(value, Mapping):
        raise FormatError(f"{where}: {shown(value)} where an object with '{key}' is due")
    if key not in value:
        if default is ...:
            raise FormatError(f"{where}: no '{key}'")
        return default
    return value[key]


def items(value: Any, where: str) -> Iterator[Any]:
    """The entries of a list; none for null. Raises FormatError."""
    if value is not None and not isinstance(value, list):
        raise FormatError(f"{where}: {shown(value)} where a list is due")
    yield from value or ()


def whole(value: Any, where: str, low: int = 0, high: int = LARGEST) -> int:
    """A whole number, also as text or with decimals that are 0. Raises FormatError."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().lstrip("-").isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FormatError(f"{where}: {shown(value)} where a whole number from {low} to {high} is due")
    return value


def number(value: Any, where: str) -> float:
    """A finite number. Raises FormatError."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) < 1e15:
        raise FormatError(f"{where}: {shown(value)} where a number is due")
    return float(value)


def text(value: Any, where: str) -> str:
    """A text. Raises FormatError."""
    if not isinstance(value, str):
        raise FormatError(f"{where}: {shown(value)} where a text is due")
    return value


def size_of(height: Any, width: Any, where: str) -> tuple[int, int]:
    """(height, width) of a frame whose pixels can be numbered. Raises FormatError."""
    size = (whole(height, f"{where}, height", 1), whole(width, f"{where}, width", 1))
    if size[0] * size[1] > LARGEST:
        raise FormatError(f"{where}: a frame of {size[0]} x {size[1]} has more than {LARGEST} pixels")
    return size
