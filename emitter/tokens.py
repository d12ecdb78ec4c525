"""Tokens that are made here: each stands for a user of the world, or for whoever looks after a tenant.

A token's text is told once. What is kept is its SHA-256: 256 random bits need no salt and no slow hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any

import orjson

from emitter import clock
from emitter.errors import BadValue, Conflict, NotFound, UnknownName, nearest
from emitter.store import Store
from emitter.store.tokens import TokenRow
from emitter.world import World
from emitter.world.approving import PERMISSIONS
from emitter.world.entities import User
from emitter.world.roles import roles

Json = dict[str, Any]

PREFIX = "emt_"
"""How the text of every token that was made begins: one that does so and is not known was revoked, or is a slip."""
APPLICATION_ADMIN = "APPLICATION_ADMIN"
"""What the operations on webhooks want (vendor's documentation, *Manage Webhooks*)."""
GRANTED = (*PERMISSIONS, APPLICATION_ADMIN)
"""The global permissions that a token may have beside those of its user."""
MOST = 1000
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its text. `user` is the id of its user; an `admin`'s has none, and may do everything."""

    id: str
    digest: bytes = field(repr=False)
    name: str
    user: str
    permissions: tuple[str, ...]
    admin: bool
    created_at: int


def digest_of(text: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def name_of(name: str) -> str:
    """Check what a token or a tenant is called; raise `BadValue`."""
    if len(name) > LONGEST_NAME or not name.isprintable() or "/" in name or name != name.strip():
        raise BadValue(
            "name", name, f"is no name: up to {LONGEST_NAME} printable characters, without / and spaces at its ends."
        )
    return name


class Tokens:
    """The tokens of one simulator. Finding one reads no disk; making and revoking return once it is on disk."""

    def __init__(self, store: Store, world: World) -> None:
        self._store, self._world = store, world
        self._chance = SystemRandom()
        self.reload()

    def reload(self) -> None:
        """Read them anew, where the store was replaced."""
        self._known = {each.digest: each for each in map(_read, self._store.tokens.all())}

    def find(self, digest: bytes) -> Token | None:
        """The token whose text has this digest."""
        return self._known.get(digest)

    def make(self, user: str, *, permissions: Sequence[str] = (), name: str = "") -> tuple[Token, str]:
        """Make a token for a user, by id, name or user name; returns it with its text, which is kept nowhere.

        Raises `NotFound` for a user that the world does not have, `UnknownName` for a permission, `BadValue` for a
        name, `Conflict` where there are too many.
        """
        for each in permissions:
            if each not in GRANTED:
                raise UnknownName("permission", each, GRANTED)
        name = name_of(name)
        self._world.keep_founders()
        found = self._world.known.user(user)
        return self._kept(found.id, name, tuple(dict.fromkeys(permissions)), admin=False)

    def make_admin(self) -> tuple[Token, str]:
        """Make the token of who looks after this tenant."""
        return self._kept("", "admin", (), admin=True)

    def _kept(self, user: str, name: str, permissions: tuple[str, ...], *, admin: bool) -> tuple[Token, str]:
        if len(self._known) >= MOST:
            raise Conflict(f"There are {MOST:,} tokens, the most that there may be. Revoke some that nobody uses.")
        text = PREFIX + secrets.token_urlsafe(32)
        made = Token(
            f"{self._chance.getrandbits(64):016x}", digest_of(text), name, user, permissions, admin, clock.wall()
        )
        carried = {"name": name, "user": user, "permissions": permissions, "admin": admin, "createdAt": made.created_at}
        self._store.tokens.add(TokenRow(made.id, made.digest, orjson.dumps(carried)))
        self._known[made.digest] = made
        return made, text

    def revoke(self, id: str) -> None:
        """Forget a token, by its id or a name that no other has: whoever bears it is refused from now on.

        Raises `NotFound`, `BadValue` for a name of several, `Conflict` for a tenant's own.
        """
        found = self._find(id)
        if found.admin:
            raise Conflict("A tenant's own token lasts as long as the tenant: delete the tenant instead.")
        self._store.tokens.remove(found.id)
        self._known.pop(found.digest, None)

    def _find(self, id: str) -> Token:
        if id.startswith(PREFIX):
            raise NotFound("token", "(as given)", "Name it by its id: `emitter tokens list` shows them.")
        known = tuple(self._known.values())
        found = [each for each in known if each.id == id] or [each for each in known if id and each.name == id]
        if len(found) > 1:
            raise BadValue("token", id, f"is the name of {len(found)}: {', '.join(each.id for each in found)}.")
        if not found:
            close = nearest(id, [each.id for each in known] + [each.name for each in known if each.name])
            raise NotFound("token", id, f"Nearest: {close[0]}." if close else "")
        return found[0]

    def all(self) -> list[Token]:
        """Every token, the oldest first."""
        return list(self._known.values())

    def user(self, token: Token) -> User | None:
        """The user that a token stands for; None where the world has none of this id (any more)."""
        found = self._world.known.users.get(token.user)
        if found is None and token.user:
            self._world.found()  # after a reset nobody may have asked yet who there is
            found = self._world.known.users.get(token.user)
        return found

    def show(self, token: Token) -> Json:
        """A token for those who look after them: without its text, with the roles that its user has now."""
        user = self.user(token)
        return {
            "id": token.id,
            "name": token.name,
            "user": token.user or None,
            "userName": user.name if user else None,
            "admin": token.admin,
            "permissions": list(token.permissions),
            "roles": list(roles(user, self._world.known)) if user else [],
            "createdAt": clock.rfc3339(token.created_at, 3),
        }


def _read(row: TokenRow) -> Token:
    found = orjson.loads(row.document)
    return Token(
        row.id, row.digest, found["name"], found["user"], tuple(found["permissions"]), found["admin"],
        found["createdAt"],
    )  # fmt: skip
