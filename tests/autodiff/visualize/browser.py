"""A headless Chromium, driven through chromedriver's own protocol, W3C WebDriver: JSON over HTTP."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DRIVER = shutil.which("chromedriver")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# An empty profile that talks to nobody, so that the test depends on nothing but the file
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1280,800"),
]
KEYS = {"left": "\ue012", "right": "\ue014", "home": "\ue011", "end": "\ue010", "enter": "\ue007", "tab": "\ue004"}


class Browser:
    """One window."""

    def __init__(self, address: str, profile: Path) -> None:
        self.address = address
        options = {"binary": CHROMIUM, "args": [*OPTIONS, f"--user-data-dir={profile}"]}
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        self.session = self._call("POST", "/session", {"capabilities": wanted})["sessionId"]

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as response:
            return json.load(response)["value"]

    def _do(self, path: str, **body: object) -> Any:
        return self._call("POST", f"/session/{self.session}/{path}", body)

    def open(self, url: str) -> None:
        """Open a page."""
        self._do("url", url=url)

    def run(self, script: str, *args: object) -> Any:
        """Run JavaScript and return its result."""
        return self._do("execute/sync", script=script, args=list(args))

    def press(self, *keys: str) -> None:
        """Press keys as a user does, named as in `KEYS` or by their character."""
        typed = [KEYS.get(key, key) for key in keys]
        actions = [{"type": kind, "value": key} for key in typed for kind in ("keyDown", "keyUp")]
        self._do("actions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        self.point(selector, click=True)

    def point(self, selector: str, click: bool = False) -> None:
        """Move the mouse to the middle of an element."""
        found = self._do("element", using="css selector", value=selector)
        actions: list[dict[str, object]] = [{"type": "pointerMove", "x": 0, "y": 0, "origin": found}]
        actions += [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp") if click]
        self._do("actions", actions=[{"type": "pointer", "id": "mouse", "actions": actions}])

    def errors(self) -> list[str]:
        """Return what the page has complained of since the last call."""
        return [entry["message"] for entry in self._do("se/log", type="browser")]

    def close(self) -> None:
        """Close the window."""
        self._call("DELETE", f"/session/{self.session}")


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start chromedriver and a browser with an empty profile, and end both."""
    assert DRIVER is not None
    driver = subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert driver.stdout is not None
    try:
        port = next(
            found[1] for line in driver.stdout if (found := re.search(r"started successfully on port (\d+)", line))
        )
        window = Browser(f"http://127.0.0.1:{port}", profile)
        try:
            yield window
        finally:
            window.close()
    finally:
        driver.terminate()
        driver.wait()
        driver.stdout.close()
