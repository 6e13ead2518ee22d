"""Ctrl-C between two frames."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

__all__ = ["interruptible"]

Item = TypeVar("Item")


def interruptible(items: Iterable[Item]) -> Iterator[Item]:
    """The items as they come; after a Ctrl-C the current item is finished, and KeyboardInterrupt is raised before the
    next one. A second Ctrl-C is raised at once.

    An exception that is raised inside a callback from C, as compilers and video libraries have them, is lost or becomes
    another error; this avoids it.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield from items
        return
    interrupted = False

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            signal.default_int_handler(number, frame)
        interrupted = True

    signal.signal(signal.SIGINT, remember)
    try:
        for item in items:
            yield item
            if interrupted:
                break
        if interrupted:
            raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
