"""The commands for people who submit to a benchmark: parse, call, print."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mots.cli.options import add_choice, add_reid, chosen_settings
from mots.cli.startup import quick_start
from mots.errors import MotsError

if TYPE_CHECKING:
    from mots.batch.plan import Plan
    from mots.batch.processes import Engine
    from mots.benchmarks.layouts import SequenceFiles
    from mots.formats.faults import Fault

__all__ = ["add_benchmark_commands"]

FOUND = 1  # the exit status of a check that found something


def add_benchmark_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `run`, `validate`, `submit` and `convert` to the command line."""
    run = commands.add_parser("run", help="track every sequence of a data set, skip what is done, and score it")
    run.add_argument("--root", type=Path, metavar="DIR", help="the data set's folder, or a video")
    run.add_argument("--benchmark", help="kitti-mots, mots20 or kitti-step; without it any folder of videos or images")
    run.add_argument("--split", metavar="NAME|FILE", help="train, val, test, or a .seqmap file (default: all there is)")
    run.add_argument("--sequences", metavar="NAMES", help="only these, as in 0002,0006")
    run.add_argument("--output", type=Path, metavar="DIR", help="default: runs/<benchmark>-<split>")
    run.add_argument("--detections", type=Path, metavar="DIR", help="saved ones: <sequence>.npz or .txt")
    run.add_argument("--offline", action="store_true", help="see all frames of a sequence first: fewer misses")
    run.add_argument("--semantic", type=Path, metavar="DIR", help="kitti-step: <sequence>/%%06d.png of train ids")
    run.add_argument("--jobs", type=int, metavar="N", help="processes, spread over the GPUs (default 1)")
    run.add_argument("--chunk-frames", type=int, default=0, metavar="N", help="cut longer sequences, for more --jobs")
    run.add_argument("--engine", choices=("processes", "ray"), default="processes", help="ray: a Ray cluster")
    run.add_argument("--ray-address", metavar="ADDRESS", help="auto, host:port (default: a cluster of this machine)")
    run.add_argument("--quiet", action="store_true", help="print only what failed")
    add_reid(run)
    add_choice(run)
    run.set_defaults(run=run_benchmark)

    validate = commands.add_parser("validate", help="check results as the official kits would, before an upload")
    validate.add_argument("results", metavar="RESULTS", type=Path, help="folder, zip archive or text file")
    add_benchmark(validate)
    validate.add_argument("--split", metavar="NAME|FILE", help="also check that its sequences and frames are there")
    validate.add_argument("--json", type=Path, metavar="FILE", help="write every finding as JSON")
    validate.add_argument("--fix", action="store_true", help="write a mended copy, and list each change")
    validate.add_argument("--output", type=Path, metavar="DIR", help="of --fix (default: RESULTS-fixed)")
    validate.add_argument("--shift-frames", type=int, default=0, metavar="N", help="with --fix: add N to every frame")
    validate.add_argument("--quiet", action="store_true", help="print no findings; the exit status tells")
    validate.set_defaults(run=run_validate)

    submit = commands.add_parser("submit", help="check results, and pack them as the benchmark's server wants them")
    submit.add_argument("results", metavar="RESULTS", type=Path, help="folder or zip archive")
    add_benchmark(submit)
    submit.add_argument("--split", default="test", metavar="NAME|FILE", help="default: test")
    submit.add_argument("--output", type=Path, required=True, metavar="FILE.zip", help="the archive")
    submit.add_argument("--layout", metavar="PATTERN", help="of KITTI-STEP's PNGs: {sequence}/{frame:06d}.png")
    submit.add_argument("--overwrite", action="store_true", help="replace an archive that is there")
    submit.set_defaults(run=run_submit)

    convert = commands.add_parser("convert", help="from one format of masks with identities to another")
    convert.add_argument("source", metavar="SOURCE", type=Path, help="file or folder")
    convert.add_argument("target", metavar="TARGET", type=Path, help="file (coco, youtube-vis, parquet) or folder")
    formats = "mots-text, mots-png, kitti-step, coco, youtube-vis, parquet, mot-boxes"
    convert.add_argument("--to", required=True, metavar="FORMAT", help=formats)
    convert.add_argument("--from", dest="origin", metavar="FORMAT", help="default: by what SOURCE looks like")
    convert.add_argument("--overwrite", action="store_true", help="replace what is there")
    convert.set_defaults(run=run_convert)


