"""Kill every command that writes at random moments, and see that nothing is lost.

python tools/kill.py --kills 100 --seed 1

Each command is first run undisturbed, over the result of an earlier input: that gives the old and the new result. Then
it is started over the old result again and again, and killed by SIGKILL, SIGTERM or SIGINT at a random moment. After
each kill the target must hold the old result or the new one, whole (a batch: sequences that are the one or the other),
and the same command, run to its end, must give the new one byte for byte. Partial results under names of their own are
allowed, traces of the killed run's temporary files too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mots.detection import saved_detections
from mots.encodings import rle
from mots.encodings.runs import runs_of
from mots.trackers import Detections, Masks

ROOT = Path(__file__).resolve().parents[1]
SIZE = (48, 64)
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TEMPORARY = (".part", ".partial", ".lock", ".old")


def found(k: int, shift: int = 0) -> Detections:
    places = [(2 + k % 30 + shift, 3), (20, 10 + k % 20)]
    masks = Masks.from_crops(SIZE, places, [np.ones((20, 10), bool), np.tri(15, 12, dtype=bool)])
    return Detections.from_masks(masks, [0.9, 0.8], [0, 0])


def detections(path: Path, frames: int, shift: int) -> Path:
    with saved_detections.DetectionWriter(path, 10.0) as writer:
        for k in range(frames):
            writer.write(k, k / 10, found(k, shift))
    return path


def pictures(folder: Path, frames: int, grey: int) -> Path:
    folder.mkdir(parents=True)
    for k in range(frames):
        Image.fromarray(np.full((*SIZE, 3), (grey + k) % 256, np.uint8)).save(folder / f"{k:06d}.bmp")
    return folder


def text(folder: Path, frames: int, shift: int) -> Path:
    folder.mkdir(parents=True)
    lines = []
    for k in range(frames):
        for number, encoded in enumerate(rle.encode(runs_of(found(k, shift).masks)), start=1):
            lines.append(f"{k} {2000 + number} 2 {SIZE[0]} {SIZE[1]} {encoded.decode()}\n")
    (folder / "0002.txt").write_text("".join(lines))
    return folder


@dataclass(frozen=True)
class Job:
    """`prepare` makes an input of version 0 or 1 in a folder; `words` are the command over it, with `{in}` for that
    folder and `{out}` for the target. `again`: what is added to write over an older result. `parts`: whether each file
    of the target is a result by itself, as in a batch."""

    prepare: Callable[[Path, int], object]
    words: tuple[str, ...]
    again: tuple[str, ...] = ("--overwrite",)
    parts: bool = False


def two_sequences(folder: Path, version: int) -> None:
    for name in ("a", "b", "c"):
        pictures(folder / "set" / name, 40, 10 + 100 * version)
        (folder / "saved").mkdir(exist_ok=True)
        detections(folder / "saved" / f"{name}.txt", 40, version)


def a_run(folder: Path, version: int) -> None:
    """Pictures, results with their table, and a scene."""
    pictures(folder / "walk", 60, 10 + 50 * version)
    saved = detections(folder / "d.npz", 60, version)
    finish(["track", str(saved), "--output", str(folder / "run"), "--table", "--quiet"])
    (folder / "scene.toml").write_text(
        '[[line]]\nname = "a"\npoints = [[20, 0], [20, 48]]\n'
        '[[zone]]\nname = "z"\npolygon = [[0, 0], [30, 0], [30, 48]]\n'
    )


BATCH = ("batch", "--root", "{in}/set", "--detections", "{in}/saved", "--output", "{out}", "--jobs", "2", "--quiet")
JOBS = {
    "track": Job(
        lambda folder, version: detections(folder / "d.npz", 400 + 100 * version, version),
        ("track", "{in}/d.npz", "--output", "{out}", "--quiet"),
    ),
    "track --offline": Job(
        lambda folder, version: detections(folder / "d.npz", 300 + 100 * version, version),
        ("track", "{in}/d.npz", "--output", "{out}", "--offline", "--quiet"),
    ),
    "track --video": Job(
        lambda folder, version: (
            pictures(folder / "walk", 60, 10 + 50 * version),
            detections(folder / "walk.npz", 60, version),
        ),
        ("track", "{in}/walk", "--detections", "{in}/walk.npz", "--output", "{out}", "--video", "--quiet"),
    ),
    "detect": Job(
        lambda folder, version: pictures(folder / "walk", 30, 10 + 50 * version),
        ("detect", "{in}/walk", "--weights", "demo", "--output", "{out}/d.npz", "--quiet"),
    ),
    "batch": Job(two_sequences, BATCH, (), True),
    "batch in chunks": Job(two_sequences, (*BATCH, "--chunk-frames", "15"), (), True),
    "convert to text": Job(
        lambda folder, version: text(folder / "t", 300, version), ("convert", "{in}/t", "{out}", "--to", "mots-text")
    ),
    "convert to PNGs": Job(
        lambda folder, version: text(folder / "t", 200 - 50 * version, version),
        ("convert", "{in}/t", "{out}", "--to", "mots-png"),
    ),
    "convert to COCO": Job(
        lambda folder, version: text(folder / "t", 300, version), ("convert", "{in}/t", "{out}/c.json", "--to", "coco")
    ),
    "render to MP4": Job(a_run, ("render", "{in}/walk", "{in}/run", "--output", "{out}/v.mp4")),
    "render to PNGs": Job(a_run, ("render", "{in}/walk", "{in}/run", "--output", "{out}"), parts=True),
    "report": Job(a_run, ("report", "{in}/run", "{in}/walk", "--output", "{out}/r.html")),
    "count": Job(a_run, ("count", "{in}/run", "--scene", "{in}/scene.toml", "--output", "{out}", "--sport")),
    "edit": Job(a_run, ("edit", "{in}/run", "--rename", "1", "No. 1", "--delete", "2", "--output", "{out}")),
    "validate --fix": Job(
        lambda folder, version: text(folder / "t", 300, version), ("validate", "{in}/t", "--fix", "--output", "{out}")
    ),
}  # fmt: skip


def contents(target: Path) -> dict[str, bytes]:
    """The files of a target, without what is temporary."""
    return {
        path.relative_to(target).as_posix(): normal(path)
        for path in sorted(target.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(target).parts)
        and path.suffix not in TEMPORARY
    }


def normal(path: Path) -> bytes:
    """A file's bytes; of a manifest only its name, as it holds times, of a video its length."""
    if "manifest" in path.parts:
        return b"manifest"
    return path.read_bytes()


