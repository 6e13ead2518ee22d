from dataclasses import replace

import numpy as np
import pytest
from conftest import boxes_as_detections

from mots.trackers.appearance import AppearanceScale, AppearanceSettings, Gallery
from mots.trackers.detections import Detections
from mots.trackers.lifecycle import LifecycleSettings
from mots.trackers.reentry import Candidates, ReentrySettings, identities_of
from mots.trackers.tracker import Tracker, TrackerSettings

RATE = 10.0
SCALE = AppearanceScale(same=0.0, other=1.0)
PEOPLE = np.linalg.qr(np.random.default_rng(3).normal(0, 1, (8, 8)))[0].astype(np.float32)  # orthogonal
SETTINGS = TrackerSettings(lifecycle=LifecycleSettings(confirm_hits=1, memory=1.0, occluded_memory=1.0))
STANDING = [(20, 20, 40, 60), (80, 20, 100, 60), (140, 20, 160, 60), (170, 60, 190, 98)]


def gallery(*appearance: np.ndarray) -> Gallery:
    """One clean view of each."""
    return Gallery.begin(np.array(appearance, np.float32).reshape(-1, 8), np.ones(len(appearance), np.bool_), 0.0, 3)


def between(a: int, b: int, share: float) -> np.ndarray:
    """An embedding between those of persons a and b."""
    mixed = (1 - share) * PEOPLE[a] + share * PEOPLE[b]
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def chosen(new: Gallery, away: Gallery, others: Gallery, groups: tuple[int, int, int] = (0, 0, 0)) -> list[list[int]]:
    """Pairs of new and away where all of each have one group."""
    parts = [Candidates(g, np.full(len(g.means), k)) for g, k in zip((new, away, others), groups, strict=True)]
    settings = ReentrySettings(max_dissimilarity=0.35, margin=0.2)
    pairs: list[list[int]] = identities_of(parts[0], parts[1], parts[2], SCALE, AppearanceSettings(), settings).tolist()
    return pairs


NONE = gallery()


def test_a_track_similar_to_an_absent_one_takes_its_identity() -> None:
    assert chosen(gallery(PEOPLE[2], PEOPLE[5]), gallery(PEOPLE[5], PEOPLE[1]), NONE) == [[1, 0]]
    assert chosen(gallery(PEOPLE[2]), NONE, NONE) == []
    assert chosen(NONE, gallery(PEOPLE[2]), NONE) == []


def test_a_dissimilar_track_gets_a_new_identity() -> None:
    assert chosen(gallery(between(2, 3, 0.3)), gallery(PEOPLE[2]), NONE) == [[0, 0]]
    assert chosen(gallery(between(2, 3, 0.6)), gallery(PEOPLE[2]), NONE) == []


def test_an_ambiguous_track_gets_a_new_identity() -> None:
    twin = between(2, 3, 0.2)
    assert chosen(gallery(PEOPLE[2]), gallery(PEOPLE[2], twin), NONE) == []
    assert chosen(gallery(PEOPLE[2]), gallery(PEOPLE[2]), gallery(twin)) == []
    assert chosen(gallery(PEOPLE[2]), gallery(PEOPLE[2]), gallery(PEOPLE[4])) == [[0, 0]]


def test_an_identity_returns_once_and_within_its_class_only() -> None:
    assert chosen(gallery(between(2, 3, 0.1), PEOPLE[2]), gallery(PEOPLE[2]), NONE) == [[1, 0]]
    assert chosen(gallery(PEOPLE[2]), gallery(PEOPLE[2]), NONE, (1, 0, 0)) == []
    assert chosen(gallery(PEOPLE[2]), gallery(PEOPLE[2]), gallery(PEOPLE[2]), (0, 0, 1)) == [[0, 0]]


def seen(tracker: Tracker, people: list[int], places: list[int], frames: int = 1) -> list[int]:
    """The ids after people were seen at places for some frames."""
    ids: list[int] = []
    for _ in range(frames):
        found = boxes_as_detections([STANDING[place] for place in places])
        ids = tracker.update(replace(found, embeddings=PEOPLE[people])).tolist()
    return ids


def test_a_removed_track_is_reidentified_at_another_place_within_memory() -> None:
    for memory, wanted in ((10.0, [2, 3, 1]), (3.0, [2, 3, 4])):
        tracker = Tracker(replace(SETTINGS, reentry=ReentrySettings(memory=memory)), RATE)
        assert seen(tracker, [0, 1, 2], [0, 1, 2], 10) == [1, 2, 3]
        assert seen(tracker, [1, 2], [1, 2], 40) == [2, 3]
        assert seen(tracker, [1, 2, 0], [1, 2, 3], 3) == wanted


def test_a_lost_track_is_reidentified_far_away() -> None:
    tracker = Tracker(SETTINGS, RATE)
    assert seen(tracker, [0, 1, 2], [0, 1, 2], 10) == [1, 2, 3]
    assert seen(tracker, [1, 2], [1, 2], 5) == [2, 3]  # within the memory: lost, not gone
    assert seen(tracker, [1, 2, 0], [1, 2, 3], 3) == [2, 3, 1]
    assert tracker.alive == 3


def test_a_track_with_few_embeddings_is_not_remembered() -> None:
    brief = replace(SETTINGS, appearance=AppearanceSettings(every=0.2))
    for frames, wanted in ((3, 4), (9, 3)):
        tracker = Tracker(brief, RATE)
        seen(tracker, [1, 2], [0, 1], 10)
        assert seen(tracker, [1, 2, 0], [0, 1, 2], frames) == [1, 2, 3]
        seen(tracker, [1, 2], [0, 1], 40)
        assert seen(tracker, [1, 2, 0], [0, 1, 2]) == [1, 2, wanted]


def test_without_embeddings_nothing_is_reidentified() -> None:
    tracker = Tracker(SETTINGS, RATE)
    for boxes in ([STANDING[0]], [], [STANDING[0]]):
        for _ in range(20):
            ids = tracker.update(boxes_as_detections(boxes) if boxes else Detections.empty((100, 200))).tolist()
    assert ids == [2]


@pytest.mark.parametrize("cut", [5, 30, 45])
def test_remembered_tracks_are_in_the_saved_state(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    script = [([0, 1, 2], [0, 1, 2])] * 10 + [([1, 2], [1, 2])] * 30 + [([1, 2, 0], [1, 2, 3])] * 10
    whole, first = Tracker(SETTINGS, RATE), Tracker(SETTINGS, RATE)
    wanted = [seen(whole, *each) for each in script]
    found = [seen(first, *each) for each in script[:cut]]
    path = tmp_path_factory.mktemp("state") / "x.npz"
    first.save(path)
    second = Tracker.load(path, SETTINGS)
    assert found + [seen(second, *each) for each in script[cut:]] == wanted
    assert wanted[-1] == [2, 3, 1]
