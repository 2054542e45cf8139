"""A download arrives complete and verified, from whichever mirror works, or leaves nothing under the final name."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from examples import _download, _mnist
from examples._download import DownloadError, download
from examples._mnist import DamagedFileError, load_mnist

SIZE = 300_000
CONTENT = np.random.default_rng(0).bytes(SIZE)
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Mirror(ThreadingHTTPServer):
    """A web server on this machine that serves bytes, notes what it was asked for, and can hang up early."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes], hang_up_after: int | None = None, ranges: bool = True) -> None:
        self.files = files
        self.hang_up_after = hang_up_after
        self.ranges = ranges
        self.requests: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name, wanted = self.path[1:], self.headers.get("Range")
        self.server.requests.append((name, wanted))
        content = self.server.files.get(name)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][: self.server.hang_up_after])

    def log_message(self, *_: object) -> None:
        """Keep the test output clean."""


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mirror]]:
    """Return a function that starts a mirror; all are stopped after the test."""
    monkeypatch.setenv("no_proxy", "*")
    started: list[Mirror] = []

    def start(files: dict[str, bytes], **manners: int | bool) -> Mirror:
        server = Mirror(files, **manners)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def refused() -> str:
    """Return an address nothing listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}/"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_file_arrives_and_nothing_else(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    download([mirror({"file": CONTENT}).url], tmp_path / "new" / "file", MD5, SIZE)
    assert (tmp_path / "new" / "file").read_bytes() == CONTENT
    assert names(tmp_path / "new") == ["file"]


def test_the_next_mirror_is_asked_when_one_fails(tmp_path: Path, mirror: Callable[..., Mirror], refused: str) -> None:
    without, wrong, good = mirror({}), mirror({"file": CONTENT[::-1]}), mirror({"file": CONTENT})
    download([refused, without.url, wrong.url, good.url], tmp_path / "file", MD5, SIZE)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
    assert [len(server.requests) for server in (without, wrong, good)] == [1, 1, 1]


def test_a_wrong_checksum_is_rejected(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    wrong = hashlib.md5(b"other", usedforsecurity=False).hexdigest()
    with pytest.raises(DownloadError, match=f"wrong content, MD5 {MD5} expected, {wrong} found"):
        download([mirror({"file": b"other"}).url], tmp_path / "file", MD5, SIZE)
    assert names(tmp_path) == []


def test_the_error_names_every_mirror_and_why_on_one_line(
    tmp_path: Path, mirror: Callable[..., Mirror], refused: str
) -> None:
    without = mirror({})
    with pytest.raises(DownloadError) as caught:
        download([refused, without.url], tmp_path / "file", MD5, SIZE)
    message = str(caught.value)
    assert message.startswith("cannot download file (127.0.0.1:")
    assert "refused" in message
    assert f"127.0.0.1:{without.server_port}: HTTP status 404" in message
    assert "\n" not in message
    assert names(tmp_path) == []


def test_an_interrupted_download_is_resumed_in_the_next_run(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    server = mirror({"file": CONTENT}, hang_up_after=100_000)
    with pytest.raises(DownloadError, match=r"the connection ended after 100,000 of 300,000 bytes"):
        download([server.url], tmp_path / "file", MD5, SIZE)
    assert names(tmp_path) == ["file.part"]

    server.hang_up_after = None
    download([server.url], tmp_path / "file", MD5, SIZE)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requests == [("file", None), ("file", "bytes=100000-")]
    assert names(tmp_path) == ["file"]


def test_an_interrupted_download_is_continued_at_the_next_mirror(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    first, second = mirror({"file": CONTENT}, hang_up_after=100_000), mirror({"file": CONTENT})
    download([first.url, second.url], tmp_path / "file", MD5, SIZE)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert second.requests == [("file", "bytes=100000-")]


def test_a_mirror_without_the_file_costs_nothing_of_what_has_arrived(
    tmp_path: Path, mirror: Callable[..., Mirror]
) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    without, good = mirror({}), mirror({"file": CONTENT})
    download([without.url, good.url], tmp_path / "file", MD5, SIZE)
    assert good.requests == [("file", "bytes=1000-")]
    assert len(without.requests) == 1


def test_a_server_without_ranges_sends_the_whole_file(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    download([mirror({"file": CONTENT}, ranges=False).url], tmp_path / "file", MD5, SIZE)
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "stale", [b"spoiled" * 100, CONTENT[::-1], CONTENT + b"too long"], ids=["wrong bytes", "all wrong", "too long"]
)
def test_a_spoiled_partial_file_is_given_up(tmp_path: Path, mirror: Callable[..., Mirror], stale: bytes) -> None:
    (tmp_path / "file.part").write_bytes(stale)
    download([mirror({"file": CONTENT}).url], tmp_path / "file", MD5, SIZE)
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_mirror_that_spoils_the_partial_file_does_not_spoil_the_next(
    tmp_path: Path, mirror: Callable[..., Mirror]
) -> None:
    bad, good = mirror({"file": CONTENT[::-1]}, hang_up_after=1000), mirror({"file": CONTENT})
    download([bad.url, good.url], tmp_path / "file", MD5, SIZE)
    assert (tmp_path / "file").read_bytes() == CONTENT


def raw(answer: Callable[[socket.socket], None], times: int = 1) -> str:
    """Return the address of a server that answers by a function of the connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening:
            for _ in range(times):
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):  # it is hung up on
                    connection.recv(10_000)
                    answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/"


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(10_000):  # 655 MB
        connection.sendall(bytes(1 << 16))


