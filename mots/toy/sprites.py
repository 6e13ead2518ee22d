"""Drawings of the toy world: walkers, vehicles and posts as part maps, and the ground that they stand on.

A sprite is a small (h, w) uint8 map of part numbers, 0 where it is clear, with a palette that gives each part its
colour. `anchor` is the pixel of the sprite that stands on the ground: x y of the foot point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mots.classes import STEP_IDS

__all__ = ["POST_KINDS", "Sprite", "Style", "VEHICLES", "panorama", "post", "random_style", "vehicle", "walker"]

# By the number of its kind, what a post counts as: a lamp post, a tree, a billboard.
POST_KINDS = (STEP_IDS["pole"], STEP_IDS["vegetation"], STEP_IDS["traffic sign"])
Colour = tuple[int, int, int]
Point = tuple[float, float]

SKINS: tuple[Colour, ...] = ((240, 200, 170), (205, 150, 110), (140, 95, 65), (95, 62, 45))
HAIRS: tuple[Colour, ...] = ((30, 25, 22), (90, 60, 35), (190, 150, 80), (150, 150, 150), (120, 45, 30))


@dataclass(frozen=True)
class Style:
    """How one actor looks: its colours, and proportions as factors around 1."""

    main: Colour  # shirt, or the vehicle's paint
    second: Colour  # trousers, or the vehicle's stripe
    third: Colour  # bag
    skin: Colour
    hair: Colour
    stout: float
    tall: float
    bag: bool
    skirt: bool
    striped: bool


@dataclass(frozen=True, eq=False)
class Sprite:
    """`parts`: (h, w) uint8, 0 clear. `palette`: (K, 3) float32 by part number. `anchor`: x y of the foot point."""

    parts: NDArray[np.uint8]
    palette: NDArray[np.float32]
    anchor: tuple[int, int]


def random_style(rng: np.random.Generator) -> Style:
    """A style drawn from `rng`: saturated clothes, everyday proportions."""

    def paint() -> Colour:
        hue, light = rng.uniform(0, 6), rng.uniform(0.25, 1.0)
        pure = np.clip(np.abs((hue + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
        mixed = (1 - (1 - pure) * rng.uniform(0.2, 1.0)) * light * 235 + 10
        return int(mixed[0]), int(mixed[1]), int(mixed[2])

    return Style(
        main=paint(),
        second=paint(),
        third=paint(),
        skin=SKINS[rng.integers(len(SKINS))],
        hair=HAIRS[rng.integers(len(HAIRS))],
        stout=float(rng.uniform(0.88, 1.2)),
        tall=float(rng.uniform(0.85, 1.1)),
        bag=bool(rng.random() < 0.3),
        skirt=bool(rng.random() < 0.3),
        striped=bool(rng.random() < 0.35),
    )


def team_shirts(rng: np.random.Generator) -> dict[str, Colour]:
    """Colours of the shirts of team A, of team B, and of who belongs to neither, that are easy to tell apart."""
    hue = rng.uniform(0, 6)
    shirts = {}
    for name, turn, light in (("A", 0.0, 0.9), ("B", rng.uniform(2.0, 4.0), 0.85), ("other", 1.0, 0.0)):
        pure = np.clip(np.abs((hue + turn + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
        red, green, blue = (pure * light * 220 + 18).astype(int).tolist()
        shirts[name] = (red, green, blue)
    return shirts


def walker(style: Style, height: float, stride: float, facing: int) -> Sprite:
    """A person seen from the side, `height` pixels tall, at phase `stride` (radians) of its walk; facing 1 is right."""
    h = height * style.tall
    half = math.ceil(0.36 * h) + 2
    canvas = Canvas(2 * half + 1, math.ceil(h) + 3, origin=(half, math.ceil(h) + 1), unit=h, facing=facing)
    swing, stout = 0.45 * math.sin(stride), style.stout
    hip, shoulder = (0.0, 0.50), (0.01, 0.80)
    for side, trousers, sleeve in ((-1, 5, 3), (1, 4, 2)):  # the far leg and arm first, in a darker shade
        angle = side * swing
        knee = (hip[0] + 0.26 * math.sin(angle), hip[1] - 0.25 * math.cos(angle))
        bend = angle - 0.35 - 0.30 * math.cos(stride) * side
        foot = (knee[0] + 0.23 * math.sin(bend), max(knee[1] - 0.23 * math.cos(bend), 0.025))
        canvas.limb(hip, knee, 0.115 * stout, trousers)
        canvas.limb(knee, foot, 0.095 * stout, 9 if style.skirt else trousers)
        canvas.limb(foot, (foot[0] + 0.07, foot[1]), 0.06, 8)
        if side == 1:
            if style.bag:
                canvas.oval((-0.13 * stout, 0.68), 0.09, 0.13, 10)
            if style.skirt:
                canvas.polygon([(-0.09, 0.55), (0.09, 0.55), (0.17, 0.33), (-0.17, 0.33)], 4)
            canvas.limb((0.0, 0.54), (0.01, 0.76), 0.21 * stout, 2)
            if style.striped:
                for level in (0.58, 0.68, 0.78):
                    canvas.polygon([(-0.08, level), (0.09, level), (0.09, level - 0.035), (-0.08, level - 0.035)], 11)
        elbow = (shoulder[0] - 0.17 * math.sin(angle), shoulder[1] - 0.03 - 0.17 * math.cos(angle))
        hand = (elbow[0] + 0.05 - 0.10 * math.sin(angle), elbow[1] - 0.15 * math.cos(angle))
        canvas.limb((shoulder[0], shoulder[1] - 0.03), elbow, 0.085 * stout, sleeve)
        canvas.limb(elbow, hand, 0.07 * stout, 9)
    canvas.oval((0.015, 0.915), 0.075, 0.085, 9)
    canvas.polygon([(-0.06, 0.90), (-0.05, 0.985), (0.03, 1.0), (0.085, 0.96), (0.0, 0.945), (-0.02, 0.86)], 7)
    palette = [(0, 0, 0), (0, 0, 0), style.main, shade(style.main, 0.7), style.second, shade(style.second, 0.7)]
    palette += [(0, 0, 0), style.hair, (35, 30, 30), style.skin, style.third, shade(style.main, 1.5)]
    return canvas.sprite(palette)


# Side views in metres, x forward from the middle, y up from the ground: name -> (body, windows, wheels, length)
VEHICLES: dict[str, tuple[list[list[Point]], list[list[Point]], list[tuple[float, float]], float]] = {
    "car": (
        [
            [(-2.1, 0.3), (2.1, 0.3), (2.12, 0.75), (1.3, 0.9), (-2.05, 0.95)],
            [(-1.7, 0.85), (-1.1, 1.42), (0.35, 1.45), (1.25, 0.85)],
        ],
        [
            [(-1.35, 0.92), (-0.98, 1.32), (-0.42, 1.34), (-0.42, 0.92)],
            [(-0.3, 0.92), (-0.3, 1.34), (0.3, 1.34), (0.9, 0.92)],
        ],
        [(-1.3, 0.34), (1.3, 0.34)],
        4.3,
    ),
    "van": (
        [[(-2.4, 0.3), (2.4, 0.3), (2.42, 1.0), (1.7, 1.2), (1.2, 2.0), (-2.35, 2.05)]],
        [[(0.5, 1.2), (0.5, 1.8), (1.1, 1.8), (1.5, 1.2)]],
        [(-1.5, 0.36), (1.5, 0.36)],
        4.9,
    ),
    "bus": (
        [[(-3.6, 0.35), (3.6, 0.35), (3.65, 1.6), (3.5, 2.75), (-3.6, 2.8)]],
        [[(x, 1.5), (x, 2.35), (x + 0.85, 2.35), (x + 0.85, 1.5)] for x in (-3.3, -2.2, -1.1, 0.0, 1.1, 2.4)],
        [(-2.3, 0.45), (2.3, 0.45)],
        7.4,
    ),
    "truck": (
        [
            [(-3.2, 0.55), (1.4, 0.55), (1.4, 2.9), (-3.2, 2.9)],
            [(1.5, 0.4), (3.1, 0.4), (3.1, 1.3), (2.7, 2.2), (1.5, 2.25)],
            [(-3.2, 0.45), (3.0, 0.45), (3.0, 0.75), (-3.2, 0.75)],
        ],
        [[(1.9, 1.35), (1.9, 2.0), (2.55, 2.0), (2.85, 1.35)]],
        [(-2.2, 0.45), (-1.2, 0.45), (2.2, 0.45)],
        6.5,
    ),
}
METRES_TALL = 1.75  # a walker of height 1 in the metres of VEHICLES


def vehicle(kind: str, style: Style, height: float, facing: int) -> Sprite:
    """A vehicle of `kind` (a key of VEHICLES) where a walker would be `height` pixels tall; facing 1 is right."""
    body, windows, wheels, length = VEHICLES[kind]
    unit = height / METRES_TALL
    half, top = math.ceil(length / 2 * unit) + 3, math.ceil(3.0 * unit) + 3
    canvas = Canvas(2 * half + 1, top + 2, origin=(half, top), unit=unit, facing=facing)
    for number, outline in enumerate(body):
        canvas.polygon(outline, 3 if kind == "truck" and number == 0 else 2)
    for outline in windows:
        canvas.polygon(outline, 4)
    front = max(x for x, _ in body[-1 if kind == "truck" else 0])
    back = min(x for x, _ in body[0])
    if style.striped:
        canvas.polygon([(back + 0.1, 0.62), (front - 0.2, 0.62), (front - 0.2, 0.74), (back + 0.1, 0.74)], 3)
    canvas.oval((front - 0.14, 0.66), 0.13, 0.10, 6)
    canvas.oval((back + 0.12, 0.70), 0.10, 0.10, 7)
    for x, radius in wheels:
        canvas.oval((x, radius), radius, radius, 5)
        canvas.oval((x, radius), 0.5 * radius, 0.5 * radius, 8)
    palette = [(0, 0, 0), (0, 0, 0), style.main, style.second, (70, 85, 100), (25, 25, 28)]
    palette += [(250, 245, 200), (190, 30, 30), (150, 150, 155)]
    return canvas.sprite(palette)


def post(kind: int, height: float, colour: Colour) -> Sprite:
    """Street furniture that hides actors: 0 a lamp post, 1 a tree, 2 a billboard on legs."""
    canvas = Canvas(
        2 * math.ceil(0.9 * height) + 1,
        math.ceil(2.2 * height) + 2,
        origin=(math.ceil(0.9 * height), math.ceil(2.2 * height)),
        unit=height,
        facing=1,
    )
    if kind == 0:
        canvas.polygon([(-0.05, 0), (0.05, 0), (0.04, 2.1), (-0.04, 2.1)], 1)
        canvas.limb((0, 2.1), (0.4, 2.12), 0.06, 1)
    elif kind == 1:
        canvas.polygon([(-0.1, 0), (0.1, 0), (0.07, 1.3), (-0.07, 1.3)], 2)
        for x, y, r in ((0, 1.6, 0.5), (-0.3, 1.4, 0.33), (0.3, 1.4, 0.35), (0.1, 1.85, 0.3)):
            canvas.oval((x, y), r, r * 0.9, 3)
    else:
        canvas.polygon([(-0.6, 0), (-0.52, 0), (-0.52, 1.3), (-0.6, 1.3)], 1)
        canvas.polygon([(0.52, 0), (0.6, 0), (0.6, 1.3), (0.52, 1.3)], 1)
        canvas.polygon([(-0.75, 0.35), (0.75, 0.35), (0.75, 1.25), (-0.75, 1.25)], 4)
        canvas.polygon([(-0.65, 0.45), (0.65, 0.45), (0.65, 0.75), (-0.65, 0.75)], 5)
    return canvas.sprite([(0, 0, 0), (95, 95, 100), (95, 70, 45), (60, 115, 55), colour, shade(colour, 1.6)])


def panorama(
    rng: np.random.Generator, height: int, width: int, horizon: int, road: tuple[int, int]
) -> tuple[Image.Image, NDArray[np.uint8]]:
    """The still background (height, width) RGB: sky, houses above the horizon, pavement, a road between two rows; and
    what each pixel is, (height, width) Cityscapes' train ids."""
    picture = np.zeros((height, width, 3), np.float32)
    kinds = np.full((height, width), STEP_IDS["sidewalk"], np.uint8)
    kinds[:horizon] = STEP_IDS["sky"]
    kinds[road[0] : road[1]] = STEP_IDS["road"]
    sky = rng.uniform(140, 235, 3)
    rise = np.linspace(1.0, 0.75, horizon, dtype=np.float32)[:, None, None]
    picture[:horizon] = sky * rise + 25 * noise(rng, horizon, width, 60)[..., None]
    x = 0
    while x < width:
        span, top = int(rng.integers(40, 150)), int(horizon * rng.uniform(0.05, 0.8))
        wall = rng.uniform(70, 200, 3)
        kinds[top:horizon, x : x + span] = STEP_IDS["building"]
        picture[top:horizon, x : x + span] = wall + 18 * noise(rng, horizon - top, min(span, width - x), 4)[..., None]
        step = int(rng.integers(14, 26))
        for row in range(top + 6, horizon - 12, step):
            for column in range(x + 6, min(x + span, width) - 10, step):
                picture[row : row + step // 2, column : column + step // 2] = wall * rng.uniform(0.35, 0.6)
        x += span
    ground = rng.uniform(95, 175, 3)
    rough = noise(rng, height - horizon, width, 3) * 14 + noise(rng, height - horizon, width, 40) * 26
    picture[horizon:] = ground + rough[..., None]
    tiles = np.zeros((height - horizon, width), np.float32)
    for k in range(1, 9):
        tiles[int((height - horizon) * (k / 9) ** 1.6)] = -16
    picture[horizon:] += tiles[..., None]
    top, bottom = road
    picture[top:bottom] = rng.uniform(55, 105) + rough[top - horizon : bottom - horizon, :, None] * 0.7
    for row in (top, bottom - 3):
        picture[row : row + 3] = 190
    middle = (top + bottom) // 2
    for column in range(0, width, 60):
        picture[middle - 1 : middle + 2, column : column + 30] = 215
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)), kinds


