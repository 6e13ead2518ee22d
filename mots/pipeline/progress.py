"""The progress bar: frames, frames a second, tracks alive."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Protocol, TypeVar

__all__ = ["shown"]


class Countable(Protocol):
    @property
    def alive(self) -> int: ...


Item = TypeVar("Item", bound=Countable)


def shown(frames: Iterable[Item], name: str, length: int | None, quiet: bool) -> Generator[Item, None, None]:
    """The frames as they come, with a bar on standard error unless `quiet`."""
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
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TextColumn("{task.fields[alive]} tracks alive"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=length, alive=0)
        for frame in frames:
            bar.update(task, advance=1, alive=frame.alive)
            yield frame
