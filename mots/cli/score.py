"""`mots score`: results against truth."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mots.benchmarks.registry import VOS_BENCHMARKS
from mots.cli.options import Commands, add_benchmark, at_least, names_in
from mots.cli.startup import quick_start
from mots.errors import InputError, MotsWarning

if TYPE_CHECKING:
    from mots.formats.faults import Fault

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("score", help="score results against truth: sMOTSA, HOTA, IDF1 and their parts")
    parser.add_argument("truth", metavar="TRUTH", type=Path, help="folder, zip archive or file of the truth")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="folder, zip archive or file of the results")
    add_benchmark(parser, more=VOS_BENCHMARKS)
    parser.add_argument(
        "--split",
        metavar="NAME|FILE",
        help="a split of the benchmark, or a .seqmap file; youtube-vos: the training meta.json",
    )
    parser.add_argument("--sequences", metavar="NAMES", help="only these, as in 0002,0006")
    parser.add_argument("--classes", metavar="NAMES", help="only these, as in car")
    parser.add_argument("--convention", default="trackeval", help="trackeval (default) or mots_tools")
    parser.add_argument("--lenient", action="store_true", help="report faults as warnings, and score the rest")
    parser.add_argument("--jobs", type=at_least(1), default=1, metavar="N", help="processes over sequences")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number as JSON")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every number as CSV")
    parser.add_argument("--events", type=Path, metavar="FILE", help="write each match, switch, miss and false positive")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw HOTA over alpha, and bars by sequence")
    parser.add_argument("--quiet", action="store_true", help="no table")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    quick_start()
    from mots.evaluation import score_table
    from mots.evaluation.scoring import score
    from mots.files import cannot_write, check_target, write_whole

    def warn(fault: Fault) -> None:
        warnings.warn(MotsWarning(str(fault)), stacklevel=2)

    read = [parsed.truth, parsed.results, None if parsed.split is None else Path(parsed.split)]
    written: dict[Path, str] = {}
    for flag in ("json", "csv", "events", "plot"):
        target = getattr(parsed, flag)
        if target is not None:
            check_target(target, True, read, (flag,))
            if target.resolve() in written:
                raise InputError(
                    f"{target}: two tables cannot be one file", parameters=(written[target.resolve()], flag)
                )
            written[target.resolve()] = flag
    lenient: dict[str, Any] = {"report": warn} if parsed.lenient else {}
    scores = score(
        parsed.truth,
        parsed.results,
        benchmark=parsed.benchmark,
        split=parsed.split,
        sequences=names_in(parsed.sequences),
        classes=names_in(parsed.classes),
        convention=parsed.convention,
        jobs=1 if parsed.lenient else parsed.jobs,
        with_events=parsed.events is not None,
        **lenient,
    )
    for file, text in ((parsed.json, score_table.as_json), (parsed.csv, score_table.as_csv)):
        if file is not None:
            try:
                write_whole(file, text(scores).encode("utf-8"))
            except OSError as error:
                raise cannot_write(file, error) from error
    if parsed.events is not None:
        from mots.evaluation import event_table

        event_table.write(parsed.events, scores.events)
    if parsed.plot is not None:
        from mots.evaluation.score_plots import plot

        plot(scores, parsed.plot)
    if not parsed.quiet:
        score_table.print_table(scores)
    return 0
