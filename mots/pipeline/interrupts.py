"""Ctrl-C that is never lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

__all__ = ["interruptible"]

Item = TypeVar("Item")


def interruptible(items: Iterable[Item]) -> Iterator[Item]:
    """The items as they come; after a Ctrl-C the item at hand is finished, and KeyboardInterrupt is raised before the
    next one. A second Ctrl-C is raised at once, wherever it strikes.

    Raised at once it is lost, or becomes another error, where it strikes inside a callback from C, as compilers and
    video libraries make them.
    """
    own = threading.current_thread() is threading.main_thread()
    if not own or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield from items
        return
    struck = False

    def strike(number: int, frame: FrameType | None) -> None:
        nonlocal struck
        if struck:
            signal.default_int_handler(number, frame)
        struck = True

    signal.signal(signal.SIGINT, strike)
    try:
        for item in items:
            yield item
            if struck:
                break
        if struck:
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
