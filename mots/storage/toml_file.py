"""TOML that people write: settings, scenes, edits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mots.errors import FormatError, InputError
from mots.files import read_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["load"]


def load(path: Path) -> dict[str, Any]:
    """A file's tables as dictionaries. Raises InputError for a file that cannot be read, FormatError for no TOML."""
    try:
        tables: dict[str, Any] = tomllib.loads(read_file(path).decode("utf-8-sig"))
        return tables
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: not TOML: {error}") from error
