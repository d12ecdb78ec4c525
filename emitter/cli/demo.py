"""The main job, shown: every event type, from its schema to a signed, recorded delivery; `python -m emitter.cli.demo`.

A simulator serves on a free port of this machine and keeps its records in memory. A receiver that knows the signing
key stands beside it. What is said at the end was found out, on both sides.
"""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import click

from emitter.cli import lines
from emitter.cli.failures import FAILED, ending
from emitter.cli.terminal import GREEN, RED, note, paint, say
from emitter.errors import EmitterError, Unavailable

if TYPE_CHECKING:
    import requests

    from emitter.client import Client
    from emitter.receiver import Capture, Receiver

PATIENCE = 10.0  # seconds that anything here may take
TOKEN = "demo"  # any token will do on loopback


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that should be so, whether it is, and what was found."""

    claim: str
    ok: bool
    found: str = ""


@click.command()
@click.option("--stay/--no-stay", default=True, help="Whether to go on serving until Ctrl-C.")
def demo(stay: bool) -> None:
    """Send one event of every type to a receiver, check what arrived, and serve the history page."""
    from emitter.catalog import Catalog
    from emitter.client import Client
    from emitter.receiver import Receiver
    from emitter.signing import SigningKey

    secret, stop = secrets.token_hex(16), threading.Event()
    with (
        Receiver(keys=(SigningKey(secret),), catalog=Catalog.load()) as receiver,
        _served(stop) as url,
        Client(url, token=TOKEN) as client,
        _session() as session,
    ):
        say(f"A simulator serves {url}, a receiver listens on {receiver.url}.")
        findings = [_register(session, url, f"{receiver.url}/hook", secret)]
        types = [each["type"] for each in client.event_types()]
        findings += _deliver(client, types)
        findings += [*_received(receiver, types), _listed(session, url, len(types))]
        say()
        for finding in findings:
            say(f"{paint('ok   ', GREEN) if finding.ok else paint('WRONG', RED)}  {finding.claim}{_because(finding)}")
        if not all(finding.ok for finding in findings):
            note("Error: not everything is as it should be; see above.")
            sys.exit(FAILED)
        if not stay:
            return
        try:
            say()
            say(f"The history page: {url}/")
            say("Serving until Ctrl-C.")
            sys.stdout.flush()
            stop.wait()
        except KeyboardInterrupt:
            note("Stopped.")


@contextmanager
def _served(stop: threading.Event) -> Iterator[str]:
    """Serve a simulator with its defaults, whatever is set around us, on a thread; give its address."""
    from emitter.settings import Settings
    from emitter.simulator import Simulator
    from emitter.web.serving import serve

    ready = threading.Event()
    told: list[str] = []
    errors: list[EmitterError] = []

    def tell(url: str) -> None:
        told.append(url)
        ready.set()

    def run() -> None:
        try:
            serve(simulator, port=0, ready=tell, stop=stop)
        except EmitterError as error:
            errors.append(error)
        finally:
            stop.set()
            ready.set()

    with Simulator(Settings(store=None)) as simulator:
        thread = threading.Thread(target=run, name="emitter-demo")
        thread.start()
        try:
            if not ready.wait(PATIENCE) or not told:
                raise errors[0] if errors else Unavailable("The server did not start.")
            yield told[0]
        finally:
            stop.set()
            thread.join()


@contextmanager
def _session() -> Iterator[requests.Session]:
    """A client as anybody could write one: HTTP and a bearer token."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        yield session


def _register(session: requests.Session, url: str, target: str, secret: str) -> Finding:
    """Register the receiver through the vendor's own API."""
    asked = {"url": target, "signingKey": secret}
    answer = session.post(f"{url}/marketplace/api/notification/webhook", json=asked, timeout=PATIENCE)
    fine = answer.status_code == 200 and answer.json().get("url") == target and answer.json().get("signingKey") is True
    return Finding(
        "the receiver was registered through the vendor's API", fine, f"it answered {answer.status_code}: {answer.text}"
    )


def _deliver(client: Client, types: Sequence[str]) -> list[Finding]:
    """Trigger one event of each type and wait for its outcome."""
    from emitter.trigger import TriggerSpec

    accepted, wrong = 0, []
    for name in types:
        for event in client.trigger(TriggerSpec(type=name)):
            say(lines.sent(event))
            for delivery in client.deliveries([each["id"] for each in event["deliveries"]], wait=PATIENCE):
                for line in lines.show_attempts(client, delivery, set()):
                    say(line)
                accepted += delivery["state"] == "accepted"
                wrong += [f"{name}: {delivery['state']}"] if delivery["state"] != "accepted" else []
    claim = f"{accepted} of {len(types)} deliveries were accepted"
    return [Finding(claim, accepted == len(types) > 0 and not wrong, "; ".join(wrong))]


def _received(receiver: Receiver, types: Sequence[str]) -> list[Finding]:
    """What the receiver says of it."""
    captures = receiver.captures
    seen = {capture.type for capture in captures}
    unsigned = [_named(each) for each in captures if each.signature is None or not each.signature.ok]
    broken = [_named(each) for each in captures if each.contract != "valid"]
    missing = sorted(set(types) - seen)
    return [
        Finding(
            f"{len(seen)} distinct types arrived, each once",
            seen == set(types) and len(captures) == len(types),
            f"missing: {', '.join(missing) or 'none'}; {len(captures)} requests came",
        ),
        Finding(
            f"{len(captures) - len(unsigned)} of {len(captures)} signatures were verified by the receiver",
            bool(captures) and not unsigned, "; ".join(unsigned),
        ),
        Finding(
            f"{len(captures) - len(broken)} of {len(captures)} bodies keep to their schemas",
            bool(captures) and not broken, "; ".join(broken),
        ),
    ]  # fmt: skip


def _listed(session: requests.Session, url: str, wanted: int) -> Finding:
    """What the history page shows."""
    answer = session.get(f"{url}/", timeout=PATIENCE)
    rows = _Rows()
    rows.feed(answer.text)
    return Finding(
        f"{len(rows.attempts)} rows are on the history page",
        answer.status_code == 200 and len(rows.attempts) == wanted,
        f"{wanted} were to be there; the page answered {answer.status_code}",
    )


class _Rows(HTMLParser):
    """Finds the rows of the history page: those of a table's body that lead to an attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts: set[str] = set()
        self._in_row = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_row = tag == "tr" or self._in_row
        address = dict(attrs).get("href") or ""
        if tag == "a" and self._in_row and address.startswith("/deliveries/"):
            self.attempts.add(address.removeprefix("/deliveries/").partition("?")[0])

    def handle_endtag(self, tag: str) -> None:
        self._in_row = self._in_row and tag != "tr"


def _named(capture: Capture) -> str:
    return f"{capture.type or 'no event'} ({capture.contract})"


def _because(finding: Finding) -> str:
    return "" if finding.ok or not finding.found else f": {finding.found}"


def main() -> None:
    """Run the demo as a program."""
    from emitter.cli import stop_in_order

    stop_in_order()
    with ending():
        demo.main(prog_name="python -m emitter.cli.demo", standalone_mode=False)


if __name__ == "__main__":
    main()
