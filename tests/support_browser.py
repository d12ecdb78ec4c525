"""A real browser that is spoken to over a pipe (the DevTools protocol), so that keys can be pressed and pages asked."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
from types import TracebackType
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 60.0


class Chromium:
    """One page in one browser."""

    def __init__(self, profile: str, *, width: int = 1280, height: int = 900) -> None:
        theirs, self._out = os.pipe()
        self._in, answers = os.pipe()
        far = [fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (theirs, answers)]  # clear of 3 and 4

        def as_it_listens() -> None:  # it reads from 3 and writes to 4
            os.dup2(far[0], 3)
            os.dup2(far[1], 4)

        self._process = subprocess.Popen(
            [str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"],
            pass_fds=(3, 4), preexec_fn=as_it_listens, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for each in far:
            os.close(each)
        os.close(theirs)
        os.close(answers)
        self._last, self._rest, self._session = 0, b"", ""
        self.console: list[str] = []
        self.requested: list[str] = []

    def __enter__(self) -> Chromium:
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(each for each in targets if each["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def goto(self, url: str) -> None:
        """Open an address, and wait until the page is there."""
        self._call("Page.navigate", url=url)
        self._until("Page.loadEventFired")

    def press(self, key: str) -> None:
        """Press one key, as on a keyboard."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def press_and_go(self, key: str) -> None:
        """Press a key that leads to another page, and wait until that is there."""
        self.press(key)
        self._until("Page.loadEventFired")

    def ask(self, expression: str) -> Any:
        """What an expression is on the page; promises are waited for."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def width(self, width: int, height: int = 800) -> None:
        """Make the window so wide."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def without_scripts(self) -> None:
        """Run no script of a page from now on; what the test asks is answered all the same."""
        self._call("Emulation.setScriptExecutionDisabled", value=True)

    def scheme(self, name: str) -> None:
        """Prefer dark or light."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    # --- the pipe ---------------------------------------------------------------------------------------------------

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._read()
            if found.get("id") == self._last:
                assert "error" not in found, found["error"]
                result: dict[str, Any] = found["result"]
                return result
            self._note(found)

    def _until(self, event: str) -> None:
        while True:
            found = self._read()
            self._note(found)
            if found.get("method") == event:
                return

    def _note(self, found: dict[str, Any]) -> None:
        match found.get("method"):
            case "Log.entryAdded":
                self.console.append(found["params"]["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.console.append(str(found["params"]["exceptionDetails"]))
            case "Network.requestWillBeSent":
                self.requested.append(found["params"]["request"]["url"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], PATIENCE)
            assert ready, "The browser says nothing."
            chunk = os.read(self._in, 1 << 20)
            assert chunk, "The browser is gone."
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message
