"""`emitter webhooks`: registrations, as in the app, and what only a simulator has."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from emitter import clock
from emitter.cli import lines
from emitter.cli.failures import FAILED, UNAVAILABLE
from emitter.cli.options import Command, Listing, Setup, everywhere, secret_of
from emitter.cli.terminal import GREEN, RED, YELLOW, Json, columns, note, paint, plain, show_many, show_one
from emitter.errors import NotFound, UsageError

if TYPE_CHECKING:
    from emitter.delivery import Webhook
    from emitter.door import Door

SHORTEST = 4  # characters of an id that may stand for it


@click.group(cls=Listing)
def webhooks() -> None:
    """Register webhooks, test, pause and remove them.

    An ID may be cut to its first characters, as long as only one begins so.
    """


@webhooks.command("list", cls=Command)
@everywhere()
def list_webhooks(setup: Setup) -> None:
    """List the registrations, oldest first."""
    from emitter.cli.door import opened

    with opened(setup, looking=True) as door:
        found = [as_json_of(each) for each in door.webhooks()]
    show_many(setup.format, found, _table)
    if not found and setup.format == "table":
        note("There is no webhook. Register one: emitter webhooks add http://127.0.0.1:3000/")


@webhooks.command("add", cls=Command)
@click.argument("url", metavar="URL")
@click.option("--secret", metavar="KEY", help="Signing key. Others see it in `ps`: rather EMITTER_SECRET, or a file.")
@click.option("--secret-file", metavar="FILE", help="A file that holds the signing key.")
@click.option("--insecure", is_flag=True, help="Do not verify the target's certificate.")
@click.option("--ca", metavar="FILE", help="A PEM file of authorities to trust for the target.")
@click.option("--http2", is_flag=True, help="Offer HTTP/2 (over TLS).")
@everywhere()
def add(
    setup: Setup, url: str, secret: str | None, secret_file: str | None, insecure: bool, ca: str | None, http2: bool
) -> None:
    """Register a webhook: every event from now on goes there, too."""
    from emitter.cli.door import opened

    key = secret_of(secret, secret_file)
    with opened(setup) as door:
        added = door.add_webhook(
            url, verify_tls=not insecure, signing_key=key, ca=os.path.abspath(ca) if ca else "", http2=http2
        )
    show_one(setup.format, as_json_of(added), _whole)
    if not key and setup.format == "table":
        note(
            "It has no signing key: what is sent there is unsigned. Set one: emitter webhooks update ID --secret-file F"
        )


@webhooks.command("show", cls=Command)
@click.argument("webhook_id", metavar="ID")
@everywhere()
def show(setup: Setup, webhook_id: str) -> None:
    """Show one registration."""
    from emitter.cli.door import opened

    with opened(setup, looking=True) as door:
        show_one(setup.format, as_json_of(_find(door, webhook_id)), _whole)


@webhooks.command("test", cls=Command)
@click.argument("webhook_id", metavar="ID")
@everywhere()
def test(setup: Setup, webhook_id: str) -> None:
    """Send the test payload and wait for what comes of it.

    The exit code is 1 if it was not accepted, 3 if no answer came.
    """
    from emitter.cli.door import opened
    from emitter.query import AttemptQuery

    with opened(setup) as door:
        webhook = _find(door, webhook_id)
        result = door.test_webhook(webhook.id)
        accepted = result["status"] in ("SUCCESS", 1)
        answered = accepted or bool(result["httpStatusCode"])
        made = [] if answered else door.attempts(AttemptQuery(webhook=(webhook.id,), limit=1))["attempts"]
    show_one(setup.format, result, lambda found: [_tested(webhook, found, accepted)])
    if made and made[0]["outcome"] == "failed":
        tally = lines.Tally()
        tally.add({"state": "failed", "url": made[0]["url"], "attempts": made})
        sys.exit(tally.code())
    if not accepted:
        sys.exit(FAILED if answered else UNAVAILABLE)


@webhooks.command("remove", cls=Command)
@click.argument("webhook_id", metavar="ID")
@everywhere(form=False)
def remove(setup: Setup, webhook_id: str) -> None:
    """Remove a registration; what waits for it is dropped, its history stays."""
    from emitter.cli.door import opened

    with opened(setup) as door:
        webhook = _find(door, webhook_id)
        door.delete_webhook(webhook.id)
    note(f"Removed {webhook.id}.")


@webhooks.command("pause", cls=Command)
@click.argument("webhook_id", metavar="ID")
@everywhere()
def pause(setup: Setup, webhook_id: str) -> None:
    """Hold what comes until `resume`; nothing is lost."""
    _change(setup, webhook_id, paused=True)


@webhooks.command("resume", cls=Command)
@click.argument("webhook_id", metavar="ID")
@everywhere()
def resume(setup: Setup, webhook_id: str) -> None:
    """End a pause or a suppression; what was held is sent."""
    _change(setup, webhook_id, paused=False, suppressed=False)


@webhooks.command("suppress", cls=Command)
@click.argument("webhook_id", metavar="ID")
@everywhere()
def suppress(setup: Setup, webhook_id: str) -> None:
    """Set the app's flag: what waits and what comes is dropped until `resume`."""
    _change(setup, webhook_id, suppressed=True)


