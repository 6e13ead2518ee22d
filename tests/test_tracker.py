from dataclasses import replace

import numpy as np
import pytest
from conftest import boxes_as_detections

from mots.toy.world import Noise, World, WorldSettings
from mots.trackers.detections import Detections
from mots.trackers.lifecycle import LifecycleSettings, State
from mots.trackers.masks import Masks
from mots.trackers.motion import CUT
from mots.trackers.tracker import Tracker, TrackerSettings

RATE = 10.0
AT_ONCE = TrackerSettings(lifecycle=LifecycleSettings(confirm_hits=1, memory=1.0))
Box = tuple[int, int, int, int]


def walker(k: int, start: int = 20, speed: int = 4, y: int = 20) -> Box:
    """A box that walks to the right."""
    return start + speed * k, y, start + speed * k + 15, y + 40


def test_an_identity_lasts_while_its_object_moves() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    ids = [tracker.update(boxes_as_detections([walker(k), walker(k, 150, -4)])).tolist() for k in range(10)]
    assert ids == [[1, 2]] * 10


def test_ids_answer_in_the_order_of_the_detections() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    forth = tracker.update(boxes_as_detections([walker(0), walker(0, 150)]))
    back = tracker.update(boxes_as_detections([walker(1, 150), walker(1)]))
    assert back.tolist() == forth.tolist()[::-1]


def test_an_id_returns_after_a_gap_within_memory_and_not_after() -> None:
    for gap, same in ((5, True), (15, False)):
        tracker = Tracker(AT_ONCE, RATE)
        for k in range(8):
            (first,) = tracker.update(boxes_as_detections([walker(k, speed=3)])).tolist()
        for _ in range(gap):
            assert tracker.update(Detections.empty((100, 200))).tolist() == []
        (again,) = tracker.update(boxes_as_detections([walker(8 + gap, speed=3)])).tolist()
        assert (again == first) is same


def test_an_occluded_track_is_kept_longer_than_other_lost_tracks() -> None:
    standing, front = (60, 20, 75, 60), (40, 10, 110, 80)
    for hidden, same in ((True, True), (False, False)):
        tracker = Tracker(AT_ONCE, RATE)
        for _ in range(8):
            (first,) = tracker.update(boxes_as_detections([standing])).tolist()
        for _ in range(15):  # half a second more than the memory
            tracker.update(boxes_as_detections([front if hidden else (150, 10, 190, 80)]))
        ids = tracker.update(boxes_as_detections([standing, (150, 10, 190, 80)])).tolist()
        assert (ids[0] == first) is same


def test_a_track_lost_a_moment_ago_competes_with_confirmed_tracks() -> None:
    # The one on the left goes unseen for a frame; the one on the right, close by, then does when he is back.
    left, right = (40, 20, 60, 60), (48, 20, 68, 60)
    for brief, wanted in ((0.3, [1]), (0.0, [2])):
        stages = tuple(replace(s, lost_for=brief) if s.name == "recent" else s for s in AT_ONCE.stages)
        tracker = Tracker(replace(AT_ONCE, stages=stages), RATE)
        for _ in range(5):
            assert tracker.update(boxes_as_detections([left, right])).tolist() == [1, 2]
        assert tracker.update(boxes_as_detections([right])).tolist() == [2]
        assert tracker.update(boxes_as_detections([left])).tolist() == wanted


def test_empty_frames_say_nothing_of_how_long_embeddings_are() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    appearance = np.ones((1, 5), np.float32)
    assert tracker.update(Detections.empty((100, 200))).tolist() == []
    assert tracker.update(replace(boxes_as_detections([walker(0)]), embeddings=appearance)).tolist() == [1]
    assert tracker.update(Detections.empty((100, 200))).tolist() == []
    assert tracker.update(replace(boxes_as_detections([walker(2)]), embeddings=appearance)).tolist() == [1]
    with pytest.raises(ValueError, match="embeddings of 0 numbers after ones of 5"):
        tracker.update(boxes_as_detections([walker(3)]))


def test_missing_frames_only_make_the_step_longer() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    ids = [tracker.update(boxes_as_detections([walker(k)]), time=k / RATE).tolist() for k in (0, 1, 2, 3, 7, 8, 13)]
    assert ids == [[1]] * 7


