"""What may be done to data products, and to what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from emitter.errors import BadValue
from emitter.factory.cast import SIZE, uuid
from emitter.world.approving import DOMAIN_PERMISSIONS, PERMISSIONS, stages
from emitter.world.draft import Draft, closed
from emitter.world.entities import ACTIVE, SUSPENDED, DataSource, Domain, Policy, Product, User
from emitter.world.founding import MANAGE, data_source, domain_id, username
from emitter.world.happening import ORPHANED, PUBLISHED, SOURCES_UPDATED, STEWARDS_UPDATED, UNPUBLISHED
from emitter.world.parameters import Action, parameter
from emitter.world.periods import Period

_POLICIES = ("review", "approve", "deny")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Action):
    """Publish a data product. What is left out is made up: name, domain, data sources, the API's default stewards."""

    emits: ClassVar[tuple[str, ...]] = (PUBLISHED,)

    name: str = parameter("title", "Its name, which no other product bears.", default="")
    id: str = parameter("text", "Its id, if it matters.", default="")
    description: str = parameter("text", "What it is.", default="")
    domains: tuple[str, ...] = parameter("domains", "Where it belongs, by id or name.", default=())
    data_sources: tuple[str, ...] = parameter("data sources", "What it is made of, by id or name.", default=())
    stewards: tuple[Any, ...] = parameter("approvers", "Who may decide; any one of them is enough.", default=())
    review: tuple[Any, ...] = parameter("stages", "Who has to decide, in stages of `any` or `all`.", default=())
    masking_review: tuple[Any, ...] = parameter("stages", "The same for masking exceptions.", default=())
    policy: str = parameter("choice", "What becomes of a request.", default="review", choices=_POLICIES)
    duration: Period | None = parameter("period", "How long an approval by policy lasts; else for good.", default=None)
    denied: tuple[str, ...] = parameter("users", "Whose requests a rule denies at once.", default=())
    by: str = parameter("user", "Who publishes it.", default="")

    def perform(self, draft: Draft, subject: None) -> Product:
        known, place = draft.known, draft.count("data product")
        if self.duration is not None:
            self.duration.after(draft.now)
        made = draft.cast.products[place] if place < SIZE else draft.cast.another_product(place)
        if self.name and (holder := known.name_in_use(self.name)):
            raise draft.refuse(holder, f'needs a name that is not in use, and this one is called "{self.name}"')
        if self.id and self.id in known.products:
            raise draft.refuse(known.products[self.id], "needs an id that was never used")
        chance = Random(f"{draft.seed}/product/{place}")
        domains = tuple(dict.fromkeys(known.domain(each).id for each in self.domains))
        domains = domains or ((chance.choice(list(known.domains)),) if known.domains else ())
        sources = tuple(dict.fromkeys(known.source(each).id for each in self.data_sources))
        sources = sources or tuple(chance.sample(list(known.sources), min(3, len(known.sources))))
        policy = Policy(
            self.policy, stages(known, self.stewards, self.review), self.duration,
            tuple(dict.fromkeys(known.user(each).id for each in self.denied)),
        )  # fmt: skip
        product = Product(
            draft.next_number(), _unused_id(draft, self.id or made.id), self.name or _unused(draft, made.name),
            domains, sources, policy,
            replace(policy, stages=stages(known, (), self.masking_review)) if self.masking_review else policy,
            _publisher(draft, self.by, domains).id, draft.now, draft.now, self.description, run=draft.run,
        )  # fmt: skip
        draft.put(product)
        draft.happen(PUBLISHED, product)
        return product


