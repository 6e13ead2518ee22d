"""The sequences that association is chosen and judged on, measured once and kept.

Real clips beside the project (`$MOTS_DATA`, by default ../shared) with truth as masks or boxes, and toy worlds of many
kinds. What a tracker is given - refined masks, embeddings, the camera's motion - takes minutes to measure and does not
depend on the tracker's settings, so it is kept in `build/footage`, a file for each clip and embedding.

    python tools/footage.py          measure whatever is missing, two clips at once
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
from numpy.typing import NDArray

from mots.classes import CLASS_IDS
from mots.detection import saved_detections as saved
from mots.detection.camera_motion import FlowCameraMotion
from mots.detection.colour_histograms import ColourHistograms
from mots.detection.mask_refinement import EdgeRefiner
from mots.detection.textures import Textures
from mots.formats import mot_boxes, mots_text, places
from mots.formats.mot_boxes import BoxTable
from mots.labels import FrameLabels
from mots.models.reid import ReID, ReIDSettings
from mots.toy.world import Noise, World, WorldSettings
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks
from mots.video.opening import open_source

__all__ = ["CLIPS", "NETWORKS", "SHARED", "WORLDS", "Clip", "Footage", "Seen", "ToyClip", "footage"]

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MOTS_DATA") or ROOT.parent / "shared")
CACHE = ROOT / "build/footage"
RETAIL = "weights/person-reidentification-retail-{0}/person-reidentification-retail-{0}.xml"
# By name: the weights below the shared folder, and whether the pixels outside a mask are blanked.
NETWORKS = {
    "osnet": ("weights/osnet_x0_25_msmt17.pth", False),
    "retail": (RETAIL.format("0288"), False),
    "retail-0277": (RETAIL.format("0277"), False),
    "retail-blank": (RETAIL.format("0288"), True),
    "texture": ("", False),  # no network: edges and patterns
}
USUAL = ("retail",)  # loaded where nothing else is asked for


@dataclass(frozen=True)
class Clip:
    """A real clip: paths below the shared folder, and how it is scored.

    `frame_rate`: the clip's own; `truth` of boxes ends in gt.txt. `offset` is added to the clip's frame numbers to get
    the truth's. `input_size`: of the detector, where no detections are saved.
    """

    name: str
    source: str
    truth: str
    frame_rate: float
    detections: str = ""
    benchmark: str = "mots20"
    offset: int = 0
    input_size: int = 640


@dataclass(frozen=True)
class ToyClip:
    """A toy world: its kind and seed."""

    name: str
    seed: int
    settings: WorldSettings
    noise: Noise = field(default_factory=Noise)
    frames: int = 240
    benchmark: str = "kitti-mots"


SAVED = "acceptance/detections"
MOTS20 = "data/mots20"
CROWD = f"{MOTS20}/0002_first300"
CLIPS = (
    Clip("05", f"{MOTS20}/0005/images", f"{MOTS20}/0005/instances.txt", 14, f"{SAVED}/0005.txt"),
    Clip("02", f"{CROWD}/images", f"{CROWD}/instances.txt", 30, f"{SAVED}/0002_first300.txt"),
    Clip("09", f"{MOTS20}/0009/0009.mp4", f"{MOTS20}/0009/instances.txt", 30, f"{SAVED}/0009.txt"),
    Clip("vtest", "data/videos/vtest.avi", "data/vtest_truth/gt.txt", 10, f"{SAVED}/vtest.txt", "mot17", 1),
    Clip(
        "kitti", "data/kitti_mots/0001_part/images", "data/kitti_mots/0001_part/instances.txt", 10,
        f"{SAVED}/kitti_0001_part.txt", "kitti-mots",
    ),
    Clip("girls", "data/davis/schoolgirls/images", "data/davis/schoolgirls/instances.txt", 25),
    # Detections of another quality: another input size.
    Clip("05-480", f"{MOTS20}/0005/images", f"{MOTS20}/0005/instances.txt", 14, input_size=480),
    Clip("vtest-640", "data/videos/vtest.avi", "data/vtest_truth/gt.txt", 10, benchmark="mot17", offset=1),
)  # fmt: skip
KINDS = {
    "crowd": WorldSettings(walkers=22, vehicles=2, posts=6, look_alikes=0.3),
    "sparse": WorldSettings(walkers=5, vehicles=3, posts=8),
    "alike": WorldSettings(posts=8, look_alikes=0.8),
    "fast": WorldSettings(frame_rate=10, pan=0.4, pan_period=6, look_alikes=0.3),
    "slow-rate": WorldSettings(frame_rate=5, posts=6, look_alikes=0.3),
    "absent": WorldSettings(walkers=8, posts=10, pan=0.7, pan_period=12, look_alikes=0.3),
    "light": WorldSettings(posts=8, light=0.7),
}
WORLDS = tuple(
    ToyClip(f"{kind}-{seed}", seed, settings)
    for seed in (401, 402)
    for kind, settings in KINDS.items()
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Seen:
    """One frame: its number, its time, detections with refined masks and without embeddings, the masks as detected, the
    embeddings by name, and the camera's motion from the frame before."""

    number: int
    time: float
    plain: Detections
    coarse: Masks
    embeddings: Mapping[str, NDArray[np.float32]]
    camera: NDArray[np.float64]

    def detections(self, kind: str = "", refined: bool = True, share: float = 0.5) -> Detections:
        """The detections with the embeddings of one kind: `none`, `colours`, or a network's name, which joins the
        colours with their `share` of the cosine; `only-` and a network's name for it alone."""
        found = self.plain if refined else replace(self.plain, masks=self.coarse)
        if kind in ("", "none"):
            return found
        if kind == "colours":
            return replace(found, embeddings=self.embeddings["colours"])
        if kind.startswith("only-"):
            return replace(found, embeddings=self.embeddings[kind.removeprefix("only-")])
        parts = [np.sqrt(share) * self.embeddings["colours"], np.sqrt(1 - share) * self.embeddings[kind]]
        return replace(found, embeddings=np.concatenate(parts, axis=1).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Footage:
    """A clip with everything that a tracker is given, and its truth: frames of masks, or boxes."""

    name: str
    benchmark: str
    frame_rate: float
    frames: Sequence[Seen]
    truth: Sequence[FrameLabels] | BoxTable
    offset: int = 0

    def thinned(self, step: int, first: int = 0) -> Footage:
        """Every `step`-th frame from the `first` on; the camera's motions are joined."""
        if step == 1 and first == 0:
            return self
        chosen: list[Seen] = []
        camera = np.eye(3)
        for place, each in enumerate(self.frames):
            camera = np.vstack([each.camera, [0, 0, 1]]) @ camera
            if place >= first and (place - first) % step == 0:
                chosen.append(replace(each, camera=camera[:2] if chosen else each.camera))
                camera = np.eye(3)
        numbers = {each.number + self.offset for each in chosen}
        truth: Sequence[FrameLabels] | BoxTable
        if isinstance(self.truth, BoxTable):
            truth = self.truth.take(np.isin(self.truth.frames, list(numbers)))
        else:
            truth = [each for each in self.truth if each.frame in numbers]
        return replace(
            self,
            name=f"{self.name}/{step}" + (f"+{first}" if first else ""),
            frame_rate=self.frame_rate / step,
            frames=chosen,
            truth=truth,
        )

    def above(self, score: float) -> Footage:
        """The detections of at least this score only, as a user's `--conf` leaves them."""
        frames = []
        for each in self.frames:
            rows = np.flatnonzero(each.plain.scores >= score)
            own = {name: embeddings[rows] for name, embeddings in each.embeddings.items()}
            frames.append(replace(each, plain=each.plain.take(rows), coarse=each.coarse.take(rows), embeddings=own))
        return replace(self, name=f"{self.name}>{score:g}", frames=frames)


@lru_cache(maxsize=64)
def footage(clip: Clip | ToyClip, networks: tuple[str, ...] = USUAL) -> Footage:
    """A clip as it was measured; what is missing is measured now. A toy world's own embeddings stand for networks."""
    if isinstance(clip, ToyClip):
        frames, truth = kept(f"{clip.name}.pickle", partial(observed_world, clip))
        return Footage(clip.name, clip.benchmark, clip.settings.frame_rate, frames, truth)
    base = kept(f"{clip.name}.pickle", partial(observed, clip))
    for name in networks:
        own = kept(f"{clip.name}.{name}.pickle", partial(embedded, clip, base, name))
        base = [replace(each, embeddings={**each.embeddings, name: e}) for each, e in zip(base, own, strict=True)]
    return Footage(clip.name, clip.benchmark, clip.frame_rate, base, truth_of(clip), clip.offset)


def kept(name: str, measure: Callable[[], Any]) -> Any:
    """What a file of the cache holds; measured and written where it is missing."""
    path = CACHE / name
    if path.is_file():
        return pickle.loads(path.read_bytes())  # written by this script
    value = measure()
    CACHE.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(pickle.dumps(value, protocol=5))
    part.replace(path)
    return value


def truth_of(clip: Clip) -> Sequence[FrameLabels] | BoxTable:
    path = SHARED / clip.truth
    if path.name == "gt.txt":
        return mot_boxes.parse(places.content_of(places.Place(path)), str(path))
    return list(mots_text.read(path))


def observed(clip: Clip) -> list[Seen]:
    """The frames of a real clip, with colours."""
    seen: list[Seen] = []
    camera, refiner, colours = FlowCameraMotion(), EdgeRefiner(), ColourHistograms()
    source = open_source(SHARED / clip.source, clip.frame_rate)
    given = saved.joined(source, saved.read(SHARED / clip.detections)) if clip.detections else detected(clip, source)
    for frame, found in given:
        plain = replace(found, masks=refiner.refine(frame.image, found.masks))
        own = {"colours": colours.embed(frame.image, plain)}
        motion = camera.motion(frame.image, plain.masks)
        seen.append(Seen(frame.number, frame.time, plain, found.masks, own, motion))
    return seen


def detected(clip: Clip, source: Any) -> Iterator[tuple[Any, Detections]]:
    from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg

    weights = str(SHARED / "weights/yolov8n-seg.pt")
    detector = YOLOv8Seg(DetectorSettings(weights, conf=0.05, imgsz=clip.input_size, device="cpu"))
    for frame in source:
        (found,) = detector.detect([frame.image], [CLASS_IDS["person"]])
        yield frame, found


def embedded(clip: Clip, frames: Sequence[Seen], name: str) -> list[NDArray[np.float32]]:
    """The embeddings of a clip's detections by a network."""
    weights, blank = NETWORKS[name]
    settings = ReIDSettings(str(SHARED / weights), blank_background=blank, device="cpu")
    network = ReID(settings) if weights else Textures()
    by_number = {each.number: each for each in frames}
    source = open_source(SHARED / clip.source, clip.frame_rate)
    return [network.embed(f.image, by_number[f.number].plain) for f in source if f.number in by_number]


def observed_world(clip: ToyClip) -> tuple[list[Seen], list[FrameLabels]]:
    """The frames of a toy world and its truth; its embeddings stand for those of every network."""
    world, camera = World(clip.seed, clip.settings), FlowCameraMotion()
    colours, textures = ColourHistograms(), Textures()
    frames, truths = [], []
    for k, (image, truth) in enumerate(world.frames(clip.frames)):
        found = world.detections(k, clip.noise)
        plain = replace(found, embeddings=np.zeros((len(found), 0), np.float32))
        own = dict.fromkeys(NETWORKS, found.embeddings)
        own |= {"colours": colours.embed(image, plain), "texture": textures.embed(image, plain)}
        motion = camera.motion(image, found.masks)
        frames.append(Seen(k, k / clip.settings.frame_rate, plain, found.masks, own, motion))
        truths.append(truth)
    return frames, truths


def measure(clip: Clip | ToyClip, networks: tuple[str, ...]) -> str:
    footage(clip, networks)
    return clip.name


def main() -> None:
    """Measure what is missing: first all that is cheap, then the networks."""
    with ProcessPoolExecutor(2) as pool:
        for networks in ((), ("retail",), tuple(NETWORKS)):
            for name in pool.map(measure, (*CLIPS, *WORLDS), [networks] * (len(CLIPS) + len(WORLDS))):
                print(name, *networks, flush=True)


if __name__ == "__main__":
    import footage as module  # so that what is pickled belongs to the module, not to this script

    module.main()