def shade(colour: Colour, factor: float) -> Colour:
    """The colour brighter (factor above 1) or darker, within 0 to 255."""
    red, green, blue = (min(int(channel * factor), 255) for channel in colour)
    return red, green, blue


def noise(rng: np.random.Generator, height: int, width: int, grain: int) -> NDArray[np.float32]:
    """(height, width) smooth noise around 0 with features of `grain` pixels."""
    coarse = rng.normal(0, 1, (max(height // grain, 1) + 1, max(width // grain, 1) + 1)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))


class Canvas:
    """Draws parts in units of the actor, x forward and y up from the foot point, onto a part map."""

    def __init__(self, width: int, height: int, origin: tuple[int, int], unit: float, facing: int) -> None:
        self.picture = Image.new("L", (width, height))
        self.draw = ImageDraw.Draw(self.picture)
        self.origin, self.unit, self.facing = origin, unit, facing

    def at(self, point: Point) -> Point:
        """x y in pixels of a point in units."""
        return self.origin[0] + self.facing * self.unit * point[0], self.origin[1] - self.unit * point[1]

    def polygon(self, points: list[Point], part: int) -> None:
        self.draw.polygon([self.at(point) for point in points], fill=part)

    def oval(self, centre: Point, rx: float, ry: float, part: int) -> None:
        x, y = self.at(centre)
        self.draw.ellipse([x - rx * self.unit, y - ry * self.unit, x + rx * self.unit, y + ry * self.unit], fill=part)

    def limb(self, start: Point, end: Point, width: float, part: int) -> None:
        """A thick stroke with round ends."""
        (x1, y1), (x2, y2) = self.at(start), self.at(end)
        r = width * self.unit / 2
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        dx, dy = (y2 - y1) / length * r, (x1 - x2) / length * r
        self.draw.polygon([(x1 + dx, y1 + dy), (x2 + dx, y2 + dy), (x2 - dx, y2 - dy), (x1 - dx, y1 - dy)], fill=part)
        for x, y in ((x1, y1), (x2, y2)):
            self.draw.ellipse([x - r, y - r, x + r, y + r], fill=part)

    def sprite(self, palette: list[Colour]) -> Sprite:
        return Sprite(np.asarray(self.picture), np.array(palette, np.float32), self.origin)
