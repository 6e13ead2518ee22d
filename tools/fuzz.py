"""Damage good files of every format in many ways, and see that every command ends as it should.

python tools/fuzz.py --tries 5000 --seed 1      # all kinds, in turn
python tools/fuzz.py --tries 300 --kinds npz video

A try is good where the command ends within the limits of time and memory with the status 0, 1 or 2, prints no
traceback and, with status 2, one line; where nothing changes outside of its target; and where `validate` does not call
a file good that a plain reading of the rules calls bad. Each try is a process of its own, forked from this one, in
which everything is compiled and loaded already.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from mots.analytics.tables import FrameTableFile
from mots.cli import main as mots_main
from mots.detection import saved_detections
from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.formats.convert import convert
from mots.labels import FrameLabels
from mots.trackers import Detections, Masks, Tracker
from mots.video.writer import VideoWriter

SECONDS, BYTES = 10, 4 << 30  # of one try; the compiled code and the libraries take the first gigabyte
SIZE = (40, 60)
HANG, CRASH, WORDS, OUTSIDE, WRONG = "hang", "crash", "words", "outside", "wrong good"


@dataclass(frozen=True)
class Kind:
    """A kind of input: how to make a good one below a folder, and the commands that read it.

    In the commands `{}` stands for the damaged input, `{out}` for the target, `{good}` for the good inputs' folder.
    """

    make: Callable[[Path], Path]
    commands: tuple[tuple[str, ...], ...]
    binary: bool = False


def objects(frame: int) -> Masks:
    """Three masks of a frame, apart from each other."""
    places = [(2 + frame, 3), (20, 10 + frame), (40, 2)]
    return Masks.from_crops(SIZE, places, [np.ones((12, 10), bool), np.tri(15, 12, dtype=bool), np.ones((5, 5), bool)])


def text(folder: Path) -> Path:
    """MOTS text of six frames, a sequence in a folder."""
    (folder / "text").mkdir(parents=True, exist_ok=True)
    lines = []
    for frame in range(6):
        for identity, encoded in zip((2001, 1002, 2003), rle.encode(runs_of(objects(frame))), strict=True):
            lines.append(f"{frame} {identity} {identity // 1000} {SIZE[0]} {SIZE[1]} {encoded.decode()}\n")
    (folder / "text/0002.txt").write_text("".join(lines))
    return folder / "text"


def converted(to: str, name: str) -> Callable[[Path], Path]:
    """The same labels in another format."""

    def make(folder: Path) -> Path:
        convert(text(folder), folder / name, to)
        return folder / name

    return make


def scalabel(folder: Path) -> Path:
    encoded = rle.encode(runs_of(objects(0)))
    labels = [
        {"id": str(k), "category": "car", "rle": {"size": list(SIZE), "counts": each.decode()}}
        for k, each in enumerate(encoded)
    ]
    frames = [{"videoName": "v", "frameIndex": k, "labels": labels} for k in range(4)]
    (folder / "s.json").write_text(json.dumps({"frames": frames}))
    return folder / "s.json"


def cvat(folder: Path) -> Path:
    shapes = "".join(
        f'<polygon frame="{k}" outside="0" points="5.0,10.0;25.0,10.0;25.0,30.0"/><mask frame="{k}" outside="0" '
        'rle="2,3,5,2" left="30" top="5" width="4" height="3"/>'
        for k in range(2)
    )
    (folder / "c.xml").write_text(
        "<annotations><meta><task><name>t</name><size>9</size><original_size><width>60</width><height>40</height>"
        f'</original_size></task></meta><track id="0" label="car">{shapes}</track></annotations>'
    )
    return folder / "c.xml"


def archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "r.zip", "w", zipfile.ZIP_DEFLATED) as each:
        each.write(text(folder) / "0002.txt", "0002.txt")
    return folder / "r.zip"


def detections(ending: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with saved_detections.DetectionWriter(folder / f"d{ending}", 10.0) as writer:
            for k in range(40):
                writer.write(k, k / 10, Detections.from_masks(objects(k % 6), [0.9, 0.8, 0.7], [0, 2, 0]))
        return folder / f"d{ending}"

    return make


def video(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    with VideoWriter(folder / "v.mp4", 10) as writer:
        for k in range(12):
            writer.write(rng.integers(0, 255, (*SIZE, 3), np.uint8), k / 10)
    return folder / "v.mp4"


def pictures(folder: Path) -> Path:
    (folder / "pictures").mkdir(exist_ok=True)
    for k in range(6):
        Image.fromarray(np.full((*SIZE, 3), 40 * k, np.uint8)).save(folder / f"pictures/{k:06d}.png")
    return folder / "pictures"


def seqmap(folder: Path) -> Path:
    (folder / "x.seqmap").write_text("0002 empty 000000 000005\n")
    return folder / "x.seqmap"


def toml(folder: Path) -> Path:
    (folder / "s.toml").write_text("classes = ['person']\n[tracker]\ngate = 10.0\n[tracker.lifecycle]\nmemory = 3.0\n")
    return folder / "s.toml"


def state(folder: Path) -> Path:
    tracker = Tracker()
    for k in range(4):
        masks = objects(k)
        tracker.update(Detections.from_masks(masks, [0.9, 0.8, 0.7], [0, 2, 0], embeddings=np.eye(3, 8)))
    tracker.save(folder / "state.npz")
    return folder / "state.npz"


def table(folder: Path) -> Path:
    """A run's folder with its table of frames."""
    none = np.zeros(3, np.int64)
    with FrameTableFile(folder / "run", overwrite=True) as file:
        for k in range(6):
            scores = np.ones(3, np.float32)
            labels = FrameLabels(k, k / 10, np.array([2001, 2002, 2003]), none, scores, objects(k), Masks.empty(SIZE))
            file.write(labels)
    return folder / "run/frames.csv"


