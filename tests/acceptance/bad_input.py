"""Full disks, files that are damaged, foreign, gone or somebody else's: a clear text, the right code, nothing lost."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

from emitter.settings import Settings
from emitter.simulator import Simulator
from emitter.store import Store
from emitter.trigger import TriggerSpec
from tests.acceptance.protocol import Protocol
from tests.support_cli import finished, line_with, process
from tests.support_crash import JournalSink, judge

TOKEN = {"Authorization": "Bearer any"}
UNAVAILABLE, USAGE = 3, 2


def run(protocol: Protocol) -> None:
    about = "Asked of `emitter trigger` and `emitter serve`: exit code, text, no traceback, the file left as it was."
    with protocol.section("Bad input: stores that cannot be used", about), tempfile.TemporaryDirectory() as folder:
        _unusable(protocol, Path(folder))
    about = "The file of a running server is moved away, and put back."
    title = "Bad input: a store removed while it is used"
    with protocol.section(title, about), tempfile.TemporaryDirectory() as folder:
        _removed(protocol, Path(folder))
    about = "A file system of 6 MB; a server, two webhooks, events until it is full; then room again."
    with protocol.section("Bad input: a full disk", about), tempfile.TemporaryDirectory() as folder:
        _full(protocol, Path(folder), killed=False)
    about = "The same; the server is killed while the disk is full, and started on it before there is room."
    with protocol.section("Bad input: killed on a full disk", about), tempfile.TemporaryDirectory() as folder:
        _full(protocol, Path(folder), killed=True)


# --- stores that cannot be used


def _unusable(protocol: Protocol, place: Path) -> None:
    good = place / "good.sqlite"
    with Simulator(Settings(store=good)) as simulator:
        for _ in range(200):
            simulator.trigger(TriggerSpec(type="access-revoked", to="http://127.0.0.1:9/"))
        simulator.settle(30)
    damages: dict[str, tuple[Any, str]] = {
        "from a newer version": (_newer, "newer version"),
        "another program's database": (_foreign, "not one of ours"),
        "words": (lambda path: path.write_text("no database " * 1000), "no SQLite database"),
        "its first page overwritten": (lambda path: _overwrite(path, 0, 4096), "no SQLite database"),
        "its table of tables overwritten": (lambda path: _overwrite(path, 100, 3000), "cannot be used"),
        "everything after the first page overwritten": (lambda path: _overwrite(path, 4096, 10**9), "malformed"),
        "cut after the first page": (_cut, "malformed"),
        "a folder": (lambda path: (path.unlink(), path.mkdir()), "is a folder"),
    }
    for what, (damage, text) in damages.items():
        path = place / "damaged.sqlite"
        shutil.copy(good, path)
        damage(path)
        before = path.read_bytes() if path.is_file() else b""
        _refused(protocol, what, place, path, text, before)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with _read_only(place / "read-only") as folder:
        if folder is None:
            protocol.check("a folder that cannot be written", "not tried: no right to mount", "", True)
        else:
            _refused(protocol, "a folder that cannot be written", place, folder / "new" / "store.sqlite", "cannot", b"")
            _refused(protocol, "a file that cannot be written", place, folder / "store.sqlite", "cannot be", b"")
    with _held(good):
        code, _, said = finished("trigger", "access-revoked", "--to", "http://127.0.0.1:9/", "--store", good, cwd=place)
        _told(protocol, "a second process on the file (trigger)", code, said, UNAVAILABLE, "is in use by process")
        code, _, said = finished("serve", "--port", "0", "--store", good, cwd=place)
        _told(protocol, "a second process on the file (serve)", code, said, UNAVAILABLE, "is in use by process")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, said = finished("serve", "--port", taken.getsockname()[1], "--ephemeral", cwd=place)
        _told(protocol, "a port in use", code, said, UNAVAILABLE, str(taken.getsockname()[1]))
    with Simulator(Settings(store=good)) as simulator:
        kept = simulator.store.reader.waiting_counts()
        events = len(simulator.events(limit=400)["events"])
    protocol.check("the good file afterwards", f"{events} events", "200", events == 200 and not kept)


def _refused(protocol: Protocol, what: str, place: Path, path: Path, text: str, before: bytes) -> None:
    for command in (("trigger", "access-revoked", "--to", "http://127.0.0.1:9/"), ("serve", "--port", "0")):
        code, _, said = finished(*command, "--store", path, cwd=place)
        _told(protocol, f"{what} ({command[0]})", code, said, UNAVAILABLE, text)
    if before:
        protocol.check(f"{what}: the file afterwards", "as it was" if path.read_bytes() == before else "changed",
                       "as it was", path.read_bytes() == before)  # fmt: skip


def _told(protocol: Protocol, what: str, code: int, said: str, expected: int, text: str) -> None:
    clear = text in said and "Traceback" not in said and "bug in emitter" not in said
    protocol.check(what, f"{code}: {said.strip()[-220:]}", f"exit code {expected}", code == expected and clear)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    store = Store(path)
    try:
        yield
    finally:
        store.close()


def _newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def _foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def _overwrite(path: Path, start: int, length: int) -> None:
    content = bytearray(path.read_bytes())
    end = min(start + length, len(content))
    content[start:end] = b"\xa5" * (end - start)
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096])


# --- a store that goes, and disks that fill up


class _Server:
    """`emitter serve` on a file, with one webhook at the sink for each of two paths."""

    def __init__(self, stack: ExitStack, place: Path, store: Path) -> None:
        self.errors = (place / "errors.txt").open("ab")
        stack.callback(self.errors.close)
        self.process = stack.enter_context(
            process("serve", "--port", "0", "--store", store, cwd=place, stderr=self.errors)
        )
        found = re.search(r"http://\S+", line_with("http://", self.process.stdout))
        assert found is not None
        self.base = found[0]

    def post(self, path: str, json: Any) -> requests.Response:
        return requests.post(self.base + path, json=json, headers=TOKEN, timeout=60)

    def hook(self, url: str) -> None:
        self.post("/marketplace/api/notification/webhook", {"url": url}).raise_for_status()

    def trigger(self, count: int = 20) -> requests.Response:
        return self.post("/simulator/trigger", {"type": "access-revoked", "count": count})

    def state(self) -> Any:
        return requests.get(f"{self.base}/simulator/state", headers=TOKEN, timeout=60).json()

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


def _acknowledged(answer: requests.Response) -> list[str]:
    return [event["id"] for event in answer.json()["events"]]


def _removed(protocol: Protocol, place: Path) -> None:
    with ExitStack() as stack:
        sink = stack.enter_context(JournalSink(place / "seen"))
        store, away = place / "store.sqlite", place / "away.sqlite"
        server = _Server(stack, place, store)
        server.hook(f"{sink.url}/hook/0")
        events = _acknowledged(server.trigger())
        store.rename(away)
        answer = server.trigger()
        protocol.check("an event meanwhile", f"{answer.status_code}: {answer.json().get('detail')}",
                       "503, removed", answer.status_code == 503 and "removed" in answer.text)  # fmt: skip
        again = server.trigger()
        protocol.check("and once more", again.status_code, "503", again.status_code == 503)
        away.rename(store)
        answer = server.trigger()
        protocol.check("an event once it is back", answer.status_code, "201", answer.status_code == 201)
        events += _acknowledged(answer)
        _judged(protocol, place, server, sink, store, events)


def _full(protocol: Protocol, place: Path, *, killed: bool) -> None:
    with ExitStack() as stack:
        disk = stack.enter_context(_small_disk(place / "disk"))
        if disk is None:
            protocol.check("a full disk", "not tried: no right to mount", "", True)
            return
        sink = stack.enter_context(JournalSink(place / "seen"))
        store = disk / "store.sqlite"
        server = _Server(stack, place, store)
        for path in ("/hook/0", "/hook/1"):
            server.hook(sink.url + path)
        events: list[str] = []
        refused: list[requests.Response] = []
        until = time.monotonic() + 60
        while len(refused) < 10 and time.monotonic() < until:
            answer = server.trigger()
            if answer.status_code == 201:
                events += _acknowledged(answer)
            else:
                refused.append(answer)
        said = {f"{answer.status_code}: {answer.json().get('detail')}" for answer in refused}
        protocol.check("events acknowledged before it was full", f"{len(events):,}", "some", len(events) > 100)
        protocol.check("what is answered then", "; ".join(sorted(said))[:300], "503, full",
                       bool(refused) and all(each.startswith("503") and "full" in each for each in said))  # fmt: skip
        listed = requests.get(f"{server.base}/simulator/attempts?limit=5", headers=TOKEN, timeout=60)
        protocol.check("the history meanwhile", listed.status_code, "200", listed.status_code == 200)
        if killed:
            server.stop(signal.SIGKILL)
            errors = place / "start.txt"
            command = ("serve", "--port", "0", "--store", store)
            with errors.open("wb") as stderr, process(*command, cwd=place, stderr=stderr) as started:
                try:
                    code: int | None = started.wait(3)
                except subprocess.TimeoutExpired:
                    code = None
            text = errors.read_text()
            protocol.check("a start on the full disk", "it runs" if code is None else f"{code}: {text.strip()[-200:]}",
                           "it runs, or exit code 3 with a clear text",
                           "Traceback" not in text and code in (None, UNAVAILABLE))  # fmt: skip
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        if killed:
            server = _Server(stack, place, store)
        began = time.monotonic()
        while (answer := server.trigger()).status_code != 201 and time.monotonic() - began < 60:
            pass
        protocol.check("seconds until events are taken again", f"{time.monotonic() - began:.2f}", "at most 15",
                       answer.status_code == 201 and time.monotonic() - began <= 15)  # fmt: skip
        events += _acknowledged(answer)
        _judged(protocol, place, server, sink, store, events)


def _judged(
    protocol: Protocol, place: Path, server: _Server, sink: JournalSink, store: Path, events: list[str]
) -> None:
    until = time.monotonic() + 60
    while (state := server.state())["waiting"] and time.monotonic() < until:
        time.sleep(0.05)
    protocol.check("deliveries that wait when it has settled", state["waiting"], "0", not state["waiting"])
    code = server.stop()
    protocol.check("exit code after SIGTERM", code, "0", code == 0)
    text = (place / "errors.txt").read_text()
    protocol.check("tracebacks on standard error", text.count("Traceback"), "0", "Traceback" not in text)
    with Simulator(Settings(store=store)) as simulator:
        lost = []
        for each in events:
            states = {delivery["state"] for delivery in simulator.event(each)["deliveries"]}
            if not states or not states <= {"accepted", "interrupted"}:
                lost.append(f"{each}: {states}")
    protocol.none_of(f"acknowledged events lost, of {len(events):,}", lost)
    found = judge(store, place / "none", sink.seen(), ordered=True)
    fine = f"{found.seen:,} requests, attempts {dict(found.attempts)}"
    protocol.check("the record against what the receiver saw", "; ".join(found.wrong[:3]) or fine, "equal",
                   not found.wrong)  # fmt: skip


@contextmanager
def _small_disk(folder: Path, size: str = "6m") -> Iterator[Path | None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


@contextmanager
def _read_only(folder: Path) -> Iterator[Path | None]:
    with _small_disk(folder) as disk:
        if disk is not None:
            Store(disk / "store.sqlite").close()
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        yield disk