def add_benchmark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--benchmark", default="kitti-mots", help="kitti-mots (default), mots20 or kitti-step")


def run_benchmark(parsed: argparse.Namespace) -> int:
    from mots.batch.plan import Outcome, Plan
    from mots.batch.schedule import run_all
    from mots.benchmarks.layouts import discover
    from mots.benchmarks.registry import benchmark_named

    bench = None if parsed.benchmark is None else benchmark_named(parsed.benchmark)
    if bench is not None and parsed.preset == "default":
        parsed.preset = {"kitti-step": "kitti-mots", "bdd-mots": "traffic"}.get(bench.name, bench.name)
    settings = chosen_settings(parsed)
    if parsed.print_settings:
        from mots.settings import settings_toml

        print(settings_toml(settings), end="")
        return 0
    if parsed.root is None:
        raise MotsError("--root is missing: name the data set's folder")
    if parsed.jobs is not None and parsed.jobs < 1:
        raise MotsError(f"--jobs {parsed.jobs}: wanted 1 or more")
    if parsed.chunk_frames < 0:
        raise MotsError(f"--chunk-frames {parsed.chunk_frames}: wanted frames, or 0 to cut nothing")
    if parsed.ray_address is not None and parsed.engine != "ray":
        raise MotsError("--ray-address goes with --engine ray")
    step = bench is not None and bench.name == "kitti-step"
    if parsed.semantic is not None and not step:
        raise MotsError("--semantic goes with --benchmark kitti-step")
    names = None if parsed.sequences is None else [name.strip() for name in parsed.sequences.split(",")]
    sequences = discover(parsed.root, bench, parsed.split, names)
    words = [parsed.benchmark or parsed.root.resolve().name, "" if parsed.split is None else Path(parsed.split).stem]
    default = Path("runs") / "-".join(filter(None, words))
    plan = Plan(
        parsed.output or default,
        settings,
        parsed.offline,
        parsed.detections,
        step,
        parsed.semantic,
        parsed.chunk_frames,
    )

    def tell(outcome: Outcome) -> None:
        if outcome.state == "failed":
            print(f"{outcome.name}: failed: {outcome.message}", file=sys.stderr)
        elif not parsed.quiet:
            what = "done before" if outcome.state == "skipped" else f"{outcome.message}, {outcome.seconds:.1f} s"
            print(f"{outcome.name}: {what}", flush=True)

    outcomes = run_all(sequences, plan, engine_of(parsed, plan), tell)
    failed = [outcome.name for outcome in outcomes if outcome.state == "failed"]
    scored = [each for each in sequences if each.truth is not None and each.name not in failed]
    if bench is not None and scored:
        score_run(scored, plan, bench.name, parsed)
    if not parsed.quiet:
        done = len(outcomes) - len(failed)
        print(f"{count(done, 'sequence')} -> {plan.output / ('panoptic' if step else 'data')}")
    if failed:
        print(
            f"mots: {count(len(failed), 'sequence')} failed: {', '.join(failed)}; run again to try them again",
            file=sys.stderr,
        )
        return FOUND
    return 0


def engine_of(parsed: argparse.Namespace, plan: Plan) -> Engine:
    """What does the tasks."""
    if parsed.engine == "ray":
        from mots.batch.ray_cluster import RayCluster

        return RayCluster(plan, parsed.ray_address, parsed.jobs)
    from mots.batch.processes import Processes

    return Processes(plan, parsed.jobs or 1)