@dataclass(frozen=True, slots=True, kw_only=True)
class OnProduct(Action):
    """What is done to a product that is there."""

    subject: ClassVar[str] = "data product"
    needs: ClassVar[tuple[str, ...]] = (ACTIVE, SUSPENDED)

    product: str = parameter("data product", "Which one, by id or name.")

    def find(self, draft: Draft) -> Product:
        return draft.known.product(self.product)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(OnProduct):
    """Change what the app tells nobody of: name, description, what the policy does at once."""

    name: str = parameter("title", "Its new name.", default="")
    description: str | None = parameter("text", "Its new description.", default=None)
    policy: str = parameter("choice", "What becomes of a request from now on.", default="", choices=_POLICIES)
    duration: Period | None = parameter("period", "How long an approval by policy lasts.", default=None)
    denied: tuple[str, ...] | None = parameter("users", "Whose requests a rule denies at once.", default=None)

    def perform(self, draft: Draft, subject: Product) -> Product:
        holder = draft.known.name_in_use(self.name) if self.name else None
        if holder is not None and holder.id != subject.id:
            raise draft.refuse(holder, f'needs a name that is not in use, and this one is called "{self.name}"')
        changed = replace(
            subject,
            name=self.name or subject.name,
            description=subject.description if self.description is None else self.description,
            access=self._policy(draft, subject.access),
            masking=self._policy(draft, subject.masking),
        )
        if changed != subject:
            draft.put(replace(changed, updated_at=draft.now))
        return changed

    def _policy(self, draft: Draft, policy: Policy) -> Policy:
        period = self.duration or (None if self.policy else policy.period)
        denied = policy.denied
        if self.denied is not None:
            denied = tuple(dict.fromkeys(draft.known.user(each).id for each in self.denied))
        return replace(policy, event=self.policy or policy.event, period=period, denied=denied)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDataSources(OnProduct):
    """Replace the whole list of data sources; an equal list changes nothing and tells nobody."""

    emits: ClassVar[tuple[str, ...]] = (SOURCES_UPDATED,)

    data_sources: tuple[str, ...] = parameter("data sources", "All that it has from now on, by id or name.")

    def perform(self, draft: Draft, subject: Product) -> Product:
        sources = tuple(dict.fromkeys(draft.known.source(each).id for each in self.data_sources))
        if set(sources) == set(subject.data_sources):
            return subject
        changed = replace(subject, data_sources=sources, updated_at=draft.now)
        draft.put(changed)
        draft.happen(SOURCES_UPDATED, changed)
        return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStewards(OnProduct):
    """Replace who may decide on requests to come. The same people in another order of review tell nobody."""

    emits: ClassVar[tuple[str, ...]] = (STEWARDS_UPDATED,)

    stewards: tuple[Any, ...] = parameter("approvers", "Who may decide; any one of them is enough.", default=())
    review: tuple[Any, ...] = parameter("stages", "Who has to decide, in stages of `any` or `all`.", default=())
    flow: str = parameter(
        "choice", "For which requests.", default="both", choices=("both", "access", "masking")
    )  # fmt: skip

    def perform(self, draft: Draft, subject: Product) -> Product:
        if not self.stewards and not self.review:
            raise BadValue("stewards", "", "is missing: name the new stewards, or the stages of a review.")
        new = stages(draft.known, self.stewards, self.review)
        changed = replace(
            subject,
            access=subject.access if self.flow == "masking" else replace(subject.access, stages=new),
            masking=subject.masking if self.flow == "access" else replace(subject.masking, stages=new),
        )
        if changed == subject:
            return subject
        changed = replace(changed, updated_at=draft.now)
        draft.put(changed)
        told = draft.assumptions.events_steward_updated_on in ("stewards", "both")
        if told and changed.stewards != subject.stewards:
            draft.happen(STEWARDS_UPDATED, changed)
        return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend(OnProduct):
    """Suspend access to a product's data sources. No event type exists for it."""

    needs: ClassVar[tuple[str, ...]] = (ACTIVE,)

    def perform(self, draft: Draft, subject: Product) -> Product:
        return _put(draft, replace(subject, suspended=True, updated_at=draft.now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(OnProduct):
    """End a suspension."""

    needs: ClassVar[tuple[str, ...]] = (SUSPENDED,)

    def perform(self, draft: Draft, subject: Product) -> Product:
        return _put(draft, replace(subject, suspended=False, updated_at=draft.now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(OnProduct):
    """Delete a product, and with it every request of which something might still become."""

    emits: ClassVar[tuple[str, ...]] = (UNPUBLISHED, ORPHANED)

    def perform(self, draft: Draft, subject: Product) -> Product:
        gone = _put(draft, replace(subject, deleted_at=draft.now, updated_at=draft.now))
        ended = [
            replace(each, deleted_at=draft.now, updated_at=draft.now, records=closed(each, draft.now), warnings=())
            for each in draft.live_requests(subject)
        ]
        told = [each for each in ended if each.status in draft.assumptions.events_delete_states]
        if draft.assumptions.events_delete_order == "product-first":
            draft.happen(UNPUBLISHED, gone)
        for each in told:
            draft.happen(ORPHANED, gone, each)
        if draft.assumptions.events_delete_order == "requests-first":
            draft.happen(UNPUBLISHED, gone)
        for each in ended:
            draft.put(each)
        return gone


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
        name = next(each for each in _numbered(draft.cast.another_person(place).name) if each not in taken)
    return User(draft.next_number(), id or draft.cast.another_person_id(place), name, username(name))


def _put(draft: Draft, product: Product) -> Product:
    draft.put(product)
    return product


def _publisher(draft: Draft, by: str, domains: tuple[str, ...]) -> User:
    """Who publishes: as asked, or the first who manages products in one of the domains, or the first of all."""
    if by:
        return draft.known.user(by)
    users = draft.users()
    rights = {(domain, MANAGE) for domain in domains}
    return next((each for each in users if rights.intersection(each.domain_permissions)), users[0])


def _unused(draft: Draft, name: str) -> str:
    return next(each for each in _numbered(name) if draft.known.name_in_use(each) is None)


def _unused_id(draft: Draft, id: str) -> str:
    """The id, or another one where somebody has given it to a product by hand."""
    place = 0
    while id in draft.known.products:
        id, place = uuid(Random(f"{draft.seed}/{id}/{place}")), place + 1
    return id


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name} {number}"
        number += 1
