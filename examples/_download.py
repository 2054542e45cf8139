"""A download that leaves a file complete and verified, or not at all."""

from __future__ import annotations

import hashlib
import http.client
import os
import queue
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from examples._command import ExampleError, reason

CONNECT_SECONDS = 4.0
CHUNK_BYTES = 1 << 16


class DownloadError(ExampleError):
    """A file could not be had from any of its mirrors."""


def download(mirrors: Sequence[str], target: Path, md5: str) -> None:
    """
    Fetch a file from the first mirror that delivers it intact.

    What an interrupted transfer delivered is kept beside the target as ``NAME.part``, and the next attempt, at the next
    mirror or in the next run, continues from there.

    Parameters
    ----------
    mirrors : sequence of str
        Addresses that end in ``/``; the name of the target is appended to them.
    target : Path
        Where the file belongs. It appears there only when its checksum is right.
    md5 : str
        The checksum of the file, hexadecimal.

    Raises
    ------
    DownloadError
        If no mirror delivers it or it cannot be stored; the message says why.
    """
    partial = target.with_name(target.name + ".part")
    failures = []
    try:
        for mirror in mirrors:
            host = urlsplit(mirror).netloc
            try:
                content = _transfer(mirror + target.name, partial)
            except (OSError, http.client.HTTPException) as error:
                failures.append(f"{host}: {_network_reason(error)}")
                continue
            found = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if found == md5:
                _write_atomically(target, content)
                partial.unlink(missing_ok=True)
                return
            partial.unlink(missing_ok=True)  # it may be what spoiled the file
            failures.append(f"{host}: wrong content, MD5 {md5} expected, {found} found")
    except OSError as error:
        raise DownloadError(f"cannot store {target}: {reason(error)}") from error
    raise DownloadError(f"cannot download {target.name} ({'; '.join(failures)})")


def _transfer(url: str, partial: Path) -> bytes:
    """Return the whole file at an address, asking only for what the partial file lacks."""
    content = bytearray(partial.read_bytes()) if partial.exists() else bytearray()
    request = urllib.request.Request(url, headers={"Range": f"bytes={len(content)}-"} if content else {})
    try:
        response = _open(request)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            partial.unlink(missing_ok=True)  # longer than the file itself: begin anew next time
        raise
    print(f"downloading {url}", file=sys.stderr)
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            content.clear()  # the server ignored the range and sends everything
        length = response.headers.get("Content-Length")
        size = len(content) + int(length) if length else None
        try:
            while chunk := response.read(CHUNK_BYTES):
                content += chunk
            if size is not None and len(content) < size:
                raise ConnectionError(f"the connection ended after {len(content):,} of {size:,} bytes")
        except BaseException:  # Ctrl-C as well
            _write_atomically(partial, content)
            raise
    return bytes(content)


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


def _write_atomically(path: Path, content: bytes | bytearray) -> None:
    """Write a file under a temporary name of its own, then rename it: no other process ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
