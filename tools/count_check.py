"""How exact counts, dwell times, speeds and teams are, against toy worlds' exact truth.

    python tools/count_check.py [--seeds 20] [--frames 300]

Two kinds of world with a camera that does not pan. `apart`: few actors and no posts, and a detector without faults.
`crowded`: the usual cast and posts, and a detector that misses and errs. Truth comes from where the actors' feet are,
also while they are hidden. A vertical line in the middle is crossed, a zone in the middle third is visited.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mots.analytics.frame_table import table_of
from mots.analytics.ground import Ground
from mots.analytics.paths import Path2D
from mots.analytics.scene import Line, Scene, Zone
from mots.counting.counts import Counts, count_table, teams_in
from mots.detection.measurement import FrameMeasurement
from mots.labels import FrameLabels, LabelSettings
from mots.pipeline.steps import identify, label_frames
from mots.pipeline.tracked_frame import TrackedFrame
from mots.toy.world import Noise, World, WorldSettings
from mots.trackers.motion import STILL
from mots.trackers.tracker import Tracker
from mots.video.frame import NO_IMAGE, Frame

MOST_OFF = 12.0  # pixels between a path and the actor that it follows
EDGE = 15  # frames at both ends of a film whose crossings are not compared
CLEAN = Noise(missed=0.0, jitter=0.0, false_positives=0.0, embedding=0.1)


@dataclass(frozen=True)
class Feet:
    """Where one actor's foot is: frames (N,), and x y in pixels (N, 2)."""

    frames: np.ndarray
    places: np.ndarray
    person: bool


def feet_of(world: World, frames: int) -> dict[int, Feet]:
    """The feet of all actors that come into view."""
    found: dict[int, list[tuple[int, float, float]]] = {}
    people: dict[int, bool] = {}
    for k in range(frames):
        for actor in world.actors(k):
            if actor.class_id >= 0:
                x, y = actor.corner[0] + actor.sprite.anchor[0], actor.corner[1] + actor.sprite.anchor[1]
                found.setdefault(actor.id, []).append((k, float(x), float(y)))
                people[actor.id] = actor.class_id == 0
    return {
        identity: Feet(np.array([r[0] for r in rows]), np.array([r[1:] for r in rows]), people[identity])
        for identity, rows in found.items()
    }


def runs(feet: Feet) -> Iterator[np.ndarray]:
    """The places of an actor in consecutive frames."""
    yield from np.split(np.arange(len(feet.frames)), np.flatnonzero(np.diff(feet.frames) > 1) + 1)


def true_crossings(feet: dict[int, Feet], seen_in: dict[int, set[int]], x: float, first: int, last: int) -> int:
    """Actors that cross a vertical line between two frames, once for each direction; of those that are in sight before
    and after it. `seen_in`: the frames in which each actor is in the truth."""
    total = 0
    for identity, each in feet.items():
        seen = set()
        for rows in runs(each):
            in_sight = np.isin(each.frames[rows], list(seen_in.get(identity, ())))
            right = each.places[rows, 0] > x
            for k in np.flatnonzero(np.diff(right.astype(int))).tolist():
                if first <= each.frames[rows[k]] < last and in_sight[: k + 1].any() and in_sight[k + 1 :].any():
                    seen.add(bool(right[k + 1]))
        total += len(seen)
    return total


def true_stays(feet: dict[int, Feet], low: float, high: float, rate: float) -> list[float]:
    """Seconds of each stay between two x, of those that began and ended in view."""
    stays: list[float] = []
    for each in feet.values():
        for rows in runs(each):
            inside = (each.places[rows, 0] >= low) & (each.places[rows, 0] <= high)
            edges = np.flatnonzero(np.diff(inside.astype(int)))
            stays += [float(b - a) / rate for a, b in itertools.pairwise(edges) if inside[a + 1]]
    return stays


def speed_of(path: Path2D, feet: dict[int, Feet], ground: Ground) -> float | None:
    """The true mean speed, in metres a second, of the actor that a path follows, over the path's frames; None for a
    path of less than a second, one that follows no actor, and an actor that stands."""
    best, actor = MOST_OFF, None
    for each in feet.values():
        common, own, theirs = np.intersect1d(path.frames, each.frames, return_indices=True)
        if len(common) >= 0.8 * len(path):
            off = float(np.median(np.abs(path.raw[own, 0] - each.places[theirs, 0])))
            if off < best:
                best, actor = off, each
    if actor is None or len(path) < 25:
        return None
    inside = np.isin(actor.frames, path.frames[~path.cut])
    metres, frames = ground.to_metres(actor.places[inside]), actor.frames[inside]
    whole = frames[5:] - frames[:-5] == 5
    steps = np.linalg.norm(metres[5:] - metres[:-5], axis=1)[whole]
    speed = float(steps.mean()) / 5 * 25.0 if len(steps) else 0.0
    return speed if speed > 0.3 else None


