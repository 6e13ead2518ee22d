"""`mots.score` on files, against TrackEval on the same files."""

import csv
import json
import shutil
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles import trackeval_answer
from PIL import Image
from pycocotools import mask as coco

import mots
from mots.cli import main
from mots.errors import MotsError
from mots.evaluation import event_table
from mots.evaluation.scoring import score
from mots.formats import mots_text
from mots.formats.faults import Fault

SIZE = (12, 16)
KEYS = {
    "CLEAR": {
        "sMOTSA": "sMOTA", "MOTSA": "MOTA", "MOTSP": "MOTP", "TP": "CLR_TP", "FP": "CLR_FP", "FN": "CLR_FN",
        "softTP": "MOTP_sum", "IDS": "IDSW", "Frag": "Frag", "MT": "MT", "PT": "PT", "ML": "ML", "Recall": "CLR_Re",
        "Precision": "CLR_Pr", "F1": "CLR_F1", "FAF": "FP_per_frame", "MODSA": "MODA", "MOTSAL": "MOTAL",
    },
    "HOTA": {key: key for key in (
        "HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA", "OWTA", "HOTA(0)", "LocA(0)", "HOTALocA(0)"
    )},
    "Identity": {key: key for key in ("IDF1", "IDP", "IDR", "IDTP", "IDFP", "IDFN")},
    "Count": {"Objects": "GT_Dets", "Hypotheses": "Dets", "Tracks": "GT_IDs", "ResultTracks": "IDs"},
}  # fmt: skip


def line(frame: int, identity: int, class_id: int, mask: np.ndarray) -> str:
    encoded = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    return f"{frame} {identity} {class_id} {mask.shape[0]} {mask.shape[1]} {encoded}\n"


