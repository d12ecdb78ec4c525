"""Killed in the middle of it, nothing that was acknowledged is lost and nothing is sent unrecorded: the short form.

The long one, at every point of the write path and with retries, is in tests/acceptance/crash.py.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tests.support_crash import JournalSink, Victims, judge
from tests.support_crash_child import Plan

ROOT = Path(__file__).parent.parent
PATHS = ("/hook/0", "/hook/1", "/hook/2", "/hook/3")
POINTS = (
    "while COMMIT of an event runs",
    "event committed, nobody told",
    "submitted, before the first byte",
    "answer known, no row made",
    "in the outcome's transaction, before COMMIT",
)


@pytest.fixture
def place(tmp_path):
    with JournalSink(tmp_path / "seen") as sink, Victims() as victims:
        plan = {"store": str(tmp_path / "store.sqlite"), "journal": str(tmp_path / "acknowledged"),
                "sink": sink.url, "paths": PATHS, "events": 150}  # fmt: skip
        yield tmp_path, sink, victims, plan


def judged(folder, sink):
    return judge(folder / "store.sqlite", folder / "acknowledged", sink.seen(), ordered=True)


def test_every_point_at_which_the_long_form_kills_is_still_there():
    """In a process of its own: what is wrapped there stays wrapped."""
    script = (
        "from tests.support_crash_child import ALL_POINTS, Plan, _Deadly\n"
        "for point, install in ALL_POINTS.items(): install(_Deadly(Plan('', '', point=point)))"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_simulator_that_is_killed_again_and_again_keeps_what_it_acknowledged_and_knows_what_it_sent(place):
    folder, sink, victims, plan = place
    chance = Random(4)

    for point in POINTS:
        victims.start(Plan(**plan, point=point, skip=chance.randrange(5, 60)))
        victims.dies(point)
    victims.start(Plan(**plan))
    victims.hears("ready", 10)
    time.sleep(chance.random() * 0.3)
    victims.kill("random")
    sink.arm(victims.start(Plan(**plan)), "request journaled", 40)
    victims.killed_by_sink("request journaled")
    victims.settle(Plan(**plan, settle=True))

    found = judged(folder, sink)
    assert found.wrong == []
    assert found.acknowledged > 100
    assert found.attempts["interrupted"] > 0
    assert set(found.attempts) == {"accepted", "interrupted"}
    assert victims.kills.total() == 7
    assert victims.pragmas == {(2, "wal")}  # synchronous=FULL


def change(folder, statement):
    connection = sqlite3.connect(folder / "store.sqlite")
    connection.execute(statement)
    connection.commit()
    connection.close()


def last_line(journal, *, times):
    """The journal as if its last request had come so many times."""
    *lines, last = journal.read_text().splitlines()
    again = [f"{9000 + number} {last.partition(' ')[2]}" for number in range(1, times)]
    journal.write_text("\n".join([*lines, *([last] if times else []), *again, ""]))


TAMPERING = {
    "lost": lambda folder: change(folder, "DELETE FROM events WHERE id = 3"),
    "stuck": lambda folder: change(folder, "UPDATE deliveries SET state = 0 WHERE id = 5"),
    "unseen": lambda folder: last_line(folder / "seen", times=0),
    "unrecorded": lambda folder: change(folder, "DELETE FROM attempts WHERE id = 7"),
    "repeated": lambda folder: last_line(folder / "seen", times=2),
    "other": lambda folder: change(folder, "UPDATE attempts SET number = 2 WHERE id = 9"),
}


def test_the_judge_of_crashes_finds_what_is_wrong(place, tmp_path):
    folder, sink, victims, plan = place
    victims.start(Plan(**{**plan, "events": 40}, point="stop: before the file is closed", then="close"))
    victims.dies("stop")
    victims.settle(Plan(**plan, settle=True))
    kept = {name: (folder / name).read_bytes() for name in ("store.sqlite", "acknowledged", "seen")}
    assert judged(folder, sink).wrong == []

    noticed = {}
    for name, tamper in TAMPERING.items():
        tamper(folder)
        noticed[name] = bool(getattr(judged(folder, sink), name))
        for file, content in kept.items():
            (folder / file).write_bytes(content)

    assert noticed == dict.fromkeys(TAMPERING, True)
