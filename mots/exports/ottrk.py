"""`.ottrk`, the tracks of OpenTrafficCam's OTVision, which OTAnalytics reads: JSON, packed by bzip2.

Boxes are their middle, width and height in pixels; frames count from 1; `occurrence` is a Unix time. Also the list of
events, with OTAnalytics' columns.
"""

from __future__ import annotations

import bz2
import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from mots import __version__
from mots.analytics.frame_table import FrameTable
from mots.analytics.lines import Crossing
from mots.analytics.paths import Path2D
from mots.errors import InputError
from mots.files import check_target, write_output
from mots.names import for_sheet

__all__ = ["start_of", "write", "write_events"]

EVENT_COLUMNS = (
    "road_user_id", "road_user_type", "event_type", "section_name", "occurrence_day", "occurrence_time",
    "frame_number", "coordinate_px_x", "coordinate_px_y",
)  # fmt: skip


def start_of(text: str) -> datetime:
    """When a recording began, of `2024-05-01 12:30:00` in UTC, or with a zone of its own. Raises InputError."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)
    except ValueError:
        message = f"'{text}' is no date: wanted one as 2024-05-01 12:30:00"
        raise InputError(message, parameters=("start_date",)) from None


def write(
    output: Path,
    table: FrameTable,
    video: str,
    size: tuple[int, int],
    frame_rate: float,
    start: datetime,
    overwrite: bool = False,
    sources: Iterable[Path | None] = (),
) -> Path:
    """Write a table as `.ottrk`; `video`: the file's name, `size`: (height, width) of its frames. Raises MotsError
    where it cannot be written, InputError where `output` is one of `sources`."""
    check_target(output, overwrite, sources)
    stem, dot, ending = video.rpartition(".")
    last = {track: row for row, track in enumerate(table.track_id.tolist())}
    seen: set[int] = set()
    detections = []
    first_frame = int(table.frame.min()) if len(table) else 0
    for row in range(len(table)):
        track = int(table.track_id[row])
        x1, y1, x2, y2 = table.boxes[row].tolist()
        occurrence = start + timedelta(seconds=float(table.time_s[row]))
        detections.append(
            {
                "class": str(table.classes[row]),
                "confidence": float(table.score[row]),
                "x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "w": x2 - x1, "h": y2 - y1,
                "frame": int(table.frame[row]) + (1 if first_frame == 0 else 0),
                "occurrence": occurrence.timestamp(),
                "input_file_path": video,
                "interpolated-detection": bool(table.predicted[row]),
                "first": track not in seen,
                "finished": last[track] == row,
                "track-id": track,
            }
        )  # fmt: skip
        seen.add(track)
    frames = int(table.frame.max()) + (1 if first_frame == 0 else 0) if len(table) else 0
    seconds, rate = frames / frame_rate, round(frame_rate, 3)
    classes = {str(k): name for k, name in enumerate(sorted(set(table.classes.tolist())))}
    content: dict[str, Any] = {
        "metadata": {
            "ottrk_version": "1.1",
            "otdet_version": "1.2",
            "video": {
                "filename": stem if dot else video, "filetype": f".{ending}" if dot else "", "width": size[1],
                "height": size[0], "recorded_fps": rate, "actual_fps": rate, "number_of_frames": frames,
                "recorded_start_date": start.timestamp(), "expected_duration": round(seconds),
                "length": str(timedelta(seconds=round(seconds))),
            },
            "detection": {
                "otvision_version": "0.0", "chunksize": 1, "normalized_bbox": False,
                "model": {
                    "name": "mots-engine", "weights": "", "iou_threshold": 0.0, "image_size": 0, "max_confidence": 0.0,
                    "half_precision": False, "classes": classes,
                },
            },
            "tracking": {
                "otvision_version": "0.0",
                "first_tracked_video_start": start.timestamp(),
                "last_tracked_video_end": start.timestamp() + seconds,
                "tracking_run_id": "1", "frame_group": "1",
                "tracker": {
                    "name": f"mots-engine {__version__}", "sigma_l": 0.0, "sigma_h": 0.0, "sigma_iou": 0.0, "t_min": 0,
                    "t_miss_max": 0,
                },
            },
        },
        "data": {"detections": detections},
    }  # fmt: skip
    write_output(output, bz2.compress(json.dumps(content).encode("utf-8")))
    return output


def write_events(
    output: Path,
    crossings: Iterable[Crossing],
    paths: Iterable[Path2D],
    start: datetime,
    overwrite: bool = False,
    sources: Iterable[Path | None] = (),
) -> Path:
    """Write crossings as OTAnalytics' list of events. Raises MotsError where it cannot be written, InputError where
    `output` is one of `sources`."""
    check_target(output, overwrite, sources)
    by_track = {path.track_id: path for path in paths}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(EVENT_COLUMNS)
    for crossing in crossings:
        path = by_track[crossing.track_id]
        k = int(abs(path.times - crossing.time).argmin())
        when = start + timedelta(seconds=crossing.time)
        x, y = path.points[k].tolist()
        writer.writerow(
            [
                crossing.track_id, for_sheet(crossing.class_name), "section-enter", for_sheet(crossing.line),
                when.strftime("%Y-%m-%d"), when.strftime("%H:%M:%S.%f"), crossing.frame, f"{x:.1f}", f"{y:.1f}",
            ]
        )  # fmt: skip
    write_output(output, text.getvalue().encode("utf-8"))
    return output
