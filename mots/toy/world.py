"""A toy world with exact truth: walkers and vehicles that cross, hide each other, leave and come back.

The street is seen by a panning camera in changing light; posts, trees and billboards hide what passes behind them.
Everything is a closed-form function of the seed and the frame number: any frame can be drawn by itself, and a world
of a hundred thousand frames takes no more memory than one of ten.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from mots.classes import CLASS_IDS, STEP_IDS, class_name
from mots.labels import FrameLabels
from mots.toy import sprites
from mots.toy.sprites import Sprite, Style
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["Noise", "World", "WorldSettings"]

KIND_CLASSES = {"walker": "person", "car": "car", "van": "car", "bus": "bus", "truck": "truck"}
ODD = 9  # every so-many-th walker belongs to no team
EMBEDDING = 64  # numbers in the embedding of a noisy detection


@dataclass(frozen=True)
class WorldSettings:
    """What a world is like. Lengths are in pixels of the frame, times in seconds."""

    height: int = 360
    width: int = 640
    frame_rate: float = 25.0
    walkers: int = 12
    vehicles: int = 4
    posts: int = 4
    pan: float = 0.25  # how far the camera swings to each side, as a share of the width; 0 is a fixed camera
    pan_period: float = 14.0
    look_alikes: float = 0.0  # share of the walkers that wear one and the same style
    teams: bool = False  # whether the walkers wear the shirts of two teams; every ninth one those of neither
    light: float = 0.2  # how much the brightness swings, as a share
    grain: float = 3.0  # standard deviation of the sensor's noise, in grey levels
    min_visible: float = 0.25  # an object of which less than this share is in sight is an ignore region, not truth
    min_pixels: int = 80  # and so is one of fewer pixels in sight


@dataclass(frozen=True)
class Noise:
    """What a detector would do to the truth, for worlds without a network."""

    missed: float = 0.08  # share of the objects in full sight that go undetected; the hidden ones more often
    jitter: float = 0.03  # standard deviation of the mask's shift and scale, as a share of the object's size
    false_positives: float = 0.5  # mean number of detections a frame of nothing
    embedding: float = 0.35  # standard deviation of an embedding's noise against a signal of length 1


@dataclass(frozen=True)
class Slot:
    """One place in the cast: a line across the street on which one actor after another walks or drives."""

    kind: str
    row: float  # foot row in a frame of height 1
    speed: float  # frame heights a second
    phase: float  # where on its line it starts, in crossings
    away: float  # how far beyond the visible street it turns round, in frame widths
    wobble: float  # how unevenly it moves: 0 steady, towards 1 it nearly stops at times
    rhythm: float  # radians a second of that unevenness
    crossings: int  # how many crossings one actor makes before another takes its place


@dataclass(frozen=True, eq=False)
class Actor:
    """A person or vehicle that is visible in a frame: the sprite and its top left corner."""

    id: int
    class_id: int  # -1 for street furniture, which is not in the truth
    row: float
    corner: tuple[int, int]
    sprite: Sprite


class World:
    """The world of one seed. `frame(k)` draws frame k and gives its truth."""

    HORIZON = 0.30  # rows in a frame of height 1
    ROAD = (0.56, 0.78)
    WALKER_HEIGHT = 0.70  # of the distance from the foot row to the horizon

    def __init__(self, seed: int, settings: WorldSettings | None = None) -> None:
        self.seed = seed
        self.settings = settings or WorldSettings()
        s = self.settings
        rng = np.random.default_rng([seed, 1])
        self.margin = round(s.pan * s.width)  # the street goes on this far to each side of the frame
        self.slots = [self._slot(rng, "walker") for _ in range(s.walkers)]
        self.slots += [self._slot(rng, str(rng.choice(list(sprites.VEHICLES)))) for _ in range(s.vehicles)]
        posts = [self._post(rng) for _ in range(s.posts)]
        self.posts, self.post_kinds = [each[:3] for each in posts], [each[3] for each in posts]
        self.team = sprites.random_style(np.random.default_rng([seed, 2]))
        self.shirts = sprites.team_shirts(np.random.default_rng([seed, 7]))
        self.sway = rng.uniform(0, 2 * math.pi, 4)
        self.tint = rng.uniform(0.9, 1.1, 3)
        self.background, self.kinds = sprites.panorama(
            rng,
            s.height + 8,
            s.width + 2 * self.margin,
            round(self.HORIZON * s.height),
            (round(self.ROAD[0] * s.height), round(self.ROAD[1] * s.height)),
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a frame."""
        return self.settings.height, self.settings.width

    def camera(self, k: int) -> tuple[int, int]:
        """x y of frame k's top left corner on the street, in whole pixels."""
        t, s = k / self.settings.frame_rate, self.settings
        x = self.margin * (1 + math.sin(2 * math.pi * t / s.pan_period + self.sway[0]))
        y = 4 + (3 * math.sin(1.7 * t + self.sway[1]) if self.margin else 0)
        return round(x), round(y)

    def frame(self, k: int) -> tuple[NDArray[np.uint8], FrameLabels]:
        """The (H, W, 3) uint8 RGB image of frame k, and its truth."""
        height, width = self.size
        x, y = self.camera(k)
        canvas = np.asarray(self.background.crop((x, y, x + width, y + height)), np.float32).copy()
        owner = np.zeros(self.size, np.int32)
        actors = self.actors(k)
        for actor in actors:
            paint(canvas, owner, actor)
        t, s = k / self.settings.frame_rate, self.settings
        gain = (1 + s.light * math.sin(2 * math.pi * t / 11 + self.sway[2])) * self.tint
        soft = Image.fromarray(np.clip(canvas * gain, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))
        grain = np.random.default_rng([self.seed, 3, k]).normal(0, s.grain, (*self.size, 1))
        image = np.clip(np.asarray(soft) + grain, 0, 255).astype(np.uint8)
        return image, self._truth(k, actors, owner)

    def truth(self, k: int) -> FrameLabels:
        """The truth of frame k without drawing the picture."""
        owner = np.zeros(self.size, np.int32)
        actors = self.actors(k)
        for actor in actors:
            paint(None, owner, actor)
        return self._truth(k, actors, owner)

    def semantic(self, k: int) -> NDArray[np.uint8]:
        """(H, W) what each pixel of frame k is: Cityscapes' train ids, objects included."""
        (height, width), (x, y) = self.size, self.camera(k)
        kinds = self.kinds[y : y + height, x : x + width].copy()
        owner = np.zeros(self.size, np.int32)
        for actor in self.actors(k):
            paint(None, owner, actor)
            view = window(actor, self.size)
            name = class_name(actor.class_id)
            own = STEP_IDS[name] if actor.class_id >= 0 else self.post_kinds[-1 - actor.id]
            kinds[view.rows, view.columns][owner[view.rows, view.columns] == actor.id] = own
        return kinds

    def frames(self, count: int, start: int = 0) -> Iterator[tuple[NDArray[np.uint8], FrameLabels]]:
        """`count` frames and their truth, from frame `start`."""
        return (self.frame(k) for k in range(start, start + count))

    def detections(self, k: int, noise: Noise | None = None) -> Detections:
        """Frame k as a detector with these faults would see it: moved masks, misses, false positives, embeddings."""
        return noisy_detections(self, k, noise or Noise())

    def actors(self, k: int) -> list[Actor]:
        """Everybody and everything that stands in the frame, the farthest first."""
        t = k / self.settings.frame_rate
        found = [self._actor(number, slot, t, k) for number, slot in enumerate(self.slots)]
        cx, cy = self.camera(k)
        for number, (row, x, sprite) in enumerate(self.posts):
            corner = (x - cx - sprite.anchor[0], round(row * self.settings.height) - cy + 4 - sprite.anchor[1])
            found.append(Actor(-1 - number, -1, row, corner, sprite))
        height, width = self.size
        return sorted(
            (
                a
                for a in found
                if -a.sprite.parts.shape[1] < a.corner[0] < width and -a.sprite.parts.shape[0] < a.corner[1] < height
            ),
            key=lambda a: a.row,
        )

    def team_of(self, identity: int) -> str:
        """The team of a walker in a world of teams: A, B or other."""
        number = (identity - 1) % len(self.slots)
        return "other" if number % ODD == ODD - 1 else "AB"[number % 2]

    def ground(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Four points of the picture of a camera that does not pan, in pixels, and of the ground, in metres: (4, 2)
        each. Along the street a metre is what it is to the walkers and vehicles there; away from the camera it is that
        of a lens whose focal length is the frame's width."""
        s, (_, offset) = self.settings, self.camera(0)
        camera_height = sprites.METRES_TALL / self.WALKER_HEIGHT  # metres over the ground, as the walkers' sizes say
        image, metres = [], []
        for row in (0.5, 0.95):
            scale = (row - self.HORIZON) * self.WALKER_HEIGHT * s.height / sprites.METRES_TALL  # pixels a metre
            for x in (0.1 * s.width, 0.9 * s.width):
                image.append((x, row * s.height - offset + 4))
                depth = s.width * camera_height / ((row - self.HORIZON) * s.height)
                metres.append(((x - s.width / 2) / scale, depth))
        return np.array(image), np.array(metres)

    def latent(self, identity: int) -> NDArray[np.float64]:
        """(64,) of unit length: the embedding of actor `identity` by a perfect ReID network; look-alikes lie close."""
        number, generation = (identity - 1) % len(self.slots), (identity - 1) // len(self.slots)
        own = np.random.default_rng([self.seed, 5, number, generation]).normal(0, 1, EMBEDDING)
        if self._in_team(number):
            own = np.random.default_rng([self.seed, 5]).normal(0, 1, EMBEDDING) + 0.3 * own
        return own / float(np.linalg.norm(own))

    def _slot(self, rng: np.random.Generator, kind: str) -> Slot:
        walking = kind == "walker"
        if walking:
            row = rng.uniform(0.47, 0.55) if rng.random() < 0.4 else rng.uniform(0.79, 0.97)
        else:
            row = rng.uniform(self.ROAD[0] + 0.05, self.ROAD[1] - 0.02)
        pace = (row - self.HORIZON) * self.WALKER_HEIGHT / sprites.METRES_TALL  # frame heights a metre
        return Slot(
            kind,
            float(row),
            float(pace * (rng.uniform(0.9, 1.9) if walking else rng.uniform(2.5, 6.0))),
            float(rng.uniform(0, 6)),
            float(rng.uniform(0.02, 0.25)),
            float(rng.uniform(0, 0.9)),
            float(rng.uniform(0.4, 1.1)),
            int(rng.integers(2, 5)),
        )

    def _post(self, rng: np.random.Generator) -> tuple[float, int, Sprite, int]:
        s = self.settings
        row = float(rng.choice([rng.uniform(0.56, 0.60), rng.uniform(0.80, 0.92)]))
        x = int(rng.uniform(0.05, 0.95) * (s.width + 2 * self.margin))
        red, green, blue = rng.integers(40, 220, 3).tolist()
        walker = (row - self.HORIZON) * self.WALKER_HEIGHT * s.height
        kind = int(rng.integers(3))
        sprite = sprites.post(kind, walker * float(rng.uniform(0.8, 1.1)), (red, green, blue))
        return row, x, sprite, sprites.POST_KINDS[kind]

    def _in_team(self, number: int) -> bool:
        return number < self.settings.look_alikes * self.settings.walkers

    def _actor(self, number: int, slot: Slot, t: float, k: int) -> Actor:
        s = self.settings
        tall = (slot.row - self.HORIZON) * self.WALKER_HEIGHT * s.height
        reach = tall if slot.kind == "walker" else tall / sprites.METRES_TALL * sprites.VEHICLES[slot.kind][3] / 2
        beyond = reach + 4 + slot.away * s.width
        span = s.width + 2 * self.margin + 2 * beyond
        # The wobble's derivative stays below the speed: no person walks backwards.
        path = slot.speed * s.height * (t + slot.wobble / slot.rhythm * math.sin(slot.rhythm * t)) + slot.phase * span
        crossing = math.floor(path / span)
        along = path - crossing * span
        facing = 1 if crossing % 2 == 0 else -1
        x = (along if facing == 1 else span - along) - beyond
        generation = crossing // slot.crossings
        style = self._style(number, generation)
        if slot.kind == "walker":
            sprite = sprites.walker(style, tall, path / tall * 5.2, facing)
        else:
            sprite = vehicle_sprite(slot.kind, style, tall, facing)
        cx, cy = self.camera(k)
        corner = (round(x) - cx - sprite.anchor[0], round(slot.row * s.height) - cy + 4 - sprite.anchor[1])
        identity = 1 + number + generation * len(self.slots)
        return Actor(identity, CLASS_IDS[KIND_CLASSES[slot.kind]], slot.row, corner, sprite)

    def _style(self, number: int, generation: int) -> Style:
        if self._in_team(number):
            return self.team
        own = sprites.random_style(np.random.default_rng([self.seed, 4, number, generation]))
        if not self.settings.teams or number >= self.settings.walkers:
            return own
        return replace(own, main=self.shirts[self.team_of(number + 1)], striped=False)

    def _truth(self, k: int, actors: list[Actor], owner: NDArray[np.int32]) -> FrameLabels:
        ids: list[int] = []
        classes: list[int] = []
        corners: list[tuple[int, int]] = []
        crops: list[NDArray[np.bool_]] = []
        clear: list[bool] = []
        for actor in actors:
            if actor.class_id < 0:
                continue
            view = window(actor, self.size)
            crop = owner[view.rows, view.columns] == actor.id
            visible = int(np.count_nonzero(crop))
            if visible == 0:
                continue
            ids.append(actor.id)
            classes.append(actor.class_id)
            corners.append((view.columns.start, view.rows.start))
            crops.append(crop)
            whole = int(np.count_nonzero(actor.sprite.parts))
            clear.append(visible >= max(self.settings.min_visible * whole, self.settings.min_pixels))
        masks = Masks.from_crops(self.size, corners, crops)
        kept, dropped = np.flatnonzero(clear), np.flatnonzero(np.logical_not(clear))
        return FrameLabels(
            k,
            k / self.settings.frame_rate,
            np.array(ids, np.int64)[kept],
            np.array(classes, np.int64)[kept],
            np.ones(len(kept), np.float32),
            masks.take(kept),
            masks.take(dropped),
        )


@dataclass(frozen=True)
class Window:
    """The part of the frame that a sprite covers, and the same part of the sprite."""

    rows: slice
    columns: slice
    sprite_rows: slice
    sprite_columns: slice


def window(actor: Actor, size: tuple[int, int]) -> Window:
    """Where an actor's sprite and the frame of (height, width) meet."""
    (x, y), (h, w) = actor.corner, actor.sprite.parts.shape
    top, left, bottom, right = max(y, 0), max(x, 0), min(y + h, size[0]), min(x + w, size[1])
    return Window(slice(top, bottom), slice(left, right), slice(top - y, bottom - y), slice(left - x, right - x))


def paint(canvas: NDArray[np.float32] | None, owner: NDArray[np.int32], actor: Actor) -> None:
    """Draw one actor over what is there: its colours into `canvas`, if given, and its id into `owner`."""
    view = window(actor, (owner.shape[0], owner.shape[1]))
    parts = actor.sprite.parts[view.sprite_rows, view.sprite_columns]
    solid = parts > 0
    owner[view.rows, view.columns][solid] = actor.id
    if canvas is None:
        return
    colours = actor.sprite.palette[parts]
    # Lit from above: the lower, the darker.
    light = np.linspace(1.1, 0.8, actor.sprite.parts.shape[0], dtype=np.float32)[view.sprite_rows, None, None]
    region = canvas[view.rows, view.columns]
    region[solid] = (colours * light)[solid]


@lru_cache(maxsize=256)
def vehicle_sprite(kind: str, style: Style, height: float, facing: int) -> Sprite:
    """Vehicles keep their shape: one drawing serves all frames."""
    return sprites.vehicle(kind, style, height, facing)


def noisy_detections(world: World, k: int, noise: Noise) -> Detections:
    """Frame k of the world with a detector's faults, the same for the same seed and frame."""
    rng = np.random.default_rng([world.seed, 6, k])
    truth = world.truth(k)
    height, width = world.size
    full = {actor.id: np.count_nonzero(actor.sprite.parts) for actor in world.actors(k)}
    corners: list[tuple[int, int]] = []
    crops: list[NDArray[np.bool_]] = []
    scores: list[float] = []
    classes: list[int] = []
    embeddings: list[NDArray[np.float64]] = []
    for i, identity in enumerate(truth.ids.tolist()):
        crop = truth.masks.crop(i)
        visible = min(np.count_nonzero(crop) / full[identity], 1.0)
        if rng.random() < noise.missed + 0.5 * (1 - visible) ** 3:
            continue
        scale = np.exp(rng.normal(0, noise.jitter, 2))
        h, w = (max(round(length * factor), 1) for length, factor in zip(crop.shape, scale, strict=True))
        stretched = np.asarray(Image.fromarray(crop).resize((w, h), Image.Resampling.NEAREST))
        shift = rng.normal(0, noise.jitter, 2) * crop.shape[::-1]
        corners.append(tuple(np.rint(truth.masks.boxes[i, :2] + shift).astype(int).tolist()))
        crops.append(stretched)
        scores.append(float(np.clip(0.25 + 0.7 * visible + rng.normal(0, 0.08), 0.05, 0.99)))
        classes.append(int(truth.classes[i]))
        signal = world.latent(identity) + rng.normal(0, noise.embedding / math.sqrt(EMBEDDING), EMBEDDING)
        embeddings.append(signal / np.linalg.norm(signal))
    for _ in range(rng.poisson(noise.false_positives)):
        h, w = int(rng.uniform(0.1, 0.3) * height), int(rng.uniform(0.03, 0.15) * width)
        corners.append((int(rng.uniform(0, width - w)), int(rng.uniform(0.3 * height, height - h))))
        crops.append(np.ones((h, w), np.bool_))
        scores.append(float(rng.uniform(0.05, 0.5)))
        classes.append(int(rng.choice(sorted({CLASS_IDS[name] for name in KIND_CLASSES.values()}))))
        blind = rng.normal(0, 1, EMBEDDING)
        embeddings.append(blind / np.linalg.norm(blind))
    masks = Masks.from_crops(world.size, corners, crops)
    kept = np.flatnonzero(masks.areas() > 0)
    found = Detections.from_masks(
        masks,
        np.array(scores, np.float32),
        np.array(classes, np.int64),
        embeddings=np.array(embeddings, np.float32).reshape(-1, EMBEDDING),
    )
    return found.take(kept)
