"""What may be done to data products."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar

from emitter.errors import BadValue
from emitter.factory.cast import SIZE, uuid
from emitter.world.approving import stages
from emitter.world.arrivals import numbered
from emitter.world.draft import Draft, closed
from emitter.world.entities import ACTIVE, SUSPENDED, Policy, Product, User
from emitter.world.founding import MANAGE
from emitter.world.happening import ORPHANED, PUBLISHED, SOURCES_UPDATED, STEWARDS_UPDATED, UNPUBLISHED
from emitter.world.known import Known
from emitter.world.parameters import Action, parameter
from emitter.world.periods import Period
from emitter.world.policies import read_policy

_POLICIES = ("review", "approve", "deny")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Action):
    """Publish a data product. What is left out is made up: name, domain, data sources, the API's default stewards."""

    emits: ClassVar[tuple[str, ...]] = (PUBLISHED,)

    name: str = parameter("title", "Its name, which no other product bears.", default="")
    id: str = parameter("text", "Its id, if it matters.", default="")
    description: str = parameter("prose", "What it is.", default="")
    domains: tuple[str, ...] = parameter("domains", "Where it belongs, by id or name.", default=())
    data_sources: tuple[str, ...] | None = parameter("data sources", "What it is made of, by id or name.", default=None)
    stewards: tuple[Any, ...] = parameter("approvers", "Who may decide; any one of them is enough.", default=())
    review: tuple[Any, ...] = parameter("stages", "Who has to decide, in stages of `any` or `all`.", default=())
    masking_review: tuple[Any, ...] = parameter("stages", "The same for masking exceptions.", default=())
    policy: str = parameter("choice", "What becomes of a request.", default="review", choices=_POLICIES)
    duration: Period | None = parameter("period", "How long an approval by policy lasts; else for good.", default=None)
    denied: tuple[str, ...] = parameter("users", "Whose requests a rule denies at once.", default=())
    access_policy: Any = parameter("json", "Instead of all these: the API's dataAccessPolicy.", default=None)
    masking_policy: Any = parameter("json", "The API's maskingExceptionPolicy.", default=None)
    expert: Any = parameter("json", "The API's subjectMatterExpert.", default=None)
    access_form: str = parameter("text", "The request form of another product to use, by id.", default="")
    masking_form: str = parameter("text", "The same for masking exceptions.", default="")
    by: str = parameter("user", "Who publishes it.", default="")

    def perform(self, draft: Draft, subject: None) -> Product:
        known, place = draft.known, draft.count("data product")
        if self.duration is not None:
            self.duration.after(draft.now)
        made = draft.cast.product(place) if place < SIZE else draft.cast.another_product(place)
        if self.name and (holder := known.name_in_use(self.name)):
            raise draft.refuse(holder, f'needs a name that is not in use, and this one is called "{self.name}"')
        if self.id and self.id in known.products:
            raise draft.refuse(known.products[self.id], "needs an id that was never used")
        chance = Random(f"{draft.seed}/product/{place}")
        domains = tuple(dict.fromkeys(known.domain(each).id for each in self.domains))
        domains = domains or ((chance.choice(list(known.domains)),) if known.domains else ())
        if self.data_sources is None:
            sources = tuple(chance.sample(list(known.sources), min(3, len(known.sources))))
        else:
            sources = tuple(dict.fromkeys(known.source(each).id for each in self.data_sources))
        policy = Policy(
            self.policy, stages(known, self.stewards, self.review), self.duration,
            tuple(dict.fromkeys(known.user(each).id for each in self.denied)),
        )  # fmt: skip
        masking = replace(policy, stages=stages(known, (), self.masking_review)) if self.masking_review else policy
        forms = (self.access_form, self.masking_form)
        access, masking = _policies(known, (policy, masking), forms, (self.access_policy, self.masking_policy))
        product = Product(
            draft.next_number(), _unused_id(draft, self.id or made.id), self.name or _unused(draft, made.name),
            domains, sources, access, masking, _publisher(draft, self.by, domains).id, draft.now, draft.now,
            self.description, run=draft.run, expert=self.expert, forms=forms,
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
    """Change a product. The app tells of nothing but another set of stewards, which a policy may bring."""

    emits: ClassVar[tuple[str, ...]] = (STEWARDS_UPDATED,)

    name: str = parameter("title", "Its new name.", default="")
    description: str | None = parameter("prose", "Its new description.", default=None)
    domains: tuple[str, ...] = parameter("domains", "Where it belongs from now on.", default=())
    policy: str = parameter("choice", "What becomes of a request from now on.", default="", choices=_POLICIES)
    duration: Period | None = parameter("period", "How long an approval by policy lasts.", default=None)
    denied: tuple[str, ...] | None = parameter("users", "Whose requests a rule denies at once.", default=None)
    access_policy: Any = parameter("json", "Instead of these three: the API's dataAccessPolicy.", default=None)
    masking_policy: Any = parameter("json", "The API's maskingExceptionPolicy.", default=None)
    expert: Any = parameter("json", "The API's subjectMatterExpert; false for none.", default=None)
    access_form: str = parameter("text", "The request form of another product to use, by id.", default="")
    masking_form: str = parameter("text", "The same for masking exceptions.", default="")
    suspended: str = parameter("choice", "Whether it is suspended.", default="", choices=("yes", "no"))

    def perform(self, draft: Draft, subject: Product) -> Product:
        known = draft.known
        holder = known.name_in_use(self.name) if self.name else None
        if holder is not None and holder.id != subject.id:
            raise draft.refuse(holder, f'needs a name that is not in use, and this one is called "{self.name}"')
        edited = (self._policy(draft, subject.access), self._policy(draft, subject.masking))
        forms = (self.access_form, self.masking_form)
        access, masking = _policies(known, edited, forms, (self.access_policy, self.masking_policy))
        changed = replace(
            subject,
            name=self.name or subject.name,
            description=subject.description if self.description is None else self.description,
            domains=tuple(dict.fromkeys(known.domain(each).id for each in self.domains)) or subject.domains,
            access=access,
            masking=masking,
            expert=subject.expert if self.expert is None else self.expert or None,
            forms=(forms[0] or subject.forms[0], forms[1] or subject.forms[1]),
            suspended=subject.suspended if not self.suspended else self.suspended == "yes",
        )
        if changed != subject:
            changed = _put(draft, replace(changed, updated_at=draft.now))
            _tell_stewards(draft, subject, changed)
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
        changed = _put(draft, replace(changed, updated_at=draft.now))
        _tell_stewards(draft, subject, changed)
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


def _policies(
    known: Known, otherwise: tuple[Policy, Policy], forms: tuple[str, str], given: tuple[Any, Any]
) -> tuple[Policy, Policy]:
    """For access and for exceptions: what the API's form says, what a linked request form brings, or `otherwise`."""
    found = []
    for place, (policy, form, value) in enumerate(zip(otherwise, forms, given, strict=True)):
        if form:
            owner = known.product_of_form(form, place)
            policy = owner.masking if place else owner.access
        name = ("dataAccessPolicy", "maskingExceptionPolicy")[place]
        found.append(policy if value is None else read_policy(known, name, value))
    return found[0], found[1]


def _tell_stewards(draft: Draft, before: Product, now: Product) -> None:
    """Have it told where other people are to decide."""
    told = draft.assumptions.events_steward_updated_on in ("stewards", "both")
    if told and now.stewards != before.stewards:
        draft.happen(STEWARDS_UPDATED, now)


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
    return next(each for each in numbered(name) if draft.known.name_in_use(each) is None)


def _unused_id(draft: Draft, id: str) -> str:
    """The id, or another one where somebody has given it to a product by hand."""
    place = 0
    while id in draft.known.products:
        id, place = uuid(Random(f"{draft.seed}/{id}/{place}")), place + 1
    return id
