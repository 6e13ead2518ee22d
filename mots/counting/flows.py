"""From where to where objects go: between zones and lines, as a matrix of origins and destinations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mots.analytics.lines import Crossing
from mots.analytics.zones import Visit

__all__ = ["Flow", "Occupancy", "flows_of", "occupancy_of"]


@dataclass(frozen=True)
class Flow:
    """How many objects of a class went first over `origin` and last over `destination`, two lines or zones."""

    origin: str
    destination: str
    class_name: str
    count: int


@dataclass(frozen=True)
class Occupancy:
    """A zone from `start` to `end` seconds: objects in it on average and at most, and how many came in and left."""

    zone: str
    start: float
    end: float
    mean: float
    most: int
    entries: int
    exits: int


def flows_of(crossings: Iterable[Crossing], visits: Iterable[Visit]) -> list[Flow]:
    """The matrix, without empty cells. An object that met only one line or zone has no destination and is left out."""
    met: dict[int, list[tuple[float, str, str]]] = {}
    for crossing in crossings:
        met.setdefault(crossing.track_id, []).append((crossing.time, crossing.line, crossing.class_name))
    for visit in visits:
        met.setdefault(visit.track_id, []).append((visit.enter, visit.zone, visit.class_name))
    counts: Counter[tuple[str, str, str]] = Counter()
    for places in met.values():
        _, origin, class_name = min(places)
        _, destination, _ = max(places)
        if origin != destination:
            counts[origin, destination, class_name] += 1
    return [Flow(*cell, count) for cell, count in sorted(counts.items())]


def occupancy_of(visits: Iterable[Visit], zones: Iterable[str], end: float, interval: float) -> list[Occupancy]:
    """Each zone in each interval of so many seconds from 0 to `end`."""
    found: list[Occupancy] = []
    every = list(visits)
    for zone in zones:
        own = [visit for visit in every if visit.zone == zone]
        begin = 0.0
        while begin < end or begin == 0.0:
            stop = min(begin + interval, end) if end > 0 else interval
            last = stop >= end
            inside = [visit for visit in own if visit.enter < stop and visit.leave > begin]
            seconds = sum(min(visit.leave, stop) - max(visit.enter, begin) for visit in inside)
            steps = sorted(
                [(max(visit.enter, begin), 1) for visit in inside] + [(visit.leave, -1) for visit in inside],
            )
            now = most = 0
            for _, step in steps:  # at one moment, leaving comes first
                now += step
                most = max(most, now)
            entries = sum(begin <= visit.enter < stop for visit in own)
            exits = sum(begin <= visit.leave < stop or (last and visit.leave == stop) for visit in own)
            found.append(Occupancy(zone, begin, stop, seconds / max(stop - begin, 1e-9), most, entries, exits))
            begin += interval
    return found