def score_run(sequences: list[SequenceFiles], plan: Plan, benchmark: str, parsed: argparse.Namespace) -> None:
    """Score what has truth: a table, and `scores.json`."""
    from mots.evaluation import score_table
    from mots.evaluation.scoring import Scores, score
    from mots.evaluation.step_scoring import counted
    from mots.files import write_whole

    truth = {each.name: each.truth for each in sequences if each.truth is not None}
    if benchmark == "kitti-step":
        scores = Scores({name: {"all": counted(path, plan.output / "panoptic" / name)} for name, path in truth.items()})
    else:
        results = {name: plan.output / "data" / f"{name}.txt" for name in truth}
        scores = score(truth, results, benchmark=benchmark, split=parsed.split)
    write_whole(plan.output / "scores.json", score_table.as_json(scores).encode("utf-8"))
    if not parsed.quiet:
        score_table.print_table(scores)


def run_validate(parsed: argparse.Namespace) -> int:
    quick_start()
    from mots.benchmarks.validation import fix, validate

    results = parsed.results
    if parsed.shift_frames and not parsed.fix:
        raise MotsError("--shift-frames goes with --fix")
    if parsed.fix:
        output = parsed.output or results.with_name(f"{results.stem}-fixed")
        changes = fix(results, output, parsed.benchmark, parsed.shift_frames)
        if not parsed.quiet:
            for change in changes:
                print(change)
            print(f"{count(len(changes), 'change')} -> {output}")
        results = output
    faults = validate(results, parsed.benchmark, parsed.split)
    if parsed.json is not None:
        write_json(parsed.json, faults)
    refused = sum(fault.refused for fault in faults)
    if not parsed.quiet:
        for fault in faults:
            print(fault if fault.refused else f"{fault} (untidy; not refused)")
        print(f"{results}: {verdict(refused, len(faults) - refused)}")
        if parsed.split is None:
            print("(without --split: missing sequences and frames past a sequence's end were not looked for)")
    return FOUND if refused else 0


def verdict(refused: int, untidy: int) -> str:
    """What the findings come to."""
    if refused:
        return f"{count(refused, 'fault')} that the official kits refuse, {count(untidy, 'untidy place')}"
    return "good" if not untidy else f"good, with {count(untidy, 'untidy place')}"


def count(number: int, word: str) -> str:
    """`1 fault`, `2 faults`."""
    return f"{number} {word}" + ("" if number == 1 else "s")


def write_json(file: Path, faults: list[Fault]) -> None:
    from mots.files import write_whole

    content = json.dumps([fault.to_dict() for fault in faults], indent=1)
    try:
        write_whole(file, content.encode("utf-8"))
    except OSError as error:
        raise MotsError(f"{file}: cannot be written ({error.strerror})") from error


def run_submit(parsed: argparse.Namespace) -> int:
    quick_start()
    from mots.benchmarks.submission import STEP_LAYOUT, submit

    if parsed.output.exists() and not parsed.overwrite:
        raise MotsError(f"{parsed.output} exists: choose another --output, or add --overwrite")
    if parsed.output.suffix != ".zip":
        raise MotsError(f"{parsed.output}: the server takes a .zip")
    print(submit(parsed.results, parsed.output, parsed.benchmark, parsed.split, parsed.layout or STEP_LAYOUT))
    if parsed.benchmark == "kitti-step":
        print("(the server's layout is not publicly documented: compare with its own instructions)", file=sys.stderr)
    return 0


def run_convert(parsed: argparse.Namespace) -> int:
    quick_start()
    from mots.formats.convert import convert

    if parsed.target.exists() and not parsed.overwrite:
        raise MotsError(f"{parsed.target} exists: choose another TARGET, or add --overwrite")
    lost = convert(parsed.source, parsed.target, parsed.to, parsed.origin)
    for each in lost:
        print(f"not held by {parsed.to}: {each}")
    print(f"{parsed.source} -> {parsed.target}")
    return 0
