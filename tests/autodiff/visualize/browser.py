"""A headless Chromium, driven through its own protocol: JSON over two pipes, so that only the browser is needed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

# An empty profile that talks to nobody, so that the test depends on nothing but the file
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1280,800"),
]
KEYS = {
    "left": "ArrowLeft",
    "right": "ArrowRight",
    "home": "Home",
    "end": "End",
    "enter": "Enter",
    "tab": "Tab",
    "escape": "Escape",
}


class Browser:
    """One window."""

    def __init__(self, requests: Any, answers: Any) -> None:
        self.requests, self.answers = requests, answers
        self.number, self.session = 0, ""
        self.events: list[dict[str, Any]] = []
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        self.session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._do(f"{domain}.enable")

    def _receive(self) -> dict[str, Any]:
        message = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser has ended")
            message += byte
        found: dict[str, Any] = json.loads(message)
        if "method" in found:
            self.events.append(found)
        return found

    def _do(self, method: str, **params: object) -> Any:
        self.number += 1
        message: dict[str, object] = {"id": self.number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        self.requests.write(json.dumps(message).encode() + b"\0")
        self.requests.flush()
        while (answer := self._receive()).get("id") != self.number:
            pass
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, url: str) -> None:
        """Open a page, anew if it is the one that is open."""
        for address in ("about:blank", url):
            self.events.clear()
            self._do("Page.navigate", url=address)
            while all(event["method"] != "Page.loadEventFired" for event in self.events):
                self._receive()

    def resize(self, width: int, height: int) -> None:
        """Show pages as in a window of this size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._do("Emulation.setDeviceMetricsOverride", **size)

    def run(self, script: str, *args: object) -> Any:
        """Run the body of a JavaScript function and return its result."""
        expression = f"(function() {{{script}}}).apply(null, {json.dumps(args)})"
        done = self._do("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(done["exceptionDetails"])
        return done["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys as a user does, named as in `KEYS` or by their character."""
        for key in keys:
            text = {"text": key} if key not in KEYS else {}
            self._do("Input.dispatchKeyEvent", type="keyDown", key=KEYS.get(key, key), **text)
            self._do("Input.dispatchKeyEvent", type="keyUp", key=KEYS.get(key, key))

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        self.point(selector, click=True)

    def point(self, selector: str, click: bool = False) -> None:
        """Move the mouse to the middle of an element."""
        middle = "const r = document.querySelector({}).getBoundingClientRect();"
        middle += "return {{x: r.x + r.width / 2, y: r.y + r.height / 2}};"
        place = self.run(middle.format(json.dumps(selector)))
        kinds = ["mouseMoved", *(("mousePressed", "mouseReleased") if click else ())]
        for kind in kinds:
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self._do("Input.dispatchMouseEvent", type=kind, **place, **button)

    def errors(self) -> list[str]:
        """Return what the page has complained of since it was opened; the browser itself looks for an icon."""
        self.run("")
        complaints = ("Runtime.exceptionThrown", "Log.entryAdded")
        said = [json.dumps(event["params"]) for event in self.events if event["method"] in complaints]
        return [complaint for complaint in said if "/favicon.ico" not in complaint]


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile, and end it."""
    assert CHROMIUM is not None
    (their_requests, requests), (answers, their_answers) = os.pipe(), os.pipe()

    # The protocol's places are 3 for requests and 4 for answers
    places = f'exec "$0" "$@" 3</dev/fd/{their_requests} 4>/dev/fd/{their_answers}'
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"]
    process = subprocess.Popen(
        ["/bin/sh", "-c", places, *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(their_requests, their_answers),
    )
    os.close(their_requests)
    os.close(their_answers)
    try:
        with os.fdopen(requests, "wb") as to, os.fdopen(answers, "rb") as back:
            yield Browser(to, back)
    finally:
        process.terminate()
        process.wait()
