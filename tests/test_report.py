"""The report and the scene's page: what they hold, and, where there is a browser, what they do."""

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import boxes_as_detections

import mots
from mots.cli import main
from mots.detection.saved_detections import DetectionWriter
from mots.editing.suggest import tracks_of
from mots.formats import mots_text
from mots.labels import FrameLabels
from mots.rendering.saved_results import SavedResults
from mots.report.causes import losses_of
from mots.report.film import plan_of
from mots.report.hints import hints_of
from mots.toy.world import World, WorldSettings
from mots.trackers.masks import Masks
from mots.video.writer import VideoWriter

pytest.importorskip("cv2", reason="OpenCV is not installed")
SIZE = (120, 200)
Rows = dict[int, dict[int, tuple[int, int, int, int]]]  # box of each id in each frame


def text_of(path: Path, rows: Rows, offset: int = 2000) -> Path:
    """MOTS text of people that fill their boxes."""
    table = mots_text.IdTable()
    lines = []
    for number, boxes in rows.items():
        corners = [(x1, y1) for x1, y1, _, _ in boxes.values()]
        crops = [np.ones((y2 - y1, x2 - x1), bool) for x1, y1, x2, y2 in boxes.values()]
        masks, _ = Masks.from_crops(SIZE, corners, crops).disjoint(-np.arange(len(boxes), dtype=np.float64))
        n = len(boxes)
        ids, ones = np.array(list(boxes), np.int64), np.ones(n, np.float32)
        frame = FrameLabels(number, number / 10, ids, np.zeros(n, np.int64), ones, masks, Masks.empty(SIZE))
        lines.append(mots_text.lines(frame, table))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))
    return path


def box(x: int, y: int = 40) -> tuple[int, int, int, int]:
    return (x, y, x + 20, y + 50)


