"""Results drawn into their video; captions and colours."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from test_report import Rows, box, text_of

import mots
from mots.cli import main
from mots.labels import FrameLabels
from mots.rendering.annotator import Annotator, Drawing
from mots.rendering.captions import placed
from mots.rendering.palette import BLACK, COLOURS, WHITE, colour_of, luminance, seen_by_all, text_colour
from mots.rendering.saved_results import SavedFrame, SavedResults
from mots.trackers.masks import Masks
from mots.video.writer import VideoWriter

pytest.importorskip("cv2", reason="OpenCV is not installed")
SIZE = (120, 200)


@pytest.fixture
def clip(tmp_path: Path) -> tuple[Path, Path]:
    """A video of twenty grey frames, and results."""
    with VideoWriter(tmp_path / "v.mp4", 10.0) as writer:
        for k in range(20):
            writer.write(np.full((*SIZE, 3), 100, np.uint8), k / 10)
    rows: Rows = {k: {1: box(10 + 4 * k), 2: box(150, 20)} for k in range(20)}
    return tmp_path / "v.mp4", text_of(tmp_path / "r/v.txt", rows)


def test_a_video_has_the_frames_and_times_of_its_source(clip: tuple[Path, Path], tmp_path: Path) -> None:
    video, results = clip
    assert main(["render", str(video), str(results), "--output", str(tmp_path / "new/out.mp4")]) == 0
    with av.open(str(tmp_path / "new/out.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx([k / 10 for k in range(20)], abs=0.01)
    assert np.abs(frames[5].to_ndarray(format="rgb24").astype(int) - 100).max() > 60
    assert main(["render", str(video), str(results), "--output", str(tmp_path / "new/out.mp4")]) == 2
    assert main(["render", str(video), str(results), "--output", str(video)]) == 2  # never over its source


def test_a_part_of_frames_and_tracks_as_pictures_beside_the_truth(clip: tuple[Path, Path], tmp_path: Path) -> None:
    video, results = clip
    words = ["render", str(video), str(results), "--output", str(tmp_path / "png"), "--frames", "3:6", "--only", "2"]
    assert main([*words, "--truth", str(results), "--trace", "0"]) == 0
    assert sorted(path.name for path in (tmp_path / "png").iterdir()) == ["000003.png", "000004.png", "000005.png"]
    with Image.open(tmp_path / "png/000004.png") as picture:
        image = np.asarray(picture).astype(int)
    assert image.shape[1] == 2 * SIZE[1]
    bar = image.shape[0] - SIZE[0]
    left, right = image[bar:, : SIZE[1]], image[bar:, SIZE[1] :]
    one = (slice(60, 80), slice(28, 42))  # inside track 1
    assert np.abs(left[one] - 100).max() <= 3
    assert np.abs(right[one] - 100).max() > 30
    two = (slice(40, 60), slice(155, 165))
    assert np.abs(left[two] - right[two]).max() <= 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--only", "9"], "no track 9"),
        (["--only", "a"], "wanted ids with commas"),
        (["--frames", "6:3"], "must be larger"),
        (["--frames", "x"], "wanted A:B"),
        (["--frames", "100:"], "no frames from 100"),
        (["--trace", "-1"], "wanted seconds"),
        (["--scores"], "no scores here: a run keeps them with --table"),
    ],
)
def test_mistakes_are_named(
    more: list[str], message: str, clip: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, results = clip
    assert main(["render", str(video), str(results), "--output", str(tmp_path / "o.mp4"), *more]) == 2
    assert message in capsys.readouterr().err


def test_results_of_another_video_are_refused(
    clip: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, results = clip
    (tmp_path / "other").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "other/000003.png")
    assert main(["render", str(tmp_path / "other"), str(results), "--output", str(tmp_path / "png")]) == 2
    assert "masks of 120 x 200 for frames of 48 x 64" in capsys.readouterr().err


def test_predicted_masks_are_hatched_and_names_are_written() -> None:
    masks = Masks.from_crops(SIZE, [(20, 20), (110, 20)], [np.ones((80, 60), bool)] * 2)
    labels = FrameLabels(
        0, 0.0, np.array([1, 2]), np.zeros(2, np.int64), np.ones(2, np.float32), masks, Masks.empty(SIZE)
    )
    image = np.full((*SIZE, 3), 100, np.uint8)
    drawing = Drawing(captions=False, trace=0.0)
    drawn = Annotator(10.0, drawing=drawing).draw(image, SavedFrame(labels, np.array([False, True])))
    whole, hatched = drawn[30:90, 30:70], drawn[30:90, 120:160]
    assert (whole != 100).any(axis=2).all()
    changed = (hatched != 100).any(axis=2)
    assert 0.3 < changed.mean() < 0.7
    assert (np.diff(changed[10].astype(int)) != 0).sum() > 4
    named = Annotator(10.0, drawing=Drawing(trace=0.0, names={1: "No. 10"})).draw(image, labels)
    plain = Annotator(10.0, drawing=Drawing(trace=0.0)).draw(image, labels)
    assert (named != plain).any()


@pytest.mark.parametrize("seed", range(10))
def test_captions_never_cover_each_other_and_are_never_cut(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, [600, 440], (60, 2))
    boxes = [(int(x), int(y), int(x) + 30, int(y) + 70) for x, y in corners]
    sizes = [(int(wide), 18) for wide in rng.integers(30, 110, 60)]
    places = [place for place in placed(boxes, sizes, (480, 640)) if place is not None]
    assert len(places) > 45
    for k, (x1, y1, x2, y2) in enumerate(places):
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 480
        assert all(x2 <= a or c <= x1 or y2 <= b or d <= y1 for a, b, c, d in places[k + 1 :])


def test_text_is_readable_on_every_colour() -> None:
    for colour in COLOURS:
        ink = text_colour(colour)
        assert ink in (BLACK, WHITE)
        light, dark = sorted((luminance(ink), luminance(colour)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, AA


def test_neighbouring_ids_have_colours_far_apart_for_all_eyes() -> None:
    seen = seen_by_all(np.array([colour_of(k) for k in range(1, 2 * len(COLOURS) + 1)], np.float64))
    steps = np.linalg.norm(np.diff(seen, axis=1), axis=2)
    assert steps.min() > 0.1  # in OKLab, of a range of 1; 0.02 is just seen
    assert colour_of(5) == colour_of(5 + len(COLOURS))


def test_scores_and_predicted_masks_come_from_the_table(tmp_path: Path) -> None:
    world = mots.toy.world.World(4, mots.toy.world.WorldSettings(height=90, width=160))
    with mots.DetectionWriter(tmp_path / "w.npz", 25.0) as writer:
        for k in range(40):
            writer.write(k, k / 25, world.detections(k))
    mots.record(tmp_path / "w.npz", tmp_path / "run", table="csv", offline=True, quiet=True)
    results = SavedResults(tmp_path / "run")
    table = mots.tables.read(tmp_path / "run/frames.csv")
    assert results.has_table
    first = results.frames[int(table.frame[0])]
    rows = table.frame == table.frame[0]
    by_id = dict(zip(table.track_id[rows].tolist(), table.score[rows].tolist(), strict=True))
    assert {int(i): float(s) for i, s in zip(first.labels.ids, first.labels.scores, strict=True)} == pytest.approx(
        by_id
    )
    assert sum(frame.predicted.sum() for frame in results) == table.predicted.sum()
