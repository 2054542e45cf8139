"""A download that leaves a file complete and verified, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import queue
import re
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from autodiff import files
from examples._command import ExampleError, reason

CONNECT_SECONDS = 4.0
PATIENCE_SECONDS = 20.0  # for any transfer, and beyond that as long as it takes at the speed of
SLOWEST_BYTES_PER_SECOND = 50_000
CHUNK_BYTES = 1 << 16


class DownloadError(ExampleError):
    """A file could not be had from any of its mirrors."""


class _WrongAnswerError(Exception):
    """A server said what cannot be true of the file."""


def download(mirrors: Sequence[str], target: Path, md5: str, size: int) -> None:
    """
    Fetch a file from the first mirror that delivers it intact.

    What an interrupted transfer delivered is kept beside the target as ``NAME.part``, and the next attempt, at the next
    mirror or in the next run, continues from there. A mirror that sends too much, or too slowly, is given up.

    Parameters
    ----------
    mirrors : sequence of str
        Addresses that end in ``/``; the name of the target is appended to them.
    target : Path
        Where the file belongs. It appears there only when its checksum is right.
    md5 : str
        The checksum of the file, hexadecimal.
    size : int
        How many bytes it has at most: no more are read, and their number bounds the time.

    Raises
    ------
    DownloadError
        If no mirror delivers it or it cannot be stored; the message says why.
    """
    partial = target.with_name(target.name + ".part")
    failures = []
    try:
        for mirror in mirrors:
            try:
                content = _fetched(mirror + target.name, partial, md5, size)
            except (OSError, http.client.HTTPException, _WrongAnswerError, ValueError) as error:
                failures.append(f"{urlsplit(mirror).netloc}: {_network_reason(error)}")
                continue
            _write(target, content)
            partial.unlink(missing_ok=True)
            return
    except OSError as error:
        raise DownloadError(f"cannot store {target}: {reason(error)}") from error
    raise DownloadError(f"cannot download {target.name} ({'; '.join(failures)})")


def _fetched(url: str, partial: Path, md5: str, size: int) -> bytes:
    """Return the file at an address, intact. A partial file that does not lead to it is given up, not the mirror."""
    if partial.exists():
        try:
            return _verified(_transfer(url, partial, size), md5)
        except _WrongAnswerError:
            partial.unlink(missing_ok=True)
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            partial.unlink(missing_ok=True)  # longer than the file itself
    return _verified(_transfer(url, partial, size), md5)


def _verified(content: bytes, md5: str) -> bytes:
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != md5:
        raise _WrongAnswerError(f"wrong content, MD5 {md5} expected, {found} found")
    return content


def _transfer(url: str, partial: Path, size: int) -> bytes:
    """Return the whole file at an address, asking only for what the partial file lacks."""
    content = bytearray(_start(partial, size))
    request = urllib.request.Request(url, headers={"Range": f"bytes={len(content)}-"} if content else {})
    try:
        response = _open(request)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise
    print(f"downloading {url}", file=sys.stderr)
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            content.clear()  # the server ignored the range and sends everything
        announced = _announced(response, size - len(content))
        expected = None if announced is None else len(content) + announced
        try:
            _receive(response, content, size)
            if expected is not None and len(content) < expected:
                raise ConnectionError(f"the connection ended after {len(content):,} of {expected:,} bytes")
        except _WrongAnswerError:
            raise
        except BaseException:  # Ctrl-C as well
            _write(partial, content)
            raise
    return bytes(content)


def _start(partial: Path, size: int) -> bytes:
    """Return what a partial file holds; nothing if it is none, or longer than the file itself."""
    if not partial.exists():
        return b""
    with partial.open("rb") as file:
        content = file.read(size + 1)
    return content if len(content) <= size else b""


def _announced(response: http.client.HTTPResponse, most: int) -> int | None:
    """Return how many bytes a server says it will send, None if it does not say."""
    length = response.headers.get("Content-Length")
    if length is None:
        return None
    if not re.fullmatch(r"[0-9]+", length.strip()):
        raise _WrongAnswerError(f"expected a number as Content-Length, got {length[:40]!r}")
    if len(length) > 18 or int(length) > most:
        raise _WrongAnswerError(f"at most {most:,} bytes expected, {length[:40]} announced")
    return int(length)


def _receive(response: http.client.HTTPResponse, content: bytearray, size: int) -> None:
    """Append what a server sends, no more than the file can have, and wait no longer than a slow network needs."""
    seconds = PATIENCE_SECONDS + (size - len(content)) / SLOWEST_BYTES_PER_SECOND
    start = time.monotonic()
    while chunk := response.read1(CHUNK_BYTES):  # read() would wait for all of them
        content += chunk
        if len(content) > size:
            raise _WrongAnswerError(f"at most {size:,} bytes expected, more received")
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"only {len(content):,} bytes after {seconds:.0f} seconds")


def _open(request: urllib.request.Request) -> http.client.HTTPResponse:
    """
    Open an address, or give up after `CONNECT_SECONDS` in all.

    The timeout of `urlopen` holds for each address of a host and not at all for the name server, so that a machine
    behind a silent firewall would wait for minutes; a thread that is left behind bounds the wait as a whole.
    """
    answers: queue.SimpleQueue[http.client.HTTPResponse | Exception] = queue.SimpleQueue()

    def connect() -> None:
        try:
            answers.put(urllib.request.urlopen(request, timeout=CONNECT_SECONDS))
        except Exception as error:  # handed to the waiting thread, which raises it
            answers.put(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {CONNECT_SECONDS:g} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _network_reason(error: BaseException) -> str:
    """Say why a transfer failed; `urlopen` wraps the cause, which says more than the wrapper."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return reason(error.reason)
    return reason(error)


def _write(path: Path, content: bytes | bytearray) -> None:
    """Write a file so that no other process ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, [content])