def slow(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")
    for byte in CONTENT:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def headed(header: str) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode() + CONTENT)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (endless, "at most 300,000 bytes expected, more received"),
        (slow, r"only \d+ bytes after 0 seconds"),
        (headed("Content-Length: banana"), "expected a number as Content-Length, got 'banana'"),
        (headed("Content-Length: -1"), "expected a number as Content-Length, got '-1'"),
        (headed("Content-Length: 300001"), "at most 300,000 bytes expected, 300001 announced"),
        (headed("Content-Length: " + "9" * 5000), "at most 300,000 bytes expected, 9{40} announced"),
        (headed("Content-Length: 200000"), "wrong content"),
        (headed("Transfer-Encoding: chunked"), "."),
        (lambda connection: connection.sendall(b"banana\r\n\r\n"), "banana"),
        (lambda connection: connection.sendall(b"HTTP/1.1 301 Moved\r\nLocation: banana://x\r\n\r\n"), "301"),
        (lambda connection: None, "closed connection"),
    ],
)
def test_whatever_a_server_does_the_next_is_asked_and_the_message_says_what_it_was(
    tmp_path: Path,
    mirror: Callable[..., Mirror],
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[socket.socket], None],
    said: str,
) -> None:
    monkeypatch.setattr(_download, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(_download, "SLOWEST_BYTES_PER_SECOND", 10**9)
    bad = raw(answer)
    with pytest.raises(DownloadError, match=f"{bad[7:-1]}: .*{said}.*; 127.0.0.1:.* 404"):
        download([bad, mirror({}).url], tmp_path / "file", MD5, SIZE)
    download([raw(answer), mirror({"file": CONTENT}).url], tmp_path / "file", MD5, SIZE)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


def test_an_endless_answer_takes_no_memory(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DownloadError):
            download([raw(endless)], tmp_path / "file", MD5, SIZE)
        assert tracemalloc.get_traced_memory()[1] < 10 * SIZE
    finally:
        tracemalloc.stop()


def test_ctrl_c_keeps_what_has_arrived(
    tmp_path: Path, mirror: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        """A response during which the user presses Ctrl-C."""

        status = 200

        def __init__(self) -> None:
            self.headers = {"Content-Length": "300000"}
            self.chunks = iter([CONTENT[:1000]])

        def __enter__(self) -> Interrupted:
            return self

        def __exit__(self, *_: object) -> None: ...

        def read1(self, _: int) -> bytes:
            for chunk in self.chunks:
                return chunk
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_download, "_open", lambda request: Interrupted())
        with pytest.raises(KeyboardInterrupt):
            download(["http://mirror/"], tmp_path / "file", MD5, SIZE)
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:1000]
    download([mirror({"file": CONTENT}).url], tmp_path / "file", MD5, SIZE)
    assert names(tmp_path) == ["file"]


