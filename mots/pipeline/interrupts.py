"""Ctrl-C, and its kin SIGTERM, between two frames."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

__all__ = ["Terminated", "interruptible", "take_sigterm_as_ctrl_c"]

Item = TypeVar("Item")


class Terminated(KeyboardInterrupt):
    """SIGTERM, as `docker stop`, systemd, Slurm and `timeout` send it: everything ends as after Ctrl-C."""


def terminate(number: int, frame: FrameType | None) -> None:
    """The handler of SIGTERM."""
    raise Terminated


HANDLERS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: terminate}


def take_sigterm_as_ctrl_c() -> None:
    """Raise `Terminated` at SIGTERM, from now on; nothing where the signal is ignored, or outside the main thread."""
    with contextlib.suppress(ValueError):
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, terminate)


def interruptible(items: Iterable[Item]) -> Iterator[Item]:
    """The items as they come; after a Ctrl-C or SIGTERM the current item is finished, and KeyboardInterrupt or
    Terminated is raised before the next one. A second signal is raised at once.

    An exception that is raised inside a callback from C, as compilers and video libraries have them, is lost or becomes
    another error; this avoids it.
    """
    main = threading.current_thread() is threading.main_thread()
    ours = {number: handler for number, handler in HANDLERS.items() if main and signal.getsignal(number) is handler}
    if not ours:
        yield from items
        return
    seen: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        if seen:
            ours[signal.Signals(number)](number, frame)
        seen.append(number)

    for number in ours:
        signal.signal(number, remember)
    try:
        for item in items:
            yield item
            if seen:
                break
        if seen:
            raise Terminated if seen[0] == signal.SIGTERM else KeyboardInterrupt
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