def scene(folder: Path) -> Path:
    table(folder)
    (folder / "scene.toml").write_text(
        '[[line]]\nname = "a"\npoints = [[0, 20], [60, 20]]\n'
        '[[zone]]\nname = "z"\npolygon = [[0, 0], [30, 0], [30, 30]]\n'
        "[ground]\nimage = [[0, 0], [60, 0], [60, 40], [0, 40]]\nmetres = [[0, 0], [6, 0], [6, 4], [0, 4]]\n"
    )
    return folder / "scene.toml"


def corrected(folder: Path) -> Path:
    """A run's folder with everything that a run and its corrections write."""
    if not (folder / "corrected").exists():
        saved = detections(".txt")(folder)
        answers = [
            mots_main(["track", str(saved), "--output", str(folder / "first"), "--table", "--explain", "--quiet"]),
            mots_main([
                "edit", str(folder / "first"), "--output", str(folder / "corrected"),
                "--rename", "1", "No. 1", "--split", "2@20", "--class", "3", "bus",
            ]),
        ]  # fmt: skip
        assert answers == [0, 0]
        shutil.copy(folder / "first/explain.jsonl", folder / "corrected")
    return folder / "corrected"


def edits(folder: Path) -> Path:
    return corrected(folder) / "edits.toml"