def test_a_track_is_reported_once_it_is_confirmed() -> None:
    tracker = Tracker(TrackerSettings(lifecycle=LifecycleSettings(confirm_hits=3, sure_score=2.0)), RATE)
    ids = [tracker.update(boxes_as_detections([walker(k)])).tolist() for k in range(4)]
    assert ids == [[0], [0], [1], [1]]


def test_a_confident_detection_is_reported_at_once() -> None:
    tracker = Tracker(TrackerSettings(lifecycle=LifecycleSettings(confirm_hits=3, sure_score=0.8)), RATE)
    assert tracker.update(boxes_as_detections([walker(0), (150, 50, 170, 90)], [0.8, 0.79])).tolist() == [1, 0]


def test_a_duplicate_gets_no_id() -> None:
    tracker = Tracker(replace(AT_ONCE, duplicate_iou=0.7), RATE)
    x1, y1, x2, y2 = walker(0)
    double = (x1, y1 + 2, x2, y2 + 2)
    assert tracker.update(boxes_as_detections([double, walker(0)], [0.6, 0.9])).tolist() == [0, 1]


def test_a_track_of_one_frame_gets_no_id_and_uses_none() -> None:
    tracker = Tracker(TrackerSettings(lifecycle=LifecycleSettings(confirm_hits=2, sure_score=2.0)), RATE)
    tracker.update(boxes_as_detections([walker(0), (150, 50, 170, 90)]))
    ids = [tracker.update(boxes_as_detections([walker(k)])).tolist() for k in (1, 2)]
    late = [tracker.update(boxes_as_detections([walker(k), (150, 50, 170, 90)])).tolist() for k in (3, 4)]
    assert ids + late == [[1], [1], [1, 0], [1, 2]]


def test_low_scores_continue_tracks_but_start_none() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    for k in range(3):
        tracker.update(boxes_as_detections([walker(k)]))
    assert tracker.update(boxes_as_detections([walker(3), (150, 50, 170, 90)], [0.2, 0.2])).tolist() == [1, 0]


def test_masks_tell_apart_what_boxes_cannot() -> None:
    # Two objects share one box: one fills its upper left half, the other its lower right half.
    size, half = (60, 60), np.tri(40, k=-1, dtype=bool)

    def frame(order: list[int]) -> Detections:
        masks = Masks.from_crops(size, [(10, 10)] * 2, [[half, half.T][i] for i in order])
        return Detections.from_masks(masks, np.full(2, 0.9), np.zeros(2), np.array([[10, 10, 50, 50]] * 2))

    tracker = Tracker(AT_ONCE, RATE)
    first = tracker.update(frame([0, 1])).tolist()
    assert tracker.update(frame([1, 0])).tolist() == first[::-1]


def test_classes_of_one_group_are_one_track_and_the_votes_decide() -> None:
    car, truck, person = 2, 7, 0
    settings = replace(AT_ONCE, groups=((car, truck),))
    tracker = Tracker(settings, RATE)
    for k, class_id in enumerate([car, truck, car, truck, car]):
        assert tracker.update(boxes_as_detections([walker(k)], classes=[class_id])).tolist() == [1]
    assert tracker.classes_of([1]).tolist() == [car]
    assert tracker.update(boxes_as_detections([walker(5)], classes=[person])).tolist() == [2]


def test_an_unknown_id_has_no_class() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    tracker.update(boxes_as_detections([walker(0)]))
    for unknown in ([2], [0], [1, 5]):
        with pytest.raises(KeyError):
            tracker.classes_of(unknown)
    assert tracker.classes_of([]).tolist() == []


def test_the_camera_explains_a_jump() -> None:
    jump = np.array([[1.0, 0, 60], [0, 1.0, 10]])
    for camera, same in ((jump, True), (np.eye(2, 3), False)):
        tracker = Tracker(AT_ONCE, RATE)
        for k in range(5):
            tracker.update(boxes_as_detections([walker(k, speed=1)]))
        x1, y1, x2, y2 = walker(5, speed=1)
        moved = boxes_as_detections([(x1 + 60, y1 + 10, x2 + 60, y2 + 10)])
        assert (tracker.update(moved, camera=camera).tolist() == [1]) is same


def test_nothing_that_is_given_changes() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    detections = [boxes_as_detections([walker(k), walker(k, 22)]) for k in range(3)]
    before = [(d.boxes.copy(), d.masks.pixels.copy(), d.masks.boxes.copy()) for d in detections]
    for each in detections:
        tracker.update(each)
    for each, (boxes, pixels, corners) in zip(detections, before, strict=True):
        assert (each.boxes == boxes).all()
        assert (each.masks.pixels == pixels).all()
        assert (each.masks.boxes == corners).all()