def test_a_silent_server_is_given_up_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(_download, "CONNECT_SECONDS", 0.2)
    with socket.socket() as silent:  # accepts connections, as its backlog is not full, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.perf_counter()
        with pytest.raises(DownloadError, match=r"no answer within|timed out"):
            download([f"http://127.0.0.1:{silent.getsockname()[1]}/"], tmp_path / "file", MD5, SIZE)
    assert time.perf_counter() - start < 2  # ten times the limit: a loaded machine passes, a default timeout does not


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, mirror: Callable[..., Mirror]) -> None:
    (tmp_path / "blocked").write_text("a file, not a folder")
    with pytest.raises(DownloadError, match=r"cannot store .*blocked/file: "):
        download([mirror({"file": CONTENT}).url], tmp_path / "blocked" / "file", MD5, SIZE)


@pytest.fixture
def served(
    mirror: Callable[..., Mirror], small_mnist: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mirror]:
    """Return a mirror of a small MNIST, which the loader takes for the real one."""
    packed = {f"{name}.gz": gzip.compress(content) for name, content in small_mnist.items()}
    server = mirror(packed)
    monkeypatch.setattr(_mnist, "MIRRORS", (server.url,))
    for constant in ("TRAIN_IMAGES", "TRAIN_LABELS", "TEST_IMAGES", "TEST_LABELS"):
        file = getattr(_mnist, constant)
        md5 = hashlib.md5(packed[f"{file.name}.gz"], usedforsecurity=False).hexdigest()
        monkeypatch.setattr(_mnist, constant, replace(file, md5=md5, size=len(packed[f"{file.name}.gz"])))
    return server


def test_mnist_is_downloaded_once(empty_cache: Path, served: Mirror) -> None:
    first = load_mnist()
    assert names(empty_cache) == sorted(served.files)
    assert len(served.requests) == 4
    second = load_mnist()
    assert len(served.requests) == 4
    np.testing.assert_array_equal(first.train.pixels, second.train.pixels)


def test_only_missing_files_are_fetched(empty_cache: Path, served: Mirror, small_mnist: dict[str, bytes]) -> None:
    empty_cache.mkdir(parents=True)
    (empty_cache / "train-images-idx3-ubyte").write_bytes(small_mnist["train-images-idx3-ubyte"])
    load_mnist()
    assert [name for name, _ in served.requests] == [
        name for name in served.files if not name.startswith("train-images")
    ]


@pytest.mark.parametrize("suffix", ["", ".gz"], ids=["plain", "gz"])
def test_a_damaged_cached_file_is_named_and_fetched_again(
    empty_cache: Path, served: Mirror, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    empty_cache.mkdir(parents=True)
    damaged = empty_cache / f"t10k-labels-idx1-ubyte{suffix}"
    damaged.write_bytes(b"damaged")
    data = load_mnist()
    assert len(data.test) == 20
    assert f"{damaged} is damaged" in capsys.readouterr().err


def test_a_damaged_cached_file_is_named_when_it_cannot_be_fetched(
    empty_cache: Path, served: Mirror, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_mnist()
    damaged = empty_cache / "train-labels-idx1-ubyte.gz"
    damaged.write_bytes(damaged.read_bytes()[:-5])
    monkeypatch.setattr(_mnist, "MIRRORS", (refused,))
    with pytest.raises(DownloadError) as caught:
        load_mnist()
    assert str(caught.value).startswith(f"{damaged} is damaged: expected an intact gzip file")
    assert "cannot download train-labels-idx1-ubyte.gz" in str(caught.value)


def test_a_verified_download_is_still_checked(
    empty_cache: Path, served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checksum vouches for the transfer, not for the content."""
    odd = gzip.compress(b"not an IDX file at all")
    served.files["train-images-idx3-ubyte.gz"] = odd
    md5 = hashlib.md5(odd, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(_mnist, "TRAIN_IMAGES", replace(_mnist.TRAIN_IMAGES, md5=md5))
    with pytest.raises(DamagedFileError, match="magic number 2051"):
        load_mnist()
