"""Who and what may be added to a world: people, domains, data sources. It tells nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from emitter.errors import BadValue
from emitter.world.approving import DOMAIN_PERMISSIONS, PERMISSIONS
from emitter.world.draft import Draft
from emitter.world.entities import DataSource, Domain, User
from emitter.world.founding import MANAGE, data_source, domain_id, username
from emitter.world.parameters import Action, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class AddUser(Action):
    """Add somebody to the cast. Tells nobody."""

    name: str = parameter("text", "The name, which nobody else bears; left out, one is made up.", default="")
    id: str = parameter("text", "The global user id, if it matters.", default="")
    permissions: tuple[str, ...] = parameter("texts", f"Global ones, of {', '.join(PERMISSIONS)}.", default=())
    manages: tuple[str, ...] = parameter("domains", f"Domains in which to hold {MANAGE}.", default=())
    domain_permissions: tuple[tuple[str, str], ...] = parameter(
        "pairs", "Permissions by domain, of " + ", ".join(DOMAIN_PERMISSIONS) + ".", default=()
    )
    groups: tuple[str, ...] = parameter("texts", "Groups.", default=())
    attributes: tuple[tuple[str, str], ...] = parameter("pairs", "Attributes, as keys and values.", default=())

    def perform(self, draft: Draft, subject: None) -> User:
        if self.id in draft.known.users:
            raise BadValue("id", self.id, "is the id of a user already.")
        if self.name and any(each.name == self.name for each in draft.users()):
            raise BadValue("name", self.name, "is the name of a user already.")
        user = newcomer(draft, self.name, self.id)
        rights = [(each, MANAGE) for each in self.manages] + list(self.domain_permissions)
        user = replace(
            user,
            permissions=self.permissions,
            domain_permissions=tuple((draft.known.domain(domain).id, right) for domain, right in rights),
            groups=self.groups,
            attributes=self.attributes,
        )
        draft.put(user)
        return user


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDomain(Action):
    """Add a domain. Tells nobody."""

    name: str = parameter("text", "The name, which no other domain bears.")

    def perform(self, draft: Draft, subject: None) -> Domain:
        if not self.name or any(each.name == self.name for each in draft.known.domains.values()):
            raise BadValue("name", self.name, "is empty, or the name of a domain already.")
        domain = Domain(draft.next_number(), domain_id(draft.seed, draft.count("domain")), self.name)
        draft.put(domain)
        return domain


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDataSource(Action):
    """Add a data source. Tells nobody."""

    name: str = parameter("text", "The name, as sales.customers, which no other data source bears.")
    type: str = parameter("text", "Its technology, as Snowflake.", default="")

    def perform(self, draft: Draft, subject: None) -> DataSource:
        if not self.name or any(each.name == self.name for each in draft.known.sources.values()):
            raise BadValue("name", self.name, "is empty, or the name of a data source already.")
        place = draft.count("data source")
        source = data_source(draft.seed, place, draft.next_number(), name=self.name, technology=self.type)
        draft.put(source)
        return source


def newcomer(draft: Draft, name: str = "", id: str = "") -> User:
    """Make a user who was not there before, not yet put."""
    place = draft.count("user")
    if not name:
        taken = {each.name for each in draft.users()}
        name = next(each for each in numbered(draft.cast.another_person(place).name) if each not in taken)
    return User(draft.next_number(), id or draft.cast.another_person_id(place), name, username(name))


def numbered(name: str) -> Iterator[str]:
    """The name, then the name with 2, 3 and so on behind it."""
    yield name
    number = 2
    while True:
        yield f"{name} {number}"
        number += 1
