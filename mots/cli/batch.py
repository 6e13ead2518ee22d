"""`mots batch`: track every sequence of a folder or data set."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mots.cli.options import (
    Commands,
    add_benchmark,
    add_reid,
    add_settings,
    chosen_settings,
    count,
    is_settings_request,
    names_in,
)
from mots.errors import InputError
from mots.names import printable

if TYPE_CHECKING:
    from mots.batch.plan import Plan
    from mots.batch.processes import TaskRunner
    from mots.benchmarks.layouts import SequenceFiles

__all__ = ["add"]

# Of benchmarks without a preset of their own name; those of boxes have people only.
PRESETS = {"kitti-step": "kitti-mots", "bdd-mots": "traffic", "sportsmot": "sports"}
PRESETS |= dict.fromkeys(("mot17", "mot20", "dancetrack"), "mots20")
FAILED = 1  # the exit status when a sequence failed


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("batch", help="track every video of a folder or data set, and score what has truth")
    parser.add_argument("--root", type=Path, metavar="DIR", help="the folder of the sequences, or a video")
    add_benchmark(parser, without="without it any folder of videos or images")
    parser.add_argument("--split", metavar="NAME|FILE", help="train, val, test, or a .seqmap file (default: all)")
    parser.add_argument("--sequences", metavar="NAMES", help="only these, as in 0002,0006")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: runs/<benchmark>-<split>")
    parser.add_argument("--detections", type=Path, metavar="DIR", help="saved ones: <sequence>.npz or .txt")
    parser.add_argument("--offline", action="store_true", help="use all frames for each: fewer misses, more memory")
    parser.add_argument("--semantic", type=Path, metavar="DIR", help="kitti-step: <sequence>/%%06d.png of train ids")
    parser.add_argument(
        "--semantic-weights", metavar="NAME|PATH", help="kitti-step: make the maps by this network (demo-semantic, ...)"
    )
    parser.add_argument("--jobs", type=int, metavar="N", help="processes, spread over the GPUs (default 1)")
    parser.add_argument(
        "--chunk-frames", type=int, default=0, metavar="N", help="cut longer sequences, for more --jobs"
    )
    parser.add_argument("--engine", choices=("processes", "ray"), default="processes", help="ray: a Ray cluster")
    parser.add_argument("--ray-address", metavar="ADDRESS", help="auto, host:port (default: a cluster of this machine)")
    parser.add_argument("--quiet", action="store_true", help="print only what failed")
    add_reid(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.batch.manifest import weights_of
    from mots.batch.plan import Outcome, Plan
    from mots.batch.schedule import run_batch
    from mots.benchmarks.layouts import discover
    from mots.benchmarks.registry import benchmark_named

    bench = None if parsed.benchmark is None else benchmark_named(parsed.benchmark)
    if bench is not None and parsed.preset == "default":
        parsed.preset = PRESETS.get(bench.name, bench.name)
    settings = chosen_settings(parsed)
    if is_settings_request(parsed, settings):
        return 0
    if parsed.root is None:
        raise InputError("--root is missing: name the folder of the sequences")
    if parsed.jobs is not None and parsed.jobs < 1:
        raise InputError(f"--jobs {parsed.jobs}: wanted 1 or more")
    if parsed.chunk_frames < 0:
        raise InputError(f"--chunk-frames {parsed.chunk_frames}: wanted frames, or 0 to cut no sequence")
    if parsed.ray_address is not None and parsed.engine != "ray":
        raise InputError("--ray-address needs --engine ray")
    step = bench is not None and bench.name == "kitti-step"
    if (parsed.semantic is not None or settings.semantic.weights) and not step:
        flag = "--semantic" if parsed.semantic is not None else "--semantic-weights"
        raise InputError(f"{flag} needs --benchmark kitti-step")
    if parsed.semantic is not None and settings.semantic.weights:
        raise InputError("--semantic and --semantic-weights: the maps come from one of them")
    sequences = discover(parsed.root, bench, parsed.split, names_in(parsed.sequences))
    words = [parsed.benchmark or parsed.root.resolve().name, "" if parsed.split is None else Path(parsed.split).stem]
    plan = Plan(
        parsed.output or Path("runs") / "-".join(filter(None, words)),
        settings,
        parsed.offline,
        parsed.detections,
        step,
        parsed.semantic,
        parsed.chunk_frames,
    )

    weights_of(plan, plan.detections)  # once, and not as the fault of each sequence

    def tell(outcome: Outcome) -> None:
        if outcome.state == "failed":
            print(printable(f"{outcome.name}: failed: {outcome.message}"), file=sys.stderr)
        elif not parsed.quiet:
            what = "done before" if outcome.state == "skipped" else f"{outcome.message}, {outcome.seconds:.1f} s"
            print(printable(f"{outcome.name}: {what}"), flush=True)

    outcomes = run_batch(sequences, plan, runner_of(parsed, plan), tell)
    failed = [outcome.name for outcome in outcomes if outcome.state == "failed"]
    scored = [each for each in sequences if each.truth is not None and each.name not in failed]
    if bench is not None and scored:
        score_run(scored, plan, bench.name, parsed)
    if not parsed.quiet:
        done = len(outcomes) - len(failed)
        print(f"{count(done, 'sequence')} -> {plan.output / ('panoptic' if step else 'data')}")
    if failed:
        names = ", ".join(failed)
        print(f"mots: {count(len(failed), 'sequence')} failed: {names}; run again to retry them", file=sys.stderr)
        return FAILED
    return 0


def runner_of(parsed: argparse.Namespace, plan: Plan) -> TaskRunner:
    """What runs the tasks."""
    if parsed.engine == "ray":
        from mots.batch.ray_cluster import RayCluster

        return RayCluster(plan, parsed.ray_address, parsed.jobs)
    from mots.batch.processes import Processes

    return Processes(plan, parsed.jobs or 1)


def score_run(sequences: list[SequenceFiles], plan: Plan, benchmark: str, parsed: argparse.Namespace) -> None:
    """Score the sequences with truth: a table, and `scores.json`."""
    from mots.evaluation import score_table
    from mots.evaluation.scoring import Scores, score
    from mots.evaluation.step_scoring import counts_of
    from mots.files import cannot_write, write_whole

    truth = {each.name: each.truth for each in sequences if each.truth is not None}
    if benchmark == "kitti-step":
        panoptic = plan.output / "panoptic"
        scores = Scores({name: {"all": counts_of(path, panoptic / name)} for name, path in truth.items()})
    else:
        results = {name: plan.output / "data" / f"{name}.txt" for name in truth}
        scores = score(truth, results, benchmark=benchmark, split=parsed.split)
    try:
        write_whole(plan.output / "scores.json", score_table.as_json(scores).encode("utf-8"))
    except OSError as error:
        raise cannot_write(plan.output / "scores.json", error) from error
    if not parsed.quiet:
        score_table.print_table(scores)
