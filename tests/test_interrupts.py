import signal
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mots.interrupts import interruptible


def frames_with_a_swallowed_interrupt() -> Iterator[int]:
    yield 0
    with suppress(KeyboardInterrupt):  # as a callback from C does
        signal.raise_signal(signal.SIGINT)
    yield 1
    yield 2


def test_an_interrupt_that_was_swallowed_stops_after_the_frame() -> None:
    seen = []

    def run() -> None:
        for number in interruptible(frames_with_a_swallowed_interrupt()):
            seen.append(number)  # noqa: PERF402  (what was seen before the interrupt counts)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert seen == [0, 1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_and_other_handlers_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.extend(interruptible(range(3))))
    thread.start()
    thread.join()
    assert seen == [0, 1, 2]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert list(interruptible(frames_with_a_swallowed_interrupt())) == [0, 1, 2]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
