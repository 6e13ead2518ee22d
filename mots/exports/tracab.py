"""TRACAB's files of a match: `.dat`, a line a frame, and its metadata as XML. kloppy and floodlight read them.

A line is `frame:team,system id,jersey,x,y,speed;...:ball x,y,z,speed,H,Alive;:`. Places are centimetres from the middle
of the pitch, speeds metres a second; team 1 is home, 0 away, 3 a referee or without a team. (As in the readers of
kloppy and floodlight.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from mots.analytics.frame_table import FrameTable
from mots.analytics.ground import Ground, GroundPath, ground_path
from mots.analytics.paths import LONGEST_GAP, paths_of
from mots.analytics.pitch import template
from mots.analytics.scene import Scene
from mots.errors import InputError
from mots.files import check_target, write_output

__all__ = ["metadata_of", "write"]

HOME, AWAY, OTHER = 1, 0, 3
TEAMS = {"A": HOME, "B": AWAY}
BALL = "sports ball"
CENTIMETRES = 100.0


def write(
    output: Path,
    table: FrameTable,
    scene: Scene,
    teams: Mapping[int, str],
    names: Mapping[int, str] | None = None,
    frame_rate: int = 25,
    start: datetime = datetime(1970, 1, 1),
    overwrite: bool = False,
    sources: Iterable[Path | None] = (),
) -> list[Path]:
    """Write `output` (.dat) and its metadata beside it; the files.

    `scene`: with a ground in metres from a corner of the pitch, and the pitch's template. `teams`: A, B or another word
    by track. `names`: a number in a track's name is its jersey; without one the track's id is, or, where another of its
    team has that, the next free number. Frames are resampled to
    `frame_rate` a second, along the tracks' paths. Raises InputError without a ground or a pitch, MotsError where the
    files cannot be written.
    """
    if scene.ground is None or not scene.pitch:
        raise InputError("TRACAB holds places on a pitch: the scene needs [ground] and [pitch]", parameters=("scene",))
    pitch = template(scene.pitch)
    ground = Ground(*scene.ground)
    paths = [(path.class_name, ground_path(path, ground)) for path in paths_of(table)]
    sides = {path.track_id: TEAMS.get(teams.get(path.track_id, ""), OTHER) for _, path in paths}
    jerseys = jerseys_of(sides, names or {})
    end = max((float(path.times[-1]) for _, path in paths if len(path.times)), default=0.0)
    lines = []
    for number in range(int(end * frame_rate) + 1):
        now = number / frame_rate
        players, ball = [], (0.0, 0.0, 0.0)
        for kind, path in paths:
            here = place_at(path, now)
            if here is None:
                continue
            x, y, speed = here
            x, y = (x - pitch.length / 2) * CENTIMETRES, (y - pitch.width / 2) * CENTIMETRES
            if kind == BALL:
                ball = (x, y, speed)
                continue
            players.append(
                f"{sides[path.track_id]},{path.track_id},{jerseys[path.track_id]},{x:.0f},{y:.0f},{speed:.2f};"
            )
        if not players:  # readers need an object in each line: one without a team
            players = [f"{OTHER},0,0,0,0,0.00;"]
        lines.append(f"{number}:{''.join(players)}:{ball[0]:.0f},{ball[1]:.0f},0,{ball[2]:.2f},H,Alive;:\n")
    metadata = metadata_of(output)
    for file in (output, metadata):
        check_target(file, overwrite, sources)
    xml = (
        '<?xml version="1.0" encoding="utf-8"?>\n<TracabMetaData sVersion="1.0">\n'
        f'  <match iId="1" dtDate="{start:%Y-%m-%d %H:%M:%S}" iFrameRateFps="{frame_rate}"'
        f' fPitchXSizeMeters="{pitch.length:.2f}" fPitchYSizeMeters="{pitch.width:.2f}"'
        f' fTrackingAreaXSizeMeters="{pitch.length:.2f}" fTrackingAreaYSizeMeters="{pitch.width:.2f}">\n'
        f'    <period iId="1" iStartFrame="0" iEndFrame="{max(len(lines) - 1, 0)}"/>\n'
        "  </match>\n</TracabMetaData>\n"
    )
    write_output(output, "".join(lines).encode("ascii"))
    write_output(metadata, xml.encode("utf-8"))
    return [output, metadata]


def metadata_of(output: Path) -> Path:
    """The file of the metadata."""
    return output.with_name(f"{output.stem}_metadata.xml")


def jerseys_of(sides: Mapping[int, int], names: Mapping[int, str]) -> dict[int, int]:
    """A number for each track, which no other of its side has. Raises InputError for two names of one side with one
    number."""
    found: dict[int, int] = {}
    taken: dict[tuple[int, int], int] = {}
    for track, side in sides.items():
        number = re.search(r"\d+", names.get(track, ""))
        if number is not None:
            other = taken.setdefault((side, int(number[0])), track)
            if other != track:
                raise InputError(f"tracks {other} and {track} of one team both have the number {int(number[0])}")
            found[track] = int(number[0])
    for track, side in sides.items():
        if track not in found:
            jersey = track
            while (side, jersey) in taken:
                jersey += 1
            taken[side, jersey] = track
            found[track] = jersey
    return found


def place_at(path: GroundPath, now: float) -> tuple[float, float, float] | None:
    """x, y in metres and speed of a path at a moment; None before, after, and in a long gap."""
    times = path.times
    if not len(times) or not times[0] <= now <= times[-1]:
        return None
    k = int(np.searchsorted(times, now, side="right")) - 1
    following = min(k + 1, len(times) - 1)
    step = float(times[following] - times[k])
    if step > LONGEST_GAP:
        return None
    share = (now - float(times[k])) / step if step > 0 else 0.0
    x, y = ((1 - share) * path.places[k] + share * path.places[following]).tolist()
    speed = float(path.speeds[k])
    return x, y, speed if np.isfinite(speed) else 0.0