TO_TEXT = ("convert", "{}", "{out}", "--to", "mots-text")
TRACK = ("track", "{}", "--output", "{out}", "--quiet")
ANNOTATE = ("annotate", "{good}/pictures", "{}", "--output", "{out}", "--flow-alone", "--sequence", "0002")
KINDS = {
    "text": Kind(
        text,
        (
            ("validate", "{}"),
            ("score", "{good}/text", "{}"),
            ("convert", "{}", "{out}", "--to", "coco"),
            ("validate", "{}", "--fix", "--output", "{out}"),
        ),
    ),
    "mots-png": Kind(converted("mots-png", "png"), (("validate", "{}"), TO_TEXT), True),
    "step": Kind(
        converted("kitti-step", "step"),
        (
            ("validate", "{}", "--benchmark", "kitti-step"),
            ("score", "{good}/step", "{}", "--benchmark", "kitti-step"),
            TO_TEXT,
        ),
        True,
    ),
    "cvat-png": Kind(converted("cvat-mots-png", "cvatpng"), (TO_TEXT,)),
    "coco": Kind(converted("coco", "c.json"), (TO_TEXT, ("convert", "{}", "{out}", "--to", "mots-png"), ANNOTATE)),
    "youtube-vis": Kind(converted("youtube-vis", "y.json"), (TO_TEXT,)),
    "parquet": Kind(converted("parquet", "p.parquet"), (TO_TEXT,), True),
    "scalabel": Kind(scalabel, (TO_TEXT, ("score", "{}", "{}", "--benchmark", "bdd-mots"))),
    "cvat-xml": Kind(cvat, (TO_TEXT,)),
    "cvat-images": Kind(converted("cvat-images", "ci.xml"), (TO_TEXT, ANNOTATE)),
    "zip": Kind(archive, (("validate", "{}"), ("score", "{good}/text", "{}")), True),
    "npz": Kind(detections(".npz"), (TRACK, ("drift", "{good}/d.txt", "{}")), True),
    "detections-text": Kind(detections(".txt"), (TRACK,)),
    "video": Kind(video, (("read", "{}"),), True),
    "pictures": Kind(pictures, (("read", "{}"),), True),
    "seqmap": Kind(seqmap, (("validate", "{good}/text", "--split", "{}"),)),
    "settings": Kind(toml, (("track", "{good}/d.txt", "--settings", "{}", "--output", "{out}", "--quiet"),)),
    "scene": Kind(scene, (("count", "{good}/run", "--scene", "{}", "--output", "{out}"),)),
    "table": Kind(table, (("count", "{}", "--scene", "{good}/scene.toml", "--output", "{out}"),)),
    "run": Kind(
        corrected,
        (
            ("report", "{}", "--output", "{out}/r.html"),
            ("report", "{good}/corrected", "--truth", "{}", "--output", "{out}/r.html"),
            ("count", "{}", "--scene", "{good}/scene.toml", "--output", "{out}"),
            ("render", "{good}/pictures", "{}", "--output", "{out}"),
            ("edit", "{}", "--join", "2", "4", "--delete", "3", "--output", "{out}"),
            ("edit", "{}", "--suggest"),
            ("clean", "{}", "{good}/pictures", "--output", "{out}"),
            ("convert", "{}", "{out}", "--to", "cvat-xml"),
            ("convert", "{}", "{out}", "--to", "ottrk"),
        ),
    ),
    "edits": Kind(edits, (("edit", "{good}/first", "--replay", "{}", "--output", "{out}"),)),
    "state": Kind(state, (("load", "{}"),), True),
}  # fmt: skip

# What text holds that readers may stumble over.
TOKENS = [
    b"-1", b"0", b"1e400", b"NaN", b"Infinity", b"2147483647", b"2147483648", b"99999999999999999999",
    b"\0", b"\xff\xfe",
    b"\xef\xbb\xbf", b"../x", b"/tmp/x", b"null", b"[]", b"{}", b'""', b"\x1b[31m", b"=1+1", b"\n\n", b"\r\n",
    b" ", b"true",
    b"2000000000", b"1.5", b"\xed\xa0\x80",
]  # fmt: skip


