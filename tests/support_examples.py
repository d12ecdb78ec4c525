"""For tests of the examples: each is run as its users would run it, as a program of its own, or served here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

EXAMPLES = Path(__file__).parent.parent / "examples"
PATIENCE = 30.0  # seconds; a deadline, never a pause
_PORT = re.compile(r"(?:https?://[\d.]+:|port )(\d{2,5})\b")


@contextmanager
def example(script: str, **environment: object) -> Iterator[str]:
    """Run an example on a free port, with what it is to find in its environment; its address."""
    path = EXAMPLES / script
    runner = sys.executable
    if path.suffix == ".mjs":
        runner = shutil.which("node") or ""
        if not runner:
            pytest.skip("node is not installed")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EMITTER_", "WEBHOOK_"))}
    process = subprocess.Popen(
        [runner, str(path)], cwd=path.parent, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        env={**kept, "PORT": "0", "PYTHONUNBUFFERED": "1", **{name: str(value) for name, value in environment.items()}},
    )  # fmt: skip
    said: list[str] = []
    watch = threading.Timer(PATIENCE, process.kill)  # one that says nothing must not hold the tests up
    watch.start()
    rest = threading.Thread(target=lambda: said.extend(process.stderr or ()))  # so that its pipe never fills
    try:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            found = _PORT.search(line)
            if found:
                break
        else:
            raise AssertionError(f"{script} did not start:\n{''.join(said)}")
        watch.cancel()
        rest.start()
        yield f"http://127.0.0.1:{found[1]}"
        assert process.poll() is None, f"{script} died:\n{''.join(said)}"
    finally:
        watch.cancel()
        process.terminate()
        process.wait(PATIENCE)
        if rest.ident is not None:
            rest.join(PATIENCE)
        process.stderr.close()  # type: ignore[union-attr]  # it is a pipe
    assert "Traceback" not in "".join(said), "".join(said)


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """Serve a WSGI app on a free port; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()
