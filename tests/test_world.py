import numpy as np
import pytest

from mots.classes import CLASS_IDS
from mots.toy import sprites
from mots.toy.world import Noise, World, WorldSettings

SMALL = WorldSettings(height=180, width=320)


def test_a_frame_depends_on_seed_and_number_alone() -> None:
    one, two = World(4, SMALL), World(4, SMALL)
    for k in (0, 7, 3):
        image, truth = one.frame(k)
        again, same = two.frame(k)
        assert (image == again).all()
        assert truth.ids.tolist() == same.ids.tolist() == one.truth(k).ids.tolist()
        assert (truth.masks.pixels == one.truth(k).masks.pixels).all()
    assert (World(5, SMALL).frame(0)[0] != one.frame(0)[0]).any()


def test_truth_is_disjoint_inside_the_frame_and_what_is_drawn() -> None:
    still = WorldSettings(height=180, width=320, light=0.0, grain=0.0)
    world = World(11, still)
    bare = World(11, still)
    bare.slots = []
    for k in range(0, 200, 20):
        image, truth = world.frame(k)
        common = truth.masks.intersections(truth.masks)
        assert (common == np.diag(truth.masks.areas())).all()
        assert truth.ignore.intersections(truth.masks).sum() == 0
        # Where no object is, the image is that of the empty street, but for the blur at the outlines.
        someone = np.zeros(world.size, np.bool_)
        for masks in (truth.masks, truth.ignore):
            for i in range(len(masks)):
                someone |= masks.image(i)
        near = someone.copy()
        for axis in (0, 1) * 3:
            near |= np.roll(near, 1, axis) | np.roll(near, -1, axis)
        difference = np.abs(image.astype(int) - bare.frame(k)[0].astype(int)).max(axis=2)
        assert difference[~near].max() <= 2
        assert (difference[someone] > 2).mean() > 0.7


def test_objects_enter_leave_and_come_back_with_their_id() -> None:
    world = World(2, SMALL)
    frames: dict[int, list[int]] = {}
    for k in range(0, 3000, 5):
        for identity in world.truth(k).ids.tolist():
            frames.setdefault(identity, []).append(k)
    gaps = {identity: max(np.diff(seen), default=0) for identity, seen in frames.items()}
    assert sum(gap > 50 for gap in gaps.values()) >= 3  # gone for more than 2 s, and back
    assert len(frames) > len(world.slots)  # new ones take the place of old ones


def test_all_kinds_occur_and_hide_each_other() -> None:
    classes: set[int] = set()
    hidden = 0
    for seed in range(4):
        world = World(seed, SMALL)
        for k in range(0, 400, 40):
            truth = world.truth(k)
            classes |= set(truth.classes.tolist())
            hidden += len(truth.ignore)
    assert classes == {CLASS_IDS[name] for name in ("person", "car", "bus", "truck")}
    assert hidden > 5


def test_the_camera_pans_or_stands() -> None:
    assert len({World(1, SMALL).camera(k) for k in range(0, 300, 10)}) > 20
    assert len({World(1, WorldSettings(pan=0.0)).camera(k) for k in range(0, 300, 10)}) == 1


def test_walkers_walk() -> None:
    style = sprites.random_style(np.random.default_rng(0))
    strides = [sprites.walker(style, 100, phase, 1).parts for phase in (0.0, 1.5, 3.0)]
    assert all((strides[i] != strides[i + 1]).any() for i in range(2))
    right, left = (sprites.walker(style, 100, 1.0, facing).parts > 0 for facing in (1, -1))
    assert (right != left[:, ::-1]).mean() < 0.06  # mirrored, but for rounding at the outlines


def test_noiseless_detections_are_the_truth() -> None:
    world = World(6, SMALL)
    for k in (0, 50, 100):
        truth = world.truth(k)
        found = world.detections(k, Noise(missed=-1.0, jitter=0.0, false_positives=0.0, embedding=0.0))
        assert (found.masks.boxes == truth.masks.boxes).all()
        assert found.masks.iou(truth.masks).diagonal() == pytest.approx(1)
        assert found.classes.tolist() == truth.classes.tolist()
        likeness = found.embeddings @ np.array([world.latent(i) for i in truth.ids.tolist()]).reshape(-1, 64).T
        assert likeness.diagonal() == pytest.approx(1)
        found.check()


def test_noise_misses_invents_and_moves() -> None:
    world = World(6, SMALL)
    noise = Noise(missed=0.3, jitter=0.05, false_positives=2.0)
    found = [(world.truth(k), world.detections(k, noise)) for k in range(0, 400, 4)]
    best = [t.masks.iou(d.masks) for t, d in found]
    seen = [(iou.max(axis=1, initial=0) > 0.5).sum() for iou in best]
    objects = sum(len(t) for t, _ in found)
    assert 0.5 * objects < sum(seen) < 0.85 * objects
    assert sum(len(d) for _, d in found) - sum(seen) > 100
    hits = np.concatenate([iou.max(axis=1, initial=0) for iou in best])
    assert 0.6 < hits[hits > 0.5].mean() < 0.95


def test_look_alikes_have_close_embeddings() -> None:
    world = World(6, WorldSettings(look_alikes=1.0, walkers=4, vehicles=2))
    walkers, vehicles = [world.latent(i) for i in (1, 2)], [world.latent(i) for i in (5, 6)]
    assert walkers[0] @ walkers[1] > 0.8
    assert abs(vehicles[0] @ vehicles[1]) < 0.6
