"""A year of a tenant in one run: how long it takes, what memory it takes, and whether both ends count the same."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from emitter.catalog import Catalog
from emitter.clock import moment
from emitter.report import PASSED
from emitter.runs import play_apart
from emitter.scenario import load
from emitter.settings import Settings
from tests.acceptance.protocol import Protocol

STORY = Path(__file__).parent / "a-year.yaml"
SECONDS, MEGABYTES, DELIVERIES = 60, 300, 90_000


def run(protocol: Protocol) -> None:
    about = (
        "365 simulated days, 200 products, 5,000 requests with a mixed life, as fast as can be, to a sink that counts."
    )
    with protocol.section("The year", about), tempfile.TemporaryDirectory() as folder, sink() as other:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.acceptance.year", other["url"], str(Path(folder) / "year.sqlite")],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        told = json.loads(ran.stdout)
        other.update(other["end"]())
        protocol.check("simulated days", told["days"], "365", told["days"] == 365)
        protocol.check("products, requests", f"{told['products']}, {told['requests']}", "200, 5000",
                       (told["products"], told["requests"]) == (200, 5000))  # fmt: skip
        protocol.check("deliveries", f"{told['deliveries']:,}", f"about 100,000, at least {DELIVERIES:,}",
                       told["deliveries"] >= DELIVERIES)  # fmt: skip
        protocol.check("seconds", f"{told['took']:.1f}", f"under {SECONDS}", told["took"] < SECONDS)
        protocol.check("memory", f"{told['memory']} MB", f"under {MEGABYTES} MB", told["memory"] < MEGABYTES)
        protocol.check("how the run ended", told["status"], PASSED, told["status"] == PASSED)
        protocol.check("events by type: the report and the sink", _differing(told["events"], other["types"]), "equal",
                       told["events"] == other["types"])  # fmt: skip
        protocol.check("attempts by status: the report and the sink", _differing(told["statuses"], other["statuses"]),
                       "equal", told["statuses"] == other["statuses"])  # fmt: skip
        protocol.check("distinct bodies at the sink", f"{other['distinct']:,}", f"{told['deliveries']:,}",
                       other["distinct"] == told["deliveries"])  # fmt: skip


def _differing(one: dict[str, int], other: dict[str, int]) -> str:
    wrong = [f"{name}: {one.get(name)} and {other.get(name)}" for name in {**one, **other}
             if one.get(name) != other.get(name)]  # fmt: skip
    return (
        "; ".join(wrong)
        or f"equal: {', '.join(f'{count:,} {name.rpartition(chr(46))[2]}' for name, count in one.items())}"
    )


@contextmanager
def sink() -> Iterator[dict[str, Any]]:
    """A counting sink in a process of its own; its `end` gives what it has counted."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.acceptance.counting_sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    said, out = process.stdin, process.stdout

    def end() -> dict[str, Any]:
        said.close()
        found: dict[str, Any] = json.loads(out.readline())
        return found

    try:
        yield {"url": json.loads(out.readline())["url"], "end": end}
    finally:
        said.close()
        out.close()
        process.wait(10)


def play(url: str, store: Path) -> dict[str, Any]:
    """Play the year and say what the report says."""
    report = play_apart(load(STORY, catalog=Catalog.load()), settings=Settings(), store=store, to=url)
    return {
        "status": report.status,
        "took": report.took,
        "memory": peak(),
        "days": (moment(report.end) - moment(report.start)) // timedelta(days=1),
        "products": report.tally.events["marketplace.data_product.state.created"],
        "requests": report.tally.events["marketplace.data_product.access_requests.created"],
        "deliveries": sum(report.tally.deliveries.values()),
        "events": report.tally.events,
        "statuses": report.tally.statuses,
    }


def peak() -> int:
    """The most memory that this program had, in MB. What getrusage says may be that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


if __name__ == "__main__":
    print(json.dumps(play(sys.argv[1], Path(sys.argv[2]))))