def test_two_trackers_share_nothing() -> None:
    world = World(1, WorldSettings(height=120, width=200))
    alone, left, right = Tracker(), Tracker(), Tracker()
    expected = [alone.update(world.detections(k)).tolist() for k in range(15)]
    for k in range(15):
        assert left.update(world.detections(k)).tolist() == expected[k]
        right.update(world.detections(500 + 3 * k))


def test_bad_input_is_refused_before_anything_changes() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    tracker.update(boxes_as_detections([walker(0)]), time=1.0)
    nan = replace(boxes_as_detections([walker(1)]), boxes=np.full((1, 4), np.nan, np.float32))
    for bad, time, message in (
        (nan, 1.1, r"boxes\[0\]"),
        (boxes_as_detections([walker(1)]), 1.0, "time is 1.0 after 1.0"),
        (boxes_as_detections([walker(1)]), float("nan"), "time is nan"),
        (boxes_as_detections([(0, 0, 5, 5)], size=(50, 50)), 1.1, "50 x 50 frame after 100 x 200"),
    ):
        with pytest.raises(ValueError, match=message):
            tracker.update(bad, time=time)
    with pytest.raises(ValueError, match="camera"):
        tracker.update(boxes_as_detections([walker(1)]), time=1.1, camera=np.array([[1.0, 0, np.nan], [0, 1, 0]]))
    assert tracker.update(boxes_as_detections([walker(1)]), time=1.1).tolist() == [1]
    with pytest.raises(ValueError, match="frame_rate"):
        Tracker(frame_rate=0)


def test_two_thousand_detections_get_their_own_ids() -> None:
    boxes = [(x, y, x + 8, y + 8) for y in range(0, 400, 10) for x in range(0, 500, 10)]
    tracker = Tracker(AT_ONCE, RATE)
    first = tracker.update(boxes_as_detections(boxes, size=(400, 500)))
    assert sorted(first.tolist()) == list(range(1, 2001))
    assert (tracker.update(boxes_as_detections(boxes, size=(400, 500))) == first).all()


def test_a_person_that_becomes_half_occluded_keeps_its_id() -> None:
    tracker = Tracker(TrackerSettings(), RATE)
    for _ in range(8):
        (first,) = tracker.update(boxes_as_detections([(60, 10, 90, 90)])).tolist()
    # The centre leaps by a quarter of the height, which is far outside the gate.
    assert tracker.update(boxes_as_detections([(60, 10, 90, 54)])).tolist() == [first]


def test_a_small_one_inside_a_large_ones_box_is_another() -> None:
    tracker = Tracker(TrackerSettings(), RATE)
    for _ in range(8):
        (first,) = tracker.update(boxes_as_detections([(60, 10, 110, 90)])).tolist()
    (other,) = tracker.update(boxes_as_detections([(60, 10, 75, 34)])).tolist()
    assert other not in (0, first)


def test_low_scores_are_reported_only_for_tracks_with_a_sufficient_mean_score() -> None:
    tracker = Tracker(TrackerSettings(), RATE)
    box = (60, 10, 90, 90)
    doubtful = [tracker.update(boxes_as_detections([box], [0.41])).tolist() for _ in range(5)]
    assert doubtful == [[0], [1], [1], [1], [1]]
    worse = [tracker.update(boxes_as_detections([box], [0.22])).tolist() for _ in range(30)]
    assert worse[0] == [1]
    assert worse[-1] == [0]
    assert tracker.alive == 1  # followed all the same
    assert tracker.update(boxes_as_detections([box], [0.6])).tolist() == [1]


def test_a_fragment_starts_no_track() -> None:
    whole, part, beside = (60, 10, 90, 90), (62, 30, 88, 60), (120, 10, 150, 90)
    tracker = Tracker(TrackerSettings(), RATE)
    tracker.update(boxes_as_detections([whole]))
    assert tracker.update(boxes_as_detections([whole, part, beside], [0.9, 0.8, 0.8])).tolist() == [1, 0, 2]
    # One of another class in front of it is no part of it.
    assert tracker.update(boxes_as_detections([whole, part, beside], [0.9, 0.8, 0.8], [0, 2, 0])).tolist() == [1, 3, 2]


