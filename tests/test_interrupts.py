import signal
import threading
from collections.abc import Iterator

import pytest

from mots.pipeline.interrupts import Terminated, interruptible, take_sigterm_as_ctrl_c


def frames_with_interrupts(count: int = 1) -> Iterator[int]:
    yield 0
    for _ in range(count):
        signal.raise_signal(signal.SIGINT)
    yield 1
    yield 2


def seen_until_stopped(frames: Iterator[int]) -> list[int]:
    seen = []

    def run() -> None:
        for number in interruptible(frames):
            seen.append(number)  # noqa: PERF402  (what was seen before the interrupt counts)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return seen


def test_an_interrupt_stops_after_the_frame_at_hand() -> None:
    assert seen_until_stopped(frames_with_interrupts()) == [0, 1]


def test_a_second_interrupt_stops_at_once() -> None:
    assert seen_until_stopped(frames_with_interrupts(2)) == [0]


def test_an_interrupt_in_the_last_frame_is_not_lost() -> None:
    def last() -> Iterator[int]:
        yield 0
        signal.raise_signal(signal.SIGINT)

    assert seen_until_stopped(last()) == [0]


def test_other_threads_and_other_handlers_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.extend(interruptible(range(3))))
    thread.start()
    thread.join()
    assert seen == [0, 1, 2]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert list(interruptible(frames_with_interrupts())) == [0, 1, 2]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_sigterm_is_taken_as_ctrl_c_where_that_was_asked_for() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        take_sigterm_as_ctrl_c()
        seen = []

        def frames() -> Iterator[int]:
            yield 0
            signal.raise_signal(signal.SIGTERM)
            yield 1

        def run() -> None:
            for number in interruptible(frames()):
                seen.append(number)  # noqa: PERF402  (what was seen before counts)

        with pytest.raises(Terminated):
            run()
        assert seen == [0, 1]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)  # outside of frames, at once
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_ignored_sigterm_stays_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        take_sigterm_as_ctrl_c()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
