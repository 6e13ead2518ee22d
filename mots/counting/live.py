"""The same counts while frames come: zones, and a whole scene as events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mots.analytics.feet import LiveFeet
from mots.analytics.ground import Ground, SpeedMeter
from mots.analytics.lines import LineCounter
from mots.analytics.scene import Scene, Zone, load
from mots.analytics.zones import HYSTERESIS, LEAST_HYSTERESIS, LEAST_STAY, Presence, Visit, depths
from mots.classes import class_name
from mots.errors import InputError
from mots.labels import HasLabels, labels_of

__all__ = ["SceneWatcher", "ZoneCounter"]


class ZoneCounter:
    """Who is in a zone, live: `update` takes frame after frame and gives the visits that end.

    `inside`: ids of tracks that are in the zone now, with the second since when. `entries`, `exits`: counted so far.
    The foot point is smoothed by what came before it. `names`: of classes that COCO does not have, id to name.
    """

    def __init__(self, zone: Zone, names: Mapping[int, str] | None = None) -> None:
        if not isinstance(zone, Zone):
            raise InputError(f"zone is a {type(zone).__name__}: wanted a Zone")
        self.zone, self.names = zone, dict(names or {})
        self.entries = self.exits = 0
        self.presences: dict[int, Presence] = {}
        self.classes: dict[int, str] = {}
        self.feet = LiveFeet()

    @property
    def inside(self) -> dict[int, float]:
        """The seconds since when each track is in the zone."""
        return {identity: each.since for identity, each in self.presences.items() if each.since is not None}

    def update(self, frame: HasLabels) -> list[Visit]:
        """The visits that this frame ends, by leaving or by the end of the track; shorter ones than 0.2 s are none."""
        labels = labels_of(frame)
        found: list[Visit] = []
        for i, identity, place, height in self.feet.update(labels):
            self.classes[identity] = class_name(int(labels.classes[i]), self.names)
            presence = self.presences.setdefault(identity, Presence())
            was_in = presence.since is not None
            margin = max(HYSTERESIS * height, LEAST_HYSTERESIS)
            ended = presence.step(labels.time, float(depths(self.zone, place[None])[0]), margin)
            self.entries += presence.since is not None and (not was_in or ended is not None)
            found += self._visit(identity, ended)
        for identity in np.asarray(getattr(frame, "ended", ())).tolist():
            if identity in self.presences:
                found += self._visit(identity, self.presences.pop(identity).end())
                self.feet.forget(identity)
                del self.classes[identity]
        return found

    def _visit(self, identity: int, stay: tuple[float, float] | None) -> list[Visit]:
        """The visit of a stay that has ended; none for one that is too short."""
        if stay is None:
            return []
        self.exits += 1
        if stay[1] - stay[0] < LEAST_STAY:
            return []
        return [Visit(self.zone.name, identity, self.classes[identity], *stay)]


class SceneWatcher:
    """A whole scene, or that of a `scene.toml`, live: `update` gives this frame's events as dictionaries, for JSON.

    `crossing` (line, direction), `enter` and `exit` (zone, and for `exit` its seconds inside); each with time_s, frame,
    track_id and class, and speed_mps where there is a ground. An `enter` is told once the object was in for 0.2 s: a
    shorter stay is no visit. Who is inside at the end gets no `exit`.
    """

    def __init__(self, scene: Scene | str | Path, names: Mapping[int, str] | None = None) -> None:
        if isinstance(scene, (str, Path)):
            scene = load(scene)
        if not isinstance(scene, Scene):
            raise InputError(f"scene is a {type(scene).__name__}: wanted a Scene or the path of a scene.toml")
        self.scene = scene
        self.names = dict(names or {})
        self.lines = [LineCounter(line, names) for line in scene.lines]
        self.zones = [ZoneCounter(zone, names) for zone in scene.zones]
        self.told: list[dict[int, float]] = [{} for _ in self.zones]  # the visits whose `enter` was told: since when
        self.speeds = None if scene.ground is None else SpeedMeter(Ground(*scene.ground))

    def update(self, frame: HasLabels) -> list[dict[str, Any]]:
        """The events of this frame, in the order of their times. Raises InputError for a frame of another size than
        that for which the scene was drawn."""
        labels = labels_of(frame)
        self.scene.check_size(labels.size, "this frame")
        speeds = {} if self.speeds is None else self.speeds.update(frame)
        events: list[dict[str, Any]] = []

        def add(kind: str, time: float, identity: int, name: str, **more: Any) -> None:
            event = {"event": kind, "time_s": round(time, 3), "frame": labels.frame, **more}
            event |= {"track_id": identity, "class": name}
            if identity in speeds:
                event["speed_mps"] = round(speeds[identity], 3)
            events.append(event)

        for line in self.lines:
            for crossing in line.update(frame):
                where = {"line": crossing.line, "direction": crossing.direction}
                add("crossing", crossing.time, crossing.track_id, crossing.class_name, **where)
        for zone, told in zip(self.zones, self.told, strict=True):
            for visit in zone.update(frame):
                if told.pop(visit.track_id, None) != visit.enter:
                    add("enter", visit.enter, visit.track_id, visit.class_name, zone=visit.zone)
                seconds = round(visit.leave - visit.enter, 3)
                add("exit", visit.leave, visit.track_id, visit.class_name, zone=visit.zone, seconds=seconds)
            for identity, since in zone.inside.items():
                # A shorter stay is no visit, and so gets no `enter` either.
                if told.get(identity) != since and labels.time - since >= LEAST_STAY:
                    told[identity] = since
                    add("enter", since, identity, zone.classes[identity], zone=zone.zone.name)
        return sorted(events, key=lambda event: float(event["time_s"]))