def test_a_low_score_goes_to_a_confirmed_track_before_a_lost_one() -> None:
    lost, stays, between = (60, 10, 90, 90), (72, 10, 102, 90), (67, 10, 97, 90)
    tracker = Tracker(TrackerSettings(), RATE)
    for _ in range(5):
        assert tracker.update(boxes_as_detections([lost, stays])).tolist() == [1, 2]
    for _ in range(4):
        assert tracker.update(boxes_as_detections([stays])).tolist() == [2]
    assert tracker.update(boxes_as_detections([between], [0.4])).tolist() == [2]
    assert tracker.update(boxes_as_detections([lost, stays], [0.4, 0.9])).tolist() == [1, 2]


def test_tracks_can_be_looked_at() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    assert tracker.tracks == []
    assert tracker.alive == 0
    for k in range(6):
        tracker.update(boxes_as_detections([walker(k)]))
    tracker.update(Detections.empty((100, 200)))
    (track,) = tracker.tracks
    assert (track.id, track.state, track.hits, track.class_id) == (1, State.LOST, 6, 0)
    assert track.last_seen == pytest.approx(0.5)
    assert track.velocity == pytest.approx([40, 0], abs=5)  # nothing confirmed the last tenth of a second
    assert track.box == pytest.approx(walker(6), abs=3)
    assert tracker.alive == 1


def test_identities_hold_in_a_world_without_noise() -> None:
    world = World(3, WorldSettings(pan=0.0, posts=0, walkers=6, vehicles=2))
    perfect = Noise(missed=0.0, jitter=0.0, false_positives=0.0)
    tracker = Tracker(AT_ONCE, world.settings.frame_rate)
    owner: dict[int, set[int]] = {}
    seen = 0
    for k in range(100):
        truth, detections = world.truth(k), world.detections(k, perfect)
        ids = tracker.update(detections)
        overlap = detections.masks.iou(truth.masks)
        for i in np.flatnonzero((overlap.max(axis=1, initial=0) > 0.99) & (ids > 0)):
            owner.setdefault(int(ids[i]), set()).add(int(truth.ids[overlap[i].argmax()]))
            seen += 1
    assert seen > 200
    assert sum(len(objects) > 1 for objects in owner.values()) <= 0.1 * len(owner)


def test_embeddings_of_another_length_are_refused_before_anything_changes() -> None:
    tracker, other = Tracker(), Tracker()
    found = boxes_as_detections([(0, 0, 10, 20), (40, 0, 50, 20)])
    four = replace(found, embeddings=np.eye(2, 4, dtype=np.float32))
    for each in (tracker, other):
        each.update(four)
    with pytest.raises(ValueError, match="embeddings of 3 numbers after ones of 4"):
        tracker.update(replace(found, embeddings=np.eye(2, 3, dtype=np.float32)))
    bad = replace(four, embeddings=np.array([[1, 0, 0, 0], [0, np.nan, 0, 0]], np.float32))
    with pytest.raises(ValueError, match=r"detections.embeddings\[1\]"):
        tracker.update(bad)
    assert tracker.update(four).tolist() == other.update(four).tolist()


