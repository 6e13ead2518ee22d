"""Streams that are read once: a camera over HTTP, pipes, standard input; and what ends or breaks them."""

import contextlib
import http.server
import io
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from mots.errors import FormatError, InputError, MotsWarning
from mots.video import live
from mots.video.live import LiveVideo, Reconnecting, stream_name, without_password
from mots.video.opening import SourceSettings, open_source
from mots.video.packets import DecodedFrame


def jpeg(k: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((48, 64, 3), 10 + 4 * k, np.uint8)).save(content, "JPEG")
    return content.getvalue()


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server of this machine; its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def camera(answer: Callable[[Any, int], None]) -> Iterator[tuple[str, list[float]]]:
    """A server whose every client is answered by `answer(handler, number of the client)`; its address and clients."""
    clients: list[float] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            clients.append(time.monotonic())
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may have left
                answer(self, len(clients))

    with serving(Handler) as address:
        yield f"{address}/street/stream.mjpg", clients


def sent(handler: Any, numbers: range, pause: float) -> None:
    for k in numbers:
        data = jpeg(k)
        handler.wfile.write(f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode())
        handler.wfile.write(data + b"\r\n")
        time.sleep(pause)


def test_a_camera_is_opened_once_and_its_times_are_the_clock_s() -> None:
    with camera(lambda handler, _: sent(handler, range(12), 0.1)) as (url, clients):
        source = open_source(url)
        frames = list(source)
    assert len(clients) == 1
    assert source.name.startswith("127.0.0.1_")
    assert source.name.endswith("_street_stream.mjpg")
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert len(frames) > 6
    span, due = frames[-1].time - frames[0].time, 0.1 * (numbers[-1] - numbers[0])
    assert span == pytest.approx(due, rel=0.5)  # 0.04 s a frame would be FFmpeg's own guess


def test_an_explicit_frame_rate_is_obeyed() -> None:
    with camera(lambda handler, _: sent(handler, range(6), 0.02)) as (url, _):
        frames = list(open_source(url, 10.0))
    assert [frame.time for frame in frames] == pytest.approx([frame.number / 10 for frame in frames])


def test_frames_that_nobody_waits_for_are_dropped_and_counted() -> None:
    def slowly(source: LiveVideo) -> Iterator[int]:
        for frame in source:
            yield frame.number
            time.sleep(0.1)

    with camera(lambda handler, _: sent(handler, range(60), 0.03)) as (url, _):
        source = open_source(url)
        assert isinstance(source, LiveVideo)
        with pytest.warns(MotsWarning, match=r"\d+ frames were dropped"):
            numbers = list(slowly(source))
    assert numbers == sorted(numbers)
    assert 0 < source.dropped == 1 + numbers[-1] - len(numbers)


def test_a_broken_connection_is_made_again_until_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    # What FFmpeg reports when a connection breaks depends on the system, so the report itself is put in.
    monkeypatch.setattr(live, "is_end", lambda error, container_format: False)
    settings = SourceSettings(reconnecting=Reconnecting(attempts=2, wait=0.01))

    def answer(handler: Any, client: int) -> None:
        if client <= 3:
            sent(handler, range(3), 0.05)

    with camera(answer) as (url, clients):
        source = open_source(url, settings=settings)
        numbers: list[int] = []
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with pytest.raises(FormatError) as caught:
                numbers.extend(frame.number for frame in source)
    error = str(caught.value)
    assert len(clients) == 5  # three that answered, and two attempts in a row that did not
    assert "the stream broke off" in error
    assert "the frames before are tracked" in error
    assert sum("connecting again" in str(each.message) for each in said) == 4
    assert len(numbers) >= 3
    assert numbers == sorted(set(numbers))
    assert max(numbers) >= 6  # numbers go on over all connections


def whole_film(path: Path, count: int, codec: str = "libx264") -> bytes:
    """Frames that tell their number, in a file that can be read from its beginning on."""
    options = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        rng = np.random.default_rng(1)
        for k in range(count):
            image = np.full((48, 64, 3), 10 + k, np.uint8)
            image[:, 32:] = rng.integers(0, 255, (48, 32, 3))  # so that the file is long
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


@contextmanager
def server_with_ranges(content: bytes, share: float) -> Iterator[tuple[str, list[int]]]:
    """A server that sends parts and ends each reply after a `share` of it; where each reply began."""
    begun: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
            begun.append(start)
            part = content[start:]
            self.send_response(206)
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Connection", "close")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(part[: max(int(share * len(part)), 2000)])
            self.close_connection = True

    with serving(Handler) as address:
        yield f"{address}/film", begun


@contextmanager
def server(answer: Callable[[int], tuple[bytes, int | None]]) -> Iterator[tuple[str, list[int]]]:
    """A server without ranges: of each client's number, the bytes that it gets, and the length that is announced."""
    clients: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

        def do_GET(self) -> None:
            clients.append(len(clients))
            content, length = answer(len(clients))
            self.send_response(200)
            if length is not None:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(content)

    with serving(Handler) as address:
        yield f"{address}/film", clients


QUICK = SourceSettings(reconnecting=Reconnecting(attempts=2, wait=0.05, silence=5.0))


def brightness(image: np.ndarray) -> int:
    return round(float(image[:, :28].mean())) - 10


def test_a_film_of_a_server_without_ranges_is_read_whole(tmp_path: Path) -> None:
    content = whole_film(tmp_path / "v.ts", 100, "mpeg2video")
    with server(lambda client: (content, len(content))) as (url, _):
        numbers = []
        for frame in open_source(url, settings=QUICK):
            numbers.append(frame.number)
            time.sleep(0.002)
    assert numbers == list(range(100))