def start(words: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "mots", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )


def finish(words: list[str]) -> float:
    """Run a command to its end; the seconds that it took. Raises RuntimeError where it fails."""
    begin = time.monotonic()
    process = start(words)
    said = process.communicate()[1].decode("utf-8", "replace")
    if process.returncode != 0:
        raise RuntimeError(f"mots {' '.join(words)}: status {process.returncode}: {said[-500:]}")
    return time.monotonic() - begin


def fault_of(target: Path, old: dict[str, bytes], new: dict[str, bytes], job: Job) -> str:
    """What is wrong with a target after a kill; an empty text where nothing is."""
    there = contents(target)
    if there in (old, new):
        return ""
    if not job.parts and set(there) - set(old) - set(new):
        return f"other files: {sorted(set(there) - set(old) - set(new))[:3]}"
    for name, content in there.items():
        if content not in (old.get(name), new.get(name)):
            return f"{name} is neither old nor new"
    missing = set(old) & set(new) - set(there)
    if missing:
        return f"lost: {sorted(missing)[:3]}"
    if len({name for name in there if there[name] != old.get(name)} & set(old)) and not job.parts and len(there) > 2:
        return "old and new files are mixed"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    kills: Counter[str] = Counter()
    late: Counter[str] = Counter()
    faults: list[str] = []
    for number, name in enumerate(arguments.jobs):
        job = JOBS[name]
        home = Path(tempfile.mkdtemp(prefix="mots-kill-"))
        # The new input takes the place of the old one: a batch refuses other sources of the same names.
        given, target = str(home / "in"), str(home / "old")
        words = [word.replace("{in}", given).replace("{out}", target) for word in job.words]
        seconds = 0.0
        for version in (0, 1):
            shutil.rmtree(given, ignore_errors=True)
            (home / "in").mkdir()
            job.prepare(home / "in", version)
            seconds = finish([*words, *job.again] if version else words)
            if version == 0:
                old = contents(home / "old")
                shutil.copytree(home / "old", home / "kept")
        new = contents(home / "old")
        count = arguments.kills // len(arguments.jobs) + (number < arguments.kills % len(arguments.jobs))
        for _ in range(count):
            shutil.rmtree(home / "old")
            shutil.copytree(home / "kept", home / "old")
            process = start([*words, *job.again])
            time.sleep(float(rng.uniform(0.25, 1.05)) * seconds)
            which = SIGNALS[int(rng.integers(0, 3))]
            late[name] += process.poll() is not None
            process.send_signal(which)
            said = process.communicate(timeout=60)[1].decode("utf-8", "replace")
            kills[name] += 1
            fault = "a traceback" if "Traceback" in said else fault_of(home / "old", old, new, job)
            if not fault:
                try:
                    finish([*words, *job.again])
                    fault = "" if contents(home / "old") == new else "the same command then gives another result"
                except RuntimeError as error:
                    fault = str(error)
            if fault:
                faults.append(f"{name}, {which.name}: {fault} {said[-300:] if 'traceback' in fault else ''}")
                print(faults[-1], flush=True)
        shutil.rmtree(home)
        print(f"{name}: {kills[name]} kills, {late[name]} of them after the end", flush=True)
    print(f"{sum(kills.values())} kills, {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
