"""What is wrong with a file of truth or results: one finding, and what readers do with it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from mots.errors import FormatError, MotsWarning

__all__ = ["Fault", "Report", "fail", "ignore_fault"]


@dataclass(frozen=True)
class Fault:
    """One finding; as text it is a sentence that begins with its place.

    `rule`: its kind, a stable word. `place`: the file, archive member or folder. `line`: from 1; 0 where there are no
    lines. `frame`: as the file numbers it. `ids`: the objects involved. `pixels`: how many are concerned. `refused`:
    whether an official kit refuses the file for it; otherwise it is only untidy.
    """

    rule: str
    place: str
    message: str
    line: int = 0
    frame: int | None = None
    ids: tuple[int, ...] = ()
    pixels: int = 0
    refused: bool = True

    def __str__(self) -> str:
        return f"{self.place}:{self.line}: {self.message}" if self.line else f"{self.place}: {self.message}"

    def to_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {**asdict(self), "ids": list(self.ids)}


Report = Callable[[Fault], None]


def fail(fault: Fault) -> None:
    """The strict way to report a fault: raise FormatError; what is only untidy is a MotsWarning."""
    if fault.refused:
        raise FormatError(str(fault))
    warnings.warn(MotsWarning(str(fault)), stacklevel=2)


def ignore_fault(fault: Fault) -> None:
    """The lenient way: do nothing."""