def damaged(content: bytes, rng: np.random.Generator, binary: bool) -> bytes:
    """The content with one to three faults."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        if not data:
            break
        at = int(rng.integers(0, len(data)))
        length = int(rng.choice([1, 1, 2, 4, 8, 40, 200]))
        kind = int(rng.integers(0, 8))
        if kind == 0:
            del data[at:]
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at : at + length] = bytes(rng.integers(0, 256, length, np.uint8))
        elif kind == 3:
            data[at:at] = data[at : at + length]
        elif kind == 4:
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 5 and binary:
            data[at : at + 4] = int(rng.choice([0, 1, 2**31 - 1, 2**32 - 1, 2**30])).to_bytes(4, "little")
        else:  # a token in the place of a word
            end = at
            while at > 0 and chr(data[at - 1]).isalnum():
                at -= 1
            while end < len(data) and chr(data[end]).isalnum():
                end += 1
            data[at:end] = TOKENS[int(rng.integers(0, len(TOKENS)))]
    return bytes(data)


def damage(good: Path, place: Path, rng: np.random.Generator, binary: bool) -> Path:
    """A damaged copy of a good input: one of its files is another one, or is missing, or is a folder or a pipe."""
    target = place / good.name
    if good.is_dir():
        shutil.copytree(good, target)
        files = sorted(path for path in target.rglob("*") if path.is_file())
        victim = files[int(rng.integers(0, len(files)))]
        odd = int(rng.integers(0, 30))
        if odd == 0:
            victim.unlink()
        elif odd == 1:
            victim.unlink()
            victim.mkdir()
        elif odd == 2:
            victim.unlink()
            os.mkfifo(victim)
        elif odd == 3:
            victim.rename(victim.with_name(f"2000000000{victim.suffix}"))
        else:
            victim.write_bytes(damaged(victim.read_bytes(), rng, binary))
    else:
        target.write_bytes(damaged(good.read_bytes(), rng, binary))
    return target


def limited(call: Callable[[], int], place: Path) -> tuple[int | None, str, str]:
    """Run `call` in a forked process: its status (None: it hung or died), its output, its errors."""
    out, err = place / "stdout", place / "stderr"
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        status = 99
        with out.open("w", errors="backslashreplace") as one, err.open("w", errors="backslashreplace") as two:
            with contextlib.redirect_stdout(one), contextlib.redirect_stderr(two):
                try:
                    status = call()
                except SystemExit as stopped:
                    status = stopped.code if isinstance(stopped.code, int) else 2
                except BaseException:
                    traceback.print_exc()
            one.flush()
            two.flush()
        os._exit(status)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        ended, code = os.waitpid(child, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(code)
            return status, out.read_text(errors="replace"), err.read_text(errors="replace")
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, out.read_text(errors="replace"), err.read_text(errors="replace")


def run(words: list[str]) -> int:
    """A command of `mots`, or one of two that Python programs use: `read` a source, `load` a state."""
    if words[0] == "read":
        from mots.errors import MotsError
        from mots.video.opening import open_source

        try:
            for _ in open_source(words[1]):
                pass
        except MotsError as error:
            print(f"mots: error: {error}", file=sys.stderr)
            return 2
        return 0
    if words[0] == "load":
        try:
            tracker = Tracker.load(words[1])
            for k in range(4, 6):
                tracker.update(Detections.from_masks(objects(k), [0.9, 0.8, 0.7], [0, 2, 0], embeddings=np.eye(3, 8)))
        except ValueError as error:
            print(f"mots: error: {error}".splitlines()[0], file=sys.stderr)
            return 2
        return 0
    return mots_main(words)


def is_bad_text(content: bytes) -> bool:
    """Whether MOTS text breaks a rule, read in the plainest way with pycocotools."""
    from pycocotools import mask as coco

    if not content:  # a sequence without objects
        return False
    size: tuple[int, int] | None = None
    seen: set[tuple[int, int]] = set()
    masks: dict[int, np.ndarray] = {}
    for line in (
        content.decode("latin-1").split("\n")[:-1] if content.endswith(b"\n") else content.decode("latin-1").split("\n")
    ):
        fields = line.split(" ")
        if len(fields) != 6 or not all(field.lstrip("-").isdigit() and field.isascii() for field in fields[:5]):
            return True
        frame, identity, class_id, high, wide = map(int, fields[:5])
        if frame < 0 or class_id not in (1, 2) or (frame, identity) in seen or (size or (high, wide)) != (high, wide):
            return True
        seen.add((frame, identity))
        size = (high, wide)
        picture = coco.decode({"size": list(size), "counts": fields[5].encode("latin-1")}).astype(bool)
        if frame in masks and (masks[frame] & picture).any():
            return True
        masks[frame] = masks.get(frame, np.zeros(size, bool)) | picture
    return False


def verdict(kind: str, words: list[str], answer: tuple[int | None, str, str], path: Path) -> str:
    """What is wrong with how a try has ended; an empty text where nothing is."""
    status, _, err = answer
    if status is None:
        return HANG
    if status not in (0, 1, 2) or "Traceback" in err:
        return CRASH
    lines = [line for line in err.splitlines() if line.strip() and not line.startswith("mots: warning")]
    if status == 2 and len(lines) != 1:
        return WORDS
    file = path / "0002.txt"
    called_good = kind == "text" and words[0] == "validate" and len(words) == 2 and status == 0 and file.is_file()
    return WRONG if called_good and is_bad_text(file.read_bytes()) else ""


def snapshot(folder: Path, target: Path) -> dict[str, bytes]:
    """The files below a folder that are not in the target."""
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and target not in path.parents and path.name not in ("stdout", "stderr") and path != target
    }


def fuzz(tries: int, seed: int, kinds: list[str], keep: Path | None = None) -> Counter[tuple[str, str]]:
    """So many tries, the kinds in turn: how many of each kind ended in which way. `keep`: a folder for the bad ones."""
    found: Counter[tuple[str, str]] = Counter()
    home = Path(tempfile.mkdtemp(prefix="mots-fuzz-"))
    before_all = Path.cwd()
    os.chdir(home)
    try:
        goods = home / "good"
        goods.mkdir()
        made = {name: KINDS[name].make(goods) for name in kinds}
        for needed in (text, scene, pictures, detections(".txt"), converted("kitti-step", "step"), corrected):
            with contextlib.suppress(Exception):
                needed(goods)
        for name in kinds:  # everything is loaded and compiled before the first fork
            for command in KINDS[name].commands:
                words = [word.format(made[name], out=home / "warm", good=goods) for word in command]
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    run(words)
                shutil.rmtree(home / "warm", ignore_errors=True)
                (home / "warm").unlink(missing_ok=True)
        for number in range(tries):
            name = kinds[number % len(kinds)]
            kind = KINDS[name]
            rng = np.random.default_rng([seed, number])
            place = home / "try"
            place.mkdir()
            path = damage(made[name], place, rng, kind.binary)
            command = kind.commands[int(rng.integers(0, len(kind.commands)))]
            words = [word.format(path, out=place / "out", good=goods) for word in command]
            before = snapshot(home, place / "out")
            answer = limited(partial(run, words), place)
            wrong = verdict(name, words, answer, path)
            if not wrong and snapshot(home, place / "out") != before:
                wrong = OUTSIDE
            found[name, wrong or "good"] += 1
            if wrong:
                print(
                    f"try {number}: {wrong}: mots {' '.join(words)}: {answer[0]} {answer[2].strip()[-300:]}", flush=True
                )
                if keep is not None:
                    shutil.copytree(place, keep / f"{seed}-{number}", symlinks=True, ignore=lambda d, n: [
                        each for each in n if not (Path(d) / each).is_file() and not (Path(d) / each).is_dir()
                    ])  # fmt: skip
            shutil.rmtree(place)
    finally:
        os.chdir(before_all)
        shutil.rmtree(home, ignore_errors=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--keep", type=Path, help="a folder for the inputs of bad tries")
    arguments = parser.parse_args()
    found = fuzz(arguments.tries, arguments.seed, arguments.kinds, arguments.keep)
    print(f"{'kind':18}{'tries':>7}  faults")
    for name in arguments.kinds:
        total = sum(count for (kind, _), count in found.items() if kind == name)
        faults = {way: count for (kind, way), count in found.items() if kind == name and way != "good"}
        print(f"{name:18}{total:7}  {faults or 'none'}")
    sys.exit(any(way != "good" for _, way in found))


if __name__ == "__main__":
    main()