def painted(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Up to `count` disjoint masks: boxes over each other, single pixels, whole rims, stripes."""
    owner = np.zeros(SIZE, np.int64)
    for number in range(1, count + 1):
        y, x = rng.integers(0, SIZE[0]), rng.integers(0, SIZE[1])
        h, w = (1, 1) if rng.random() < 0.2 else (rng.integers(1, 8), rng.integers(1, 8))
        owner[y : y + h, x : x + w] = number
        if rng.random() < 0.1:
            owner[:, -1] = number
    return [owner == number for number in range(1, count + 1) if (owner == number).any()]


def sequence_texts(rng: np.random.Generator, frames: int, first: int) -> tuple[str, str]:
    """Truth and results of one sequence: classes come and go, ids return, masks match, shrink to exact halves, miss."""
    truth, results = "", ""
    swap = {k: k for k in range(1, 1000)}
    for frame in range(first, first + frames):
        if rng.random() < 0.1:
            continue
        if rng.random() < 0.2:
            a, b = rng.integers(1, 6, 2).tolist()
            swap[a], swap[b] = swap[b], swap[a]
        for number, mask in enumerate(painted(rng, int(rng.integers(0, 6))), start=1):
            kind = rng.random()
            if kind < 0.15:
                truth += line(frame, 10000, 10, mask)
                hypothesis = mask
                if rng.random() < 0.7:  # something stands in the ignore region, more or less of it
                    results += line(frame, int(rng.choice([1, 2])) * 1000 + 900 + number, int(rng.choice([1, 2])), mask)
                continue
            class_id = 1 if number % 2 else 2
            truth += line(frame, class_id * 1000 + (999 if number == 5 else number), class_id, mask)
            hypothesis = mask.copy()
            if kind < 0.3:
                continue
            if kind < 0.5:  # half of the object's pixels, exactly where their number is even
                pixels = np.flatnonzero(hypothesis)
                rest = pixels[len(pixels) // 2 :]
                hypothesis.flat[rest] = False
                if kind < 0.4 and len(rest):
                    other = np.zeros_like(mask)
                    other.flat[rest] = True
                    results += line(frame, class_id * 1000 + 500 + number, class_id, other)
            if hypothesis.any():
                given = class_id if rng.random() < 0.9 else 3 - class_id
                results += line(frame, given * 1000 + swap[number], given, hypothesis)
    return truth, results


def with_trackeval(truth: Path, results: Path, lengths: dict[str, int], benchmark: str) -> dict[str, Any]:
    """TrackEval's own answer for folders of text files."""
    trackeval = pytest.importorskip("trackeval", reason="the dev extra is not installed")
    kind = trackeval.datasets.KittiMOTS if benchmark == "kitti-mots" else trackeval.datasets.MOTSChallenge
    work = truth.parent / "trackeval"
    shutil.rmtree(work, ignore_errors=True)
    (work / "trackers/ours/data").mkdir(parents=True)
    for name in lengths:
        target = work / "gt" / ("label_02" if benchmark == "kitti-mots" else f"{name}/gt")
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(truth / f"{name}.txt", target / ("gt.txt" if benchmark == "mots20" else f"{name}.txt"))
        shutil.copy(results / f"{name}.txt", work / f"trackers/ours/data/{name}.txt")
    config = {
        **kind.get_default_dataset_config(),
        "GT_FOLDER": str(work / "gt"),
        "TRACKERS_FOLDER": str(work / "trackers"),
        "TRACKERS_TO_EVAL": ["ours"],
        "SEQ_INFO": dict(lengths),
        "PRINT_CONFIG": False,
        "SKIP_SPLIT_FOL": True,
    }
    if benchmark == "kitti-mots":
        del config["SKIP_SPLIT_FOL"]
    found, metrics = trackeval_answer(kind, config)
    whole = dict(found["ours"])
    # Its KITTI MOTS evaluation does not average classes, but its metrics can.
    families = {type(metric).__name__: metric for metric in (*metrics, trackeval.metrics.Count())}
    by_class = {name: {c: each[name] for c, each in whole["COMBINED_SEQ"].items()} for name in families}
    whole["class average"] = {n: metric.combine_classes_class_averaged(by_class[n]) for n, metric in families.items()}
    whole["all classes"] = {n: metric.combine_classes_det_averaged(by_class[n]) for n, metric in families.items()}
    return whole


def assert_same(numbers: dict[str, float], wanted: dict[str, Any]) -> None:
    for family, names in KEYS.items():
        for ours, theirs in names.items():
            assert numbers[ours] == pytest.approx(float(np.mean(wanted[family][theirs])), abs=1e-9), (family, ours)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 12), min_size=1, max_size=3),
    st.sampled_from(["kitti-mots", "mots20"]),
)
def test_files_score_as_with_trackeval(tmp_path: Path, seed: int, frames: list[int], benchmark: str) -> None:
    rng = np.random.default_rng(seed)
    truth, results = tmp_path / "truth", tmp_path / "results"
    lengths = {f"{number:04d}": max(count, 1) for number, count in enumerate(frames, start=50)}
    (tmp_path / "x.seqmap").write_text("".join(f"{name} empty 0 {n - 1}\n" for name, n in lengths.items()))
    for folder in (truth, results):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    for name, count in lengths.items():
        texts = sequence_texts(rng, count, 0 if benchmark == "kitti-mots" else 1)
        (truth / f"{name}.txt").write_text(texts[0])
        (results / f"{name}.txt").write_text(texts[1])
    found = score(truth, results, benchmark=benchmark, split=str(tmp_path / "x.seqmap")).to_dict()
    wanted = with_trackeval(truth, results, lengths, benchmark)
    for name in lengths:
        for class_name, numbers in found["sequences"][name].items():
            assert_same(numbers, wanted[name][class_name])
    for class_name, numbers in found["combined"].items():
        together = class_name in ("class average", "all classes")
        assert_same(numbers, wanted[class_name] if together else wanted["COMBINED_SEQ"][class_name])


def test_the_golden_files_score_as_trackeval_did() -> None:
    golden = Path(__file__).parent / "golden/kitti_mots"
    wanted = json.loads((golden / "trackeval.json").read_text())
    found = score(golden / "truth", golden / "results").to_dict()
    rows = [(wanted[name], classes) for name, classes in found["sequences"].items()]
    for theirs, ours in [*rows, (wanted["COMBINED_SEQ"], found["combined"])]:
        for class_name, numbers in theirs.items():
            for name, value in numbers.items():
                ours_name = {v: k for names in KEYS.values() for k, v in names.items()}.get(name)
                if ours_name is not None:
                    assert ours[class_name][ours_name] == pytest.approx(value, abs=1e-9), (class_name, name)


def test_truth_against_itself_is_perfect(shared: Path) -> None:
    truth = shared / "data/kitti_mots/instances_txt"
    for class_name, each in score(truth, truth, sequences=["0012", "0017"]).combined.items():
        numbers = each.numbers()
        assert [numbers[key] for key in ("HOTA", "sMOTSA", "MOTSA", "IDF1", "LocA")] == pytest.approx([1] * 5), (
            class_name
        )
        assert numbers["FP"] == numbers["FN"] == numbers["IDS"] == 0


