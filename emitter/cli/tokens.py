"""`emitter tokens`: who may ask the vendor's API, and as whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from emitter.cli.options import Command, Listing, Setup, everywhere
from emitter.cli.terminal import Json, as_json, columns, note, say, short_time, show_many
from emitter.errors import UsageError


@click.group(cls=Listing)
def tokens() -> None:
    """Make tokens for the people of the simulated app, list and revoke them.

    With such a token a request to the vendor's API is that person's, with their rights.
    """


@tokens.command("make", cls=Command)
@click.option("--user", metavar="USER", required=True, help="Whom it stands for, by name, user name or id.")
@click.option(
    "--permission", "permissions", metavar="NAME", multiple=True,
    help="A global permission beside those of the user, as APPLICATION_ADMIN. Repeatable.",
)  # fmt: skip
@click.option("--name", metavar="TEXT", default="", help="What it is for.")
@everywhere()
def make(setup: Setup, user: str, permissions: tuple[str, ...], name: str) -> None:
    """Make a token and print it: it is told this once.

    Who is there: `emitter world show users`. What concerns webhooks wants the permission APPLICATION_ADMIN.
    """
    from emitter.cli.door import opened

    store = setup.settings.store
    if store is None and not setup.server:
        raise UsageError(
            "With --ephemeral the token ends with this command, and nobody could use it. Name the store that is "
            "served, or --server URL."
        )
    with opened(setup, looking=store is not None and store.is_file()) as door:  # where there is none, one is made
        made = door.make_token(user, permissions=permissions, name=name)
    if setup.format != "table":
        say(as_json(made, indent=2 if setup.format == "json" else None))
        return
    rights = ", ".join([*made["roles"], *made["permissions"]])
    note(f"For {made['userName']} ({rights}). It is shown this once; its id is {made['id']}.")
    say(made["token"])


@tokens.command("list", cls=Command)
@everywhere()
def list_tokens(setup: Setup) -> None:
    """List the tokens that were made, the oldest first; never their texts."""
    from emitter.cli.door import opened

    with opened(setup, looking=True) as door:
        found = door.tokens()
    show_many(setup.format, found, _table)
    if not found and setup.format == "table":
        note('There is no token. Make one: emitter tokens make --user "Ann Lee"')


@tokens.command("revoke", cls=Command)
@click.argument("token_id", metavar="ID")
@everywhere(form=False)
def revoke(setup: Setup, token_id: str) -> None:
    """Refuse a token from now on, by its id or a name that no other has."""
    from emitter.cli.door import opened

    with opened(setup, looking=True) as door:
        door.revoke_token(token_id)
    note(f"Revoked {token_id}.")


def _table(found: Sequence[Json]) -> Iterable[str]:
    rows = [
        (each["id"], each["name"], _who(each), ", ".join([*each["roles"], *each["permissions"]]),
         short_time(each["createdAt"]))
        for each in found
    ]  # fmt: skip
    return columns(("ID", "NAME", "USER", "MAY", "MADE"), rows, stretch=3) if rows else ()


def _who(token: Json) -> str:
    if token["admin"]:
        return "(the tenant's admin)"
    return token["userName"] or f"{token['user']} (not there any more)"