@webhooks.command("update", cls=Command)
@click.argument("webhook_id", metavar="ID")
@click.option("--url", metavar="URL", help="Where the events go from now on.")
@click.option("--secret", metavar="KEY", help="A new signing key. Others see it in `ps`: rather a file.")
@click.option("--secret-file", metavar="FILE", help="A file that holds the new signing key.")
@click.option("--no-secret", is_flag=True, help="Take the signing key away.")
@click.option("--verify-tls/--insecure", default=None, help="Whether to verify the target's certificate.")
@everywhere()
def update(
    setup: Setup, webhook_id: str, url: str | None, secret: str | None, secret_file: str | None, no_secret: bool,
    verify_tls: bool | None,
) -> None:  # fmt: skip
    """Change a registration; what is not named stays."""
    if no_secret and (secret is not None or secret_file is not None):
        raise UsageError("--no-secret takes the key away; it does not go with a new one.")
    key = "" if no_secret else None
    if secret is not None or secret_file is not None:  # not from the environment: an update changes what is named
        key = secret_of(secret, secret_file)
    if url is None and key is None and verify_tls is None:
        raise UsageError("Name what is to change: --url, --secret-file, --no-secret, --verify-tls or --insecure.")
    _change(setup, webhook_id, url=url, signing_key=key, verify_tls=verify_tls)


def _change(setup: Setup, webhook_id: str, **changes: Any) -> None:
    from emitter.cli.door import opened

    with opened(setup) as door:
        changed = door.change_webhook(_find(door, webhook_id).id, **changes)
    show_one(setup.format, as_json_of(changed), _whole)


def _find(door: Door, text: str) -> Webhook:
    """The registration whose id begins with `text`; raise `NotFound` or `UsageError`."""
    found = [each for each in door.webhooks() if each.id.startswith(text.lower())]
    if len(found) == 1 and len(text) >= SHORTEST:
        return found[0]
    if len(found) > 1 and len(text) >= SHORTEST:
        raise UsageError(f"Several webhooks begin with {text}: {', '.join(each.id for each in found)}.")
    raise NotFound("webhook", text, "`emitter webhooks list` shows what there is.")


def as_json_of(webhook: Webhook) -> Json:
    """A registration as the APIs show it: without its signing key."""
    return {
        "id": webhook.id,
        "url": webhook.url,
        "verifyTls": webhook.verify_tls,
        "signingKey": webhook.signing_key is not None,
        "suppressed": webhook.suppressed,
        "paused": webhook.paused,
        "ca": webhook.ca,
        "http2": webhook.http2,
        "createdAt": clock.rfc3339(webhook.created_at, 3),
    }


def _state(webhook: Json) -> str:
    return "suppressed" if webhook["suppressed"] else "paused" if webhook["paused"] else "active"


def _table(found: Sequence[Json]) -> Iterable[str]:
    from emitter.delivery import masked

    if found:
        rows = [
            [each["id"], _state(each), "yes" if each["signingKey"] else "no", "yes" if each["verifyTls"] else "no",
             masked(each["url"])]
            for each in found
        ]  # fmt: skip
        yield from columns(
            ("ID", "STATE", "SIGNED", "VERIFIES TLS", "URL"), rows, stretch=4,
            paints=lambda column, text: YELLOW if column == 1 and text.strip() != "active" else "",
        )  # fmt: skip


def _whole(webhook: Json) -> Iterable[str]:
    from emitter.delivery import masked

    yield plain(webhook["id"])
    for name, value in (
        ("url", masked(webhook["url"])),
        ("state", _state(webhook)),
        ("signed", "yes" if webhook["signingKey"] else "no"),
        ("verifies TLS", "yes" if webhook["verifyTls"] else "no"),
        ("authorities", webhook["ca"]),
        ("HTTP/2", "yes" if webhook["http2"] else ""),
    ):
        if value:
            yield f"  {name:<13} {plain(value)}"


def _tested(webhook: Webhook, result: Json, accepted: bool) -> str:
    from emitter.delivery import masked

    refused = "not accepted" if result["httpStatusCode"] else "no answer"
    word = paint("accepted", GREEN) if accepted else paint(refused, RED)
    status = f" [{result['httpStatusCode']}]" if result["httpStatusCode"] else ""
    return f"{word}{status} POST {plain(masked(webhook.url))}  {plain(result.get('errorMessage', ''))}".rstrip()
