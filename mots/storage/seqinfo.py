"""MOTChallenge's `seqinfo.ini`, which describes a sequence."""

from __future__ import annotations

import configparser
from pathlib import Path

from mots.errors import FormatError
from mots.files import read_file

__all__ = ["value"]

SECTION = "Sequence"


def value(file: Path, name: str) -> str | None:
    """A value of the file as text; None where it has none. Raises FormatError for what is no such file."""
    ini = configparser.ConfigParser(interpolation=None)
    try:
        ini.read_string(read_file(file).decode("utf-8-sig"))
    except OSError as error:
        raise FormatError(f"{file}: cannot be read ({error.strerror})") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise FormatError(f"{file}: not a file of settings with a section [{SECTION}] ({reason})") from error
    if not ini.has_section(SECTION):
        raise FormatError(f"{file}: no section [{SECTION}]")
    return ini.get(SECTION, name, fallback=None)
