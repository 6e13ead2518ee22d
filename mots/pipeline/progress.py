"""The progress bar: frames, frames a second, tracks alive."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from mots.names import printable

__all__ = ["with_progress"]

Item = TypeVar("Item")


def with_progress(
    frames: Iterable[Item], name: str, length: int | None, quiet: bool, dropped: Callable[[], int] = lambda: 0
) -> Generator[Item, None, None]:
    """The frames as they come, with a bar on standard error unless `quiet`; items with `alive` show that number.

    `dropped`: how many frames of a live source were dropped so far.
    """
    if quiet:
        yield from frames
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: object) -> Text:
            speed = getattr(task, "finished_speed", None) or getattr(task, "speed", None) or 0.0
            return Text(f"{speed:6.1f} frames/s")

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TextColumn("{task.fields[tracks]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(printable(name), total=length, tracks="")
        for frame in frames:
            alive = getattr(frame, "alive", None)
            words = [] if alive is None else [f"{alive} tracks alive"]
            words += [f"{count} dropped"] if (count := dropped()) else []
            bar.update(task, advance=1, tracks=", ".join(words))
            yield frame
