"""The pictures of `mots count`: paths and heat maps over a frame and from above."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mots.analytics.maps import TopView, heat_map, paths_over
from mots.files import cannot_write, check_target, write_whole
from mots.rendering.palette import colour_of

if TYPE_CHECKING:
    from mots.counting.counts import Counts

__all__ = ["check", "pictures_of", "write_pictures"]

TEAM_COLOURS = {"A": (220, 50, 47), "B": (38, 102, 214), "other": (250, 200, 40), "unknown": (130, 130, 130)}
EMPTY = (236, 238, 240)
MARK = (255, 221, 0)


def check(folder: Path, pictures: Iterable[str], sources: Iterable[Path | None] = (), overwrite: bool = False) -> None:
    """Raise InputError where pictures of these names cannot be written: they exist, or are one of `sources`."""
    read = list(sources)
    for name in pictures:
        check_target(folder / f"{name}.png", overwrite, read)


def write_pictures(folder: Path, pictures: Mapping[str, Image.Image]) -> None:
    """Write pictures as PNG, by their names. Raises MotsError where they cannot be written."""
    try:
        for name, picture in pictures.items():
            path = folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            content = io.BytesIO()
            picture.save(content, "PNG")
            write_whole(path, content.getvalue())
    except OSError as error:
        raise cannot_write(folder, error) from error


def pictures_of(counts: Counts, image: NDArray[np.uint8] | None, *, sport: bool = False) -> dict[str, Image.Image]:
    """The pictures by the names of their files: `paths` and `heat`, with the scene over them, and with a ground
    `top_paths` and `top_heat`; of a sport also the heat map of each player. `image`: a frame (H, W, 3); without one the
    pictures' ground is plain."""
    teams = {team.track_id: TEAM_COLOURS[team.team] for team in counts.teams}

    def colour(identity: int) -> tuple[int, int, int]:
        return teams.get(identity, colour_of(identity))

    frame = plain(counts) if image is None else image
    pictures = {"paths": with_scene(paths_over(frame, counts.paths, colour), counts)}
    heat = heat_map(Image.fromarray(frame), [(path.times, path.points) for path in counts.paths])
    pictures["heat"] = with_scene(heat, counts)
    if counts.grounds:
        places = np.concatenate([path.places for path in counts.grounds] or [np.zeros((0, 2))])
        view = TopView.of(places, counts.scene.pitch)
        pictures["top_paths"] = view.paths(counts.grounds, colour)
        pictures["top_heat"] = view.heat(counts.grounds)
        if sport:
            pictures |= {f"heat/{path.track_id}": view.heat([path]) for path in counts.grounds if len(path.times) > 1}
    return pictures


def plain(counts: Counts) -> NDArray[np.uint8]:
    """An empty frame of the results' size, or one that holds all paths."""
    height, width = counts.size
    if not height:
        points = np.concatenate([path.points for path in counts.paths] or [np.zeros((1, 2))])
        width, height = np.ceil(points.max(axis=0)).astype(int) + 10
    return np.full((int(height), int(width), 3), EMPTY, np.uint8)


def with_scene(picture: Image.Image, counts: Counts) -> Image.Image:
    """The picture with the scene's lines and zones, and their names."""
    draw = ImageDraw.Draw(picture)
    for zone in counts.scene.zones:
        corners = [tuple(point) for point in zone.polygon.tolist()]
        draw.line([*corners, corners[0]], fill=MARK, width=2)
        draw.text(corners[0], zone.name, fill=MARK, stroke_width=2, stroke_fill=(0, 0, 0))
    for line in counts.scene.lines:
        (x1, y1), (x2, y2) = line.points.tolist()
        draw.line([(x1, y1), (x2, y2)], fill=MARK, width=2)
        # An arrow to where forward is: the right hand of who walks from the first point to the second.
        length = float(np.hypot(x2 - x1, y2 - y1))
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        ahead = np.array([-(y2 - y1), x2 - x1]) / length * 18
        draw.line([(x, y), (x + ahead[0], y + ahead[1])], fill=MARK, width=3)
        draw.text((x1, y1), line.name, fill=MARK, stroke_width=2, stroke_fill=(0, 0, 0))
    return picture