def test_two_thousand_detections_in_a_frame_are_tracked() -> None:
    places = [(5 * (k % 50), 5 * (k // 50)) for k in range(2000)]
    found = boxes_as_detections([(x, y, x + 4, y + 4) for x, y in places], [0.9] * 2000, size=(200, 250))
    tracker = Tracker()
    first = tracker.update(found)
    assert len(set(first.tolist())) == 2000
    assert tracker.update(found).tolist() == first.tolist()


@pytest.mark.parametrize("with_embeddings", [True, False])
def test_appearance_separates_objects_that_motion_swaps(rng: np.random.Generator, with_embeddings: bool) -> None:
    """Two people meet behind a pillar and turn round."""
    appearance = np.eye(3, dtype=np.float32)

    def seen(left: int, right: int) -> Detections:
        found = boxes_as_detections([(x, 20, x + 20, 80) for x in (left, right, 400)], size=(100, 500))
        noisy = appearance + rng.normal(0, 0.02, (3, 3)).astype(np.float32)
        noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
        return replace(found, embeddings=noisy if with_embeddings else np.zeros((3, 0), np.float32))

    tracker = Tracker(frame_rate=25)
    for k in range(20):  # towards each other
        before = tracker.update(seen(50 + 4 * k, 250 - 4 * k)).tolist()
    for _ in range(10):
        tracker.update(seen(0, 300).take([2]))
    for k in range(10):  # and back to where they came from
        after = tracker.update(seen(126 - 4 * k, 174 + 4 * k)).tolist()
    assert after == before if with_embeddings else after == [before[1], before[0], before[2]]


def test_confidence_is_high_alone_and_low_between_two() -> None:
    tracker = Tracker()
    apart = boxes_as_detections([(10, 10, 40, 60), (100, 10, 130, 60)], [1.0, 1.0])
    for _ in range(3):
        tracker.update(apart)
    assert tracker.confidence == pytest.approx([1.0, 1.0])  # nothing to pay and no rival
    # Between the two tracks, and nearly as far from both: a guess.
    tracker = Tracker()
    near = boxes_as_detections([(10, 10, 40, 60), (20, 10, 50, 60)])
    tracker.update(near)
    ids = tracker.update(boxes_as_detections([(15, 10, 45, 60)]))
    assert ids[0] > 0
    assert tracker.confidence[0] < 0.1
    # A start far from every track is clear; a detection without an id has no confidence.
    tracker = Tracker()
    tracker.update(boxes_as_detections([(10, 10, 40, 60)]))
    found = boxes_as_detections([(10, 10, 40, 60), (70, 10, 90, 60), (100, 10, 130, 60), (160, 10, 190, 60)])
    found = replace(found, scores=np.array([0.9, 0.9, 0.9, 0.2], np.float32))
    ids = tracker.update(found)
    assert (ids > 0).tolist() == [True, True, True, False]
    assert tracker.confidence[1:] == pytest.approx([1.0, 1.0, 0.0], abs=0.01)


@pytest.mark.parametrize("gap", [1.5, 60.0, 3600.0, 1e6])
@pytest.mark.parametrize("frames", [True, False])
def test_a_track_is_forgotten_after_its_memory_with_or_without_frames(gap: float, frames: bool) -> None:
    tracker = Tracker(AT_ONCE, RATE)
    standing = [(20, 20, 35, 60), (150, 20, 165, 60)]
    for k in range(10):
        before = tracker.update(boxes_as_detections(standing), time=k / 10).tolist()
    if frames:
        for k in range(10, min(round(gap * 10), 100)):
            tracker.update(Detections.empty((100, 200)), time=k / 10)
    after = tracker.update(boxes_as_detections(standing), time=0.9 + gap).tolist()
    assert before == [1, 2]
    assert not set(before) & set(after)


def test_a_gap_within_the_memory_keeps_the_identities_of_uneven_frames() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    standing = [(20, 20, 35, 60), (150, 20, 165, 60)]
    times = np.cumsum([0.0, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9])
    assert [tracker.update(boxes_as_detections(standing), time=time).tolist() for time in times] == [[1, 2]] * 7


def test_forgotten_without_frames_is_told_as_ended() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    tracker.update(boxes_as_detections([(20, 20, 35, 60)]), time=0.0)
    tracker.update(Detections.empty((100, 200)), time=50.0)
    assert tracker.ended.tolist() == [1]
    assert tracker.tracks == []


def looking(boxes: list[Box], looks: list[int]) -> Detections:
    return replace(boxes_as_detections(boxes), embeddings=np.eye(4, dtype=np.float32)[looks])


def test_after_a_cut_identities_return_by_appearance_alone() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    places: list[Box] = [(20, 20, 35, 60), (80, 20, 95, 60), (150, 20, 165, 60)]
    for _ in range(10):
        assert tracker.update(looking(places, [0, 1, 2])).tolist() == [1, 2, 3]
    after = [tracker.update(looking(places, [1, 3, 2]), camera=CUT).tolist()]
    after += [tracker.update(looking(places, [1, 3, 2])).tolist() for _ in range(3)]
    # The first is known again at another place, the second is another object at an old place.
    assert after == [[2, 4, 3]] * 4
    with pytest.raises(ValueError, match=r"camera has the shape \(2, 3\)"):
        tracker.update(looking(places[:1], [1]), camera=np.array([[np.nan, 0, 0], [0, 1, 0]]))


def test_without_a_cut_the_places_decide() -> None:
    tracker = Tracker(AT_ONCE, RATE)
    for _ in range(10):
        tracker.update(boxes_as_detections([(20, 20, 35, 60)]))
    assert tracker.update(boxes_as_detections([(20, 20, 35, 60)])).tolist() == [1]
    assert tracker.update(boxes_as_detections([(20, 20, 35, 60)]), camera=CUT).tolist() == [2]