def tracked(world: World, frames: int, noise: Noise) -> list[TrackedFrame]:
    """The frames after tracking."""
    rate = world.settings.frame_rate
    measured = (FrameMeasurement(k, k / rate, NO_IMAGE, world.detections(k, noise), STILL) for k in range(frames))
    return list(label_frames(identify(measured, Tracker(frame_rate=rate)), LabelSettings()))


def counted(world: World, frames: int, noise: Noise) -> Counts:
    """What the engine counts."""
    height, width = world.size
    line = Line("middle", np.array([[width / 2, height + 20], [width / 2, 0]]))
    low, high = width / 3, 2 * width / 3
    zone = Zone("third", np.array([[low, 0], [high, 0], [high, height + 20], [low, height + 20]]))
    table = table_of(tracked(world, frames, noise))
    return count_table(table, Scene((line,), (zone,), world.ground()))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--frames", type=int, default=300)
    parsed = parser.parse_args()
    kinds = {
        "apart": (WorldSettings(pan=0.0, walkers=3, vehicles=1, posts=0, min_visible=0.0, min_pixels=1), CLEAN),
        "crowded": (WorldSettings(pan=0.0), Noise()),
    }
    for name, (settings, noise) in kinds.items():
        true = found = 0
        exact, dwell, speeds = 0, [], []
        for seed in range(parsed.seeds):
            world = World(100 + seed, settings)
            feet = feet_of(world, parsed.frames)
            counts = counted(world, parsed.frames, noise)
            width = world.size[1]
            # At the ends of the film a path is too short to have reached both sides.
            seen_in: dict[int, set[int]] = {}
            for k in range(parsed.frames):
                for identity in world.truth(k).ids.tolist():
                    seen_in.setdefault(identity, set()).add(k)
            own = true_crossings(feet, seen_in, width / 2, EDGE, parsed.frames - EDGE)
            times = [crossing.time * settings.frame_rate for crossing in counts.crossings]
            mine = sum(EDGE <= time < parsed.frames - EDGE for time in times)
            true, found = true + own, found + mine
            exact += own == mine
            stays = true_stays(feet, width / 3, 2 * width / 3, settings.frame_rate)
            visits = [visit.leave - visit.enter for visit in counts.visits]
            if visits:
                dwell += [min(abs(stay - visit) for visit in visits) * settings.frame_rate for stay in stays]
            ground = Ground(*world.ground())
            motions = {motion.track_id: motion for motion in counts.motions}
            for path in counts.paths:
                true_speed = speed_of(path, feet, ground)
                if true_speed is not None and np.isfinite(motions[path.track_id].mean_mps):
                    speeds.append(abs(motions[path.track_id].mean_mps - true_speed) / true_speed)
        print(
            f"{name}: {found} crossings for {true} ({found / max(true, 1) - 1:+.1%}), {exact} of {parsed.seeds} worlds "
            f"exact; dwell off by {np.median(dwell):.1f} frames (median), {np.quantile(dwell, 0.9):.1f} (90 %); speed "
            f"off by {np.median(speeds):.1%} (median), {np.quantile(speeds, 0.9):.1%} (90 %)"
        )
    right = clear = every = 0
    for seed in range(parsed.seeds):
        world = World(200 + seed, WorldSettings(teams=True, pan=0.0, walkers=14, vehicles=0))
        frames, results = [], []
        for k in range(0, min(parsed.frames, 150), 4):
            image, truth = world.frame(k)
            frames.append(Frame(k, k / 25, image))
            results.append(truth)
        teams = {team.track_id: team.team for team in teams_in(frames, [Own(labels) for labels in results])}
        wanted = {identity: world.team_of(identity) for identity in teams}
        told = {k: team for k, team in teams.items() if team in "AB"}
        turned = {k: "BA"["AB".index(team)] for k, team in told.items()}
        right += max(sum(each[k] == wanted[k] for k in told) for each in (told, turned))
        clear, every = clear + len(told), every + len(teams)
    print(
        f"teams: {right} of {clear} right ({right / max(clear, 1):.1%}); "
        f"{every - clear} of {every} are other or unknown"
    )


@dataclass(frozen=True)
class Own:
    """Labels whose ids are tracks' own."""

    labels: FrameLabels


if __name__ == "__main__":
    main()
