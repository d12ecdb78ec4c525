"""`emitter listen`: a receiver that verifies, prints and answers."""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from emitter import clock
from emitter.cli.failures import FAILED
from emitter.cli.options import Command, Duration, Setup, everywhere, secrets_of
from emitter.cli.terminal import note, plain, say, wants_colour
from emitter.errors import UsageError

if TYPE_CHECKING:
    from emitter.receiver import Capture, Receiver


@click.command(cls=Command)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", help="Where to listen. [127.0.0.1]")
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=3000, help="0 takes a free one. [3000]")
@click.option(
    "--as",
    "service",
    type=click.Choice(("teams", "pagerduty")),
    help="Be what these webhooks are relayed to: a Teams Workflows webhook, or PagerDuty's Events API v2.",
)
@click.option("--switch", metavar="NAME=VALUE", multiple=True, help="With --as: how that service behaves. Repeatable.")
@click.option("--switches", is_flag=True, help="With --as: list the switches, with what is known, and end.")
@click.option(
    "--secret",
    metavar="KEY",
    multiple=True,
    help="Signing key; rather EMITTER_SECRET, or a file. Repeatable. With --as: the sig of the URL, the routing keys.",
)
@click.option("--secret-file", metavar="FILE", multiple=True, help="A file that holds a signing key. Repeatable.")
@click.option("--forward-to", metavar="URL", help="Hand each request on, and give that answer back.")
@click.option(
    "--respond",
    metavar="SCRIPT",
    help="What to answer, in turn, whatever the signature: 500,503*3,200:2s,close. The last repeats.",
)
@click.option("--count", metavar="N", type=click.IntRange(1), help="Stop after N POST requests; exit 1 if one was bad.")
@click.option("--timeout", metavar="TIME", type=Duration(), help="With --count: how long to wait for them.")
@click.option(
    "--format", "form", type=click.Choice(("pretty", "json")), default="pretty", help="How to print. [pretty]"
)
@everywhere(form=False)
def listen(
    setup: Setup,
    host: str,
    port: int,
    service: str | None,
    switch: tuple[str, ...],
    switches: bool,
    secret: tuple[str, ...],
    secret_file: tuple[str, ...],
    forward_to: str | None,
    respond: str | None,
    count: int | None,
    timeout: float | None,
    form: str,
) -> None:
    """Be a receiver: verify the signature, hold the body against its schema, print one line, answer.

    It answers 200, or 401 where a signing key is known and the signature does not fit. With --count the exit code says
    whether all that came was signed and valid.

    With --as it answers as that service does, and prints what came of each call: the card that was posted, the run that
    failed out of the sender's sight, the alert that is open. Then --count says whether all came to what was wanted.
    """
    if timeout is not None and count is None:
        raise UsageError("--timeout goes with --count.")
    if service is not None:
        if forward_to is not None:
            raise UsageError("--forward-to goes with no --as: a stand-in answers by itself.")
        from emitter.cli.listen_as import list_switches, listen_as

        if switches:
            return list_switches(service, switch)
        return listen_as(
            service, switch, host=host, port=port, secrets=secrets_of(secret, secret_file), respond=respond,
            count=count, timeout=timeout, form=form,
        )  # fmt: skip
    if switch or switches:
        raise UsageError("--switch and --switches go with --as teams or --as pagerduty.")
    from emitter.catalog import Catalog
    from emitter.receiver import Answers, Receiver, json_line, line
    from emitter.signing import Scheme, SigningKey

    caught: queue.SimpleQueue[Capture | str] = queue.SimpleQueue()
    keys = [SigningKey(each) for each in secrets_of(secret, secret_file)]
    receiver = Receiver(
        host=host,
        port=port,
        keys=keys,
        scheme=Scheme.of(setup.settings.assumptions),
        catalog=Catalog.load(setup.settings.schemas),
        answers=Answers.parse(respond) if respond is not None else None,
        forward=forward_to,
        on_capture=caught.put,
        on_problem=caught.put,
        keep=1,
    )
    colour = wants_colour()

    def show(capture: Capture) -> None:
        say(json_line(capture) if form == "json" else line(capture, colour=colour))
        sys.stdout.flush()

    with receiver:
        try:
            _tell(receiver, len(keys), forward_to)
            came, bad = _follow(caught, show, count, timeout)
        except KeyboardInterrupt:
            note("Stopped.")
            return
    if count is not None and came < count:
        waited = f"{count} requests were" if count != 1 else "1 request was"
        note(f"Error: {waited} waited for, {came} came within {timeout:g} s.")
        sys.exit(FAILED)
    if bad:
        note(f"Error: {bad} of {count} had a bad signature or broke the contract.")
        sys.exit(FAILED)


def _tell(receiver: Receiver, keys: int, forward_to: str | None) -> None:
    signed = f"verified with {keys} key{'s' if keys > 1 else ''}" if keys else "not verified: no key (EMITTER_SECRET)"
    note(f"Listening on {receiver.url}/  signatures {signed}")
    if forward_to:
        from emitter.delivery import masked

        note(f"Forwarding to {masked(forward_to)}")
    note(f"Try: emitter trigger access-revoked --to {receiver.url}/    Stop: Ctrl-C")


def _follow(
    caught: queue.SimpleQueue[Capture | str], show: Callable[[Capture], None], count: int | None, timeout: float | None
) -> tuple[int, int]:
    """Show what comes until there are enough or time is up; return how many came, and how many of them were bad."""
    deadline = None if timeout is None else clock.monotonic() + timeout
    came = bad = 0
    while count is None or came < count:
        try:
            found = caught.get(timeout=None if deadline is None else max(deadline - clock.monotonic(), 0.0))
        except queue.Empty:
            break
        if isinstance(found, str):
            note(plain(found))
            continue
        show(found)
        if found.method != "POST" and found.forwarded is None:
            continue  # somebody looked whether there is a server: no webhook
        came += 1
        bad += found.contract == "invalid" or (found.signature is not None and not found.signature.ok)
    return came, bad