@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_a_film_goes_on_where_its_connection_broke(ending: str, tmp_path: Path) -> None:
    content = whole_film(tmp_path / f"v{ending}", 100)
    with server(lambda client: (content[: len(content) * 6 // 10] if client == 1 else content, len(content))) as (
        url,
        clients,
    ):
        with pytest.warns(MotsWarning, match="broke off"):
            frames = list(open_source(url, settings=QUICK))
        assert len(clients) == 2
    assert [frame.number for frame in frames] == list(range(100))
    assert max(abs(brightness(frame.image) - frame.number) for frame in frames) <= 4
    assert [frame.time for frame in frames] == pytest.approx([k / 25 for k in range(100)], abs=0.002)


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".ts"])
def test_a_film_is_whole_where_each_reply_breaks_off(ending: str, tmp_path: Path) -> None:
    content = whole_film(tmp_path / f"v{ending}", 100, "mpeg2video" if ending == ".ts" else "libx264")
    with server_with_ranges(content, 0.5) as (url, begun):
        frames = list(open_source(url, settings=QUICK))
    assert [frame.number for frame in frames] == list(range(100))
    assert max(abs(brightness(frame.image) - frame.number) for frame in frames) <= 4
    assert len(begun) > 3


def test_a_film_that_always_breaks_off_ends(tmp_path: Path) -> None:
    content = whole_film(tmp_path / "v.mp4", 100)
    seen: list[int] = []
    with server(lambda client: (content[: len(content) * 6 // 10], len(content))) as (url, clients):
        with pytest.warns(MotsWarning, match="broke off"), pytest.raises(FormatError):
            seen.extend(frame.number for frame in open_source(url, settings=QUICK))
        assert len(clients) <= 4
    assert seen == list(range(len(seen)))
    assert 40 < len(seen) < 80


def test_a_film_that_is_cut_off_on_its_server_is_told(tmp_path: Path) -> None:
    content = whole_film(tmp_path / "v.mp4", 100)
    content = content[: len(content) * 6 // 10]
    with (
        server(lambda client: (content, len(content))) as (url, clients),
        pytest.warns(MotsWarning, match="it ended early"),
        pytest.raises(FormatError, match=r"the video ends after frame \d\d of 100: it is cut off"),
    ):
        list(open_source(url, settings=QUICK))
    assert len(clients) == 2


def test_silence_is_called_so() -> None:
    def answer(handler: Any, client: int) -> None:
        time.sleep(3)

    quick = SourceSettings(reconnecting=Reconnecting(attempts=0, silence=0.3))
    with pytest.MonkeyPatch.context() as patch, camera(answer) as (url, _):
        patch.setattr(live, "OPEN_SECONDS", 0.3)
        with pytest.raises(FormatError, match=r"nothing came for 0\.3 seconds: see source\.reconnecting\.silence"):
            open_source(url, settings=quick)


def test_a_stream_is_read_once() -> None:
    with camera(lambda handler, _: sent(handler, range(3), 0.01)) as (url, _):
        source = open_source(url)
        assert len(list(source)) >= 1
        with pytest.raises(InputError, match="a stream can be read once"):
            next(iter(source))
        with pytest.raises(InputError, match="record it first"):
            source.between(0, 1)


def test_an_error_of_the_reader_reaches_who_uses_the_frames() -> None:
    def items() -> Iterator[tuple[int, float, DecodedFrame]]:
        yield 0, 0.0, DecodedFrame(None)
        raise OSError("gone")

    reader = live.Newest(items())
    with pytest.raises(OSError, match="gone"):
        list(reader)


def film(path: Path, count: int = 30) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for k in range(count):
            image = np.full((48, 64, 3), 40 + k, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_gives_all_of_its_frames_with_their_own_times(tmp_path: Path) -> None:
    content, pipe = film(tmp_path / "film.ts").read_bytes(), tmp_path / "camera.ts"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(content), daemon=True).start()
    source = open_source(pipe)
    assert (source.name, source.live) == ("camera", True)
    frames = list(source)
    assert [frame.number for frame in frames] == list(range(30))
    assert [frame.time for frame in frames] == pytest.approx([k / 25 for k in range(30)])


def test_standard_input_is_a_source(tmp_path: Path) -> None:
    code = "from mots.video.opening import open_source; s = open_source('-'); print(s.name, sum(1 for _ in s))"
    content = film(tmp_path / "film.ts").read_bytes()
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert done.stdout.split() == [b"stdin", b"30"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("udp://127.0.0.1:8020", "127.0.0.1_8020"),
        ("rtsp://admin:secret@10.0.0.5:554/cam/1?token=abc", "10.0.0.5_554_cam_1"),
        ("http://10.0.0.6/stream.mjpg", "10.0.0.6_stream.mjpg"),
        ("http://x/../../etc", "x_.._.._etc"),
    ],
)
def test_a_stream_s_results_have_its_host_and_path(url: str, name: str) -> None:
    assert stream_name(url) == name


def test_no_message_tells_a_password() -> None:
    assert without_password("rtsp://admin:secret@10.0.0.5/a") == "rtsp://***@10.0.0.5/a"
    assert without_password("rtsp://admin:se@cr/et@10.0.0.5/a") == "rtsp://***@10.0.0.5/a"
    assert without_password("http://10.0.0.5/a.m3u8?token=secret&x=1") == "http://10.0.0.5/a.m3u8?***"
    assert without_password("http://10.0.0.5/a.m3u8") == "http://10.0.0.5/a.m3u8"
    with pytest.raises(FormatError) as caught:
        open_source("http://admin:secret@127.0.0.1:9/stream.mjpg")
    assert "secret" not in str(caught.value)