@pytest.fixture
def match(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Results, truth and video of two people that pass each other and change identities; a third one is invented."""
    truth: Rows = {k: {1: box(10 + 4 * k, 30), 2: box(150 - 4 * k, 40)} for k in range(30)}
    found: Rows = {}
    for k in range(30):
        own = {1: truth[k][1], 2: truth[k][2]} if k < 18 else {2: truth[k][1], 1: truth[k][2]}
        if k in (5, 6):
            del own[1]
        if k >= 25:
            own[3] = (170, 5, 185, 25)
        found[k] = own
    with VideoWriter(tmp_path / "v.mp4", 10.0) as writer:
        for k in range(30):
            image = np.full((*SIZE, 3), 90, np.uint8)
            for identity, (x1, y1, x2, y2) in truth[k].items():
                image[y1:y2, x1:x2] = (220, 60, 40) if identity == 1 else (40, 80, 220)
            writer.write(image, k / 10)
    return text_of(tmp_path / "r/v.txt", found), text_of(tmp_path / "t/v.txt", truth), tmp_path / "v.mp4"


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.S)
    assert found is not None
    whole: dict[str, Any] = json.loads(found[1])
    return whole


def test_a_report_holds_everything_in_one_file(match: tuple[Path, Path, Path], tmp_path: Path) -> None:
    results, truth, video = match
    page = tmp_path / "report.html"
    words = ["report", str(results), str(video), "--truth", str(truth), "--output", str(page)]
    assert main(words) == 0
    data = data_of(page)
    assert data["numbers"] == list(range(30))
    assert len(data["pictures"]) == 30
    assert all(each.startswith("data:image/webp;base64,") for each in data["pictures"])
    assert [track["id"] for track in data["tracks"]] == [1, 2, 3]
    assert data["tracks"][0]["spans"] == [[0, 4], [7, 29]]
    assert data["tracks"][0]["picture"].startswith("data:image/webp")
    assert data["counts"]["person"][0] == 2
    assert data["counts"]["person"][29] == 3
    assert data["scores"]["pedestrian"]["IDS"] == 2
    text = page.read_text()
    assert not re.findall(r'(?:src|href)="(?!data:)[^"#]', text)  # nothing is loaded
    assert main(words) == 2  # it is there already
    assert main([*words, "--overwrite"]) == 0


def test_losses_are_grouped_into_runs_with_causes(match: tuple[Path, Path, Path]) -> None:
    results, truth, _ = match
    scores = mots.score(truth, results, with_events=True)
    losses = losses_of(scores, SavedResults(results), SavedResults(truth))
    switches = [loss for loss in losses if loss.kind == "switch"]
    assert [(loss.frame, loss.before, loss.result, loss.cause) for loss in switches] == [
        (18, 1, 2, "look-alike near by"),
        (18, 2, 1, "occlusion"),
    ]
    (miss,) = [loss for loss in losses if loss.kind == "miss"]
    assert (miss.frame, miss.last, miss.count, miss.truth) == (5, 6, 2, 1)
    (broken,) = [loss for loss in losses if loss.kind == "fragmentation"]
    assert (broken.frame, broken.at, broken.result) == (7, 4, 1)
    (invented,) = [loss for loss in losses if loss.kind == "false positive"]
    assert (invented.frame, invented.count, invented.result, invented.cause) == (25, 5, 3, "no object")


def test_saved_detections_tell_a_low_score_from_none(match: tuple[Path, Path, Path], tmp_path: Path) -> None:
    results, truth, _ = match
    with DetectionWriter(tmp_path / "d.npz", 10.0, {}) as writer:
        for k in range(30):
            boxes = [box(10 + 4 * k, 30)] if k == 5 else []
            writer.write(k, k / 10, boxes_as_detections(boxes, size=SIZE))
    scores = mots.score(truth, results, with_events=True)
    from mots.report.collect import detected_in

    saved = SavedResults(results)
    losses = losses_of(scores, saved, SavedResults(truth), detected_in(tmp_path / "d.npz", saved))
    assert {(loss.frame, loss.cause) for loss in losses if loss.kind == "miss"} == {
        (5, "low score"),
        (6, "no detection"),
    }


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({}, [None, None, None]),  # MOTS text holds no scores
        ({"tracks.csv": "id,mean_score,mean_confidence\n1,0.5,0.9\n2,,\n3,0.25,0.1\n"}, [0.5, None, 0.25]),
    ],
)
def test_scores_that_nobody_knows_are_not_shown(
    files: dict[str, str], wanted: list[float | None], match: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    results, _, video = match
    for name, text in files.items():
        (results.parent / name).write_text(text)
    assert main(["report", str(results), str(video), "--output", str(tmp_path / "report.html")]) == 0
    assert [track["score"] for track in data_of(tmp_path / "report.html")["tracks"]] == wanted


def test_hints_need_no_truth(tmp_path: Path) -> None:
    rows: Rows = {k: {1: box(10 + 2 * k)} for k in range(20)}
    for k in range(20):
        if k < 3:
            rows[k][2] = box(150)
        rows[k][3] = box(60 if k < 10 else 170, 60)
    results = SavedResults(text_of(tmp_path / "v.txt", rows))
    found = hints_of(results, tracks_of(results), {1: 0.1, 2: 0.9}, [])
    assert [(hint["kind"], hint["track"]) for hint in found] == [("unsure", 1), ("short", 2), ("split", 3)]
    assert found[2]["frame"] == 10


def test_a_long_film_gets_fewer_and_smaller_pictures() -> None:
    assert plan_of(100, (480, 640)).every == 1
    assert plan_of(100, (480, 640)).width == 640
    assert plan_of(1000, (1080, 1920)).width < 960
    assert plan_of(100_000, (1080, 1920)).every == 34


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{results}", "{video}", "--output", "{tmp}/x.txt"], "wanted a name that ends in .html"),
        (["{tmp}/none.txt", "--output", "{tmp}/x.html"], "no such file"),
        (["{results}", "{tmp}/other", "--output", "{tmp}/x.html"], "masks of 120 x 200 for frames of 48 x 64"),
        (["{results}", "--scene", "{tmp}/s.toml", "--output", "{tmp}/x.html"], "MOTS text has no times"),
        (["{results}", "--scene", "{tmp}/big.toml", "--output", "{tmp}/x.html"], "drawn for frames of 1080 x 1920"),
        (["{results}", "--detections", "{tmp}/d.npz", "--output", "{tmp}/x.html"], "only say something with truth"),
        (
            ["{results}", "--truth", "{results}", "--detections", "{tmp}/d.npz", "--output", "{tmp}/x.html"],
            "detections in frames of 60 x 80, and the results have 120 x 200",
        ),
    ],
)
def test_mistakes_are_named(
    words: list[str], message: str, match: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    (tmp_path / "other").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "other/000001.png")
    (tmp_path / "s.toml").write_text("[[line]]\nname = 'a'\npoints = [[9, 9], [90, 90]]\n")
    (tmp_path / "big.toml").write_text("size = [1080, 1920]\n[[line]]\nname = 'a'\npoints = [[9, 9], [90, 90]]\n")
    with DetectionWriter(tmp_path / "d.npz", 10.0, {}) as writer:
        writer.write(5, 0.5, boxes_as_detections([box(1, 1)], size=(60, 80)))
    results, _, video = match
    filled = [word.format(results=results, video=video, tmp=tmp_path) for word in words]
    assert main(["report", *filled]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


def test_one_of_several_sequences_of_a_run(match: tuple[Path, Path, Path], tmp_path: Path) -> None:
    results, _, video = match
    run = results.parent
    text_of(run / "w.txt", {k: {1: box(3 * k)} for k in range(30)})
    (run / "tracks.csv").write_text(
        "id,mean_score,mean_confidence,sequence\n1,0.5,0.9,v\n2,0.6,0.8,v\n3,0.7,0.7,v\n1,0.1,0.2,w\n"
    )
    line = {"sequence": "w", "frame": 3, "objects": [{"id": 1, "confidence": 0.5, "candidates": []}]}
    (run / "explain.jsonl").write_text(json.dumps(line) + "\n")
    for words, wanted, explained in (
        (("--sequence", "v"), [0.9, 0.8, 0.7], []),
        (("--sequence", "w"), [0.2], ["3"]),
    ):
        page = tmp_path / f"{words[1]}.html"
        assert main(["report", str(run), str(video), *words, "--output", str(page)]) == 0
        data = data_of(page)
        assert [track["confidence"] for track in data["tracks"]] == wanted
        assert list(data["explain"]) == explained
    assert main(["report", str(results), str(video), "--output", str(tmp_path / "text.html")]) == 0
    assert [track["confidence"] for track in data_of(tmp_path / "text.html")["tracks"]] == [0.9, 0.8, 0.7]
    assert main(["render", str(video), str(run), "--sequence", "v", "--output", str(tmp_path / "v2.mp4")]) == 0
    assert main(["report", str(run), "--output", str(tmp_path / "x.html")]) == 2  # which one?


def test_text_is_counted_at_the_rate_of_its_source(match: tuple[Path, Path, Path], tmp_path: Path) -> None:
    results, _, video = match
    (tmp_path / "s.toml").write_text("[[zone]]\nname = 'z'\npolygon = [[0, 0], [90, 0], [90, 119], [0, 119]]\n")
    words = ["report", str(results), "--scene", str(tmp_path / "s.toml")]
    assert main([*words, "--output", str(tmp_path / "a.html"), "--frame-rate", "5"]) == 0
    assert main([*words[:2], str(video), *words[2:], "--output", str(tmp_path / "b.html")]) == 0
    ends = []
    for name in "ab":
        tables = {table["name"]: table["rows"] for table in data_of(tmp_path / f"{name}.html")["scene"]["tables"]}
        ends.append(max(row[4] for row in tables["zones"]))
    assert ends[0] == pytest.approx(2 * ends[1], abs=0.01)


# In a browser


@pytest.fixture(scope="module")
def browser() -> Any:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or os.environ.get("CHROMIUM")
    if path is None:
        pytest.skip("no chromium here")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as own:
        found = own.chromium.launch(executable_path=path, args=flags)
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any) -> Any:
    """Opens a page from disk; it must say nothing on the console and load nothing."""
    said: list[str] = []
    requested: list[str] = []
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: requested.append(request.url))

    def go(path: Path) -> Any:
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready=yes]")
        return page

    yield go
    page.close()
    assert said == []
    assert [url for url in requested if not url.startswith(("data:", "blob:"))] == requested[:1]  # the page itself


def test_the_report_works_in_a_browser(match: tuple[Path, Path, Path], tmp_path: Path, opened: Any) -> None:
    results, truth, video = match
    mots_report = ["report", str(results), str(video), "--truth", str(truth)]
    assert main([*mots_report, "--output", str(tmp_path / "report.html")]) == 0
    page = opened(tmp_path / "report.html")
    assert page.inner_text("h1") == "Tracking report: v"
    # Switching a track off takes it from the picture.
    before = page.evaluate("document.getElementById('view').toDataURL()")
    page.click("tr[data-track='1'] input")
    page.wait_for_timeout(200)
    assert page.evaluate("document.getElementById('view').toDataURL()") != before
    # Filters shorten the table.
    assert page.locator("tr[data-track]").count() == 3
    page.fill("#seconds", "1")
    assert page.locator("tr[data-track]").count() == 2
    page.fill("#seconds", "0")
    page.fill("#find", "3")
    assert page.locator("tr[data-track]").count() == 1
    # A click on the timeline's row shows the track's first frame.
    page.click("tr[data-track='3']")
    assert page.inner_text("#now").startswith("frame 25,")
    # A click on a switch shows both frames.
    page.click("#tabs button:nth-child(3)")
    page.click("tr[data-kind='switch'] >> nth=0")
    assert page.locator("dialog[open] canvas").count() == 2
    assert page.locator("dialog figcaption").all_inner_texts() == ["frame 17", "frame 18"]
    assert "--explain" in page.inner_text("dialog .costs")
    page.click("dialog button")
    # It plays.
    page.click("#play")
    page.wait_for_timeout(600)
    page.click("#play")
    assert not page.inner_text("#now").startswith("frame 18,")


def test_the_costs_of_a_switch_are_shown_where_they_were_kept(tmp_path: Path, opened: Any) -> None:
    world = World(3, WorldSettings(height=120, width=200, walkers=8, vehicles=1, pan=0.0))
    with DetectionWriter(tmp_path / "w.npz", 25.0, {}) as writer:
        for k in range(100):
            writer.write(k, k / 25, world.detections(k))
    run = tmp_path / "run"
    assert main(["track", str(tmp_path / "w.npz"), "--output", str(run), "--explain", "--table", "--quiet"]) == 0
    lines = [json.loads(line) for line in (run / "explain.jsonl").read_text().splitlines()]
    chosen = [each for line in lines for own in line["objects"] for each in own["candidates"] if each["chosen"]]
    assert len(chosen) > 100
    assert all(each["cost"] < each["limit"] for each in chosen)
    truth = tmp_path / "truth.txt"
    table = mots_text.IdTable()
    frames = [world.truth(k) for k in range(100)]
    seen = [set(frame.ids[frame.classes == 0].tolist()) for frame in frames]
    first, second, *_ = sorted(set.intersection(*seen[48:53]))
    changed = {first: second, second: first}  # the truth's identities change places, so that the tracker's are wrong
    for k in range(50, 100):
        ids = [changed.get(identity, identity) for identity in frames[k].ids.tolist()]
        frames[k] = replace(frames[k], ids=np.array(ids, np.int64))
    truth.write_text("".join(mots_text.lines(frame, table) for frame in frames))
    page_file = tmp_path / "report.html"
    assert main(["report", str(run), "--truth", str(truth), "--output", str(page_file)]) == 0
    losses = [loss for loss in data_of(page_file)["losses"] if loss["kind"] == "switch"]
    assert losses
    page = opened(page_file)
    page.click("#tabs button:nth-child(3)")
    page.click("tr[data-kind='switch'] >> nth=0")
    assert page.locator("dialog table.costs tr").count() >= 2


def test_a_scene_is_drawn_by_clicking(match: tuple[Path, Path, Path], tmp_path: Path, opened: Any) -> None:
    _, _, video = match
    assert main(["scene", str(video), "--output", str(tmp_path / "s")]) == 0
    page = opened(tmp_path / "s/scene.html")
    said: list[str] = []

    def answer(dialog: Any) -> None:
        if dialog.type == "alert":
            said.append(dialog.message)
        dialog.accept("3, 4.5")

    page.on("dialog", answer)
    scale = page.evaluate("document.getElementById('view').clientWidth") / SIZE[1]

    def click(x: int, y: int) -> None:
        page.click("#view", position={"x": x * scale, "y": y * scale})

    click(20, 60)
    click(180, 60)
    assert not said
    page.click("button[data-kind=zone]")
    page.fill("#name", "yard")
    for corner in ((20, 20), (60, 20), (60, 90)):
        click(*corner)
    page.click("#done")
    for name, corners, message in (
        ("yard", ((100, 20), (140, 20), (140, 90)), "'yard' is there already"),
        ("knot", ((100, 20), (140, 90), (140, 20), (100, 90)), "two edges of this zone cross"),
    ):
        page.fill("#name", name)
        for corner in corners:
            click(*corner)
        page.click("#done")
        assert message in said.pop()
    page.click("button[data-kind=zone]")
    page.fill("#name", "a\x7fb")
    for corner in ((100, 20), (140, 20), (140, 90)):
        click(*corner)
    page.click("#done")
    page.click("button[data-kind=ground]")
    click(100, 100)
    text = page.input_value("#toml")
    (tmp_path / "drawn.toml").write_text(text.split("# 3 more points")[0])
    from mots.analytics.scene import load

    scene = load(tmp_path / "drawn.toml")
    assert scene.size == SIZE
    assert scene.lines[0].points == pytest.approx(np.array([[20, 60], [180, 60]]), abs=1)
    assert [zone.name for zone in scene.zones] == ["yard", "ab"]
    assert "metres = [[3, 4.5]]" in text


def test_a_starter_is_a_scene(match: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, _, video = match
    assert main(["scene", str(video), "--output", str(tmp_path / "s"), "--frame", "7"]) == 0
    from mots.analytics.scene import load

    scene = load(tmp_path / "s/scene.toml")
    assert scene.size == SIZE
    assert [line.name for line in scene.lines] == ["middle"]
    assert main(["scene", str(video), "--output", str(tmp_path / "s")]) == 2
    assert main(["scene", str(video), "--output", str(tmp_path / "q"), "--frame", "99"]) == 2