def test_frames_in_memory_score_as_their_files(shared: Path, tmp_path: Path) -> None:
    truth = list(mots_text.read(shared / "data/mots20/0005/instances.txt"))[:60]
    moved = [replace(f, masks=f.masks.moved(np.full((len(f), 2), 2)), ignore=f.ignore.take([])) for f in truth]
    direct = mots.score(truth, moved, benchmark="mots20").to_dict()["combined"]["pedestrian"]
    table = mots_text.IdTable()
    for name, frames in (("truth", truth), ("moved", moved)):
        text = "".join(mots_text.lines(frame, table) for frame in frames)
        (tmp_path / f"{name}.txt").write_text(text)
    assert 0.5 < direct["HOTA"] < 1
    assert direct["IDS"] == 0
    # The files hold no ignore regions, and nothing here lies in one.
    from_files = mots.score(tmp_path / "truth.txt", tmp_path / "moved.txt", benchmark="mots20").to_dict()
    assert from_files["combined"]["pedestrian"] == pytest.approx(direct)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Good truth and results of two sequences."""
    rng = np.random.default_rng(5)
    for folder in ("truth", "results"):
        (tmp_path / folder).mkdir()
    for name in ("0002", "0006"):
        texts = sequence_texts(rng, 20, 0)
        (tmp_path / "truth" / f"{name}.txt").write_text(texts[0])
        (tmp_path / "results" / f"{name}.txt").write_text(texts[1])
    return tmp_path / "truth", tmp_path / "results"


@pytest.mark.parametrize("flag", ["--json", "--csv", "--events"])
def test_no_report_is_written_over_what_is_read(
    flag: str, folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    truth, results = folders
    before = {path: path.read_bytes() for folder in folders for path in folder.iterdir()}
    single = truth / "0002.txt"
    for read, target in (
        ((truth, results), single),  # in a folder that is read
        ((truth, results), results / "0006.txt"),
        ((single, results / "0002.txt"), single),
    ):
        assert main(["score", *map(str, read), flag, str(target)]) == 2
        assert f"({flag})" in capsys.readouterr().err
    assert {path: path.read_bytes() for folder in folders for path in folder.iterdir()} == before
    assert main(["score", str(truth), str(results), flag, str(results / "own.csv"), "--quiet"]) == 0
    assert main(["score", str(truth), str(results), flag, str(results / "own.csv"), "--quiet"]) == 0


def test_two_names_of_one_sequence_are_refused(folders: tuple[Path, Path]) -> None:
    truth, results = folders
    (truth / "0006.txt").unlink()
    shutil.copy(results / "0002.txt", results / "MOTS20-02.txt")
    with pytest.raises(MotsError, match=r"holds sequence MOTS20-02 twice, as .*0002\.txt and as .*MOTS20-02\.txt"):
        score(truth, results, benchmark="mots20")


def test_layouts_and_archives_score_alike(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, results = folders
    plain = score(truth, results).to_dict()
    challenge = tmp_path / "challenge"
    for name in ("0002", "0006"):
        (challenge / name / "gt").mkdir(parents=True)
        shutil.copy(truth / f"{name}.txt", challenge / name / "gt/gt.txt")
        (challenge / name / "seqinfo.ini").write_text(
            f"[Sequence]\nname={name}\nseqLength={233 if name == '0002' else 270}\n"
        )
    assert score(challenge, results).to_dict() == plain
    with zipfile.ZipFile(tmp_path / "results.zip", "w") as archive:
        for name in ("0002", "0006"):
            archive.write(results / f"{name}.txt", f"{name}.txt")
    assert score(truth, tmp_path / "results.zip").to_dict() == plain
    assert score(truth, results, jobs=2).to_dict() == plain
    one = score(truth, results, sequences=["0006"], classes=["car"]).to_dict()
    assert one["sequences"] == {"0006": {"car": plain["sequences"]["0006"]["car"]}}


def test_pngs_score_as_the_text_of_the_same(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/mots20/0005"
    (tmp_path / "png").mkdir()
    (tmp_path / "png/0005").symlink_to(folder / "instances")
    (tmp_path / "text").mkdir()
    shutil.copy(folder / "instances.txt", tmp_path / "text/0005.txt")
    results = tmp_path / "results"
    results.mkdir()
    lines = (folder / "instances.txt").read_text().splitlines()
    kept = [line for k, line in enumerate(lines) if k % 3 and line.split()[2] != "10"]
    (results / "0005.txt").write_text("\n".join(kept) + "\n")
    by_text = score(tmp_path / "text", results, benchmark="mots20").to_dict()
    assert by_text["combined"]["pedestrian"]["FN"] > 100
    assert score(tmp_path / "png", results, benchmark="mots20").to_dict() == by_text


def test_pngs_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    for side in ("truth", "results"):
        (tmp_path / side / "0002").mkdir(parents=True)
        Image.fromarray(np.full((4, 5), 2001, np.uint16)).save(tmp_path / side / "0002/000000.png")
    picture = tmp_path / "results/0002/000000.png"
    assert score(tmp_path / "truth", tmp_path / "results").combined["pedestrian"].numbers()["HOTA"] == pytest.approx(1)
    good = picture.read_bytes()
    Image.fromarray(np.full((4, 5), 200, np.uint8)).save(picture)
    with pytest.raises(MotsError, match=r"000000\.png: expected one channel of 16 bits, found a picture of mode L"):
        score(tmp_path / "truth", tmp_path / "results")
    picture.write_bytes(good[:50])
    with pytest.raises(MotsError, match=r"000000\.png: cannot be read as a PNG"):
        score(tmp_path / "truth", tmp_path / "results")
    Image.fromarray(np.full((5, 4), 2001, np.uint16)).save(picture)
    with pytest.raises(MotsError, match="expected a picture of 4 x 5, found 5 x 4"):
        score(tmp_path / "truth", tmp_path / "results")


def test_the_bdd_sample_reproduces_its_published_scores(shared: Path) -> None:
    folder = shared / "data/bdd_mots_sample"
    found = score(folder / "seg_track_sample.json", folder / "seg_track_preds.json", benchmark="bdd-mots").to_dict()
    numbers = found["combined"]["all classes"]
    published = {"MOTSA": 64.306, "IDF1": 74.516, "MOTSP": 83.572}
    assert {name: round(100 * numbers[name], 3) for name in published} == published
    assert [numbers[name] for name in ("FP", "FN", "IDS")] == [201, 399, 25]
    empty = folder / "seg_track_preds_empty.json"
    faults: list[Fault] = []
    with pytest.raises(MotsError, match="no mask in 'rle'"):
        score(folder / "seg_track_sample.json", empty, benchmark="bdd-mots")
    nothing = score(folder / "seg_track_sample.json", empty, benchmark="bdd-mots", report=faults.append)
    assert nothing.to_dict()["combined"]["all classes"]["TP"] == 0
    assert len(faults) > 0


def test_json_that_is_none_of_scalabels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"name": "a"}]')
    with pytest.raises(MotsError, match=r"x\.json: frame 0 of the list: no 'videoName'"):
        score(tmp_path / "x.json", tmp_path / "x.json", benchmark="bdd-mots")
    label = {"id": "1", "category": "car", "rle": {"size": [4, 5], "counts": "P"}}
    frame = {"videoName": "v", "frameIndex": 0, "labels": [label]}
    (tmp_path / "x.json").write_text(json.dumps([frame]))
    with pytest.raises(MotsError, match="v, frame 0, id 1: the mask does not decode"):
        score(tmp_path / "x.json", tmp_path / "x.json", benchmark="bdd-mots")


def test_the_command_prints_a_table_and_writes_every_number(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["score", *map(str, folders), "--json", str(tmp_path / "s.json"), "--csv", str(tmp_path / "s.csv")]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("pedestrian", "car", "class average", "0002", "0006", "combined", "sMOTSA"))
    written = json.loads((tmp_path / "s.json").read_text())
    assert written == score(*folders).to_dict()
    rows = (tmp_path / "s.csv").read_text().splitlines()
    assert rows[0].startswith("sequence,class,sMOTSA,")
    assert len(rows) == 1 + 2 * 2 + 4
    assert main([*arguments, "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_events_are_written_as_csv_and_parquet(folders: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ["score", *map(str, folders), "--quiet"]
    for ending in ("csv", "parquet"):
        assert main([*arguments, "--events", str(tmp_path / f"e.{ending}")]) == 0
    with (tmp_path / "e.csv").open() as file:
        rows = list(csv.DictReader(file))
    pyarrow = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")
    table = pyarrow.read_table(tmp_path / "e.parquet").to_pylist()
    assert [{key: "" if value is None else str(value) for key, value in row.items()} for row in table] == rows
    found = score(*folders)
    for sequence, classes in found.sequences.items():
        for name, each in classes.items():
            numbers = each.numbers()
            own = [row for row in rows if row["sequence"] == sequence and row["class"] == name]
            count = {kind: sum(row["event"] == kind for row in own) for kind in {row["event"] for row in rows}}
            assert count["match"] + count.get("switch", 0) == numbers["TP"]
            assert (count.get("switch", 0), count["miss"]) == (numbers["IDS"], numbers["FN"])
            assert count["false positive"] == numbers["FP"]
            assert sum(float(row["iou"] or 0) for row in own) == pytest.approx(numbers["softTP"])
    with pytest.raises(MotsError, match=r"written as \.csv or \.parquet"):
        event_table.write(tmp_path / "e.txt", [])


def test_plots_are_drawn(folders: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the plot extra is not installed")
    assert main(["score", *map(str, folders), "--quiet", "--plot", str(tmp_path / "plots")]) == 0
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    stems = [f"{kind}_{name}" for kind in ("hota", "sequences") for name in ("car", "pedestrian")]
    assert names == {f"{stem}.{ending}" for stem in stems for ending in ("png", "svg")}
    picture = np.asarray(Image.open(tmp_path / "plots/hota_car.png").convert("L"))
    assert picture.shape == (480, 720)
    assert (picture < 128).sum() > 1000  # axes, letters and curves


GOOD = "3 2001 2 20 30 hb0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{GOOD}\n900 2002 2 20 30 hb0\n", "0002.txt:2: frame 900: the sequence has frames 0 to 232"),
        (
            "3 2001 2 20 30 0hb0\n3 2002 2 20 30 0hb0\n",
            "ids 2001 and 2002 share 600 pixels: masks of a frame must be dis",
        ),
        ("3 2001 2 30 20 hb0\n", "0002.txt:1: a frame of 30 x 20 where the truth has 20 x 30"),
        (f"{GOOD}\n{GOOD}\n", "0002.txt:2: id 2001 a second time in frame 3"),
        ("3 2001 2 20 30 hb\n", "0002.txt:1: the mask does not decode: it ends in the middle of a number"),
        ("3 2001 5 20 30 hb0\n", "0002.txt:1: class 5 is none of"),
        ("3 2001.0 2 20 30 hb0\n", "0002.txt:1: id '2001.0': expected a whole number"),
    ],
)
def test_faults_are_named_before_any_number_is_printed(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("truth", "results"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0002.txt").write_text(f"{GOOD}\n")
    (tmp_path / "results/0002.txt").write_text(text)
    arguments = ["score", str(tmp_path / "truth"), str(tmp_path / "results")]
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    with warnings.catch_warnings(record=True) as caught:
        assert main([*arguments, "--lenient", "--quiet"]) == 0
    assert not caught or message in str(caught[0].message)
    assert message in capsys.readouterr().err or caught


def test_what_is_missing_is_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    truth, results = folders
    (results / "0006.txt").unlink()
    with pytest.raises(MotsError, match=r"results: sequence 0006 is missing: wanted 0006\.txt"):
        score(truth, results)
    (results / "0006.txt").write_text("")
    with pytest.raises(MotsError, match=r"the truth of sequence 0007 is missing"):
        score(truth, results, split="val")
    with pytest.raises(MotsError, match="no sequence '0009': there are 0002, 0006"):
        score(truth, results, sequences=["0009"])
    with pytest.raises(MotsError, match="unknown class 'bus': kitti-mots has car, pedestrian"):
        score(truth, results, classes=["bus"])
    with pytest.raises(MotsError, match="unknown benchmark"):
        score(truth, results, benchmark="x")
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as archive:
        archive.writestr("data/0002.txt", "")
    with pytest.raises(MotsError, match="lies in a folder inside the archive"):
        score(truth, tmp_path / "deep.zip")
    with pytest.raises(MotsError, match="no such file or folder"):
        score(tmp_path / "no", results)


def test_mots_tools_skips_frames_past_the_end(folders: tuple[Path, Path]) -> None:
    truth, results = folders
    before = score(truth, results, convention="mots_tools").to_dict()
    with (results / "0002.txt").open("a") as file:
        file.write(line(500, 2001, 2, np.ones(SIZE)))
    assert score(truth, results, convention="mots_tools").to_dict() == before
    with pytest.raises(MotsError, match="frame 500"):
        score(truth, results)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_mutated_lines_are_read_or_refused(seed: int, changes: int) -> None:
    rng = np.random.default_rng(seed)
    text = bytearray("".join(line(k, 2001, 2, painted(rng, 1)[0]) for k in range(4)), "ascii")
    for _ in range(changes):
        text[rng.integers(0, len(text))] = rng.integers(0, 256)
    faults: list[Fault] = []
    found = mots_text.parse(bytes(text), "x.txt", faults.append)
    assert len(found) + len(faults) >= min(len(found), 1)
    assert len(found) <= 4 + bytes(text).count(b"\n") + bytes(text).count(b"\r")
    assert all(str(fault).startswith("x.txt:") for fault in faults)
