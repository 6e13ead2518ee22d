"""The command line: parse, call, print."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mots import __version__
from mots.cli.benchmark_commands import add_benchmark_commands
from mots.cli.dataset_commands import add_dataset_command
from mots.cli.options import add_choice, add_reid, chosen_settings
from mots.cli.startup import quick_start
from mots.errors import MotsError, MotsWarning

if TYPE_CHECKING:
    from mots.formats.faults import Fault
    from mots.settings import Settings

__all__ = ["main"]

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 2 for an error that the user can mend, 130 for Ctrl-C."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything imports torch
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    warnings.showwarning = show_warning
    warnings.simplefilter("always", MotsWarning)
    try:
        status: int = parsed.run(parsed)
        return status
    except MotsError as error:
        print(f"mots: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mots: stopped; the frames up to here are written", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (lives until the process ends)
        return 0


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of ours as one line; those of libraries are not for users."""
    if issubclass(category, MotsWarning):
        print(f"mots: warning: {message}", file=sys.stderr)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mots", description="Track and segment every person and vehicle in video: masks with lasting identities."
    )
    parser.add_argument("--version", action="version", version=f"mots {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    track = commands.add_parser("track", help="track a video, images, a camera or saved detections")
    add_source(track)
    add_output(track)
    track.add_argument("--detections", type=Path, metavar="FILE", help="saved detections in place of the network")
    track.add_argument("--offline", action="store_true", help="see all frames first: fewer misses, memory grows")
    add_choice(track)
    track.set_defaults(run=run_track)

    detect = commands.add_parser("detect", help="save the detections of a video or images, to track them later")
    add_source(detect)
    detect.add_argument("--output", type=Path, metavar="FILE", help="default: <name>.npz, or <name>.txt as text")
    detect.add_argument("--format", choices=("npz", "text"), help="default: by the ending of --output, npz without")
    detect.add_argument("--quiet", action="store_true", help="no progress bar")
    detect.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    add_choice(detect)
    detect.set_defaults(run=run_detect)

    score = commands.add_parser("score", help="score results against truth: sMOTSA, HOTA, IDF1 and their parts")
    score.add_argument("truth", metavar="TRUTH", type=Path, help="folder, zip archive or text file of the truth")
    score.add_argument("results", metavar="RESULTS", type=Path, help="folder, zip archive or text file of the results")
    score.add_argument("--benchmark", default="kitti-mots", help="kitti-mots (default), mots20 or kitti-step")
    score.add_argument("--split", metavar="NAME|FILE", help="a split of the benchmark, or a .seqmap file")
    score.add_argument("--sequences", metavar="NAMES", help="only these, as in 0002,0006")
    score.add_argument("--classes", metavar="NAMES", help="only these, as in car")
    score.add_argument("--convention", default="trackeval", help="trackeval (default) or mots_tools")
    score.add_argument("--lenient", action="store_true", help="report faults as warnings, and score what remains")
    score.add_argument("--jobs", type=int, default=1, metavar="N", help="processes over sequences")
    score.add_argument("--json", type=Path, metavar="FILE", help="write every number as JSON")
    score.add_argument("--csv", type=Path, metavar="FILE", help="write every number as CSV")
    score.add_argument("--events", type=Path, metavar="FILE", help="write each match, switch, miss and false positive")
    score.add_argument("--plot", type=Path, metavar="DIR", help="draw HOTA over alpha, and bars by sequence")
    score.add_argument("--quiet", action="store_true", help="no table")
    score.set_defaults(run=run_score)

    add_benchmark_commands(commands)
    add_dataset_command(commands)

    tune = commands.add_parser("tune", help="search for the tracker's settings on saved detections")
    tune.add_argument(
        "detections", metavar="DETECTIONS", type=Path, help="a file, or a folder of <sequence>.npz or .txt"
    )
    tune.add_argument("truth", metavar="TRUTH", type=Path, help="a text file, or a folder with each sequence's")
    tune.add_argument("--output", type=Path, default=Path("runs/tune"), metavar="DIR", help="default: runs/tune")
    tune.add_argument("--benchmark", default="mots20", help="whose classes are scored: mots20 (default), kitti-mots")
    tune.add_argument("--metric", default="HOTA", help="what to make large (default HOTA)")
    tune.add_argument("--trials", type=int, default=50, metavar="N", help="in all, earlier ones counted (default 50)")
    tune.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that share the search")
    tune.add_argument("--seed", type=int, default=0)
    tune.add_argument(
        "--knob", action="append", default=[], metavar="NAME=LOW:HIGH", help="search these knobs instead (repeatable)"
    )
    tune.add_argument("--preset", default="mots20", help="settings to start from (default mots20)")
    tune.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings over the preset's")
    tune.set_defaults(run=run_tune)

    demo = commands.add_parser("demo", help="track a rendered toy world offline, and compare with its exact truth")
    demo.add_argument("--output", type=Path, default=Path("runs/demo"), metavar="DIR", help="default: runs/demo")
    demo.add_argument("--seed", type=int, default=7, help="which world (default 7)")
    demo.add_argument("--frames", type=int, default=150, help="how many frames (default 150)")
    demo.add_argument("--quiet", action="store_true", help="no progress bar")
    demo.set_defaults(run=run_demo)
    return parser


def add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        help="a video file, a folder or glob of images, a camera's number, a stream's URL, or saved detections",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the results (default runs/<name>)")
    parser.add_argument("--video", action="store_true", help="also write an annotated <name>.mp4")
    add_reid(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no summary")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there")


def printed_settings(parsed: argparse.Namespace, settings: Settings) -> bool:
    """Print the settings if that was asked for; otherwise a source must have been named."""
    if parsed.print_settings:
        from mots.settings import settings_toml

        print(settings_toml(settings), end="")
        return True
    if parsed.source is None:
        raise MotsError("no SOURCE: name a video, a folder of images, a camera's number or saved detections")
    return False


def run_track(parsed: argparse.Namespace) -> int:
    settings = chosen_settings(parsed)
    if printed_settings(parsed, settings):
        return 0
    from mots.pipeline.pipeline import Run
    from mots.pipeline.record import record

    run = Run(parsed.source, settings, detections=parsed.detections)
    folder = parsed.output or Path("runs") / run.name
    summary = record(
        run, folder, video=parsed.video, overwrite=parsed.overwrite, quiet=parsed.quiet, offline=parsed.offline
    )
    if not parsed.quiet:
        print(summary)
    return 0


def run_detect(parsed: argparse.Namespace) -> int:
    settings = chosen_settings(parsed)
    if printed_settings(parsed, settings):
        return 0
    from mots.pipeline.pipeline import Run
    from mots.pipeline.record import save_detections

    kind = parsed.format or ("text" if parsed.output and parsed.output.suffix == ".txt" else "npz")
    ending = ".txt" if kind == "text" else ".npz"
    if parsed.output and parsed.output.suffix != ending:
        raise MotsError(f"{parsed.output}: detections as {kind} end in {ending}")
    run = Run(parsed.source, settings)
    output = parsed.output or Path(run.name + ending)
    print(save_detections(run, output, overwrite=parsed.overwrite, quiet=parsed.quiet))
    return 0


def run_score(parsed: argparse.Namespace) -> int:
    quick_start()
    from mots.evaluation import score_table
    from mots.evaluation.scoring import score
    from mots.files import write_whole

    def warn(fault: Fault) -> None:
        warnings.warn(MotsWarning(str(fault)), stacklevel=2)

    strict = {} if not parsed.lenient else {"report": warn}
    scores = score(
        parsed.truth,
        parsed.results,
        benchmark=parsed.benchmark,
        split=parsed.split,
        sequences=None if parsed.sequences is None else parsed.sequences.split(","),
        classes=None if parsed.classes is None else parsed.classes.split(","),
        convention=parsed.convention,
        jobs=1 if parsed.lenient else parsed.jobs,
        with_events=parsed.events is not None,
        **strict,
    )
    for file, text in ((parsed.json, score_table.as_json), (parsed.csv, score_table.as_csv)):
        if file is not None:
            try:
                write_whole(file, text(scores).encode("utf-8"))
            except OSError as error:
                raise MotsError(f"{file}: cannot be written ({error.strerror})") from error
    if parsed.events is not None:
        from mots.evaluation import event_table

        event_table.write(parsed.events, scores.events)
    if parsed.plot is not None:
        from mots.evaluation.score_plots import plot

        plot(scores, parsed.plot)
    if not parsed.quiet:
        score_table.print_table(scores)
    return 0


def run_tune(parsed: argparse.Namespace) -> int:
    from mots import settings
    from mots.evaluation.tuning import KNOBS, Search, parse_range, tune

    search = Search(
        parsed.detections,
        parsed.truth,
        parsed.output,
        settings.load(parsed.preset, parsed.settings),
        dict(parse_range(text) for text in parsed.knob) or KNOBS,
        parsed.benchmark,
        parsed.metric,
        parsed.trials,
        parsed.jobs,
        parsed.seed,
    )
    _, value = tune(search)
    print(f"{parsed.metric} {value:.4f} -> {parsed.output / 'best.toml'}, {parsed.output / 'trials.csv'}")
    return 0


def run_demo(parsed: argparse.Namespace) -> int:
    from mots.toy.demo import run

    print(run(parsed.output, seed=parsed.seed, frames=parsed.frames, quiet=parsed.quiet))
    return 0
